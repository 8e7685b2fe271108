// SPDX-License-Identifier: GPL-2.0-only
/* libarena: options, the environment that overrides them, and what the system can do. */
#include "lib_test.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <linux/arena.h>

LIB_FIXTURE(lib_opts)
LIB_FIXTURE_ONCE(lib_opts)

static bool has_device(void)
{
	return !access("/dev/arena", R_OK | W_OK);
}

static struct arena_caps caps_of_system(void)
{
	struct arena_caps caps = { .size = sizeof(caps) };

	if (arena_probe(&caps))
		abort();
	return caps;
}

TEST_F(lib_opts_once, header_and_library_have_one_version)
{
	char text[32];

	EXPECT_EQ(ARENA_VERSION, arena_version());
	snprintf(text, sizeof(text), "%u.%u.%u", ARENA_VERSION / 10000,
		 ARENA_VERSION / 100 % 100, ARENA_VERSION % 100);
	EXPECT_STREQ(ARENA_VERSION_STRING, text);
}

TEST_F(lib_opts_once, probe_reports_capabilities)
{
	struct arena_caps caps = caps_of_system(), small = { .size = 4 };

	EXPECT_EQ(sizeof(caps), caps.size);
	EXPECT_EQ(2 * MIB, caps.block_size);
	EXPECT_EQ(1, caps.node_mask & 1);
	if (has_device()) {
		EXPECT_EQ(0, caps.device_error);
		EXPECT_EQ(1, caps.abi_version);
		EXPECT_NE(0, caps.features & ARENA_FEATURE_COMMIT_RANGE);
	} else {
		EXPECT_EQ(access("/dev/arena", F_OK) ? -ENOENT : -EACCES, caps.device_error);
		EXPECT_EQ(0, caps.abi_version);
		EXPECT_EQ(0, caps.features);
	}
	EXPECT_EQ(-EINVAL, arena_probe(&small));
}

TEST_F(lib_opts, arena_has_its_name)
{
	struct arena *a;

	NEED_BACKING();
	EXPECT_STREQ("arena", arena_name(self->a));
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing, .name =
		"a name that is longer than the library has room for")));
	EXPECT_STREQ("a name that is longer than the ", arena_name(a));
	arena_destroy(a);
}

TEST_F(lib_opts, prefault_commits_at_once)
{
	struct arena *a;
	unsigned char *memory, resident[2048];
	size_t i;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
					   .prefault = 7 * MIB)));
	EXPECT_EQ(8 * MIB, stats_of(a).committed);
	EXPECT_EQ(variant->backing == ARENA_BACKING_DEVICE ? 4 : 0, stats_of(a).blocks);
	EXPECT_EQ(0, stats_of(a).used);
	memory = arena_alloc(a, 8 * MIB);
	EXPECT_EQ(0, stats_of(a).slow);
	ASSERT_EQ(0, mincore(memory, 8 * MIB, resident));
	for (i = 0; i < sizeof(resident); i++) {
		ASSERT_EQ(1, resident[i] & 1);
	}
	arena_destroy(a);
}

TEST_F(lib_opts, sealed_memory_can_t_be_touched)
{
	int expected = signal_of(variant->backing);
	struct arena *a;
	char *memory;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
					   .flags = ARENA_OPT_SEAL)));
	memory = arena_alloc(a, 5 * MIB);
	ASSERT_NE(NULL, memory);
	memset(memory, 1, 5 * MIB);
	EXPECT_EQ(0, signal_at(memory));
	ASSERT_EQ(0, arena_release(a));
	EXPECT_EQ(expected, signal_at(memory));
	EXPECT_EQ(expected, signal_at(memory + 5 * MIB - 1));
	/* Memory that is allocated again is zeroed. */
	memory = arena_alloc(a, 5 * MIB);
	ASSERT_NE(NULL, memory);
	EXPECT_TRUE(is_filled(memory, 5 * MIB, 0));
	arena_reset(a);
	EXPECT_EQ(0, signal_at(memory));
	ASSERT_EQ(0, arena_trim(a, 2 * MIB));
	EXPECT_EQ(expected, signal_at(memory));
	EXPECT_EQ(0, signal_at(memory + 5 * MIB - 1));
	arena_destroy(a);
}

