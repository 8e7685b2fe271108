/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replay a trace of bench/native/record. Peers that free everything at once ignore the frees
 * before the end, as a program written for such an allocator would.
 */
#ifndef TRACE_H
#define TRACE_H

enum what { ALLOCATE, RESIZE, FREE };

struct event {
	enum what what;
	uint32_t object;
	uint32_t size;
};

static struct event *events;
static size_t nr_events, nr_objects;

static struct traced {
	void *memory;
	uint32_t size;
} *traced;

static void load_trace(const char *path)
{
	size_t room = 0, sum = 0;
	unsigned int object, size;
	struct event event;
	char line[64];
	FILE *file = path ? fopen(path, "r") : NULL;

	if (!file)
		die("$TRACE");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "+%x", &size) == 1) {
			event = (struct event) { ALLOCATE, (uint32_t)nr_objects++, size };
		} else if (sscanf(line, "=%u %x", &object, &size) == 2 && object < nr_objects) {
			event = (struct event) { RESIZE, object, size };
		} else if (sscanf(line, "-%u", &object) == 1 && object < nr_objects) {
			event = (struct event) { FREE, object, 0 };
		} else {
			errno = EINVAL;
			die("$TRACE");
		}
		/* Include the metadata of each object, e.g. talloc's. */
		sum += event.what == FREE ? 0 : event.size + 128;
		if (sum > MOST_BYTES) {
			errno = EFBIG;
			die("$TRACE");
		}
		if (nr_events == room) {
			room = room ? 2 * room : 1024;
			events = (struct event *)realloc(events, room * sizeof(*events));
			if (!events)
				die("no memory");
		}
		events[nr_events++] = event;
	}
	fclose(file);
	traced = (struct traced *)calloc(nr_objects + 1, sizeof(*traced));
	if (!traced)
		die("no memory");
}

static double replay(const struct job *job, struct peer *peer)
{
	/* Keep these local: stores to the objects could alias the globals. */
	const struct event *const first = events, *const end = events + nr_events;
	struct traced *const objects = traced;
	const struct event *event;
	double start = now();

	(void)job;
	for (event = first; event < end; event++) {
		struct traced *object = &objects[event->object];
		uint32_t size = event->size < sizeof(int) ? sizeof(int) : event->size;

		switch (event->what) {
		case ALLOCATE:
			object->memory = use(peer_alloc(peer, size));
			object->size = size;
			break;
		case RESIZE:
			object->memory = use(peer_realloc(peer, object->memory, object->size, size));
			object->size = size;
			break;
		case FREE:
#ifdef PEER_FREES_EACH
			peer_free(peer, object->memory, object->size);
			object->memory = NULL;
#endif
			break;
		}
	}
	/* Free what the program kept until its end. */
#ifdef PEER_FREES_EACH
	{
		size_t i;

		for (i = 0; i < nr_objects; i++)
			if (objects[i].memory)
				peer_free(peer, objects[i].memory, objects[i].size);
	}
#else
	peer_free_all(peer);
#endif
	return since(start);
}

#endif /* TRACE_H */
