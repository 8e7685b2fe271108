# SPDX-License-Identifier: GPL-2.0-only
#
# Entry points; "make help" lists them. Userspace objects for this machine go to build/, the
# module for this machine's kernel to kmod/.

VERSION := $(shell sed -n 's/^.define ARENA_VERSION_STRING.*"\(.*\)"/\1/p' userlib/include/arena/stats.h)
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
	@echo 'First look (these install the Debian 12 packages that are missing):'
	@echo '  demo             count words with arenas on the module, in a virtual machine;'
	@echo '                   FILES="a b" counts those in your own files and folders'
	@echo '  check            the library on this machine; library and module on the kernel'
	@echo '                   of Debian 12'
	@echo '  check-all        all stages at full length, on all kernels: about two hours'
	@echo
	@echo 'Build:'
	@echo '  all              lib, examples and modules (the default)'
	@echo '  lib              libarena.a, libarena.so and libarena-ffi.so, in $(B)/'
	@echo '  examples         the example programs, in $(B)/'
	@echo '  modules          arena.ko for the kernel in KDIR=, in kmod/'
	@echo '  clean            remove all that was built'
	@echo
	@echo 'Install (DESTDIR=, PREFIX=):'
	@echo '  install          the library, its headers and man pages'
	@echo '  modules_install  the module'
	@echo
	@echo 'Parts of check-all:'
	@echo '  check-static     W=1, sparse, coccinelle, checkpatch; cppcheck'
	@echo '  check-sanitizers the library with ASan and UBSan, MSan, TSan and Valgrind'
	@echo '  check-fuzzers    one minute of libFuzzer on query strings, maps, arrays and groups;'
	@echo '                   SEED= repeats the start of an earlier run'
	@echo '  check-coverage   line coverage of the library by its own tests, on 6.12'
	@echo '  check-host       the library on this machine, on anonymous memory'
	@echo '  check-vm         library and module on stock 6.1, in a virtual machine'
	@echo '  check-kernels    the same on 6.1 and 6.12, and the module on 7.3 and the debug 7.2'
	@echo '  check-debug      the module on the debug 7.2: KUnit, fault injection, KASAN, lockdep,'
	@echo '                   kmemleak, coverage'
	@echo '  check-memory     full, aged and fragmented memory, on 6.1, 6.12 and the debug 7.2;'
	@echo '                   four NUMA nodes'
	@echo '  check-leaks      64 GiB of blocks, lost in every way: their next owner must see zeros'
	@echo '  check-storm      10,000 processes killed at random times, on the debug kernel'
	@echo '  check-fuzz       ten minutes of random calls on the debug 7.2; SEED= repeats the'
	@echo '                   calls of an earlier run'
	@echo '  check-races      the module on a 7.2 with KCSAN'
	@echo '  check-mutants    plant defects one at a time; a test must catch each of them'
	@echo '  check-bench      run each benchmark briefly, to see that it works'
	@echo
	@echo 'For CI:'
	@echo '  check-rotation   after check: the debug kernel, the static checks and the mutants'
	@echo '                   that the last change affects; then as many other stages as fit in'
	@echo '                   BUDGET= seconds, those that ran longest ago first'
	@echo '  check-loaded     all stages with a busy loop on each CPU, to show that no test'
	@echo '                   depends on the speed of the machine; STAGES= selects some'
	@echo
	@echo 'More:'
	@echo '  coverage         check-debug, then the lines that no test ran'
	@echo '  check-times      update the table of run times in Documentation/testing.rst from'
	@echo '                   the last run of each stage on this machine'
	@echo '  bench-kernel     arenas compared with 4 KiB pages, THP, hugetlbfs and memfds:'
	@echo '                   kernel time in instructions; KERNEL=, PARAMETERS= of the module,'
	@echo '                   SEED=; QUICK=1 only tests that it works'
	@echo '  bench-host-kernel  the same in nanoseconds, as root on a machine where the module'
	@echo '                   is loaded; CPU=, SEED=, QUICK=1'
	@echo '  bench            the library compared with other allocators and arenas, on this'
	@echo '                   machine; includes bench-maps'
	@echo '  bench-quick      test in two minutes that these benchmarks work; prints no results'
	@echo '  bench-maps       maps in arenas compared with those of GLib, uthash and C++: time and'
	@echo '                   memory; QUICK=1 only tests that they agree; SEED='
	@echo '  bench-tlb        misses of a modelled TLB, for random accesses in an arena and in'
	@echo '                   4 KiB pages, THP and hugetlbfs; QUICK=1 uses only 64 MiB; KERNEL='
	@echo '  bench-pool       a pool of arenas under bursts and under rare huge requests;'
	@echo '                   OPTIONS=, see build/bench/pool -h'
	@echo '  bench-report     make Documentation/benchmarks.rst and its pictures from'
	@echo '                   build/bench/*.json; RESULTS= selects other files'

# --- userspace ---------------------------------------------------------------

.PHONY: lib
lib: $(B)/libarena.a $(B)/libarena.so $(B)/libarena-ffi.so

$(B)/lib/%.o: userlib/src/%.c $(headers) Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wmissing-prototypes -fPIC -fno-semantic-interposition -c $< -o $@

# An archive can't hide what its objects share with each other. So that no program has the
# same names, these begin with __ there; but not in objects for link-time optimization, which
# objcopy can't rename.
NM ?= nm
OBJCOPY ?= objcopy
$(B)/lib/internal: $(lib_objs) userlib/libarena.map
	$(NM) -g --defined-only $(lib_objs) | awk 'NR == FNR { sub(/;/, ""); public[$$1]; next } \
		NF == 3 && $$3 ~ /^arena_/ && !($$3 in public) { print $$3, "__" $$3 }' userlib/libarena.map - | sort -u > $@

$(B)/libarena.a: $(lib_objs) $(B)/lib/internal
	rm -rf $@ $(B)/lib/static
	mkdir -p $(B)/lib/static
	for object in $(notdir $(lib_objs)); do \
		$(OBJCOPY) --redefine-syms=$(B)/lib/internal $(B)/lib/$$object \
			$(B)/lib/static/$$object 2> /dev/null || \
			cp $(B)/lib/$$object $(B)/lib/static || exit; \
	done
	$(AR) rcs $@ $(addprefix $(B)/lib/static/,$(notdir $(lib_objs)))

$(B)/lib/ffi.o: userlib/ffi/ffi.c $(headers) Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -c $< -o $@

# libarena.so is for C and C++; libarena-ffi.so also exports the inline functions.
$(B)/libarena.so: $(lib_objs) userlib/libarena.map
$(B)/libarena-ffi.so: $(lib_objs) $(B)/lib/ffi.o userlib/libarena.map userlib/libarena-ffi.map

$(B)/libarena.so $(B)/libarena-ffi.so:
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-z,nodelete,-Bsymbolic-functions \
		-Wl,-soname,$(@F).$(SOVERSION) \
		$(addprefix -Wl$(comma)--version-script=,$(filter %.map,$^)) \
		-o $@.$(VERSION) $(filter %.o,$^)
	ln -sf $(@F).$(VERSION) $@.$(SOVERSION)
	ln -sf $(@F).$(SOVERSION) $@

# Examples that need another library are built only if that library is installed.
have = $(if $(wildcard /usr/include/$(1) /usr/local/include/$(1)),$(B)/$(2))
has_mimalloc_2 := $(shell printf '\043include <mimalloc.h>\n\043if MI_MALLOC_VERSION >= 300\n\043error\n\043endif\n' | \
	$(CC) -E - > /dev/null 2>&1 && echo yes)
on_allocators := $(if $(has_mimalloc_2),$(B)/on_mimalloc) $(call have,sqlite3.h,on_sqlite) \
	$(call have,jemalloc/jemalloc.h,on_jemalloc)
on_glib := $(call have,glib-2.0/glib.h,querymap_glib) $(call have,glib-2.0/glib.h,groupmerge_glib)
static_examples := $(addprefix $(B)/,hello wordcount querymap groupmerge)

.PHONY: examples
examples: $(static_examples) $(on_allocators) $(on_glib)

# Linked statically, so that the same file runs on the host and in the virtual machine.
$(static_examples): $(B)/%: examples/%.c examples/twins.h $(B)/libarena.a $(headers)
	$(CC) $(ALL_CFLAGS) -static $< $(B)/libarena.a -o $@

$(B)/%_glib: examples/%_glib.c examples/twins.h Makefile
	$(CC) $(ALL_CFLAGS) $$(pkg-config --cflags glib-2.0) $< \
		$$(pkg-config --libs glib-2.0) -o $@

# Linked dynamically, since not all of these libraries have a static version.
$(B)/on_sqlite: other := sqlite3
$(B)/on_%: examples/on_%.c $(B)/libarena.a $(headers)
	$(CC) $(ALL_CFLAGS) $< $(B)/libarena.a -l$(or $(other),$*) -o $@

# --- the module --------------------------------------------------------------

.PHONY: modules modules_install module-index
modules modules_install: kernel-headers
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH=$(DESTDIR) $@
	$(if $(filter modules_install,$@),$(if $(DESTDIR),,$(MAKE) module-index))

# Update the module index, so that modprobe finds arena.ko. Kbuild does not run depmod if
# there is no System.map beside the headers; Debian's headers have none.
DEPMOD ?= $(or $(shell command -v depmod),/sbin/depmod)
module-index:
	$(DEPMOD) "$$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)"

# Build the module for a kernel of selftests/vm/fetch from a copy of the sources, so that
# builds for several kernels do not interfere. The flags are always the same, so that one
# build serves all stages. On the debug kernel, gcov counts the lines that tests run.
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

# -Werror, since an object compiled with a warning would pass as a good one in the next
# build.
vm-objects:
	+@selftests/vm/kbuild $(KERNEL) $(INTO) \
		CONFIG_DEBUG_INFO_BTF_MODULES= KCFLAGS=-Werror $(kernel_flags)

# Take a lock, since stages that run in parallel share the folder.
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

# Print "PAGE NAME" for each name that a page documents.
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

# For each check, the stages that it runs, longest first, and the packages that it needs.
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
# The fuzz stage is as short as in the rotation. Option -l keeps each CPU busy.
check-loaded: STAGES = $(all_stages:fuzz-600=fuzz-60)
check-loaded: DEPS = $(all_groups)
check-loaded: OPTIONS = -l
# The rest of a CI run after "make check", limited to BUDGET seconds.
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

# Update the table in Documentation/testing.rst from the last run of each stage on this
# machine.
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

# Build the tests as a kernel's kselftest does, with kselftest's own files.
kselftest = $(MAKE) -C selftests KSRC="$$(selftests/vm/fetch source-6.12)"

.PHONY: selftests
selftests: $(B)/libarena.a
	@mkdir -p $(B)/selftests
	+@$(kselftest) OUTPUT=$(abspath $(B)/selftests) LIBARENA=$(abspath $<) USERLDFLAGS=-static

# The library's tests, built for each sanitizer and for Valgrind; each has its own folder
# with its own copy of the library.
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

# libFuzzer programs, linked with an instrumented library. fuzz_map_portable tests maps
# without vector instructions.
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

# The library and its tests with gcov. Sources are compiled by absolute path, since gcov
# looks for them under the names they had at compile time.
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