/* Memory may come back with its old contents; arena_zalloc() zeroes it. */
TEST_F(lib_opts, dirty_memory_is_zeroed_by_zalloc)
{
	struct arena *a;
	char *memory;
	int i;

	NEED_BACKING();
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
					   .flags = ARENA_OPT_KEEP_DIRTY)));
	for (i = 0; i < 3; i++) {
		memory = arena_zalloc(a, 5 * MIB);
		ASSERT_NE(NULL, memory);
		ASSERT_TRUE(is_filled(memory, 5 * MIB, 0));
		memset(memory, 0xff, 5 * MIB);
		ASSERT_EQ(0, arena_release(a));
	}
	arena_destroy(a);
}

TEST_F(lib_opts, node_options_are_obeyed)
{
	struct arena_caps caps = caps_of_system();
	struct arena *a = NULL;
	uint32_t nodes;
	char *memory;
	int node;

	NEED_BACKING();
	for (nodes = ARENA_NODES_BIND; nodes <= ARENA_NODES_INTERLEAVE; nodes++) {
		for (node = 0; node < 64; node++) {
			if (!(caps.node_mask >> node & 1))
				continue;
			ASSERT_EQ(0, arena_create(&a, OPTS(.backing = variant->backing,
				.nodes = nodes, .node_mask = (uint64_t)1 << node)));
			memory = arena_alloc(a, 100);
			ASSERT_NE(NULL, memory);
			memset(memory, 1, 100);
			/* -1 if the system has no NUMA. */
			EXPECT_EQ(1, stats_of(a).node == node || stats_of(a).node == -1);
			arena_destroy(a);
		}
		if (caps.node_mask >> 63)
			continue;
		a = NULL;
		EXPECT_EQ(-ENODEV, arena_create(&a, OPTS(.backing = variant->backing,
			.nodes = nodes, .node_mask = (uint64_t)1 << 63)));
		EXPECT_EQ(NULL, a);
	}
}

/* Each 2 MiB is one huge page; otherwise the allocation fails. */
TEST_F(lib_opts_once, huge_backing_uses_huge_pages)
{
	char line[256], *memory;
	struct arena *a;
	long kib, sum = 0;
	FILE *file;
	int err;

	err = arena_create(&a, OPTS(.backing = ARENA_BACKING_HUGE));
	if (!caps_of_system().has_huge) {
		EXPECT_EQ(-EOPNOTSUPP, err);
		SKIP(return, "no huge pages on demand");
	}
	ASSERT_EQ(0, err);
	EXPECT_EQ(ARENA_BACKING_HUGE, arena_backing(a));
	memory = arena_alloc(a, 5 * MIB);
	ASSERT_NE(NULL, memory);
	EXPECT_TRUE(is_filled(memory, 5 * MIB, 0));
	memset(memory, 1, 5 * MIB);
	file = fopen("/proc/self/smaps", "r");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "AnonHugePages: %ld", &kib) == 1)
			sum += kib;
	fclose(file);
	EXPECT_LE(6 * 1024, sum);
	ASSERT_EQ(0, arena_release(a));
	EXPECT_TRUE(is_filled(arena_zalloc(a, 5 * MIB), 5 * MIB, 0));
	arena_destroy(a);
}

/* With ARENA_OPT_PREFER the next backing is used, and arena_backing() returns it. */
TEST_F(lib_opts_once, preferred_backing_falls_back)
{
	enum arena_backing next = caps_of_system().has_huge ? ARENA_BACKING_HUGE :
							      ARENA_BACKING_ANON;
	struct arena *a;

	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = ARENA_BACKING_DEVICE,
					   .flags = ARENA_OPT_PREFER)));
	EXPECT_EQ(has_device() ? ARENA_BACKING_DEVICE : next, arena_backing(a));
	arena_destroy(a);
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = ARENA_BACKING_HUGE,
					   .flags = ARENA_OPT_PREFER)));
	EXPECT_EQ(next, arena_backing(a));
	arena_destroy(a);
	ASSERT_EQ(0, arena_create(&a, OPTS(.backing = ARENA_BACKING_ANON,
					   .flags = ARENA_OPT_PREFER)));
	EXPECT_EQ(ARENA_BACKING_ANON, arena_backing(a));
	arena_destroy(a);
}

