// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins. If a page of a block is pinned when the block is released, the page
 * keeps its contents, and the block is not reused until it is unpinned. Pins
 * are taken by io_uring's fixed buffers (a long-term pin), by vmsplice (a
 * reference), and by process_vm_readv() in another process. Direct I/O takes
 * the same pin as io_uring, but briefly.
 */
#include "arena_test.h"
#include <pthread.h>
#include <sys/uio.h>
#include <linux/io_uring.h>
#include "harness.h"

#define NR	4
#define OLD	0x0d
#define NEW	0x0e

/* --- the part of io_uring that one write at a time needs ---------------------- */

struct ring {
	int fd;
	struct io_uring_params params;
	size_t length;
	char *rings;
	struct io_uring_sqe *sqes;
};

static bool open_ring(struct ring *ring)
{
	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(SYS_io_uring_setup, 1, &ring->params);
	if (ring->fd < 0 || !(ring->params.features & IORING_FEAT_SINGLE_MMAP))
		return false;
	ring->length = ring->params.cq_off.cqes +
		       ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->rings = mmap(NULL, ring->length, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
			   IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
			  IORING_OFF_SQES);
	return ring->rings != MAP_FAILED && ring->sqes != MAP_FAILED;
}

/* The mappings keep the ring, too. */
static void close_ring(struct ring *ring)
{
	munmap(ring->rings, ring->length);
	munmap(ring->sqes, PAGE);
	close(ring->fd);
}

static unsigned int *ring_word(struct ring *ring, unsigned int offset)
{
	return (unsigned int *)(ring->rings + offset);
}

/* Run one operation on the registered buffer; return its result. */
static int run_fixed(struct ring *ring, int opcode, int fd, char *at, size_t length)
{
	struct io_uring_cqe *cqes = (void *)(ring->rings + ring->params.cq_off.cqes);
	unsigned int tail = *ring_word(ring, ring->params.sq_off.tail);
	unsigned int head = *ring_word(ring, ring->params.cq_off.head);
	unsigned int mask = *ring_word(ring, ring->params.cq_off.ring_mask);

	memset(&ring->sqes[0], 0, sizeof(ring->sqes[0]));
	ring->sqes[0].opcode = opcode;
	ring->sqes[0].fd = fd;
	ring->sqes[0].off = -1;
	ring->sqes[0].addr = (unsigned long)at;
	ring->sqes[0].len = length;
	*ring_word(ring, ring->params.sq_off.array) = 0;
	__atomic_store_n(ring_word(ring, ring->params.sq_off.tail), tail + 1,
			 __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	if (__atomic_load_n(ring_word(ring, ring->params.cq_off.tail),
			    __ATOMIC_ACQUIRE) == head)
		return -EAGAIN;
	__atomic_store_n(ring_word(ring, ring->params.cq_off.head), head + 1,
			 __ATOMIC_RELEASE);
	return cqes[head & mask].res;
}

static int register_buffer(struct ring *ring, char *at, size_t length)
{
	struct iovec iov = { at, length };

	return syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_BUFFERS, &iov, 1) ?
		-errno : 0;
}

/* Older kernels register only anonymous memory. */
static bool open_ring_with(struct ring *ring, char *at, size_t length)
{
	return open_ring(ring) && !register_buffer(ring, at, length);
}

FIXTURE(pins) {
	int fd;
	char *memory;
	int pipes[2];
	long in_use;
};

FIXTURE_SETUP(pins)
{
	self->in_use = pool_settled("in_use", 0);
	self->fd = open_arena();
	ASSERT_GE(self->fd, 0);
	self->memory = map_blocks(self->fd, NR);
	ASSERT_NE(MAP_FAILED, self->memory);
	memset(self->memory, OLD, NR * BLOCK);
	ASSERT_EQ(0, pipe(self->pipes));
}

FIXTURE_TEARDOWN(pins)
{
	close(self->pipes[0]);
	close(self->pipes[1]);
	close(self->fd);
	EXPECT_EQ(0, pool_settled("quarantined", 0));
}

/* Map blocks in another arena; return whether they have no old contents. */
static bool others_see_nothing(size_t nr)
{
	int fd = open_arena();
	char *memory = map_blocks(fd, nr);
	bool is_clean = memory != MAP_FAILED && is_zero(memory, nr * BLOCK);

	/*
	 * Write to them as well, to find out if the blocks are shared with
	 * another user.
	 */
	if (memory != MAP_FAILED) {
		memset(memory, 0x33, nr * BLOCK);
		munmap(memory, nr * BLOCK);
	}
	close(fd);
	return is_clean;
}

