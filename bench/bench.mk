# SPDX-License-Identifier: GPL-2.0-only
#
# The benchmarks, included by the top-level Makefile; "make help" lists the targets.

# The compiler and its flags: rebuild when they change, because the figures depend on them.
$(B)/bench/flags: force
	@mkdir -p $(@D)
	@echo '$(CC) $(CXX) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CXX) $(ALL_CFLAGS)' > $@
.PHONY: force
force:

# Linked statically, for the virtual machine.
$(B)/bench/%: bench/%.c selftests/arena_test.h $(headers) bench/bench.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Iselftests -static $(filter %.c %.a,$^) -o $@

$(B)/bench/kernel/paths: $(wildcard bench/kernel/*.[ch]) selftests/arena_test.h \
		$(B)/libarena.a $(headers) bench/bench.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wmissing-prototypes -Iselftests -static -pthread \
		$(filter %.c %.a,$^) -o $@

.PHONY: bench-kernel bench-host-kernel
bench-kernel:
	@tools/install-deps statistics
	@bench/kernel/run $(if $(filter command line,$(origin KERNEL)),-k $(KERNEL)) \
		$(if $(PARAMETERS),-p '$(PARAMETERS)') $(if $(SEED),-s '$(SEED)') \
		$(if $(QUICK),-q)

bench-host-kernel: $(B)/bench/kernel/paths
	@bench/kernel/host $(if $(CPU),-c '$(CPU)') $(if $(SEED),-s '$(SEED)') \
		$(if $(QUICK),-q)

# A worker for each peer: its header in bench/native/peers/, and the shared libraries of
# Debian's packages that it is linked with.
native := arena glibc jemalloc mimalloc tcmalloc memkind glib miheap obstack apr talloc pmr \
	bumpalo pointer register streaming
$(B)/bench/native/%: header = $(@F)
$(B)/bench/native/arena: libs = -L$(B) -larena -Wl,-rpath,$(abspath $(B))
$(B)/bench/native/arena: $(B)/libarena.so
$(addprefix $(B)/bench/native/,glibc jemalloc mimalloc tcmalloc memkind glib): header = malloc
$(B)/bench/native/jemalloc: libs = -DJEMALLOC -ljemalloc
$(B)/bench/native/mimalloc: libs = -DMIMALLOC -lmimalloc
$(B)/bench/native/tcmalloc: libs = -DTCMALLOC -ltcmalloc
$(B)/bench/native/memkind: libs = -DMEMKIND -lmemkind
$(B)/bench/native/glib: libs = -DGLIB $(shell pkg-config --cflags --libs glib-2.0)
$(B)/bench/native/miheap: libs = -lmimalloc
$(B)/bench/native/apr: libs = $(shell pkg-config --cflags --libs apr-1)
$(B)/bench/native/talloc: libs = -ltalloc
$(addprefix $(B)/bench/native/,pointer register streaming): header = limit
$(B)/bench/native/register: libs = -DIN_REGISTER
$(B)/bench/native/streaming: libs = -DSTREAMING

$(addprefix $(B)/bench/native/,$(filter-out pmr bumpalo,$(native))): $(B)/bench/native/%: \
		bench/native/worker.c bench/native/trace.h $(wildcard bench/native/peers/*) \
		$(headers) $(B)/bench/flags bench/bench.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -DPEER='"peers/$(header).h"' $< $(libs) -pthread -o $@

$(B)/bench/native/pmr: bench/native/worker.c bench/native/trace.h \
		bench/native/peers/pmr.h $(B)/bench/flags bench/bench.mk
	@mkdir -p $(@D)
	$(CXX) -std=gnu++17 -Wall -Wextra $(CFLAGS) -DPEER='"peers/pmr.h"' -x c++ $< -pthread -o $@

# Use Debian's compiler, even if another one is in PATH, with Debian's bumpalo sources.
RUSTC ?= /usr/bin/rustc
$(B)/bench/native/bumpalo: bench/native/worker.rs bench/bench.mk
	@mkdir -p $(@D)
	$(RUSTC) --edition 2018 --cfg 'feature="collections"' --cap-lints allow --crate-type rlib \
		--crate-name bumpalo -C opt-level=3 --out-dir $(@D) \
		$$(dpkg-query -L librust-bumpalo-dev | grep '/src/lib\.rs$$')
	$(RUSTC) --edition 2021 -C opt-level=3 -L $(@D) $< -o $@

.PHONY: bench-native
bench-native:
	@tools/install-deps bench statistics
	@$(MAKE) -s $(addprefix $(B)/bench/native/,$(native))
	@bench/native/run $(if $(QUICK),-q) $(if $(SEED),-s '$(SEED)') \
		$(if $(TRACE),-t '$(TRACE)') -f '$(CFLAGS)'

# Allocators and maps; fails if either of them fails.
.PHONY: bench
bench:
	@$(MAKE) bench-native; native=$$?; echo; $(MAKE) bench-maps && exit $$native

# The plugin that the emulator loads, built for the host.
$(B)/bench/tlb/plugin.so: bench/tlb/plugin.c bench/tlb/marks.h bench/bench.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wno-unused-parameter -I"$$(selftests/vm/fetch qemu-source)" \
		$$(pkg-config --cflags glib-2.0) -fPIC -shared $< -o $@

$(B)/bench/tlb/walk: bench/tlb/marks.h

.PHONY: bench-tlb
bench-tlb:
	@tools/install-deps statistics
	@bench/tlb/run $(if $(QUICK),-q) $(if $(filter command line,$(origin KERNEL)),-k $(KERNEL))

.PHONY: bench-quick
bench-quick:
	@tools/install-deps bench statistics
	@bench/quick

# One object for each map, a program that measures their time, and one that counts their
# memory. NDEBUG, because the assertions in Abseil's headers make its map take twice as long.
maps := $(addprefix $(B)/bench/maps/,arena.o malloc.o glib.o uthash.o cxx.o keys.o)
maps_flags = -DNDEBUG -Iuserlib/include -Iuapi $(shell pkg-config --cflags glib-2.0)
maps_libs = $(shell pkg-config --libs glib-2.0 absl_flat_hash_map)
$(B)/bench/maps/cxx.o: maps_flags += -isystem $(shell selftests/vm/fetch boost-1.81)/usr/include

$(B)/bench/maps/%.o: bench/maps/%.c bench/maps/maps.h userlib/src/map.c $(headers) \
		$(B)/bench/flags bench/bench.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(maps_flags) -c $< -o $@

# C++20, because before it std::unordered_map could not look up a string without a copy.
$(B)/bench/maps/%.o: bench/maps/%.cc bench/maps/maps.h $(B)/bench/flags bench/bench.mk
	@mkdir -p $(@D)
	$(CXX) -std=gnu++20 -Wall -Wextra $(CFLAGS) $(maps_flags) -c $< -o $@

$(B)/bench/maps/speed $(B)/bench/maps/memory: %: %.o $(maps) $(B)/libarena.a
	$(CXX) $(CFLAGS) $^ $(maps_libs) -pthread -o $@

# Run both programs; fail if either of them fails.
.PHONY: bench-maps
bench-maps:
	@tools/install-deps bench statistics
	@$(MAKE) -s $(B)/bench/maps/speed $(B)/bench/maps/memory
	@bench/maps/run $(if $(QUICK),-q) $(if $(SEED),-s '$(SEED)') -f '$(CFLAGS) -DNDEBUG'; \
		speed=$$?; echo; $(B)/bench/maps/memory $(if $(QUICK),-q) && exit $$speed

# Pools of the library, on this machine; "build/bench/pool -h" describes OPTIONS=.
$(B)/bench/pool: $(B)/libarena.a

.PHONY: bench-pool
bench-pool: $(B)/bench/pool
	@$< $(OPTIONS)
	@$< -a $(OPTIONS)

# Write a page with the results of all runs.
RESULTS ?= $(wildcard $(B)/bench/*.json)
.PHONY: bench-report
bench-report:
	@tools/install-deps report
	@[ -n '$(RESULTS)' ] || { echo 'No results in $(B)/bench/.' >&2; exit 1; }
	@bench/report $(RESULTS)