/* --- the environment --------------------------------------------------------------- */

static struct arena_stats created_with(const char *name, const char *value)
{
	struct arena_stats stats = { 0 };
	struct arena *a;

	setenv(name, value, 1);
	if (!arena_create(&a, NULL)) {
		if (!arena_alloc(a, 1))
			abort();
		stats = stats_of(a);
		arena_destroy(a);
	}
	unsetenv(name);
	return stats;
}

TEST_F(lib_opts_once, environment_overrides_options)
{
	EXPECT_EQ(6 * MIB, created_with("ARENA_RESERVE", "5M").reserved);
	EXPECT_EQ(MIB, created_with("ARENA_LIMIT", "1024k").limit);
	EXPECT_EQ(4096, created_with("ARENA_LIMIT", "0x1000").limit);
	EXPECT_EQ(2 * MIB, created_with("ARENA_PREFAULT", "1").committed);
	EXPECT_EQ(ARENA_BACKING_ANON, created_with("ARENA_BACKING", "anon").backing);
	EXPECT_EQ(16 * GIB, created_with("ARENA_NODES", "local").reserved);
	EXPECT_EQ(16 * GIB, created_with("ARENA_NODES", "bind:0").reserved);
	EXPECT_EQ(0, created_with("ARENA_NODES", "preferred:63").size);
	EXPECT_EQ(16 * GIB, created_with("ARENA_NODES", "interleave:0-0").reserved);
	EXPECT_EQ(16 * GIB, created_with("ARENA_SEAL", "1").reserved);
	EXPECT_EQ(16 * GIB, created_with("ARENA_KEEP_DIRTY", "1").reserved);
	EXPECT_EQ(16 * GIB, created_with("ARENA_PREFER", "0").reserved);
	EXPECT_EQ(16 * GIB, created_with("ARENA_QUARANTINE", "1").reserved);
	EXPECT_EQ(16 * GIB, created_with("ARENA_THREAD_OWNED", "1").reserved);
	EXPECT_EQ(1, created_with("ARENA_COUNT", "1").allocations);
	EXPECT_EQ(0, created_with("ARENA_COUNT", "0").allocations);
	if (!has_device()) {
		EXPECT_EQ(0, created_with("ARENA_BACKING", "device").size);
		setenv("ARENA_PREFER", "1", 1);
		EXPECT_NE(0, created_with("ARENA_BACKING", "device").size);
		unsetenv("ARENA_PREFER");
	}
}

static int printed_lines(const char *name, const char *value)
{
	char text[1000] = "";
	int fds[2], saved, lines = 0;
	ssize_t i, n;

	if (pipe(fds))
		return -1;
	saved = dup(2);
	dup2(fds[1], 2);
	if (created_with(name, value).reserved != 16 * GIB)
		lines = 100;
	dup2(saved, 2);
	close(saved);
	close(fds[1]);
	n = read(fds[0], text, sizeof(text));
	close(fds[0]);
	for (i = 0; i < n; i++)
		lines += text[i] == '\n';
	return strstr(text, name) ? lines : -lines;
}

