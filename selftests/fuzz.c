// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls, made concurrently by several threads of several processes, to
 * find what no other test expects. The caller of this program checks the
 * kernel's log; this program fails
 *
 * - if an errno is not listed in Documentation/abi.rst,
 * - if a page contains anything but zeros and what its owner wrote,
 * - if a call succeeds that must not: a call by another process, an executable region,
 * - if a kind of call never succeeds, since it would test nothing.
 *
 * The calls of a worker depend only on the seed, its number, and the number of
 * calls that it has made; neither on time nor on the results of calls. The
 * state that they meet depends on other workers; with -j 1 the same calls meet
 * the same state again. For the same reason a process that was killed can be
 * restarted where it was.
 *
 * Workers that are threads of one process share its arenas. Their descriptors
 * have fixed numbers, and regions are in a fixed window of addresses. So a
 * worker that loses a race for one of them uses another arena, and nothing
 * else.
 */
#include "arena_test.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <kselftest.h>

#ifndef MADV_DONTFORK
#define MADV_DONTFORK		10
#define MADV_DOFORK		11
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#define MADV_GUARD_REMOVE	103
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4
#endif

#define MAX_WORKERS	64
#define MAX_THREADS	2
#define MAX_PROCESSES	(MAX_WORKERS / 2)

/*
 * Number of threads of the processes, in turn. Two threads race for what they
 * share. A process with one thread makes many more calls if CPUs are emulated,
 * since each TLB flush waits for the other CPUs that run the process.
 */
static const unsigned int process_sizes[] = { MAX_THREADS, 1, 1 };

/* Descriptors of arenas: numbers that no other open() returns. */
#define FIRST_FD	200
#define NR_FDS		8

/*
 * The window for regions, where the kernel itself maps nothing. Control pages
 * are behind it.
 */
#define WINDOW		0x600000000000UL
#define WINDOW_BLOCKS	16
#define WINDOW_END	(WINDOW + WINDOW_BLOCKS * BLOCK)
#define CONTROL		0x610000000000UL

/* The part of the file that calls use most. */
#define FILE_BLOCKS	24
#define MAX_FILE	0x7fffffffffffffffUL

/* The limit of a node, so that all arenas fit into 2 GiB. */
#define NODE_LIMIT	"200M"

/*
 * Offsets of the owner's tags in a page. The kernel writes to structures in a
 * region at other offsets, see place_args().
 */
static const unsigned int tag_offsets[] = { 1536, 2048, 3072 };

/*
 * A kind of call must succeed once in this many tries, and must have succeeded
 * once this many calls of all kinds were made.
 */
#define ENOUGH_TRIES	200
#define ENOUGH_CALLS	40000

/* Number of seconds after which a call is assumed to hang. */
#define GRACE		1200

/* Results other than an errno. */
enum { GOT_SIGBUS = 134, GOT_SIGSEGV, NR_RESULTS };

/* Kinds of calls, counted separately. */
enum call {
	OPEN, CLOSE, MMAP, MMAP_CONTROL, INFO, RELEASE, SET_POLICY, SET_FLAGS, COMMIT,
	REGION_INFO, STATS, SET_LIMIT, CLAIM, FREEZE, UNKNOWN, MUNMAP, MREMAP, MPROTECT,
	MADVISE, MLOCK, MSYNC, MINCORE, MBIND, MOVE_PAGES, READ, WRITE, STATE, PIPE_IN,
	VMSPLICE, PIPE_OUT, PIN, VM_READ, VM_WRITE, SEND, RECEIVE, DUP, FILE_CALL,
	PROC_FILE, FORK, CHILD_TOUCH, FOREIGN_MMAP, FOREIGN_ASK, FOREIGN_CHANGE, EXEC,
	MEMPOLICY, AFFINITY, RLIMIT, PARAMETER, MEMLOCK, DROP_CACHES, PRESSURE, KILLED,
	NR_CALLS
};

struct shared {
	int stop, starved;
	__u64 failures, incarnations;
	__u64 features;
	__u64 counts[NR_CALLS][NR_RESULTS];
	struct {
		__u64 calls;
		const char *now;
	} workers[MAX_WORKERS];
	struct {
		unsigned int first_worker, nr_workers;
		pid_t pid;
		__u64 tag;
		int sockets[2];
	} processes[MAX_PROCESSES];
};

static struct shared *shared;

/* Options. */
static __u64 seed, max_calls = ~0ULL;
static unsigned int nr_workers = 4, nr_processes;
static bool is_verbose;

union args {
	__u32 size;
	struct arena_ioc_info info;
	struct arena_ioc_release release;
	struct arena_ioc_set_policy set_policy;
	struct arena_ioc_set_flags set_flags;
	struct arena_ioc_commit commit;
	struct arena_ioc_region_info region_info;
	struct arena_ioc_stats stats;
	struct arena_ioc_set_limit set_limit;
	struct arena_ioc_claim claim;
	struct arena_ioc_freeze freeze;
	/* Larger than any structure that the module accepts. */
	char bytes[2 * PAGE];
};

/**
 * struct worker - a thread that makes calls
 * @number: index among all workers
 * @random: state of its generator, set anew before each call
 * @foreign: whether it makes calls on arenas of another process
 * @is_child: it runs in a child, which does not fork or kill
 * @fd: an arena to use rather than one at FIRST_FD, or -1
 * @pipe: contains pages of regions, from vmsplice()
 * @ring: an io_uring that pins pages, or -1
 * @args: arguments of an ioctl; zero except for the members that the call needs
 */
struct worker {
	unsigned int number;
	__u64 random;
	bool foreign;
	bool is_child;
	int fd;
	int pipe[2];
	int ring;
	union args args;
};

/* State of this process. */
static unsigned int process;
static __u64 tag;
static char *edge, *low, *read_only, *read_only_twin;
static bool has_int80;
/*
 * The process has several threads, which use the same few blocks so that they
 * collide.
 */
static bool is_crowded;

static __thread struct worker *current;

/* --- messages --------------------------------------------------------------- */

static __printf(1, 2) void fail(const char *format, ...)
{
	char line[400];
	va_list args;

	/* The first few failures suffice. */
	if (__atomic_add_fetch(&shared->failures, 1, __ATOMIC_RELAXED) > 20)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (current)
		dprintf(1, "# failed: worker %u, call %llu, %s: %s\n", current->number,
			shared->workers[current->number].calls,
			shared->workers[current->number].now, line);
	else
		dprintf(1, "# failed: %s\n", line);
}

static __printf(2, 3)
void say(struct worker *w, const char *format, ...)
{
	char line[300];
	va_list args;

	if (!is_verbose)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	dprintf(1, "# %u.%llu%s %s %s\n", w->number,
		shared->workers[w->number].calls,
		w->foreign ? " foreign" : w->is_child ? " child" : "",
		shared->workers[w->number].now, line);
}

/* --- random numbers --------------------------------------------------------- */

/* Splitmix64, by Sebastiano Vigna; in the public domain. */
static __u64 mix(__u64 x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9UL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebUL;
	return x ^ (x >> 31);
}

static __u64 next(struct worker *w)
{
	return mix(w->random += 0x9e3779b97f4a7c15UL);
}

static __u64 below(struct worker *w, __u64 end)
{
	return next(w) % end;
}

static bool one_in(struct worker *w, __u64 n)
{
	return !below(w, n);
}

#define PICK(w, array)	((array)[below(w, ARRAY_SIZE(array))])

/* --- permitted results ------------------------------------------------------ */

#define MAX_ERRNOS	12

/* Every ioctl can fail with these. */
#define ANY_IOCTL	EBADF, EPERM, EFAULT, EINVAL, E2BIG

/*
 * The errnos in Documentation/abi.rst; a call without a list may fail with any.
 * A call that is marked "never" must not succeed, nor may one that needs a
 * missing feature.
 */
static const struct {
	const char *name;
	int errnos[MAX_ERRNOS];
	bool never;
	__u64 feature;
} calls[NR_CALLS] = {
	[OPEN] = { "open", { ENOMEM, EINVAL } },
	[CLOSE] = { "close" },
	[MMAP] = { "mmap", { EPERM, EINVAL, EACCES, EOVERFLOW, EOPNOTSUPP, ENOMEM, EDQUOT,
			     EINTR, EROFS, EBADF, EAGAIN, EEXIST } },
	[MMAP_CONTROL] = { "mmap control", { EPERM, EINVAL, EACCES, EOVERFLOW, EOPNOTSUPP,
				ENOMEM, EROFS, EBADF, EAGAIN, EEXIST },
			   .feature = ARENA_FEATURE_IDLE },
	[INFO] = { "info", { ANY_IOCTL } },
	[RELEASE] = { "release", { ANY_IOCTL, EOVERFLOW, ENOMEM, EINTR, EROFS } },
	[SET_POLICY] = { "set_policy", { ANY_IOCTL, ENODEV, EINTR, EROFS } },
	[SET_FLAGS] = { "set_flags", { ANY_IOCTL, ENOMEM, EINTR, EROFS } },
	[COMMIT] = { "commit", { ANY_IOCTL, EOVERFLOW, EEXIST, ENOMEM, EDQUOT, EINTR,
				 EROFS } },
	[REGION_INFO] = { "region_info", { ANY_IOCTL, EOVERFLOW, ENOMEM } },
	[STATS] = { "stats", { ANY_IOCTL } },
	[SET_LIMIT] = { "set_limit", { ANY_IOCTL, EROFS } },
	[CLAIM] = { "claim", { ANY_IOCTL, EINTR, EROFS }, .feature = ARENA_FEATURE_IDLE },
	[FREEZE] = { "freeze", { ANY_IOCTL, EBUSY, EINTR },
		     .feature = ARENA_FEATURE_FREEZE },
	[UNKNOWN] = { "unknown ioctl", { ENOTTY, EPERM, EBADF }, .never = true },
	[MUNMAP] = { "munmap" },
	[MREMAP] = { "mremap" },
	[MPROTECT] = { "mprotect" },
	[MADVISE] = { "madvise" },
	[MLOCK] = { "mlock" },
	[MSYNC] = { "msync" },
	[MINCORE] = { "mincore" },
	[MBIND] = { "mbind" },
	[MOVE_PAGES] = { "move_pages" },
	[READ] = { "touch, reading" },
	[WRITE] = { "touch, writing" },
	[STATE] = { "state", .feature = ARENA_FEATURE_IDLE },
	[PIPE_IN] = { "read into region" },
	[VMSPLICE] = { "vmsplice" },
	[PIPE_OUT] = { "read what was spliced" },
	[PIN] = { "io_uring buffers" },
	[VM_READ] = { "process_vm_readv" },
	[VM_WRITE] = { "process_vm_writev" },
	[SEND] = { "send" },
	[RECEIVE] = { "receive" },
	[DUP] = { "dup" },
	[FILE_CALL] = { "file" },
	[PROC_FILE] = { "read of /proc" },
	[FORK] = { "fork" },
	[CHILD_TOUCH] = { "touch in a child", .never = true },
	[FOREIGN_MMAP] = { "stranger's mmap", { EPERM, EINVAL, EACCES, EOVERFLOW,
				EOPNOTSUPP, ENOMEM, EDQUOT, EROFS, EBADF, EAGAIN,
				EEXIST },
			   .feature = ARENA_FEATURE_FREEZE },
	[FOREIGN_ASK] = { "stranger's question", { ANY_IOCTL, EOVERFLOW, ENOMEM, EBUSY },
			  .feature = ARENA_FEATURE_FREEZE },
	[FOREIGN_CHANGE] = { "stranger's change", { ANY_IOCTL, EROFS, EOVERFLOW },
			     .never = true },
	[EXEC] = { "exec" },
	[MEMPOLICY] = { "set_mempolicy" },
	[AFFINITY] = { "sched_setaffinity" },
	[RLIMIT] = { "setrlimit" },
	[PARAMETER] = { "parameter" },
	[MEMLOCK] = { "parameter memlock" },
	[DROP_CACHES] = { "drop_caches" },
	[PRESSURE] = { "memory pressure" },
	[KILLED] = { "kill -9" },
};

static bool has_feature(enum call call)
{
	return (calls[call].feature & shared->features) == calls[call].feature;
}

static bool is_allowed(enum call call, int error)
{
	int i;

	if (!error)
		return !calls[call].never && has_feature(call);
	if (!calls[call].errnos[0])
		return true;
	for (i = 0; i < MAX_ERRNOS && calls[call].errnos[i]; i++) {
		if (error == calls[call].errnos[i])
			return true;
	}
	return error == ENOTTY && !has_feature(call);
}

static void count(enum call call, int result)
{
	if (result < 0 || result >= NR_RESULTS)
		result = NR_RESULTS - 1;
	__atomic_add_fetch(&shared->counts[call][result], 1, __ATOMIC_RELAXED);
	if (is_allowed(call, result))
		return;
	if (result)
		fail("abi.rst does not list %s for %s", strerrorname_np(result),
		     calls[call].name);
	else
		fail("%s succeeds", calls[call].name);
}

/* Return the errno of a system call, or 0. */
static int error_of(long result)
{
	return result == -1 ? errno : 0;
}

/* --- touching --------------------------------------------------------------- */

static void note_fault_or_fail(int signal, siginfo_t *info, void *context)
{
	if (on_fault)
		siglongjmp(*on_fault, signal);
	fail("signal %d at %p", signal, info->si_addr);
	_exit(1);
}

/* Call a function on memory; return 0, GOT_SIGBUS or GOT_SIGSEGV. */
static int try(void (*function)(void *to, const void *from, size_t bytes), void *to,
	       const void *from, size_t bytes)
{
	sigjmp_buf here;
	int signal;

	/*
	 * Signal handlers run without blocked signals, so there is no mask to
	 * restore.
	 */
	signal = sigsetjmp(here, 0);
	if (!signal) {
		on_fault = &here;
		function(to, from, bytes);
	}
	on_fault = NULL;
	return !signal ? 0 : signal == SIGBUS ? GOT_SIGBUS : GOT_SIGSEGV;
}

static void copy(void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes);
}

static void copy_word(void *to, const void *from, size_t bytes)
{
	*(__u64 *)to = *(const volatile __u64 *)from;
}

static void store_word(void *to, const void *from, size_t bytes)
{
	*(volatile __u64 *)to = *(const __u64 *)from;
}

static void claim_state(void *to, const void *from, size_t bytes)
{
	__u64 old = *(const __u64 *)from;

	__atomic_compare_exchange_n((__u64 *)to, &old, ARENA_STATE_ACTIVE, false,
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Check a word of a page in a region: it must be zero or the owner's tag. */
static void check_word(__u64 word, __u64 owner, const char *what)
{
	if (word && word != owner)
		fail("%s: %#llx in a page of %#llx", what, word,
		     owner);
}

static void check_page(const char *page, __u64 owner, const char *what)
{
	__u64 word;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tag_offsets); i++) {
		memcpy(&word, page + tag_offsets[i], sizeof(word));
		check_word(word, owner, what);
	}
}

static void tag_page(char *page, __u64 owner)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tag_offsets); i++)
		memcpy(page + tag_offsets[i], &owner, sizeof(owner));
}

/* --- arguments -------------------------------------------------------------- */

static __u64 pick_offset(struct worker *w)
{
	switch (below(w, 32)) {
	case 0: return MAX_FILE & ~(BLOCK - 1);
	case 1: return (MAX_FILE & ~(BLOCK - 1)) - below(w, 4) * BLOCK;
	case 2: return -BLOCK * (1 + below(w, 3));
	case 3: return next(w) >> below(w, 64);
	case 4: return below(w, FILE_BLOCKS) * BLOCK + PAGE;
	case 5: return below(w, FILE_BLOCKS) * BLOCK + below(w, BLOCK);
	default: return below(w, is_crowded ? 4 : FILE_BLOCKS) * BLOCK;
	}
}

static __u64 pick_length(struct worker *w)
{
	switch (below(w, 32)) {
	case 0: return 0;
	case 1: return MAX_FILE & ~(BLOCK - 1);
	case 2: return 1UL << (20 + below(w, 44));
	case 3: return next(w) >> below(w, 64);
	case 4: return below(w, 8) * BLOCK + PAGE;
	case 5: return -BLOCK;
	case 6: return FILE_BLOCKS * BLOCK;
	case 7: return (1 + below(w, 8)) * BLOCK;
	default: return (1 + below(w, 2)) * BLOCK;
	}
}

/* Pick flags for a call that knows those in the mask. */
static __u64 pick_flags(struct worker *w, __u64 known)
{
	switch (below(w, 16)) {
	case 0: return next(w);
	case 1: return 1ULL << below(w, 64);
	case 2: return known;
	default: return next(w) & known;
	}
}

/* Pick an address in the window: of a block, of a page, or of any byte. */
static char *pick_address(struct worker *w)
{
	char *at = (char *)WINDOW + below(w, is_crowded ? 6 : WINDOW_BLOCKS) * BLOCK;

	switch (below(w, 16)) {
	case 0: return at + below(w, BLOCK);
	case 1 ... 6: return at + below(w, BLOCK / PAGE) * PAGE;
	/* Mappings are split at the last page of a block. */
	case 7: return at + BLOCK - PAGE;
	default: return at;
	}
}

/* Pick a number of bytes for a range that starts at @at and ends within the window. */
static size_t pick_bytes(struct worker *w, const char *at)
{
	size_t left = (char *)WINDOW_END - at, bytes;

	switch (below(w, 16)) {
	case 0:
		bytes = 0;
		break;
	case 1:
		bytes = below(w, 4 * BLOCK);
		break;
	case 2:
		bytes = left;
		break;
	case 3 ... 7:
		bytes = (1 + below(w, 8)) * PAGE;
		break;
	default:
		bytes = (1 + below(w, 2)) * BLOCK;
		break;
	}
	return bytes < left ? bytes : left;
}

static int pick_fd(struct worker *w)
{
	int fd = FIRST_FD + below(w, is_crowded ? 2 : NR_FDS);

	return w->fd >= 0 ? w->fd : fd;
}

/* Pick the size of a structure; a larger one is padded with zeros. */
static __u32 pick_size(struct worker *w, size_t size)
{
	switch (below(w, 32)) {
	case 0: return below(w, size + 1);
	case 1: return size - 8 * below(w, size / 8);
	case 2: return size + below(w, 64);
	case 3: return PAGE;
	case 4: return PAGE + 1 + below(w, PAGE);
	case 5: return next(w);
	/* A nonzero member of a later ABI. */
	case 6:
		w->args.bytes[size + below(w, 64)] = 1;
		return size + 64;
	default: return size;
	}
}

/*
 * Pick the address of a structure and copy it there: mostly good memory,
 * sometimes memory that cannot be read or written, or a region. NULL is one of
 * the bad addresses.
 */
static void *place_args(struct worker *w, size_t size)
{
	char *at;

	switch (below(w, 32)) {
	case 0:
		return NULL;
	case 1:
		return (void *)next(w);
	case 2:
		return (void *)(0xffff888000000000UL + below(w, BLOCK));
	case 3:
		/* The last bytes before unmapped memory, possibly too few. */
		at = edge + PAGE - size + (one_in(w, 2) ? below(w, size) : 0);
		break;
	case 4:
		memcpy(read_only_twin, &w->args, 2 * PAGE);
		return read_only;
	case 5 ... 7:
		/* Within a page, or across a page boundary. */
		at = (char *)((uintptr_t)pick_address(w) & ~(PAGE - 1));
		at += one_in(w, 4) && at != (char *)WINDOW ? -below(w, 200) :
							     below(w, 1024);
		break;
	default:
		return &w->args;
	}
	try(copy, at, &w->args, size);
	return at;
}

/* --- ioctls ----------------------------------------------------------------- */

static long ioctl_of_32_bit(int fd, unsigned long cmd, void *args)
{
#ifdef __x86_64__
	/* The number of ioctl() for 32-bit programs. */
	long ret = 54;

	asm volatile("int $0x80" : "+a" (ret)
		     : "b" ((long)fd), "c" (cmd), "d" (args)
		     : "memory", "r8", "r9", "r10", "r11");
	ret = (int)ret;
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
#else
	return ioctl(fd, cmd, args);
#endif
}

/* The kind as which an ioctl is counted. */
static enum call ioctl_call(struct worker *w, enum call call)
{
	if (!w->foreign)
		return call;
	switch (call) {
	case INFO:
	case REGION_INFO:
	case STATS:
	case FREEZE:
		return FOREIGN_ASK;
	case UNKNOWN:
		return UNKNOWN;
	default:
		return FOREIGN_CHANGE;
	}
}

static void do_ioctl(struct worker *w, enum call call, unsigned long cmd, size_t size)
{
	bool is_compat = has_int80 && one_in(w, 16);
	int fd = pick_fd(w), err;
	void *args;

	w->args.size = pick_size(w, size);
	/* The module ignores the size that is encoded in the number. */
	if (one_in(w, 16))
		cmd ^= below(w, 1 << _IOC_SIZEBITS) << _IOC_SIZESHIFT;
	args = place_args(w, size);
	say(w, "fd %d cmd %#lx args %p size %#x flags %#x: %#llx %#llx %#llx", fd, cmd,
	    args, w->args.size, w->args.info.flags,
	    ((unsigned long long *)&w->args)[1], ((unsigned long long *)&w->args)[2],
	    ((unsigned long long *)&w->args)[3]);
	if (is_compat && args == &w->args) {
		memcpy(low, &w->args, 2 * PAGE);
		err = error_of(ioctl_of_32_bit(fd, cmd, low));
	} else {
		err = error_of(ioctl(fd, cmd, args));
		if (!err && args == &w->args && w->args.size > size && call != UNKNOWN)
			fail("size is %u where %zu are known", w->args.size, size);
	}
	count(ioctl_call(w, call), err);
	memset(&w->args, 0, size + 2 * 64);
}

static void do_info(struct worker *w)
{
	w->args.info.flags = one_in(w, 16) ? next(w) : 0;
	w->args.info.reserved = one_in(w, 32);
	do_ioctl(w, INFO, ARENA_IOC_INFO, sizeof(w->args.info));
}

static void do_release(struct worker *w)
{
	struct arena_ioc_release *args = &w->args.release;

	args->flags = pick_flags(w, ARENA_RELEASE_RANGE | ARENA_RELEASE_SEAL);
	/* Release everything less often than a range. */
	if (!one_in(w, 3))
		args->flags |= ARENA_RELEASE_RANGE;
	if (!(args->flags & ARENA_RELEASE_RANGE) != !one_in(w, 16)) {
		args->offset = pick_offset(w);
		args->length = pick_length(w);
	}
	do_ioctl(w, RELEASE, ARENA_IOC_RELEASE, sizeof(*args));
}

static void do_set_policy(struct worker *w)
{
	struct arena_ioc_set_policy *args = &w->args.set_policy;
	__u64 mask[4] = { 1 + below(w, 3) };

	args->flags = one_in(w, 4) ? pick_flags(w, ARENA_POLICY_STRICT) : 0;
	args->mode = one_in(w, 16) ? next(w) : below(w, 4);
	if (args->mode != ARENA_POLICY_LOCAL || one_in(w, 8)) {
		args->nr_nodes = one_in(w, 8) ? next(w) >> below(w, 64) :
						1 + below(w, 256);
		args->nodes = one_in(w, 16) ? (uintptr_t)pick_address(w) :
			      one_in(w, 16) ? next(w) : (uintptr_t)mask;
	}
	if (one_in(w, 8))
		mask[below(w, 4)] = next(w);
	do_ioctl(w, SET_POLICY, ARENA_IOC_SET_POLICY, sizeof(*args));
}

static void do_set_flags(struct worker *w)
{
	struct arena_ioc_set_flags *args = &w->args.set_flags;

	args->flags = one_in(w, 16) ? next(w) : 0;
	args->arena_flags = pick_flags(w, ARENA_F_KEEP_DIRTY | ARENA_F_NODUMP |
					  ARENA_F_QUARANTINE);
	/* With this flag nearly all blocks would be sealed. */
	if (!one_in(w, 4))
		args->arena_flags &= ~(__u64)ARENA_F_QUARANTINE;
	do_ioctl(w, SET_FLAGS, ARENA_IOC_SET_FLAGS, sizeof(*args));
}

static void do_commit(struct worker *w)
{
	struct arena_ioc_commit *args = &w->args.commit;

	args->flags = pick_flags(w, ARENA_COMMIT_CONTIG);
	args->offset = pick_offset(w);
	args->length = pick_length(w);
	do_ioctl(w, COMMIT, ARENA_IOC_COMMIT, sizeof(*args));
}

static void do_region_info(struct worker *w)
{
	struct arena_ioc_region_info *args = &w->args.region_info;
	__u64 blocks[64];

	args->flags = one_in(w, 16) ? next(w) : 0;
	args->reserved = one_in(w, 32);
	args->offset = pick_offset(w);
	args->length = pick_length(w);
	if (one_in(w, 2)) {
		args->nr_nodes = 1 + below(w, ARRAY_SIZE(blocks));
		args->node_blocks = (uintptr_t)blocks;
	}
	/* In a region, at an offset without tags. */
	if (one_in(w, 8))
		args->node_blocks = ((uintptr_t)pick_address(w) & ~(PAGE - 1)) + 512;
	if (one_in(w, 16))
		args->node_blocks = next(w) << 48;
	do_ioctl(w, REGION_INFO, ARENA_IOC_REGION_INFO, sizeof(*args));
}

static void do_stats(struct worker *w)
{
	w->args.stats.flags = one_in(w, 16) ? next(w) : 0;
	do_ioctl(w, STATS, ARENA_IOC_STATS, sizeof(w->args.stats));
}

static void do_set_limit(struct worker *w)
{
	struct arena_ioc_set_limit *args = &w->args.set_limit;

	args->flags = one_in(w, 16) ? next(w) : 0;
	args->limit = one_in(w, 8) ? pick_length(w) : (4 + below(w, 28)) * BLOCK;
	do_ioctl(w, SET_LIMIT, ARENA_IOC_SET_LIMIT, sizeof(*args));
}

static void do_claim(struct worker *w)
{
	w->args.claim.flags = one_in(w, 16) ? next(w) : 0;
	do_ioctl(w, CLAIM, ARENA_IOC_CLAIM, sizeof(w->args.claim));
}

static void do_freeze(struct worker *w)
{
	w->args.freeze.flags = one_in(w, 8) ? next(w) : 0;
	do_ioctl(w, FREEZE, ARENA_IOC_FREEZE, sizeof(w->args.freeze));
}

/* Calls of a later ABI, of other drivers, and with other directions. */
static void do_unknown(struct worker *w)
{
	static const unsigned int directions[] = {
		_IOC_NONE, _IOC_READ, _IOC_WRITE, _IOC_READ | _IOC_WRITE,
	};
	unsigned int direction = PICK(w, directions), type = ARENA_IOC_MAGIC, nr;

	nr = 0x0a + below(w, 0xf6);
	if (one_in(w, 4))
		type = 0xb0 + below(w, 0x0d);
	if (one_in(w, 4)) {
		direction = below(w, 3);
		nr = below(w, 0x0a);
	}
	do_ioctl(w, UNKNOWN, _IOC(direction, type, nr, below(w, 256)), 40);
}

/* --- the file --------------------------------------------------------------- */

/* Set or clear the capability by which this thread may lock unlimited memory. */
static void set_ipc_lock(bool may)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return;
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	if (may)
		data[0].effective |= data[0].permitted & (1U << CAP_IPC_LOCK);
	syscall(SYS_capset, &header, data);
}

static void open_at(struct worker *w, int at)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR | O_PATH };
	int mode = one_in(w, 32) ? PICK(w, modes) : O_RDWR, fd;
	struct arena_ioc_set_limit limit = {
		.size = sizeof(limit), .limit = (2 + below(w, 30)) * BLOCK,
	};
	bool is_limited = !one_in(w, 3), may_lock = one_in(w, 2);

	say(w, "fd %d mode %#x limit %lld lock %d", at, mode,
	    is_limited ? (long long)(limit.limit / BLOCK) : -1, may_lock);
	set_ipc_lock(may_lock);
	fd = open(DEVICE, mode | O_CLOEXEC | (one_in(w, 8) ? O_NONBLOCK : 0));
	count(OPEN, error_of(fd));
	set_ipc_lock(true);
	if (fd < 0)
		return;
	if (is_limited)
		ioctl(fd, ARENA_IOC_SET_LIMIT, &limit);
	dup3(fd, at, O_CLOEXEC);
	close(fd);
}

static void do_open(struct worker *w)
{
	open_at(w, FIRST_FD + below(w, NR_FDS));
}

static void do_close(struct worker *w)
{
	int fd = FIRST_FD + below(w, NR_FDS);

	say(w, "fd %d", fd);
	count(CLOSE, error_of(close(fd)));
}

static void do_dup(struct worker *w)
{
	int from = pick_fd(w), to = FIRST_FD + below(w, NR_FDS);

	say(w, "fd %d to %d", from, to);
	if (w->foreign)
		return;
	count(DUP, error_of(dup3(from, to, one_in(w, 2) ? O_CLOEXEC : 0)));
}

/* Operations on files, most of which this file does not support. */
static void do_file(struct worker *w)
{
	int fd = pick_fd(w), what = below(w, 14);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLOUT };
	char *at = one_in(w, 2) ? pick_address(w) : w->args.bytes;
	bool never = false;
	size_t bytes = below(w, 64);
	long result;

	say(w, "fd %d call %d at %p bytes %zu", fd, what, at, bytes);
	switch (what) {
	case 0:
		result = read(fd, at, bytes + 1);
		never = true;
		break;
	case 1:
		result = write(fd, at, bytes + 1);
		never = true;
		break;
	case 2:
		result = pread(fd, at, bytes + 1, pick_offset(w));
		never = true;
		break;
	case 3:
		result = pwrite(fd, at, bytes + 1, pick_offset(w));
		never = true;
		break;
	case 4:
		result = lseek(fd, pick_offset(w), below(w, 6));
		never = true;
		break;
	case 5:
		result = ftruncate(fd, pick_length(w));
		never = true;
		break;
	case 6:
		result = fallocate(fd, below(w, 4), pick_offset(w), pick_length(w));
		never = true;
		break;
	case 7:
		result = fsync(fd);
		break;
	case 8:
		result = poll(&poll_fd, 1, 0);
		break;
	case 9:
		result = fcntl(fd, F_SETFL, (int)(next(w) & (O_NONBLOCK | O_APPEND)));
		break;
	case 10:
		result = fcntl(fd, F_ADD_SEALS, (int)below(w, 32));
		never = true;
		break;
	case 11:
		result = posix_fadvise(fd, pick_offset(w), pick_length(w), below(w, 6));
		break;
	case 12:
		result = sync_file_range(fd, pick_offset(w), pick_length(w), below(w, 8));
		break;
	default:
		result = readahead(fd, pick_offset(w), below(w, 1 << 20));
		break;
	}
	count(FILE_CALL, error_of(result));
	if (never && result != -1)
		fail("file call %d succeeds: %ld", what, result);
}

static void do_proc_file(struct worker *w)
{
	static const char * const paths[] = {
		"/proc/self/smaps", "/proc/self/maps", "/proc/self/numa_maps", POOL_FILE,
		PARAMETERS "min", PARAMETERS "max", PARAMETERS "limit",
	};
	char path[64], buffer[4096];
	int fd;

	if (one_in(w, 2))
		snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", pick_fd(w));
	else
		snprintf(path, sizeof(path), "%s", PICK(w, paths));
	say(w, "%s", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	count(PROC_FILE, error_of(fd));
	if (fd < 0)
		return;
	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	close(fd);
}

/* --- mappings --------------------------------------------------------------- */

static bool is_in_window(const char *at, size_t bytes)
{
	return at >= (char *)WINDOW && at < (char *)WINDOW_END &&
	       bytes <= (size_t)((char *)WINDOW_END - at);
}

static void check_mapping(struct worker *w, const char *at, __u64 owner)
{
	__u64 word;

	if (!try(copy_word, &word, at + PICK(w, tag_offsets), sizeof(word)))
		check_word(word, owner, "just mapped");
}

static int pick_protection(struct worker *w)
{
	switch (below(w, 32)) {
	case 0: return next(w) & (PROT_READ | PROT_WRITE | PROT_EXEC);
	case 1: return next(w) & 0xf;
	case 2: return PROT_NONE;
	case 3 ... 5: return PROT_READ;
	case 6: return PROT_WRITE;
	default: return PROT_READ | PROT_WRITE;
	}
}

static void do_mmap(struct worker *w)
{
	static const int kinds[] = { MAP_PRIVATE, MAP_SHARED_VALIDATE, 0 };
	size_t bytes = one_in(w, 2) ? pick_length(w) : (1 + below(w, 2)) * BLOCK;
	char *at = (char *)((uintptr_t)pick_address(w) & -(one_in(w, 8) ? PAGE : BLOCK));
	int protection = pick_protection(w), fd = pick_fd(w), flags = MAP_SHARED;
	__u64 offset = pick_offset(w);
	char *memory;

	if (one_in(w, 16))
		flags = PICK(w, kinds);
	flags |= one_in(w, 2) ? MAP_NORESERVE : 0;
	flags |= one_in(w, 8) ? MAP_POPULATE : 0;
	flags |= one_in(w, 32) ? MAP_LOCKED : 0;
	if (one_in(w, 32))
		flags |= next(w) & (MAP_SYNC | MAP_NONBLOCK | MAP_STACK | 0x800000);
	/* Use almost all of the address space, but leave some for other mappings. */
	if (bytes > 1UL << 40 && bytes < 1UL << 47)
		bytes = 1UL << 40;
	/* This unmaps earlier mappings. */
	if (is_in_window(at, bytes))
		flags |= one_in(w, 16) ? MAP_FIXED_NOREPLACE :
			 one_in(w, 8) ? 0 : MAP_FIXED;
	say(w, "at %p bytes %#zx prot %d flags %#x fd %d offset %#llx", at, bytes,
	    protection, flags, fd, offset);
	memory = mmap(at, bytes, protection, flags, fd, offset);
	count(w->foreign ? FOREIGN_MMAP : MMAP, memory == MAP_FAILED ? errno : 0);
	if (memory == MAP_FAILED)
		return;
	if (protection & PROT_EXEC || (flags & MAP_TYPE) == MAP_PRIVATE ||
	    (w->foreign && protection & PROT_WRITE))
		fail("mapped with protection %d, flags %#x", protection, flags);
	/* The core mm has rounded the length up to a page. */
	bytes = (bytes + PAGE - 1) & ~(PAGE - 1);
	if (((uintptr_t)memory | bytes | offset) & (BLOCK - 1) &&
	    offset != ARENA_CONTROL_OFFSET)
		fail("mapped %#zx bytes at %p from %#llx", bytes, memory,
		     offset);
	if (!w->foreign)
		check_mapping(w, memory, tag);
	if (is_in_window(memory, bytes))
		return;
	/* No other thread uses this mapping, so it can be moved. */
	if (bytes <= 4 * BLOCK && one_in(w, 2) &&
	    mremap(memory, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		   WINDOW + below(w, WINDOW_BLOCKS - 3) * BLOCK) != MAP_FAILED)
		return;
	munmap(memory, bytes);
}

static char *pick_control(struct worker *w)
{
	return (char *)CONTROL + below(w, NR_FDS) * PAGE;
}

static void do_mmap_control(struct worker *w)
{
	int protection = one_in(w, 8) ? pick_protection(w) : PROT_READ | PROT_WRITE;
	int flags = one_in(w, 16) ? MAP_PRIVATE : MAP_SHARED, fd = pick_fd(w);
	size_t bytes = one_in(w, 8) ? (1 + below(w, 3)) * PAGE : PAGE;
	char *at = pick_control(w), *memory;

	say(w, "at %p bytes %#zx prot %d flags %#x fd %d", at, bytes, protection, flags,
	    fd);
	memory = mmap(at, bytes, protection, flags | MAP_FIXED, fd, ARENA_CONTROL_OFFSET);
	count(w->foreign ? FOREIGN_MMAP : MMAP_CONTROL, memory == MAP_FAILED ? errno : 0);
	if (memory != MAP_FAILED && (w->foreign || bytes != PAGE))
		fail("control page mapped with %zu bytes", bytes);
}

/* Write values to the control page that a program should write, and others. */
static void do_state(struct worker *w)
{
	char *at = pick_control(w);
	__u64 now = (__u64)(seconds() * 1e9) & ~(__u64)ARENA_STATE_MASK;
	__u64 old = 0, state;

	switch (below(w, 4)) {
	case 0:
		state = (below(w, now) & ~(__u64)ARENA_STATE_MASK) | ARENA_STATE_IDLE;
		break;
	case 1:
		state = ARENA_STATE_ACTIVE;
		break;
	case 2:
		state = next(w);
		break;
	default:
		/* This is the only use of the time. */
		state = now | ARENA_STATE_IDLE;
		break;
	}
	say(w, "%d at %p", (int)(state & ARENA_STATE_MASK), at);
	if (one_in(w, 8)) {
		at += below(w, 128) * sizeof(state);
		count(STATE, try(store_word, at, &state, sizeof(state)));
	} else if (one_in(w, 2)) {
		count(STATE, try(store_word, at, &state, sizeof(state)));
	} else {
		try(copy_word, &old, at, sizeof(old));
		count(STATE, try(claim_state, at, &old, sizeof(old)));
	}
}

/* Pick the target of a call on memory: the window, rarely the control pages. */
static char *pick_target(struct worker *w, size_t *bytes)
{
	char *at = pick_address(w);

	*bytes = pick_bytes(w, at);
	if (!one_in(w, 32))
		return at;
	*bytes = PAGE;
	return pick_control(w);
}

static void do_munmap(struct worker *w)
{
	size_t bytes;
	char *at = pick_target(w, &bytes);

	/* Use the whole window only rarely, since it is large. */
	if (bytes > 4 * BLOCK && !one_in(w, 4))
		bytes = BLOCK;
	say(w, "at %p bytes %#zx", at, bytes);
	count(MUNMAP, error_of(munmap(at, bytes)));
}

static void do_mremap(struct worker *w)
{
	static const int others[] = {
		0, MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
		MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
	};
	int flags = one_in(w, 2) ? MREMAP_MAYMOVE | MREMAP_FIXED :
		    one_in(w, 4) ? PICK(w, others) : MREMAP_MAYMOVE;
	size_t from_bytes, bytes;
	char *from = pick_target(w, &from_bytes), *to = pick_address(w), *memory;

	bytes = one_in(w, 2) ? from_bytes : pick_bytes(w, to);
	if (one_in(w, 16))
		from_bytes = 0;
	if (!is_in_window(to, bytes))
		bytes = pick_bytes(w, to);
	if (!one_in(w, 4)) {
		from = (char *)((uintptr_t)from & ~(BLOCK - 1));
		to = (char *)((uintptr_t)to & ~(BLOCK - 1));
		if (from < (char *)WINDOW || from >= (char *)WINDOW_END)
			from = (char *)WINDOW;
	}
	say(w, "from %p bytes %#zx to %p bytes %#zx flags %d", from, from_bytes, to,
	    bytes, flags);
	memory = mremap(from, from_bytes, bytes, flags, to);
	count(MREMAP, memory == MAP_FAILED ? errno : 0);
	if (memory != MAP_FAILED && !is_in_window(memory, 0) &&
	    (memory < (char *)CONTROL || memory >= (char *)CONTROL + NR_FDS * PAGE))
		munmap(memory, bytes);
}

static void do_mprotect(struct worker *w)
{
	int protection = pick_protection(w), err;
	size_t bytes;
	char *at = pick_target(w, &bytes);

	say(w, "at %p bytes %#zx prot %d", at, bytes, protection);
	err = error_of(mprotect(at, bytes, protection));
	count(MPROTECT, err);
	if (!err && bytes && protection & PROT_EXEC)
		fail("mprotect to %d succeeds", protection);
}

static void do_madvise(struct worker *w)
{
	static const int advices[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_WILLNEED, MADV_DONTNEED, MADV_DONTNEED,
		MADV_FREE, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK, MADV_DOFORK,
		MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_COLD,
		MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_READ, MADV_POPULATE_WRITE,
		MADV_POPULATE_WRITE, MADV_COLLAPSE, MADV_GUARD_INSTALL, MADV_GUARD_REMOVE,
		MADV_GUARD_REMOVE, 24, 99, 104, -1,
	};
	int advice = PICK(w, advices);
	size_t bytes;
	char *at = pick_target(w, &bytes);

	say(w, "at %p bytes %#zx advice %d", at, bytes, advice);
	count(MADVISE, error_of(madvise(at, bytes, advice)));
}

static void do_mlock(struct worker *w)
{
	unsigned int what = below(w, 8);
	size_t bytes;
	char *at = pick_target(w, &bytes);

	say(w, "at %p bytes %#zx %u", at, bytes, what);
	switch (what) {
	case 0:
		/* A concurrent mmap() may fail with EAGAIN. */
		count(MLOCK, error_of(mlockall(MCL_FUTURE | MCL_ONFAULT)));
		do_mmap(w);
		munlockall();
		break;
	case 1 ... 3:
		count(MLOCK, error_of(munlock(at, bytes)));
		break;
	case 4:
		count(MLOCK, error_of(syscall(SYS_mlock2, at, bytes, MLOCK_ONFAULT)));
		break;
	default:
		count(MLOCK, error_of(mlock(at, bytes)));
		break;
	}
}

static void do_msync(struct worker *w)
{
	size_t bytes;
	char *at = pick_target(w, &bytes);

	say(w, "at %p bytes %#zx", at, bytes);
	count(MSYNC, error_of(msync(at, bytes, below(w, 8))));
}

static void do_mincore(struct worker *w)
{
	unsigned char pages[BLOCK / PAGE];
	char *at = (char *)((uintptr_t)pick_address(w) & ~(PAGE - 1));
	size_t bytes = (1 + below(w, ARRAY_SIZE(pages))) * PAGE;

	say(w, "at %p bytes %#zx", at, bytes);
	count(MINCORE, error_of(mincore(at, bytes, pages)));
}

static void do_mbind(struct worker *w)
{
	unsigned long mask = below(w, 4);
	size_t bytes;
	char *at = pick_target(w, &bytes);

	say(w, "at %p bytes %#zx", at, bytes);
	count(MBIND, error_of(syscall(SYS_mbind, at, bytes, below(w, 6), &mask, 64UL,
				      below(w, 8))));
}

static void do_move_pages(struct worker *w)
{
	int nodes[4], status[4], i;
	void *pages[4];

	for (i = 0; i < 4; i++) {
		pages[i] = pick_address(w);
		nodes[i] = below(w, 2);
	}
	say(w, "at %p, ...", pages[0]);
	count(MOVE_PAGES, error_of(syscall(SYS_move_pages, 0, 4UL, pages,
					   one_in(w, 2) ? nodes : NULL, status,
					   below(w, 8))));
}

/* --- contents --------------------------------------------------------------- */

static char *pick_page(struct worker *w)
{
	return (char *)((uintptr_t)pick_address(w) & ~(PAGE - 1));
}

static void do_read(struct worker *w)
{
	size_t nr = one_in(w, 8) ? 16 : 1, i;
	size_t step = one_in(w, 2) ? PAGE : BLOCK;
	char *at = pick_page(w) + PICK(w, tag_offsets);
	__u64 word = 0;
	int result;

	say(w, "%zu from %p", nr, at);
	for (i = 0; i < nr && is_in_window(at, 8); i++, at += step) {
		result = try(copy_word, &word, at, sizeof(word));
		count(READ, result);
		if (!result)
			check_word(word, tag, "touched");
	}
}

static void do_write(struct worker *w)
{
	size_t nr = one_in(w, 8) ? 16 : 1, i;
	size_t step = one_in(w, 2) ? PAGE : BLOCK;
	char *at = pick_page(w) + PICK(w, tag_offsets);

	say(w, "%zu from %p", nr, at);
	for (i = 0; i < nr && is_in_window(at, 8); i++, at += step)
		count(WRITE, try(store_word, at, &tag, sizeof(tag)));
}

/* Let the kernel write into the region. */
static void do_pipe_in(struct worker *w)
{
	char *at = pick_page(w), page[PAGE];
	int ends[2];

	say(w, "at %p", at);
	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC))
		return;
	memset(page, 0, sizeof(page));
	tag_page(page, tag);
	if (write(ends[1], page, sizeof(page)) == sizeof(page))
		count(PIPE_IN, error_of(read(ends[0], at, sizeof(page))));
	close(ends[0]);
	close(ends[1]);
}

/* Put pages of a region into a pipe, which keeps a reference. */
static void do_vmsplice(struct worker *w)
{
	struct iovec iov = { pick_page(w), (1 + below(w, 4)) * PAGE };
	unsigned int flags = SPLICE_F_NONBLOCK | (one_in(w, 8) ? SPLICE_F_GIFT : 0);

	say(w, "at %p bytes %#zx", iov.iov_base, iov.iov_len);
	if (w->pipe[0] < 0 && pipe2(w->pipe, O_NONBLOCK | O_CLOEXEC))
		return;
	count(VMSPLICE, error_of(vmsplice(w->pipe[1], &iov, 1, flags)));
}

/* The pages must still contain what they had, or what their owner has written since. */
static void do_pipe_out(struct worker *w)
{
	char page[PAGE];
	long bytes;

	say(w, "pipe %d", w->pipe[0]);
	if (w->pipe[0] < 0)
		return;
	if (one_in(w, 2)) {
		do {
			bytes = read(w->pipe[0], page, sizeof(page));
			count(PIPE_OUT, error_of(bytes));
			if (bytes == sizeof(page))
				check_page(page, tag, "spliced");
		} while (bytes == sizeof(page) && one_in(w, 2));
	} else {
		close(w->pipe[0]);
		close(w->pipe[1]);
		w->pipe[0] = -1;
	}
}

/* Pin pages of a region for a long time. */
static void do_pin(struct worker *w)
{
	struct iovec iov = { pick_page(w), (1 + below(w, 4)) * PAGE };
	struct io_uring_params params = { 0 };
	bool is_pin = !one_in(w, 3);

	say(w, "at %p bytes %#zx: %d", iov.iov_base, iov.iov_len, is_pin);
	if (w->ring >= 0)
		close(w->ring);
	w->ring = -1;
	if (!is_pin)
		return;
	w->ring = syscall(SYS_io_uring_setup, 1, &params);
	if (w->ring >= 0)
		count(PIN, error_of(syscall(SYS_io_uring_register, w->ring,
					    IORING_REGISTER_BUFFERS, &iov, 1)));
}

/* Access memory of this or another process, which has its own tag. */
static void do_vm(struct worker *w, enum call call)
{
	unsigned int other = below(w, nr_processes);
	pid_t pid = __atomic_load_n(&shared->processes[other].pid, __ATOMIC_ACQUIRE);
	__u64 owner = __atomic_load_n(&shared->processes[other].tag, __ATOMIC_ACQUIRE);
	char page[PAGE];
	struct iovec here = { page, PAGE }, there = { pick_page(w), PAGE };
	long bytes;

	say(w, "process %u at %p", other, there.iov_base);
	if (call == VM_WRITE) {
		memset(page, 0, sizeof(page));
		tag_page(page, owner);
		bytes = process_vm_writev(pid, &here, 1, &there, 1, 0);
	} else {
		bytes = process_vm_readv(pid, &here, 1, &there, 1, 0);
	}
	count(call, error_of(bytes));
	/* Unless the process was killed and restarted with another tag. */
	if (call == VM_READ && bytes == PAGE &&
	    owner == __atomic_load_n(&shared->processes[other].tag, __ATOMIC_ACQUIRE))
		check_page(page, owner, "of a process");
}

static void do_vm_read(struct worker *w)
{
	do_vm(w, VM_READ);
}

static void do_vm_write(struct worker *w)
{
	do_vm(w, VM_WRITE);
}

/* --- other processes -------------------------------------------------------- */

static void (* const owner_calls[])(struct worker *w) = {
	do_info, do_release, do_set_policy, do_set_flags, do_commit, do_region_info,
	do_stats, do_set_limit, do_claim, do_freeze, do_unknown, do_mmap, do_mmap_control,
	do_file, do_proc_file,
};

/* Make calls with a descriptor of another process's arena, mapped elsewhere. */
static void do_foreign(struct worker *w, int fd, __u64 owner, int nr)
{
	char *memory;

	w->foreign = true;
	w->fd = fd;
	memory = mmap(NULL, BLOCK, PROT_READ, MAP_SHARED | MAP_NORESERVE,
		      pick_fd(w), below(w, FILE_BLOCKS) * BLOCK);
	count(FOREIGN_MMAP, memory == MAP_FAILED ? errno : 0);
	if (memory != MAP_FAILED) {
		check_mapping(w, memory, owner);
		munmap(memory, BLOCK);
	}
	while (nr--) {
		/* Do not map it in the window of this process's regions. */
		void (*function)(struct worker *w) = PICK(w, owner_calls);

		if (w->is_child || (function != do_mmap && function != do_mmap_control))
			function(w);
	}
	w->fd = -1;
	w->foreign = false;
}

static void do_send(struct worker *w)
{
	unsigned int other = below(w, nr_processes);
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &tag, sizeof(tag) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int fd = pick_fd(w);

	say(w, "fd %d to process %u", fd, other);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	count(SEND, error_of(sendmsg(shared->processes[other].sockets[0], &message,
				     MSG_DONTWAIT | MSG_NOSIGNAL)));
}

static void do_receive(struct worker *w)
{
	char control[CMSG_SPACE(sizeof(int))];
	__u64 owner = 0;
	struct iovec iov = { &owner, sizeof(owner) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int fd = -1;
	long bytes;

	bytes = recvmsg(shared->processes[process].sockets[1], &message,
			MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	count(RECEIVE, error_of(bytes));
	header = bytes < 0 ? NULL : CMSG_FIRSTHDR(&message);
	if (!header)
		return;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	say(w, "fd %d", fd);
	if (owner != tag)
		do_foreign(w, fd, owner, 6);
	close(fd);
}

static void become_process(void)
{
	tag = mix(seed + __atomic_add_fetch(&shared->incarnations, 1, __ATOMIC_RELAXED));
}

/*
 * A child inherits no regions. With MADV_DOFORK it does, but has no access to
 * their memory, except that of frozen arenas, which any process may read.
 */
static void touch_in_child(struct worker *w)
{
	__u64 word;
	int i, result;

	for (i = 0; i < 32; i++) {
		char *at = pick_page(w) + PICK(w, tag_offsets);

		if (one_in(w, 2)) {
			result = try(copy_word, &word, at, sizeof(word));
			if (!result && has_feature(FREEZE))
				check_word(word, tag, "read in a child");
			else
				count(CHILD_TOUCH, result);
		} else {
			result = try(store_word, at, &tag, sizeof(tag));
			count(CHILD_TOUCH, result);
		}
	}
}

static void make_calls(struct worker *w, int nr);

/* Run a child with arenas of its own, at the addresses of its parent's. */
static void be_owner_in_child(struct worker *w)
{
	int i;

	for (i = 0; i < NR_FDS; i++)
		close(FIRST_FD + i);
	munmap((void *)WINDOW, WINDOW_END - WINDOW);
	munmap((void *)CONTROL, NR_FDS * PAGE);
	become_process();
	/* The pages in the pipe are the parent's. */
	w->pipe[0] = -1;
	for (i = 0; i < 3; i++)
		do_open(w);
	make_calls(w, 100);
}

static void exec_in_child(struct worker *w)
{
	int fd = dup(pick_fd(w));
	char arguments[4][32] = { "fuzz", "--exec" };
	char *argv[] = { arguments[0], arguments[1], arguments[2], arguments[3], NULL };

	snprintf(arguments[2], sizeof(arguments[2]), "%d", fd);
	snprintf(arguments[3], sizeof(arguments[3]), "%llu", next(w));
	execve("/proc/self/exe", argv, environ);
	_exit(2);
}

/* After exec, try to use the descriptor; return 0 if that fails as it must. */
static int be_executed(int fd, __u64 random)
{
	struct arena_ioc_release release = { .size = sizeof(release) };
	struct arena_ioc_commit commit = {
		.size = sizeof(commit), .offset = (random % 4) * BLOCK, .length = BLOCK,
	};

	if (fd < 0)
		return 0;
	if (!ioctl(fd, ARENA_IOC_RELEASE, &release) ||
	    !ioctl(fd, ARENA_IOC_COMMIT, &commit) ||
	    mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		return 3;
	return 0;
}

/*
 * Allocate most of the available memory, or more than that; then the OOM killer
 * ends this child or a worker.
 */
static void press_in_child(struct worker *w)
{
	size_t bytes = meminfo_kib("MemAvailable") * 1024, i;
	char *memory;

	set_file("/proc/self/oom_score_adj", "1000");
	bytes = one_in(w, 3) ? 2 * bytes : bytes - bytes / 16;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return;
	madvise(memory, bytes, MADV_HUGEPAGE);
	for (i = 0; i < bytes; i += PAGE)
		memory[i] = 1;
}

#define NR_CHILDREN	8
#define PRESS		NR_CHILDREN

/* Fork a child of a certain kind, and wait for its end. */
static void run_child(struct worker *w, enum call call, unsigned int what)
{
	struct timespec wait = { .tv_nsec = below(w, 20000000) };
	bool is_killed = one_in(w, 3);
	int status = 0;
	pid_t pid;

	if (what == PRESS)
		wait.tv_sec = 1 + below(w, 2);
	say(w, "%u%s", what, is_killed ? ", killed" : "");
	pid = fork();
	count(call, error_of(pid));
	if (pid < 0)
		return;
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		w->is_child = true;
		switch (what) {
		case 0 ... 1:
			touch_in_child(w);
			break;
		case 2:
			do_foreign(w, -1, tag, 40);
			break;
		case 3:
			exec_in_child(w);
			break;
		case 4:
			touch_in_child(w);
			do_foreign(w, -1, tag, 10);
			break;
		case 5 ... 6:
			be_owner_in_child(w);
			break;
		case PRESS:
			press_in_child(w);
			break;
		}
		_exit(0);
	}
	if (is_killed) {
		nanosleep(&wait, NULL);
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (what == 3)
		count(EXEC, WIFEXITED(status) ? 0 : EINTR);
	if (WIFSIGNALED(status) ? WTERMSIG(status) != SIGKILL : status)
		fail("a child (%u) ended with %#x", what, status);
}

static void do_fork(struct worker *w)
{
	run_child(w, FORK, below(w, NR_CHILDREN));
}

static void do_press(struct worker *w)
{
	run_child(w, PRESSURE, PRESS);
}

/* --- circumstances ---------------------------------------------------------- */

static void do_mempolicy(struct worker *w)
{
	static const int modes[] = {
		MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL,
		5 /* MPOL_PREFERRED_MANY */, 6 /* MPOL_WEIGHTED_INTERLEAVE */,
	};
	int mode = one_in(w, 2) ? MPOL_DEFAULT : PICK(w, modes);
	unsigned long mask = mode == MPOL_DEFAULT || mode == MPOL_LOCAL ? 0 : below(w, 4);

	say(w, "mode %d nodes %#lx", mode, mask);
	count(MEMPOLICY, error_of(syscall(SYS_set_mempolicy, mode, mask ? &mask : NULL,
					  mask ? 64UL : 0UL)));
}

static void do_affinity(struct worker *w)
{
	__u64 mask = one_in(w, 4) ? -1UL : 1 + below(w, 15);
	cpu_set_t cpus;
	int i;

	CPU_ZERO(&cpus);
	for (i = 0; i < 64; i++) {
		if (mask & (1UL << i))
			CPU_SET(i, &cpus);
	}
	say(w, "%#llx", mask);
	count(AFFINITY, error_of(sched_setaffinity(0, sizeof(cpus), &cpus)));
}

static void do_rlimit(struct worker *w)
{
	static const rlim_t limits[] = { 0, PAGE, BLOCK, 8 * BLOCK, 32 * BLOCK };
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	/* Mostly a limit that still permits some locked memory. */
	limit.rlim_cur = one_in(w, 2) ? 64 * BLOCK : PICK(w, limits);
	limit.rlim_max = RLIM_INFINITY;
	say(w, "%lu", limit.rlim_cur);
	count(RLIMIT, error_of(setrlimit(RLIMIT_MEMLOCK, &limit)));
}

/* Write a parameter, and check the errno if the kernel refuses the value. */
static void set_parameter(struct worker *w, enum call call, const char *path,
			  const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	say(w, "%s = %s", path, value);
	if (fd < 0)
		return;
	count(call, error_of(write(fd, value, strlen(value))));
	close(fd);
}

static void do_parameter(struct worker *w)
{
	static const char * const watermarks[] = {
		"auto", "0", "2M", "5M", "16M", "32M", "64M", "3333333", "-1", "x", "16X",
		"", "99999999T", "18446744073709551615", " 8m\n", "0x400000", "1K",
	};
	static const char * const node_limits[] = {
		NODE_LIMIT, NODE_LIMIT, NODE_LIMIT, NODE_LIMIT, "100M", "64M", "16M", "0",
		"garbage", "1000000T",
	};

	switch (below(w, 3)) {
	case 0:
		set_parameter(w, PARAMETER, PARAMETERS "min", PICK(w, watermarks));
		break;
	case 1:
		set_parameter(w, PARAMETER, PARAMETERS "max", PICK(w, watermarks));
		break;
	default:
		set_parameter(w, PARAMETER, PARAMETERS "limit", PICK(w, node_limits));
		break;
	}
}

static void do_memlock(struct worker *w)
{
	set_parameter(w, MEMLOCK, PARAMETERS "memlock", one_in(w, 4) ? "0" : "1");
}

/* Call all shrinkers, and with "3" drop the page cache, too. */
static void do_drop_caches(struct worker *w)
{
	const char *what = one_in(w, 4) ? "3" : "2";

	say(w, "%s", what);
	count(DROP_CACHES, set_file("/proc/sys/vm/drop_caches", what) ? 0 : EIO);
}

/* Kill all threads of this process in the middle of their calls. */
static void do_kill(struct worker *w)
{
	say(w, "%s", "all of the process");
	count(KILLED, 0);
	kill(getpid(), SIGKILL);
}

/* --- workers ---------------------------------------------------------------- */

/* Relative frequencies of all calls; those at the end are not made by children. */
static const struct {
	const char *name;
	unsigned int weight;
	void (*make)(struct worker *w);
} mix_of_calls[] = {
	{ "open", 120, do_open },
	{ "close", 10, do_close },
	{ "mmap", 800, do_mmap },
	{ "mmap control", 120, do_mmap_control },
	{ "state", 200, do_state },
	{ "info", 100, do_info },
	{ "release", 400, do_release },
	{ "set_policy", 120, do_set_policy },
	{ "set_flags", 120, do_set_flags },
	{ "commit", 500, do_commit },
	{ "region_info", 120, do_region_info },
	{ "stats", 80, do_stats },
	{ "set_limit", 40, do_set_limit },
	{ "claim", 120, do_claim },
	{ "freeze", 20, do_freeze },
	{ "unknown", 60, do_unknown },
	{ "munmap", 120, do_munmap },
	{ "mremap", 160, do_mremap },
	{ "mprotect", 200, do_mprotect },
	{ "madvise", 250, do_madvise },
	{ "mlock", 80, do_mlock },
	{ "msync", 30, do_msync },
	{ "mincore", 30, do_mincore },
	{ "mbind", 30, do_mbind },
	{ "move_pages", 30, do_move_pages },
	{ "read", 1000, do_read },
	{ "write", 1000, do_write },
	{ "pipe in", 60, do_pipe_in },
	{ "vmsplice", 60, do_vmsplice },
	{ "pipe out", 80, do_pipe_out },
	{ "dup", 60, do_dup },
	{ "file", 80, do_file },
	{ "proc file", 20, do_proc_file },
	{ "mempolicy", 40, do_mempolicy },
	{ "affinity", 40, do_affinity },
	{ "rlimit", 40, do_rlimit },
#define NR_FOR_CHILDREN	36
	{ "pin", 30, do_pin },
	{ "vm read", 60, do_vm_read },
	{ "vm write", 60, do_vm_write },
	{ "send", 60, do_send },
	{ "receive", 60, do_receive },
	{ "fork", 30, do_fork },
	{ "parameter", 20, do_parameter },
	{ "memlock", 6, do_memlock },
	{ "drop_caches", 4, do_drop_caches },
	{ "pressure", 3, do_press },
	{ "kill", 4, do_kill },
};

static void make_call(struct worker *w, size_t nr_kinds)
{
	unsigned int sum = 0, at;
	size_t i;

	for (i = 0; i < nr_kinds; i++)
		sum += mix_of_calls[i].weight;
	at = below(w, sum);
	for (i = 0; at >= mix_of_calls[i].weight; i++)
		at -= mix_of_calls[i].weight;
	if (!w->is_child)
		__atomic_store_n(&shared->workers[w->number].now, mix_of_calls[i].name,
				 __ATOMIC_RELAXED);
	mix_of_calls[i].make(w);
}

static void make_calls(struct worker *w, int nr)
{
	while (nr--)
		make_call(w, NR_FOR_CHILDREN);
}

static bool is_over(struct worker *w)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_RELAXED) ||
	       shared->workers[w->number].calls >= max_calls;
}

static void *run_worker(void *data)
{
	static struct worker workers[MAX_WORKERS];
	struct worker *w = &workers[(uintptr_t)data];
	int i;

	*w = (struct worker) {
		.number = (uintptr_t)data, .fd = -1, .pipe = { -1, -1 }, .ring = -1,
	};
	current = w;
	w->random = mix(seed + w->number);
	for (i = 0; i < NR_FDS; i++)
		open_at(w, FIRST_FD + i);
	while (!is_over(w)) {
		__u64 call = __atomic_add_fetch(&shared->workers[w->number].calls, 1,
						   __ATOMIC_RELAXED);

		w->random = mix(seed ^ mix((__u64)w->number << 48 ^ call));
		make_call(w, ARRAY_SIZE(mix_of_calls));
	}
	return NULL;
}

static void catch_faults_or_fail(void)
{
	struct sigaction action = {
		.sa_sigaction = note_fault_or_fail, .sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static char *map_private(size_t bytes, int flags)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (memory == MAP_FAILED)
		_exit(1);
	return memory;
}

static void get_pid_of_32_bit(void *to, const void *from, size_t bytes)
{
#ifdef __x86_64__
	/* The number of getpid() for 32-bit programs. */
	long ret = 20;

	asm volatile("int $0x80" : "+a" (ret) : : "memory", "r8", "r9", "r10", "r11");
	*(bool *)to = ret == getpid();
#endif
}

/*
 * Make good and bad places for arguments. Threads share them and overwrite each
 * other's.
 */
static void make_places(void)
{
	int fd = memfd_create("arguments", MFD_CLOEXEC);

	edge = map_private(2 * PAGE, 0);
	munmap(edge + PAGE, PAGE);
	low = map_private(2 * PAGE, MAP_32BIT);
	if (fd < 0 || ftruncate(fd, 2 * PAGE))
		_exit(1);
	read_only_twin = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	read_only = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (read_only_twin == MAP_FAILED || read_only == MAP_FAILED)
		_exit(1);
	close(fd);
	try(get_pid_of_32_bit, &has_int80, NULL, 0);
}

static void run_process(void)
{
	unsigned int first = shared->processes[process].first_worker;
	unsigned int nr = shared->processes[process].nr_workers, i;
	struct rlimit limit = { 64 * BLOCK, RLIM_INFINITY };
	pthread_t threads[MAX_THREADS];

	set_file("/proc/self/oom_score_adj", "0");
	catch_faults_or_fail();
	make_places();
	is_crowded = nr > 1;
	setrlimit(RLIMIT_MEMLOCK, &limit);
	become_process();
	shared->processes[process].tag = tag;
	shared->processes[process].pid = getpid();
	for (i = 1; i < nr; i++) {
		void *number = (void *)(uintptr_t)(first + i);

		if (pthread_create(&threads[i], NULL, run_worker, number))
			_exit(1);
	}
	run_worker((void *)(uintptr_t)first);
	for (i = 1; i < nr; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

/* --- the parent process ----------------------------------------------------- */

static void divide_workers(void)
{
	unsigned int first = 0, nr;

	while (first < nr_workers) {
		nr = process_sizes[nr_processes % ARRAY_SIZE(process_sizes)];
		if (nr > nr_workers - first)
			nr = nr_workers - first;
		shared->processes[nr_processes].first_worker = first;
		shared->processes[nr_processes].nr_workers = nr;
		nr_processes++;
		first += nr;
	}
}

static void start_process(unsigned int number)
{
	pid_t pid;

	/* Otherwise the child would have a copy of the unprinted output. */
	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		process = number;
		run_process();
	}
	if (pid < 0) {
		fail("can't fork");
		return;
	}
	shared->processes[number].pid = pid;
}

/* Return the index of a process, or -1 if it is an orphan of a killed one. */
static int find_process(pid_t pid)
{
	int i;

	for (i = 0; i < MAX_PROCESSES; i++) {
		if (shared->processes[i].pid == pid)
			return i;
	}
	return -1;
}

static __u64 count_calls(void)
{
	__u64 sum = 0;
	unsigned int i;

	for (i = 0; i < nr_workers; i++)
		sum += shared->workers[i].calls;
	return sum;
}

static void name_workers(void)
{
	unsigned int i;

	for (i = 0; i < nr_workers; i++)
		printf("# worker %u: call %llu, %s\n", i,
		       shared->workers[i].calls, shared->workers[i].now);
}

/* Wait until all workers are done; return false if some did not end. */
static bool run_workers(double deadline)
{
	unsigned int i, left = nr_processes;
	__u64 calls = 0;
	double moved = seconds();
	int status, number;
	pid_t pid;

	for (i = 0; i < nr_processes; i++)
		start_process(i);
	while (left) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid <= 0) {
			if (seconds() > deadline)
				shared->stop = true;
			if (calls != count_calls())
				moved = seconds();
			calls = count_calls();
			if (seconds() > moved + GRACE)
				return false;
			usleep(20000);
			continue;
		}
		number = find_process(pid);
		if (number < 0)
			continue;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !shared->stop) {
			start_process(number);
			continue;
		}
		if (status && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
			fail("process %d ended with %#x", number, status);
		shared->processes[number].pid = 0;
		left--;
	}
	return true;
}

/* End the remaining processes, so that no arena is left. */
static bool end_all(void)
{
	double until = seconds() + GRACE;
	pid_t pid;
	int i;

	for (i = 0; i < MAX_PROCESSES; i++) {
		if (shared->processes[i].pid)
			kill(shared->processes[i].pid, SIGKILL);
	}
	while (seconds() < until) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0)
			return true;
		if (!pid)
			usleep(10000);
	}
	return false;
}

static __u64 count_tries(int call)
{
	__u64 tries = 0;
	int i;

	for (i = 0; i < NR_RESULTS; i++)
		tries += shared->counts[call][i];
	return tries;
}

static void print_counts(void)
{
	char line[1000];
	int call, i, used;

	printf("# %-22s %9s %9s  other results\n", "call", "tries", "successes");
	for (call = 0; call < NR_CALLS; call++) {
		__u64 *counts = shared->counts[call];

		used = 0;
		line[0] = '\0';
		for (i = 0; i < NR_RESULTS; i++) {
			if (!i || !counts[i] || used > (int)sizeof(line) - 40)
				continue;
			used += snprintf(line + used, sizeof(line) - used, " %s %llu",
					 i == GOT_SIGBUS ? "SIGBUS" :
					 i == GOT_SIGSEGV ? "SIGSEGV" :
					 strerrorname_np(i),
					 counts[i]);
		}
		printf("# %-22s %9llu %9llu %s\n", calls[call].name,
		       count_tries(call),
		       counts[0], line);
	}
}

/* Whether each kind of call that can succeed has succeeded, or was rarely tried. */
static bool has_reached_all(void)
{
	bool all = true, is_long = count_calls() >= ENOUGH_CALLS;
	int call;

	for (call = 0; call < NR_CALLS; call++) {
		if (shared->counts[call][0] || calls[call].never || !has_feature(call) ||
		    (!is_long && count_tries(call) < ENOUGH_TRIES))
			continue;
		printf("# never succeeded: %s\n", calls[call].name);
		all = false;
	}
	return all;
}

static __u64 ask_features(void)
{
	struct arena_ioc_info info = { .size = sizeof(info) };
	int fd = open_arena();

	if (fd < 0 || ioctl(fd, ARENA_IOC_INFO, &info))
		ksft_exit_fail_msg("no answer from " DEVICE "\n");
	close(fd);
	return info.features;
}

static const char * const parameters[] = { "min", "max", "limit", "memlock" };
static char old_parameters[ARRAY_SIZE(parameters)][LINE_LENGTH];

static void keep_parameters(bool is_restore)
{
	char path[96];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parameters); i++) {
		snprintf(path, sizeof(path), PARAMETERS "%s", parameters[i]);
		if (is_restore)
			set_file(path, old_parameters[i]);
		else
			get_file(path, old_parameters[i]);
	}
}

static void usage(void)
{
	fprintf(stderr, "usage: fuzz [-s SEED] [-t SECONDS] [-n CALLS] [-j WORKERS] [-v]\n"
			"  -s SEED     repeat the calls of an earlier run\n"
			"  -t SECONDS  run for this long (10)\n"
			"  -n CALLS    limit the number of calls by each worker\n"
			"  -j WORKERS  number of threads, in processes of 2, 1, 1, 2, ... (4; at most %d)\n"
			"  -v          print each call before it is made\n", MAX_WORKERS);
	exit(2);
}

int main(int argc, char **argv)
{
	double duration = 10, started;
	bool all_ended;
	int option, i;

	if (argc == 4 && !strcmp(argv[1], "--exec"))
		return be_executed(atoi(argv[2]), strtoull(argv[3], NULL, 0));
	seed = pick_seed();
	while ((option = getopt(argc, argv, "s:t:n:j:v")) != -1) {
		switch (option) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			duration = atof(optarg);
			break;
		case 'n':
			max_calls = strtoull(optarg, NULL, 0);
			break;
		case 'j':
			nr_workers = strtoul(optarg, NULL, 0);
			break;
		case 'v':
			is_verbose = true;
			break;
		default:
			usage();
		}
	}
	if (optind != argc || !nr_workers || nr_workers > MAX_WORKERS)
		usage();

	ksft_print_header();
	ksft_set_plan(3);
	printf("# seed %llu, %u workers; again: -s %llu -j %u\n", seed,
	       nr_workers, seed, nr_workers);
	fflush(stdout);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	shared->features = ask_features();
	divide_workers();
	for (i = 0; i < MAX_PROCESSES; i++) {
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, shared->processes[i].sockets))
			ksft_exit_fail_msg("no sockets\n");
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	set_file("/proc/self/oom_score_adj", "-1000");
	keep_parameters(false);
	set_file(PARAMETERS "limit", NODE_LIMIT);

	started = seconds();
	all_ended = run_workers(started + duration);
	if (!all_ended)
		name_workers();
	all_ended &= end_all();
	keep_parameters(true);

	print_counts();
	printf("# %llu calls in %.1f s, %.0f a second\n", count_calls(),
	       seconds() - started, count_calls() / (seconds() - started));
	ksft_test_result(!shared->failures,
			 "fuzz: what calls return and memory has in it\n");
	ksft_test_result(has_reached_all(),
			 "fuzz: each kind of call succeeds at times\n");
	ksft_test_result(all_ended, "fuzz: all workers end\n");
	ksft_finished();
}
