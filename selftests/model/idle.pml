/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Idle arenas as a model for spin: a program that marks its arena idle and claims it,
 * and reclaim on two CPUs (kmod/idle.c, Documentation/abi.rst).
 *
 * What must hold: a claim by compare-and-swap finds all that was written; so does a claim
 * by call, but for what it says was taken; and what is written after either stays until the
 * arena is marked idle again. And nobody waits for ever.
 *
 * NO_CAS, UNMAP_LATER, CLAIM_UNLOCKED, NO_STATE and MARK_BY_STORE each take something out that this
 * needs; then spin has to find an error.
 */
#define BLOCKS	2
#define ROUNDS	3

mtype = { ACTIVE, IDLE, TAKEN };

/* The word in the control page. */
mtype state = ACTIVE;

/* arena.sem, held for writing. */
bool sem;

/* Whether a block is in its slot, is mapped, and has what the program wrote last. */
bool in_slot[BLOCKS];
bool mapped[BLOCKS];
bool written[BLOCKS];

/* What ARENA_IOC_CLAIM counts. */
byte taken;

inline lock(semaphore)
{
	atomic { !semaphore -> semaphore = true }
}

/*
 * A store: by a fault, if the block is not mapped. If it is, nobody asks whether it is in
 * its slot still.
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
		/* Still the program's. */
		expect_all();
		mark();
		if
		:: mark()		/* once more, it knows no better */
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
				:: true		/* those of another node */
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
