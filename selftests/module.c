// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module cannot be unloaded while it is in use; otherwise it unloads
 * without a trace, and can be loaded again.
 *
 * Needs root and no other user of the module, which must be in /lib/arena.ko or
 * $ARENA_KO.
 */
#include "arena_test.h"
#include <sys/uio.h>
#include "harness.h"

static int unload(void)
{
	return syscall(SYS_delete_module, "arena", O_NONBLOCK) ? -errno : 0;
}

static const char *module_path(void)
{
	const char *path = getenv("ARENA_KO");

	return path ? path : "/lib/arena.ko";
}

static int load(void)
{
	int fd = open(module_path(), O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err;
}

FIXTURE(module) {
	int fd;
};

/* Runs before the harness, as the check for the device does. */
static void __attribute__((constructor)) skip_without_module(void)
{
	if (!geteuid() && !access(module_path(), R_OK))
		return;
	printf("TAP version 13\n1..0 # SKIP not root, or no %s\n", module_path());
	exit(4);
}

FIXTURE_SETUP(module)
{
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(module)
{
	close(self->fd);
}

TEST_F(module, module_stays_while_arena_is_open)
{
	EXPECT_EQ(-EWOULDBLOCK, unload());
}

TEST_F(module, module_stays_while_arena_is_mapped)
{
	char *memory = map_blocks(self->fd, 1);

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(-EWOULDBLOCK, unload());
	memory[0] = 1;
	ASSERT_EQ(0, munmap(memory, BLOCK));
	ASSERT_EQ(0, unload());
	EXPECT_NE(0, access(DEVICE, F_OK));
	EXPECT_NE(0, access(POOL_FILE, F_OK));
	EXPECT_EQ(0, load());
}

TEST_F(module, module_unloads_and_loads_many_times)
{
	char *memory;
	int i, fd;

	ASSERT_EQ(0, close(self->fd));
	for (i = 0; i < 50; i++) {
		fd = open_arena();
		ASSERT_GE(fd, 0);
		memory = map_blocks(fd, 2);
		ASSERT_NE(MAP_FAILED, memory);
		touch(memory, 2 * BLOCK, 1);
		ASSERT_EQ(0, munmap(memory, 2 * BLOCK));
		ASSERT_EQ(0, close(fd));
		ASSERT_EQ(0, unload());
		ASSERT_EQ(0, load());
	}
}

/* A page in a pipe outlives the module, and nothing calls into the module any more. */
TEST_F(module, module_unloads_before_pinned_page_is_freed)
{
	struct iovec iov = { .iov_len = PAGE };
	char seen[PAGE], *memory;
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	memory = map_blocks(self->fd, 1);
	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, 0x66, PAGE);
	iov.iov_base = memory;
	ASSERT_EQ(PAGE, vmsplice(pipes[1], &iov, 1, 0));
	ASSERT_EQ(0, munmap(memory, BLOCK));
	ASSERT_EQ(0, close(self->fd));
	ASSERT_EQ(0, unload());
	/*
	 * Longer than the interval at which the module would have checked the
	 * block again.
	 */
	usleep(600000);
	ASSERT_EQ(PAGE, read(pipes[0], seen, PAGE));
	EXPECT_EQ(0x66, seen[PAGE - 1]);
	EXPECT_EQ(0, load());
}

/* Whether a list like "0,2-3" contains a number. */
static bool is_listed(const char *list, long number)
{
	char *end;
	long first, last;

	while (*list >= '0' && *list <= '9') {
		first = last = strtol(list, &end, 10);
		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		if (number >= first && number <= last)
			return true;
		list = end + (*end == ',');
	}
	return false;
}

/* Read the value after a name in a file, or the whole file if the name is "". */
static bool read_value(const char *path, const char *name, char value[256])
{
	FILE *file = fopen(path, "r");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		found = !strncmp(line, name, strlen(name));
		if (found)
			strcpy(value, line + strlen(name));
	}
	if (file)
		fclose(file);
	return found;
}

FIXTURE(module_once) { };
FIXTURE_SETUP(module_once) { }
FIXTURE_TEARDOWN(module_once) { }

TEST_F(module_once, worker_avoids_isolated_cpus)
{
	char isolated[256], allowed[256], name[256], path[64];
	long pid, cpu, workers = 0;

	if (!read_value("/sys/devices/system/cpu/isolated", "", isolated) ||
	    isolated[0] == '\n')
		SKIP(return, "no CPU is isolated");
	for (pid = 1; pid < 4096; pid++) {
		snprintf(path, sizeof(path), "/proc/%ld/status", pid);
		if (!read_value(path, "Name:\tarena/", name))
			continue;
		ASSERT_TRUE(read_value(path, "Cpus_allowed_list:\t", allowed));
		for (cpu = 0; cpu < 64; cpu++) {
			EXPECT_FALSE(is_listed(isolated, cpu) && is_listed(allowed, cpu));
		}
		workers++;
	}
	EXPECT_LT(0, workers);
}

TEST_HARNESS_MAIN
