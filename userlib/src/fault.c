// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Report which arena a fault was in: a handler of SIGSEGV and SIGBUS that writes one line
 * and passes the signal on to the handler that was installed before it.
 *
 * It can interrupt any code, so it only calls functions that are safe in a signal
 * handler, and formats numbers itself. It reads fields of an arena that belong to the
 * thread that uses the arena. For a use after release, that is normally the interrupted
 * thread.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "fork.h"
#include "private.h"
#include "registry.h"
#include "sys.h"

/* --- released memory, destroyed arenas --------------------------------------- */

/* --- the message --------------------------------------------------------------- */

struct line {
	size_t length;
	char text[256];
};

static void put(struct line *line, const char *text)
{
	while (*text && line->length < sizeof(line->text) - 1)
		line->text[line->length++] = *text++;
}

static void put_number(struct line *line, uint64_t n, unsigned int base, int digits)
{
	char text[24];
	size_t at = sizeof(text);

	text[--at] = '\0';
	do {
		text[--at] = "0123456789abcdef"[n % base];
		n /= base;
		digits--;
	} while (n || digits > 0);
	put(line, text + at);
}

static void put_age(struct line *line, uint64_t at)
{
	uint64_t us = (arena_now() - at) / 1000;

	put_number(line, us / 1000000, 10, 1);
	put(line, ".");
	put_number(line, us % 1000000, 10, 6);
	put(line, " s before");
}

static const struct release *find_release(const struct arena_private *a, const char *addr)
{
	unsigned int i, first = a->nr_releases > NR_RELEASES ? a->nr_releases - NR_RELEASES : 0;
	const struct release *release;

	for (i = a->nr_releases; i-- > first; ) {
		release = &a->releases[i % NR_RELEASES];
		if (addr >= release->from && addr < release->to)
			return release;
	}
	return NULL;
}

static void put_state(struct line *line, const struct arena_private *a, const char *addr)
{
	const struct release *release;

	if (addr >= a->committed && addr < a->range.end &&
	    !(addr >= a->holes && addr < a->holes_end)) {
		put(line, ", and committed: out of memory, or not this process' arena");
		return;
	}
	release = find_release(a, addr);
	if (!release) {
		put(line, addr >= a->range.start && addr < a->range.end ?
		    ", and not committed" : ", and in quarantine");
		return;
	}
	put(line, ", released by ");
	put(line, release->call);
	put(line, " ");
	put_age(line, release->at);
}

static void put_name(struct line *line, const char *what, const char *name)
{
	put(line, what);
	put(line, name);
	put(line, "'");
}

/* An ancestor's arena does not count: this process may have its own arena there. */
static bool has_address(const struct arena_private *a, const char *addr)
{
	return addr >= a->range.map && addr < a->range.map_end && !is_foreign(a);
}

struct fault {
	const char *addr;
	int signal;
};

static void report(struct arena_private *a, const void *ctx)
{
	const struct fault *fault = ctx;
	struct line line = { 0 };
	const struct destroyed *record;
	ssize_t written;

	put(&line, "libarena: ");
	put(&line, fault->signal == SIGBUS ? "SIGBUS" : "SIGSEGV");
	put(&line, " at 0x");
	put_number(&line, (uintptr_t)fault->addr, 16, 1);
	while (a && !has_address(a, fault->addr))
		a = a->listed.next;
	if (a) {
		put_name(&line, " in arena '", a->name);
		put_state(&line, a, fault->addr);
		goto out;
	}
	record = arena_registry_find_destroyed(fault->addr);
	if (!record)
		return;
	/* Another mapping may be using the addresses by now. */
	put_name(&line, " where arena '", record->name);
	put(&line, " was, destroyed ");
	put_age(&line, record->at);
out:
	line.text[line.length++] = '\n';
	written = write(2, line.text, line.length);
	(void)written;
}

/* --- the handler ------------------------------------------------------------------ */

static const int signals[] = { SIGBUS, SIGSEGV };
static struct sigaction before[2];

/*
 * Call the previous handler. If there was none, restore the default, which takes effect
 * when the instruction faults again.
 */
static void pass_on(int signal, siginfo_t *info, void *context)
{
	struct sigaction old = before[signal == SIGSEGV];
	bool is_sent = info->si_code <= 0;

	if (old.sa_flags & SA_RESETHAND)
		before[signal == SIGSEGV] = (struct sigaction) { .sa_handler = SIG_DFL };
	if (old.sa_flags & SA_SIGINFO) {
		old.sa_sigaction(signal, info, context);
		return;
	}
	if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) {
		old.sa_handler(signal);
		return;
	}
	if (is_sent && old.sa_handler == SIG_IGN)
		return;
	sigaction(signal, &(struct sigaction) { .sa_handler = SIG_DFL }, NULL);
	/* The signal was sent by kill(2) or the like: no instruction raises it again. */
	if (is_sent)
		raise(signal);
}

static void handle(int signal, siginfo_t *info, void *context)
{
	int saved_errno = errno;

	/* Report faults only, not kill(2), and only if the address is known. */
	if (info->si_code > 0 && info->si_code != SI_KERNEL)
		arena_registry_try(report, &(struct fault) { info->si_addr, signal });
	errno = saved_errno;
	pass_on(signal, info, context);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int install_error;

static void install(void)
{
	struct sigaction action;
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(*signals) && !install_error; i++) {
		/* Keep the signal mask and SA_NODEFER of the previous handler. */
		sigaction(signals[i], NULL, &before[i]);
		action = (struct sigaction) { .sa_mask = before[i].sa_mask };
		action.sa_flags = SA_SIGINFO | SA_ONSTACK | (before[i].sa_flags & SA_NODEFER);
		action.sa_sigaction = handle;
		if (sigaction(signals[i], &action, NULL))
			install_error = -errno;
	}
}

int arena_report_faults(void)
{
	int saved_errno = errno;

	pthread_once(&once, install);
	errno = saved_errno;
	return install_error;
}

static void read_variable(void)
{
	const char *text = secure_getenv("ARENA_REPORT_FAULTS");

	if (!text || !strcmp(text, "0"))
		return;
	if (!strcmp(text, "1"))
		arena_report_faults();
	else
		fprintf(stderr,
			"libarena: ARENA_REPORT_FAULTS=%s is ignored: can't be understood\n", text);
}

void arena_fault_begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_variable);
}