/* A value that cannot be parsed is ignored with a message. */
TEST_F(lib_opts_once, bad_environment_is_ignored_with_message)
{
	static const char *const all[][2] = {
		{ "ARENA_RESERVE", "" }, { "ARENA_RESERVE", "-1" },
		{ "ARENA_RESERVE", "5X" }, { "ARENA_RESERVE", "5MB" },
		{ "ARENA_RESERVE", "99999999999999999999" },
		{ "ARENA_RESERVE", "99999999T" }, { "ARENA_LIMIT", "much" },
		{ "ARENA_PREFAULT", "1.5M" }, { "ARENA_BACKING", "devcie" },
		{ "ARENA_BACKING", "anon:" }, { "ARENA_BACKING", "" },
		{ "ARENA_NODES", "bind" }, { "ARENA_NODES", "bind:" },
		{ "ARENA_NODES", "local:0" }, { "ARENA_NODES", "bind:0," },
		{ "ARENA_NODES", "bind:64" }, { "ARENA_NODES", "bind:1-0" },
		{ "ARENA_NODES", "bind:0-" }, { "ARENA_NODES", "bind:0x1" },
		{ "ARENA_NODES", "bind:99999999999999999999" },
		{ "ARENA_SEAL", "yes" }, { "ARENA_KEEP_DIRTY", "" },
		{ "ARENA_PREFER", "2" },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		EXPECT_EQ(1, printed_lines(all[i][0], all[i][1])) {
			TH_LOG("%s=%s", all[i][0], all[i][1]);
		}
	}
}

/* --- statistics ---------------------------------------------------------------------- */

/* Create arenas in another process; return what it prints. */
static size_t output_of_child(const char *value, char *text, size_t room)
{
	struct arena *one, *two;
	size_t size = 0;
	ssize_t n;
	int fds[2];

	if (pipe(fds))
		return 0;
	if (!fork()) {
		dup2(fds[1], 2);
		setenv("ARENA_STATS", value, 1);
		if (arena_create(&one, OPTS(.name = "a \"name\"\n\\")) ||
		    arena_create(&two, OPTS(.name = "two", .limit = MIB)) ||
		    !arena_alloc(one, 1000) || arena_alloc(two, 2 * MIB))
			abort();
		arena_reset(one);
		arena_destroy(one);
		/* A child does not print the statistics of arenas that it inherits. */
		if (!fork())
			exit(0);
		wait(NULL);
		exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + size, room - 1 - size)) > 0)
		size += n;
	text[size] = '\0';
	close(fds[0]);
	wait(NULL);
	return size;
}

TEST_F(lib_opts_once, statistics_are_printed_at_exit)
{
	char text[4000];

	ASSERT_LT(0, output_of_child("exit", text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "arena 'a \"name\"\n\\': backing="));
	EXPECT_NE(NULL, strstr(text, " used=0 peak="));
	EXPECT_NE(NULL, strstr(text, "arena 'two': backing="));
	EXPECT_EQ(NULL, strstr(strstr(text, "'two'") + 1, "'two'"));
	EXPECT_NE(NULL, strstr(text, " limit=1048576 "));
	EXPECT_NE(NULL, strstr(text, " failures=1\n"));
	ASSERT_LT(0, output_of_child("json", text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "{\"name\": \"a \\\"name\\\"\\u000a\\\\\", \"backing\": \""));
	EXPECT_NE(NULL, strstr(text, "\"resets\": 1, "));
	EXPECT_NE(NULL, strstr(text, "{\"name\": \"two\", \"backing\": \""));
	EXPECT_NE(NULL, strstr(text, "\"failures\": 1}\n"));
	ASSERT_LT(0, output_of_child("often", text, sizeof(text)));
	EXPECT_STREQ("libarena: ARENA_STATS=often is ignored: can't be understood\n", text);
}

TEST_F(lib_opts, statistics_are_printed)
{
	char text[1000] = "";
	int fds[2];

	NEED_BACKING();
	ASSERT_EQ(0, pipe(fds));
	EXPECT_NE(NULL, arena_alloc(self->a, 160));
	EXPECT_EQ(0, arena_stats_print(self->a, fds[1], ARENA_STATS_TEXT));
	EXPECT_LT(0, read(fds[0], text, sizeof(text) - 1));
	EXPECT_NE(NULL, strstr(text, variant->backing == ARENA_BACKING_DEVICE ?
			       "arena 'arena': backing=device node=" :
			       "arena 'arena': backing=anon node="));
	EXPECT_NE(NULL, strstr(text, " used=160 peak=160 "));
	EXPECT_EQ(-EINVAL, arena_stats_print(self->a, fds[1], 2));
	close(fds[0]);
	close(fds[1]);
	EXPECT_EQ(-EBADF, arena_stats_print(self->a, fds[1], ARENA_STATS_JSON));
}

TEST_HARNESS_MAIN
