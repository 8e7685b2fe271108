/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trace of bench/native/record, done again. Who frees all at once ignores what is freed
 * before the end, as a program would that was written for that.
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
	size_t room = 0;
	unsigned int object, size;
	struct event event;
	char line[64];
	FILE *file = fopen(path, "r");

	if (!file)
		die(path);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "+%x", &size) == 1) {
			event = (struct event) { ALLOCATE, (uint32_t)nr_objects++, size };
		} else if (sscanf(line, "=%u %x", &object, &size) == 2 && object < nr_objects) {
			event = (struct event) { RESIZE, object, size };
		} else if (sscanf(line, "-%u", &object) == 1 && object < nr_objects) {
			event = (struct event) { FREE, object, 0 };
		} else {
			errno = EINVAL;
			die(path);
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
	double start = now();
	size_t i;

	(void)job;
	for (i = 0; i < nr_events; i++) {
		struct event event = events[i];
		struct traced *object = &traced[event.object];

		switch (event.what) {
		case ALLOCATE:
			object->memory = peer_alloc(peer, event.size);
			object->size = event.size;
			break;
		case RESIZE:
			object->memory = peer_realloc(peer, object->memory, object->size,
						      event.size);
			object->size = event.size;
			break;
		case FREE:
#ifdef PEER_FREES_EACH
			peer_free(peer, object->memory, object->size);
			object->memory = NULL;
#endif
			continue;
		}
		if (!object->memory)
			die("no memory");
		*(volatile char *)object->memory = 1;
	}
	/* What the program kept until its end. */
#ifdef PEER_FREES_EACH
	for (i = 0; i < nr_objects; i++)
		if (traced[i].memory)
			peer_free(peer, traced[i].memory, traced[i].size);
#else
	peer_free_all(peer);
#endif
	return since(start);
}

#endif /* TRACE_H */
