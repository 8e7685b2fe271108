# SPDX-License-Identifier: GPL-2.0-only
#
# The entry points; "make help" lists them. What is built for this machine's
# userspace goes to build/, the module for this machine's kernel to kmod/.

VERSION := 0.1.0
SOVERSION := 0

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
DESTDIR ?=
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wstrict-prototypes
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) -Iuserlib/include -Iuapi

B := build
comma := ,
headers := $(wildcard userlib/include/arena/*.h userlib/src/*.h uapi/linux/*.h)
lib_objs := $(patsubst userlib/src/%.c,$(B)/lib/%.o,$(wildcard userlib/src/*.c))

.PHONY: all
all: lib examples modules

.PHONY: help
help:
	@echo 'For a first look (what is missing is installed, on Debian 12):'
	@echo '  demo             count words on the module in a virtual machine;'
	@echo '                   FILES="a b" for files and folders of your own'
	@echo '  check            the library here, library and module on Debian 12'"'"'s kernel'
	@echo '  check-all        everything there is, unsampled, on all kernels: two hours'
	@echo
	@echo 'Build:'
	@echo '  all              lib, examples and modules (the default)'
	@echo '  lib              libarena.a, libarena.so and libarena-ffi.so, in $(B)/'
	@echo '  examples         the example programs, in $(B)/'
	@echo '  modules          arena.ko for the kernel in KDIR=, in kmod/'
	@echo '  clean            remove what was built'
	@echo
	@echo 'Install (DESTDIR=, PREFIX=):'
	@echo '  install          the library, its headers and man pages'
	@echo '  modules_install  the module'
	@echo
	@echo 'Parts of check-all:'
	@echo '  check-static     W=1, sparse, coccinelle, checkpatch; cppcheck'
	@echo '  check-sanitizers the library with ASan and UBSan, MSan, TSan and Valgrind'
	@echo '  check-fuzzers    a minute of libFuzzer on query strings, maps, arrays and groups;'
	@echo '                   SEED= begins as a run before'
	@echo '  check-coverage   how much of the library its tests run, on 6.12'
	@echo '  check-host       the library here, on anonymous memory'
	@echo '  check-vm         module and library on stock 6.1, in a virtual machine'
	@echo '  check-kernels    the same on 6.1 and 6.12, and the module on 7.3 and the debug 7.2'
	@echo '  check-debug      the latter alone: KUnit, fault injection, KASAN, lockdep,'
	@echo '                   kmemleak, coverage'
	@echo '  check-memory     memory that is filled, aged and fragmented, on all three; four'
	@echo '                   NUMA nodes'
	@echo '  check-leaks      64 GiB of blocks, lost in every way, and who gets them next'
	@echo '  check-storm      10,000 times kill -9, on the debug kernel'
	@echo '  check-fuzz       random calls for ten minutes on the debug 7.2; SEED= makes those'
	@echo '                   of a run before'
	@echo '  check-races      the module on a 7.2 with KCSAN'
	@echo '  check-mutants    plant defects, one by one, and see each of them caught'
	@echo '  check-bench      that the benchmarks work'
	@echo
	@echo 'As CI does it:'
	@echo '  check-rotation   after check: the debug kernel, static, and what the last change'
	@echo '                   may have broken; then as much of the rest as fits in BUDGET='
	@echo '                   seconds, what was not done for the longest time first'
	@echo '  check-loaded     all stages with a busy loop on each CPU, to show that no test'
	@echo '                   depends on the speed of the machine; STAGES= for some of them'
	@echo
	@echo 'More:'
	@echo '  coverage         check-debug, and each line that no test ran'
	@echo '  check-times      the table of what takes how long, in Documentation/testing.rst, of'
	@echo '                   the last run of each stage on this machine'
	@echo '  bench-kernel     arenas beside 4 KiB pages, THP, hugetlbfs and memfds, in the'
	@echo '                   kernel, in instructions; KERNEL=, PARAMETERS= of the module,'
	@echo '                   SEED=, QUICK=1 to see only that it works'
	@echo '  bench-host-kernel  the same in nanoseconds, as root on a machine where the module'
	@echo '                   is loaded; CPU=, SEED=, QUICK=1'
	@echo '  bench            the library beside other allocators and arenas, here, and bench-maps'
	@echo '  bench-quick      that all of these work, in two minutes; no figures'
	@echo '  bench-maps       maps in arenas beside GLib'"'"'s, uthash and C++'"'"'s: time and'
	@echo '                   memory; QUICK=1 to see only that they agree, SEED='
	@echo '  bench-tlb        random accesses in an arena beside 4 KiB pages, THP and hugetlbfs:'
	@echo '                   misses of a modelled TLB; QUICK=1 for 64 MiB alone, KERNEL='
	@echo '  bench-pool       a pool of arenas under bursts, and under rare huge requests;'
	@echo '                   OPTIONS=, see build/bench/pool -h'
	@echo '  bench-report     Documentation/benchmarks.rst, with pictures, from build/bench/*.json;'
	@echo '                   RESULTS= for others'

# --- userspace ---------------------------------------------------------------

.PHONY: lib
lib: $(B)/libarena.a $(B)/libarena.so $(B)/libarena-ffi.so

$(B)/lib/%.o: userlib/src/%.c $(headers) Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wmissing-prototypes -fPIC -fno-semantic-interposition -c $< -o $@

$(B)/libarena.a: $(lib_objs)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/lib/ffi.o: userlib/ffi/ffi.c $(headers) Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -c $< -o $@

# One for C and C++, one that has all of it and the inline functions.
$(B)/libarena.so: $(lib_objs) userlib/libarena.map
$(B)/libarena-ffi.so: $(lib_objs) $(B)/lib/ffi.o userlib/libarena.map userlib/libarena-ffi.map

$(B)/libarena.so $(B)/libarena-ffi.so:
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-z,nodelete,-Bsymbolic-functions \
		-Wl,-soname,$(@F).$(SOVERSION) \
		$(addprefix -Wl$(comma)--version-script=,$(filter %.map,$^)) \
		-o $@.$(VERSION) $(filter %.o,$^)
	ln -sf $(@F).$(VERSION) $@.$(SOVERSION)
	ln -sf $(@F).$(SOVERSION) $@

# Those with other allocators where these are installed.
have = $(if $(wildcard /usr/include/$(1) /usr/local/include/$(1)),$(B)/$(2))
has_mimalloc_2 := $(shell printf '\043include <mimalloc.h>\n\043if MI_MALLOC_VERSION >= 300\n\043error\n\043endif\n' | \
	$(CC) -E - > /dev/null 2>&1 && echo yes)
on_allocators := $(if $(has_mimalloc_2),$(B)/on_mimalloc) $(call have,sqlite3.h,on_sqlite) \
	$(call have,jemalloc/jemalloc.h,on_jemalloc)
on_glib := $(call have,glib-2.0/glib.h,querymap_glib) $(call have,glib-2.0/glib.h,groupmerge_glib)
static_examples := $(addprefix $(B)/,hello wordcount querymap groupmerge)

.PHONY: examples
examples: $(static_examples) $(on_allocators) $(on_glib)

# Static, so that the same file runs here and in the virtual machine.
$(static_examples): $(B)/%: examples/%.c examples/twins.h $(B)/libarena.a $(headers)
	$(CC) $(ALL_CFLAGS) -static $< $(B)/libarena.a -o $@

$(B)/%_glib: examples/%_glib.c examples/twins.h Makefile
	$(CC) $(ALL_CFLAGS) $$(pkg-config --cflags glib-2.0) $< \
		$$(pkg-config --libs glib-2.0) -o $@

# Not static, since not all of these libraries can be had for that.
$(B)/on_sqlite: other := sqlite3
$(B)/on_%: examples/on_%.c $(B)/libarena.a $(headers)
	$(CC) $(ALL_CFLAGS) $< $(B)/libarena.a -l$(or $(other),$*) -o $@

# --- the module --------------------------------------------------------------

.PHONY: modules modules_install module-index
modules modules_install: kernel-headers
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH=$(DESTDIR) $@
	$(if $(filter modules_install,$@),$(if $(DESTDIR),,$(MAKE) module-index))

# So that modprobe finds it. Kbuild leaves this out where there is no System.map beside
# the headers, as Debian's have none.
DEPMOD ?= $(or $(shell command -v depmod),/sbin/depmod)
module-index:
	$(DEPMOD) "$$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)"

# For a kernel of selftests/vm/fetch, from a copy of the sources, so that
# modules for several kernels do not get into each other's way. Always with the same flags, so
# that one build serves all stages; on the debug kernel gcov counts what tests run.
KERNEL ?= kernel-6.1
kernel_flags = W=1 $(if $(findstring -debug,$(KERNEL)),GCOV_PROFILE=y)
INTO ?= $(B)/$(KERNEL)
kmod_sources := $(filter-out %.mod.c,$(wildcard kmod/Kbuild kmod/*.[ch]))
kunit_sources := $(wildcard kmod/tests/*.[ch])

.PHONY: vm-module vm-sources vm-objects
vm-sources:
	@for file in Kbuild $(kmod_sources) $(kunit_sources) $(wildcard uapi/linux/*.h); do \
		cmp -s $$file $(INTO)/$$file || install -D -m 644 $$file $(INTO)/$$file || exit; \
	done
	@cd $(INTO) && for file in kmod/*.[ch] kmod/tests/*.[ch] uapi/linux/*.h; do \
		[ -e $(CURDIR)/$$file ] || case $$file in *.mod.c) ;; *) rm -f $$file ;; esac; \
	done

# An object that was made with a warning would pass for a good one the next time.
vm-objects:
	+@selftests/vm/kbuild $(KERNEL) $(INTO) \
		CONFIG_DEBUG_INFO_BTF_MODULES= KCFLAGS=-Werror $(kernel_flags)

# One at a time: stages that run side by side share the folder.
vm-module:
	@mkdir -p $(INTO)
	+@flock $(INTO)/lock $(MAKE) --no-print-directory vm-sources vm-objects \
		KERNEL=$(KERNEL) INTO=$(INTO)

.PHONY: kernel-headers
kernel-headers:
	@[ -e '$(KDIR)/Makefile' ] || { \
		echo 'No kernel to build for in KDIR=$(KDIR).'; \
		echo "On Debian: apt install linux-headers-$$(uname -r)"; \
		exit 1; } >&2

# --- installing --------------------------------------------------------------

# "PAGE NAME" for each name that a page has.
names_of_pages = awk '/^\.Dt / { page = tolower($$2) } /^\.Nd / { nextfile } \
	/^\.Nm / { print page, $$2 }'

.PHONY: install
install: lib
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig \
		$(DESTDIR)$(PREFIX)/include/arena \
		$(DESTDIR)$(PREFIX)/include/linux
	install -m 644 $(B)/libarena.a $(DESTDIR)$(PREFIX)/lib/
	for so in libarena.so libarena-ffi.so; do \
		install -m 644 $(B)/$$so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/ && \
		ln -sf $$so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/$$so.$(SOVERSION) && \
		ln -sf $$so.$(SOVERSION) $(DESTDIR)$(PREFIX)/lib/$$so || exit; \
	done
	install -m 644 userlib/include/arena/*.h userlib/include/arena/*.hpp \
		$(DESTDIR)$(PREFIX)/include/arena/
	install -m 644 uapi/linux/arena.h $(DESTDIR)$(PREFIX)/include/linux/
	for page in Documentation/man/*.[347]; do \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page || \
			exit; \
	done
	$(names_of_pages) Documentation/man/*.3 | while read -r page name; do \
		[ $$page = $$name ] || echo ".so man3/$$page.3" \
			> $(DESTDIR)$(PREFIX)/share/man/man3/$$name.3 || exit; \
	done
	for name in libarena libarena-ffi; do \
		sed "s|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@NAME@|$$name|; \
			s|@LIB@|$${name#lib}|" userlib/libarena.pc.in \
			> $(DESTDIR)$(PREFIX)/lib/pkgconfig/$$name.pc || exit; \
	done
	[ -n '$(DESTDIR)' ] || [ "$$(id -u)" != 0 ] || ldconfig

# --- demo and tests ----------------------------------------------------------

.PHONY: deps
deps:
	@tools/install-deps

.PHONY: demo
demo: deps
	@selftests/vm/demo $(FILES)

# What each of them runs, the longest first, and which packages it needs.
checks := check $(addprefix check-,static sanitizers fuzzers coverage host vm kernels debug memory \
	leaks storm fuzz races mutants bench all loaded rotation)
all_groups = analyzers bench kernel report sanitizers statistics
all_stages = kernel-7.2-debug storm-7.2-debug memory-7.2-debug mutants-1of2 mutants-2of2 \
	sanitizers fuzz-600 memory-6.12 memory-6.1 coverage-6.12 races leaks-6.12 kernel-6.12 kernel-7.3 \
	library-6.12 kernel-6.1 library-6.1 builds static fuzzers bench tools host
check: STAGES = library-6.1 kernel-6.1 tools host
check: DEPS = report
check-static: STAGES = static
check-static: DEPS = analyzers
check-sanitizers: STAGES = sanitizers
check-sanitizers: DEPS = sanitizers
check-fuzzers: STAGES = fuzzers
check-fuzzers: DEPS = sanitizers
check-fuzzers: export SEED := $(SEED)
check-coverage: STAGES = coverage-6.12
check-host: STAGES = host tools
check-host: DEPS = report
check-vm: STAGES = library-6.1 kernel-6.1
check-kernels: STAGES = kernel-7.2-debug kernel-7.3 kernel-6.12 library-6.12 kernel-6.1 library-6.1 builds
check-kernels: DEPS = kernel
check-debug: STAGES = kernel-7.2-debug
check-debug: DEPS = kernel
check-memory: STAGES = memory-7.2-debug memory-6.12 memory-6.1
check-memory: DEPS = kernel
check-leaks: STAGES = leaks-6.12
check-leaks: export ARENA_LEAKS_GIB ?= 64
check-storm: STAGES = storm-7.2-debug
check-storm: DEPS = kernel
check-storm: export ARENA_STORM_KILLS ?= 10000
check-fuzz: STAGES = fuzz-600
check-fuzz: DEPS = kernel
check-fuzz: export SEED := $(SEED)
check-races: STAGES = races
check-races: DEPS = kernel
check-mutants: STAGES = mutants-1of2 mutants-2of2
check-mutants: DEPS = kernel
check-bench: STAGES = bench
check-bench: DEPS = bench report statistics
check-all: STAGES = $(all_stages)
check-all: DEPS = $(all_groups)
check-all: export ARENA_LEAKS_GIB ?= 64
check-all: export ARENA_STORM_KILLS ?= 10000
# As much as is kept in the rotation, with something else to do for each CPU.
check-loaded: STAGES = $(all_stages:fuzz-600=fuzz-60)
check-loaded: DEPS = $(all_groups)
check-loaded: OPTIONS = -l
# The rest of a CI run after "make check", in BUDGET seconds.
BUDGET ?= 2000
check-rotation: STAGES = kernel-7.2-debug changed-mutants-1of2 changed-mutants-2of2 static
check-rotation: DEPS = $(all_groups)
check-rotation: OPTIONS = -a -b $(BUDGET)
.PHONY: check-deps
check-deps:
	@tools/install-deps $(all_groups)

.PHONY: $(checks)
$(checks):
	@tools/install-deps $(DEPS)
	@selftests/check $(OPTIONS) $(STAGES)

# The table in Documentation/testing.rst, made of the last run of each stage on this machine.
.PHONY: check-times
check-times: SHELL = /bin/bash
check-times:
	@. selftests/records.sh && { echo; selftests/times rst=1 $$records/times; echo; } > $(B)/times.rst
	@sed -i -e '/^.. The table begins/r $(B)/times.rst' \
		-e '/^.. The table begins/,/^.. The table ends/{//!d}' Documentation/testing.rst

.PHONY: coverage
coverage: check-debug
	@echo 'Lines that no test ran:'
	@cat $(B)/kernel-7.2-debug/coverage/missed

# The benchmarks.
include bench/bench.mk

# The way a kernel's kselftest does it, with a kernel's own files for that.
kselftest = $(MAKE) -C selftests KSRC="$$(selftests/vm/fetch source-6.12)"

.PHONY: selftests
selftests: $(B)/libarena.a
	@mkdir -p $(B)/selftests
	+@$(kselftest) OUTPUT=$(abspath $(B)/selftests) LIBARENA=$(abspath $<) USERLDFLAGS=-static

# The library's, for those that look over a program's shoulder: a folder for each, and in
# that a library.
lib_tests := $(shell sed -n 's/^LIB_TESTS := //p' selftests/Makefile)
sanitizers := asan msan tsan valgrind
$(B)/asan: checked = -fsanitize=address,undefined -fno-sanitize-recover=all
$(B)/msan: checked = -fsanitize=memory -fno-omit-frame-pointer
$(B)/msan: CC = clang
$(B)/tsan: checked = -fsanitize=thread
$(B)/valgrind: checked = -O1

.PHONY: sanitized $(addprefix $(B)/,$(sanitizers))
sanitized: $(addprefix $(B)/,$(sanitizers))
$(addprefix $(B)/,$(sanitizers)):
	+@$(MAKE) B=$@/library CC='$(CC)' CFLAGS='-O2 -g $(checked)' $@/library/libarena.a
	+@$(kselftest) OUTPUT=$(abspath $@) $(addprefix $(abspath $@)/,$(lib_tests)) \
		LIBARENA=$(abspath $@/library/libarena.a) CC='$(CC)' USERCFLAGS='$(checked)'

# libFuzzer's, which sees what the library does; and maps without vector instructions, too.
fuzzers := $(addprefix $(B)/fuzz/,fuzz_query fuzz_map fuzz_map_portable)
$(B)/fuzz/fuzz_map_portable: source := fuzz_map
$(B)/fuzz/fuzz_map_portable: flags := -DARENA_PORTABLE_GROUPS
.PHONY: fuzzers
fuzzers: $(fuzzers)
$(fuzzers): $(wildcard selftests/fuzz_*.[ch] selftests/query_model.h userlib/src/*.c) \
	$(headers) Makefile
	@mkdir -p $(@D)
	clang $(ALL_CFLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(flags) \
		selftests/$(or $(source),$(@F)).c userlib/src/*.c -o $@

# The library with gcov, and its tests. gcov finds sources by the names they had here.
gcov_objs := $(patsubst %.c,$(B)/gcov/%.o,$(wildcard userlib/src/*.c))
$(B)/gcov/userlib/src/%.o: userlib/src/%.c $(headers) Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -O0 --coverage -c $(abspath $<) -o $@

$(B)/gcov/libarena.a: $(gcov_objs)
	$(AR) rcs $@ $^

.PHONY: $(B)/gcov/tests
$(B)/gcov/tests: $(B)/gcov/libarena.a
	+@$(kselftest) OUTPUT=$(abspath $(B)/gcov) $(addprefix $(abspath $(B)/gcov)/,$(lib_tests)) \
		LIBARENA="$(abspath $<) gcov_exit.c $$($(CC) -print-file-name=libgcov.a)" \
		USERLDFLAGS="-static -Wl,--wrap=_exit,--wrap=abort"

.PHONY: clean
clean:
	rm -rf $(B)
	[ ! -e '$(KDIR)/Makefile' ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean
