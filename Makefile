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
headers := $(wildcard userlib/include/arena/*.h userlib/src/*.h uapi/linux/*.h)
lib_objs := $(patsubst userlib/src/%.c,$(B)/lib/%.o,$(wildcard userlib/src/*.c))

.PHONY: all
all: lib examples modules

.PHONY: help
help:
	@echo 'For a first look (what is missing is installed, on Debian 12):'
	@echo '  demo             count words on the module in a virtual machine;'
	@echo '                   FILES="a b" for files and folders of your own'
	@echo '  check            the library here, the module on Debian 12'"'"'s kernel'
	@echo '  check-all        every test there is, on three kernels'
	@echo
	@echo 'Build:'
	@echo '  all              lib, examples and modules (the default)'
	@echo '  lib              libarena.a and libarena.so, in $(B)/'
	@echo '  examples         the example programs, in $(B)/'
	@echo '  modules          arena.ko for the kernel in KDIR=, in kmod/'
	@echo '  clean            remove what was built'
	@echo
	@echo 'Install (DESTDIR=, PREFIX=):'
	@echo '  install          the library and its headers'
	@echo '  modules_install  the module'
	@echo
	@echo 'Parts of check-all:'
	@echo '  check-static     W=1, sparse, coccinelle, checkpatch; cppcheck, ASan and'
	@echo '                   UBSan for the library'
	@echo '  check-host       the library here, on anonymous memory'
	@echo '  check-vm         module and library on stock 6.1, in a virtual machine'
	@echo '  check-kernels    the same on 6.1, 6.12 and the debug 7.2'
	@echo '  check-debug      the latter alone: KUnit, fault injection, KASAN, lockdep,'
	@echo '                   kmemleak, coverage'
	@echo '  check-leaks      64 GiB of blocks, lost in every way, and who gets them next'
	@echo '  check-storm      10,000 times kill -9, on the debug kernel: longer than in'
	@echo '                   check-all, which does a tenth'
	@echo '  check-fuzz       random calls for ten minutes on the debug 7.2; SEED= makes those'
	@echo '                   of a run before (check-all has one minute of it)'
	@echo '  check-mutants    plant defects, one by one, and see each of them caught'
	@echo
	@echo 'More:'
	@echo '  coverage         check-debug, and each line that no test ran'
	@echo '  check-races      the same on a 7.2 with KCSAN'
	@echo '  bench-kernel     64 MiB of an arena beside 4 KiB pages, THP and hugetlbfs, in'
	@echo '                   instructions; KERNEL=, PARAMETERS= of the module'

# --- userspace ---------------------------------------------------------------

.PHONY: lib
lib: $(B)/libarena.a $(B)/libarena.so

$(B)/lib/%.o: userlib/src/%.c $(headers) Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wmissing-prototypes -fPIC -c $< -o $@

$(B)/libarena.a: $(lib_objs)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/libarena.so: $(lib_objs) userlib/libarena.map
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libarena.so.$(SOVERSION) \
		-Wl,--version-script=userlib/libarena.map \
		-o $@.$(VERSION) $(lib_objs)
	ln -sf libarena.so.$(VERSION) $@.$(SOVERSION)
	ln -sf libarena.so.$(SOVERSION) $@

.PHONY: examples
examples: $(B)/wordcount $(B)/hello

# Static, so that the same file runs here and in the virtual machine.
$(B)/hello $(B)/wordcount: $(B)/%: examples/%.c $(B)/libarena.a $(headers)
	$(CC) $(ALL_CFLAGS) -static $< $(B)/libarena.a -o $@

# --- the module --------------------------------------------------------------

.PHONY: modules modules_install
modules modules_install: kernel-headers
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH=$(DESTDIR) $@

# For a kernel of selftests/vm/fetch, from a copy of the sources, so that
# modules for several kernels do not get into each other's way.
KERNEL ?= kernel-6.1
INTO ?= $(B)/$(KERNEL)
kmod_sources := $(filter-out %.mod.c,$(wildcard kmod/Kbuild kmod/*.[ch]))
kunit_sources := $(wildcard kmod/tests/*.[ch])

.PHONY: vm-module vm-sources
vm-sources:
	@mkdir -p $(INTO)/kmod/tests $(INTO)/uapi/linux
	@cp -pu Kbuild $(INTO)/
	@cp -pu $(kmod_sources) $(INTO)/kmod/
	@cp -pu $(kunit_sources) $(INTO)/kmod/tests/
	@cp -pu uapi/linux/*.h $(INTO)/uapi/linux/

vm-module: vm-sources
	@$(MAKE) -C "$$(selftests/vm/fetch $(KERNEL))/build" \
		M="$(abspath $(INTO))" CONFIG_DEBUG_INFO_BTF_MODULES= modules

.PHONY: kernel-headers
kernel-headers:
	@[ -e '$(KDIR)/Makefile' ] || { \
		echo 'No kernel to build for in KDIR=$(KDIR).'; \
		echo "On Debian: apt install linux-headers-$$(uname -r)"; \
		exit 1; } >&2

# --- installing --------------------------------------------------------------

.PHONY: install
install: lib
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig \
		$(DESTDIR)$(PREFIX)/include/arena \
		$(DESTDIR)$(PREFIX)/include/linux
	install -m 644 $(B)/libarena.a $(DESTDIR)$(PREFIX)/lib/
	install -m 644 $(B)/libarena.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/
	ln -sf libarena.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libarena.so.$(SOVERSION)
	ln -sf libarena.so.$(SOVERSION) $(DESTDIR)$(PREFIX)/lib/libarena.so
	install -m 644 userlib/include/arena/*.h $(DESTDIR)$(PREFIX)/include/arena/
	install -m 644 uapi/linux/arena.h $(DESTDIR)$(PREFIX)/include/linux/
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' userlib/libarena.pc.in \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/libarena.pc
	[ -n '$(DESTDIR)' ] || [ "$$(id -u)" != 0 ] || ldconfig

# --- demo and tests ----------------------------------------------------------

.PHONY: deps
deps:
	@tools/install-deps

.PHONY: demo
demo: deps
	@selftests/vm/demo $(FILES)

# What each of them runs, the longest first, and which packages it needs.
checks := check $(addprefix check-,static host vm kernels debug memory leaks storm fuzz \
	races mutants all)
check: STAGES = kernel-6.1 host
check-static: STAGES = static
check-static: DEPS = analyzers
check-host: STAGES = host
check-vm: STAGES = kernel-6.1
check-kernels: STAGES = kernel-7.2-debug kernel-6.12 kernel-6.1
check-kernels: DEPS = kernel
check-debug: STAGES = kernel-7.2-debug
check-debug: DEPS = kernel
check-memory: STAGES = memory-7.2-debug memory-6.12 memory-6.1
check-memory: DEPS = kernel
check-leaks: STAGES = leaks-6.12
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
check-all: STAGES = kernel-7.2-debug mutants-1of4 memory-7.2-debug mutants-2of4 \
	storm-7.2-debug mutants-3of4 memory-6.12 mutants-4of4 memory-6.1 leaks-6.12 \
	fuzz-60 kernel-6.12 kernel-6.1 static host
check-all: DEPS = analyzers kernel
.PHONY: $(checks)
$(checks):
	@tools/install-deps $(DEPS)
	@selftests/check $(STAGES)

.PHONY: coverage
coverage: check-debug
	@echo 'Lines that no test ran:'
	@cat $(B)/kernel-7.2-debug/coverage/missed

# Static, for the virtual machine.
$(B)/bench/%: bench/%.c selftests/arena_test.h $(headers) Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Iselftests -static $< -o $@

.PHONY: bench-kernel
bench-kernel: deps
	@bench/kernel $(if $(filter command line,$(origin KERNEL)),-k $(KERNEL)) \
		$(if $(PARAMETERS),-p '$(PARAMETERS)')

# The way a kernel's kselftest does it, with a kernel's own files for that.
kselftest = $(MAKE) -C selftests KSRC="$$(selftests/vm/fetch source-6.12)"

.PHONY: selftests
selftests:
	@mkdir -p $(B)/selftests
	+@$(kselftest) OUTPUT=$(abspath $(B)/selftests) USERLDFLAGS=-static

.PHONY: sanitized
sanitized:
	@mkdir -p $(B)/sanitized
	+@$(kselftest) OUTPUT=$(abspath $(B)/sanitized) $(abspath $(B)/sanitized/lib) \
		USERCFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all"

.PHONY: clean
clean:
	rm -rf $(B)
	[ ! -e '$(KDIR)/Makefile' ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean
