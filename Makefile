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
test_programs := $(patsubst selftests/%.c,$(B)/selftests/%,$(wildcard selftests/*.c))

.PHONY: all
all: lib examples modules

.PHONY: help
help:
	@echo 'For a first look (what is missing is installed, on Debian 12):'
	@echo '  demo             count words on the module in a virtual machine;'
	@echo '                   FILES="a b" for files and folders of your own'
	@echo '  check            build everything and run all tests'
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
	@echo 'Parts of check:'
	@echo '  check-static     the module without warnings, sparse, checkpatch'
	@echo '  check-host       the library here, on anonymous memory'
	@echo '  check-vm         the module and the library in a virtual machine'
	@echo
	@echo 'More:'
	@echo '  check-kernels    the same as check-vm, on stock 6.1 and 6.12'
	@echo '  check-debug      KUnit and the same on a debug kernel, 7.2; builds it'
	@echo '                   if it is not there (10 minutes)'

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
kunit_sources := $(wildcard kmod/tests/*.c)

.PHONY: vm-module
vm-module:
	@mkdir -p $(INTO)/kmod/tests $(INTO)/uapi/linux
	@cp -pu Kbuild $(INTO)/
	@cp -pu $(kmod_sources) $(INTO)/kmod/
	@cp -pu $(kunit_sources) $(INTO)/kmod/tests/
	@cp -pu uapi/linux/*.h $(INTO)/uapi/linux/
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

.PHONY: check check-static check-host check-vm check-kernels
check: STAGES = static host kernel-6.1
check-static: STAGES = static
check-host: STAGES = host
check-vm: STAGES = kernel-6.1
check-kernels: STAGES = kernel-6.1 kernel-6.12
check check-static check-host check-vm check-kernels: deps
	@selftests/check $(STAGES)

.PHONY: check-debug
check-debug:
	@tools/install-deps kernel
	@selftests/check kernel-7.2-debug

# The kselftest harness comes from the kernel source package.
.PHONY: selftests
selftests: $(test_programs) examples

$(B)/selftests/%: selftests/%.c selftests/arena_test.h $(B)/libarena.a $(headers)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -static -pthread \
		-isystem "$$(selftests/vm/fetch source-6.1)/tools/testing/selftests" \
		$< $(B)/libarena.a -o $@

.PHONY: clean
clean:
	rm -rf $(B)
	[ ! -e '$(KDIR)/Makefile' ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean
