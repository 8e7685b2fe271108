/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Idle arenas as a model for spin: a program that marks its arena idle and
 * claims it, and reclaim on two CPUs (kmod/idle.c, Documentation/abi.rst).
 *
 * These properties must hold. After a claim by compare-and-swap, all that was
 * written is there. After a claim by ioctl, all is there except the blocks that
 * the claim reports as taken. Data written after a claim stays until the arena
 * is marked idle again. No process waits forever.
 *
 * NO_CAS, UNMAP_LATER, CLAIM_UNLOCKED, NO_STATE and MARK_BY_STORE each leave
 * out a step that these properties need; spin must then find an error.
 */
#define BLOCKS	2
#define ROUNDS	3

mtype = { ACTIVE, IDLE, TAKEN };

/* The word in the control page. */
mtype state = ACTIVE;

/* arena.sem, held for writing. */
bool sem;

/*
 * Whether a block is in its slot, is mapped, and contains the program's last
 * write.
 */
bool in_slot[BLOCKS];
bool mapped[BLOCKS];
bool written[BLOCKS];

/* The number of blocks that ARENA_IOC_CLAIM reports as taken. */
byte taken;

inline lock(semaphore)
{
	atomic { !semaphore -> semaphore = true }
}

/*
 * A store. If the block is not mapped, the store faults. If it is mapped,
 * nothing checks whether it is still in its slot.
 */
inline write(i)
{
	if
	:: mapped[i]
	:: else ->
		lock(sem);
		if
		:: in_slot[i]
		:: else -> in_slot[i] = true; written[i] = false
		fi;
		mapped[i] = true;
		sem = false
	fi;
	written[i] = mapped[i]
}

inline expect_all()
{
	for (i : 0 .. BLOCKS - 1) {
		assert(in_slot[i] && mapped[i] && written[i])
	}
}

inline mark()
{
#ifdef MARK_BY_STORE
	state = IDLE
#else
	atomic {
		if
		:: state == ACTIVE -> state = IDLE
		:: else
		fi
	}
#endif
}

active proctype program()
{
	byte round, i, lost;
	bool survived;

	for (round : 1 .. ROUNDS) {
		for (i : 0 .. BLOCKS - 1) {
			write(i)
		}
		/* The arena is active: all data must be there. */
		expect_all();
		mark();
		if
		:: mark()		/* a second mark must do no harm */
		:: true
		fi;

		atomic {
			survived = (state == IDLE);
			if
			:: survived -> state = ACTIVE
			:: else
			fi
		}
		if
		:: survived ->
			assert(taken == 0);
			expect_all()
		:: else ->
#ifndef CLAIM_UNLOCKED
			lock(sem);
#endif
			state = ACTIVE;
			lost = taken;
			taken = 0;
#ifndef CLAIM_UNLOCKED
			sem = false;
#endif
			for (i : 0 .. BLOCKS - 1) {
				if
				:: in_slot[i] -> assert(written[i])
				:: else -> assert(!mapped[i]); lost--
				fi
			}
			assert(lost == 0)
		fi
	}
}

active [2] proctype reclaim()
{
	byte i;
	bool may;
	bool detached[BLOCKS];

	do
	:: atomic { !sem -> sem = true };
#ifdef NO_CAS
		may = (state == IDLE || state == TAKEN);
		if
		:: may -> state = TAKEN
		:: else
		fi;
#else
		atomic {
			may = (state == IDLE || state == TAKEN);
			if
			:: may -> state = TAKEN
			:: else
			fi
		}
#endif
#ifdef NO_STATE
		may = true;
#endif
		if
		:: may ->
			for (i : 0 .. BLOCKS - 1) {
				if
				:: in_slot[i] ->
					in_slot[i] = false;
					detached[i] = true;
					taken++
				:: true		/* a block of another node */
				fi
			}
#ifdef UNMAP_LATER
			sem = false;
#endif
			for (i : 0 .. BLOCKS - 1) {
				if
				:: detached[i] ->
					d_step {
						mapped[i] = false;
						written[i] = false;
						detached[i] = false
					}
				:: else
				fi
			}
		:: else
		fi;
		sem = false
	:: true -> break
	od
}