TEST_F(pins, pages_pinned_by_io_uring_keep_contents)
{
	char seen[PAGE], *fixed = self->memory + BLOCK - PAGE;
	struct ring ring;
	int i;

	/* The buffer spans two blocks. */
	if (!open_ring_with(&ring, fixed, 2 * PAGE))
		SKIP(return, "no io_uring, or it cannot register file memory");
	ASSERT_EQ(NR, release_all(self->fd));
	EXPECT_EQ(2, pool_settled("quarantined", 2));
	EXPECT_EQ(2, stats_of(self->fd).charged);
	memset(self->memory, NEW, NR * BLOCK);
	EXPECT_TRUE(others_see_nothing(NR));

	for (i = 0; i < 2; i++) {
		ASSERT_EQ((int)PAGE, run_fixed(&ring, IORING_OP_WRITE_FIXED, self->pipes[1],
					       fixed + i * PAGE, PAGE));
		ASSERT_EQ((ssize_t)PAGE, read(self->pipes[0], seen, PAGE));
		EXPECT_TRUE(is_whole(seen, PAGE, OLD));
	}
	/* Data read into the buffer is not visible in any arena. */
	memset(seen, 0x44, PAGE);
	ASSERT_EQ((ssize_t)PAGE, write(self->pipes[1], seen, PAGE));
	ASSERT_EQ((int)PAGE, run_fixed(&ring, IORING_OP_READ_FIXED, self->pipes[0],
				       fixed, PAGE));
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, NEW));
	EXPECT_TRUE(others_see_nothing(NR));

	close_ring(&ring);
	EXPECT_EQ(0, pool_settled("quarantined", 0));
	EXPECT_EQ(NR, stats_of(self->fd).charged);
	EXPECT_TRUE(others_see_nothing(2 * NR));
}

/* Pins also outlive the arena and its process. */
TEST_F(pins, pinned_pages_outlive_arena)
{
	struct ring ring;
	char seen[PAGE];
	char *memory;
	int fd;

	fd = open_arena();
	memory = map_blocks(fd, 1);
	ASSERT_NE(MAP_FAILED, memory);
	memset(memory, OLD, BLOCK);
	if (!open_ring_with(&ring, memory + 7 * PAGE, PAGE))
		SKIP(return, "no io_uring, or it cannot register file memory");
	ASSERT_EQ(0, munmap(memory, BLOCK));
	close(fd);
	EXPECT_EQ(1, pool_settled("quarantined", 1));
	EXPECT_TRUE(others_see_nothing(NR));
	ASSERT_EQ((int)PAGE, run_fixed(&ring, IORING_OP_WRITE_FIXED, self->pipes[1],
				       memory + 7 * PAGE, PAGE));
	ASSERT_EQ((ssize_t)PAGE, read(self->pipes[0], seen, PAGE));
	EXPECT_TRUE(is_whole(seen, PAGE, OLD));
	close_ring(&ring);
	EXPECT_EQ(0, pool_settled("quarantined", 0));
}

/* A freeze fails while pins exist, and works later. */
TEST_F(pins, freeze_fails_while_io_uring_pins_pages)
{
	struct arena_ioc_freeze freeze = { .size = sizeof(freeze) };
	struct ring ring;

	if (!open_ring_with(&ring, self->memory, PAGE))
		SKIP(return, "no io_uring, or it cannot register file memory");
	EXPECT_EQ(-1, ioctl(self->fd, ARENA_IOC_FREEZE, &freeze));
	EXPECT_EQ(EBUSY, errno);
	close_ring(&ring);
	/* The kernel unpins the buffer some time after close(). */
	while (ioctl(self->fd, ARENA_IOC_FREEZE, &freeze))
		ASSERT_EQ(EBUSY, errno);
	/*
	 * A frozen arena can be pinned only for reading, but io_uring pins its
	 * buffers for writing.
	 */
	ASSERT_TRUE(open_ring(&ring));
	EXPECT_EQ(-EFAULT, register_buffer(&ring, self->memory, PAGE));
	close_ring(&ring);
	EXPECT_TRUE(is_whole(self->memory, NR * BLOCK, OLD));
}

/* --- races -------------------------------------------------------------------- */

static volatile bool stop;

/*
 * A third party, whose data must not be visible, in memory that others have
 * just released.
 */
static void *be_another(void *unused)
{
	while (!stop)
		others_see_nothing(NR);
	return NULL;
}

static void *release_and_write(void *data)
{
	FIXTURE_DATA(pins) *self = data;

	while (!stop) {
		release_all(self->fd);
		memset(self->memory, NEW, NR * BLOCK);
	}
	return NULL;
}

/*
 * Another process reads the memory of this one all the time: it sees earlier
 * contents or zeros, but no data of a third party.
 */
TEST_F(pins, process_vm_readv_sees_data_of_one_owner)
{
	pthread_t threads[2];
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid) {
		static char seen[16 * PAGE];
		struct iovec here = { seen, sizeof(seen) }, there = here;
		double until = seconds() + 5;
		size_t nr = 0, i;

		while (nr < 100 || seconds() < until) {
			there.iov_base = self->memory + nr++ % NR * BLOCK + 3 * PAGE;
			if (process_vm_readv(getppid(), &here, 1, &there, 1, 0) < 0)
				continue;
			for (i = 0; i < sizeof(seen); i++) {
				if (seen[i] && seen[i] != OLD && seen[i] != NEW)
					_exit(1);
			}
		}
		_exit(0);
	}
	stop = false;
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, be_another, NULL));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, release_and_write, self));
	EXPECT_EQ(0, wait_for(pid));
	stop = true;
	ASSERT_EQ(0, pthread_join(threads[0], NULL));
	ASSERT_EQ(0, pthread_join(threads[1], NULL));
}

TEST_HARNESS_MAIN
