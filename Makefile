# Wasmxds: Proxy-Wasm filters for fleets of Envoy.
#
#   make            the program, build/release/wasmxds
#   make demo       a filter at work in a real Envoy, on this machine; sets up what it needs
#   make run        the same, standing until Ctrl-C
#   make test       every test; sets up what it needs
#   make check      the quick part: layers, banned calls, format, unit tests, replayed corpora
#   make e2e        end-to-end tests with a real Envoy, registries and an object store
#   make vectors    AWS signatures against the published test vectors
#   make asan       unit tests and corpora under AddressSanitizer and UBSan
#   make tsan       unit tests under ThreadSanitizer
#   make fuzz       each fuzz target for FUZZ_SECONDS (default 60) with libFuzzer
#   make load       the bench's load client against the program under ASan and under TSan
#   make soak       everything together for SOAK_MINUTES (30) while it fails in turn; SOAK_JSON=FILE
#   make bench      wasmxds beside go-control-plane and skopeo; BENCH_JSON=FILE writes the figures
#   make tidy       clang-tidy over every file
#   make analyze    gcc -fanalyzer over every file
#   make format     formats the tree; format-check only looks
#   make layers     holds the include table below
#   make range RANGE=main..   builds and checks each commit of a range
#   make image      a container image as an OCI layout, build/image, with no engine; and its SBOM
#   make install    to DESTDIR and PREFIX (default /usr/local), with manual pages and completions
#   make setup      installs the packages that building and testing need (root or sudo)
#   make clean      removes build/; distclean removes the downloads in .cache/ too
#
# Variables: V=1 shows commands; WERROR= lets warnings pass; CC, CFLAGS, LDFLAGS add to ours.

VARIANT ?= release
B := build/$(VARIANT)
PREFIX ?= /usr/local
SHARE = $(PREFIX)/share
FUZZ_SECONDS ?= 60
WERROR ?= -Werror
Q := $(if $(V),,@)
PYTHON ?= /usr/bin/python3

empty :=
space := $(empty) $(empty)

# The include table: what each folder may use beside itself.
MODULES := base api wasm fetch proto artifact store kube http controller webhook xds cli
USES.base :=
USES.api := base
USES.wasm := base
USES.fetch := base wasm
USES.proto := base
USES.artifact := base api wasm proto store
USES.store := base proto
USES.kube := base api
USES.controller := base api kube fetch artifact store http
USES.http := base
USES.webhook := base http api wasm fetch kube
USES.xds := base store proto http
USES.cli := base http api kube wasm fetch artifact store controller webhook xds

PROTOS := $(wildcard proto/*.proto)
SOURCES := $(wildcard $(MODULES:=/*.c))
OBJECTS := $(SOURCES:%.c=$(B)/%.o) $(PROTOS:%.proto=$(B)/%.pb-c.o)
UNITS := $(wildcard tests/unit/test_*.c)
UNIT_BINS := $(UNITS:%.c=$(B)/%)
FUZZERS := $(wildcard tests/fuzz/fuzz_*.c)
REPLAY_BINS := $(FUZZERS:%.c=$(B)/%)
HELPERS := $(filter-out $(UNITS),$(wildcard tests/unit/*.c))
HELPER_OBJECTS := $(HELPERS:%.c=$(B)/%.o)
TOOLS := $(wildcard tests/tools/*.c)
TOOL_BINS := $(TOOLS:%.c=$(B)/%)

LIBS := libmicrohttpd libcurl gnutls libprotobuf-c libcjson yaml-0.1
# Loaded where they are needed (base/library.h), by the names that a linker would have noted.
soname = $(shell objdump -p "$$($(CC) -print-file-name=$(1).so)" 2>/dev/null | sed -n 's/^ *SONAME *//p')
PKG_CFLAGS := $(shell pkg-config --cflags grpc libarchive $(LIBS) 2>/dev/null) \
	-DGRPC_SONAME='"$(call soname,libgrpc)"' -DARCHIVE_SONAME='"$(call soname,libarchive)"'
PKG_LIBS := $(shell pkg-config --libs $(LIBS) 2>/dev/null)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wformat=2 -Wvla -Wcast-qual -Wwrite-strings -Wundef \
	-Wpointer-arith -Wimplicit-fallthrough -Wconversion -Wswitch-enum -Wnull-dereference \
	-Wdouble-promotion $(WERROR)
HARDEN := -fstack-protector-strong -fPIE
HARDEN_LD := -pie -Wl,-z,relro,-z,now

# The same program wherever the tree lies.
FLAGS.release := -O2 -D_FORTIFY_SOURCE=2 -ffile-prefix-map=$(CURDIR)=.
FLAGS.asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS.tsan := -O1 -fsanitize=thread
FLAGS.analyze := -O1 -fanalyzer
FLAGS.fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FLAGS.cover := -O0 --coverage

STD := -std=gnu17 -D_GNU_SOURCE -g -pthread -iquote . -iquote $(B)
ALL_CFLAGS = $(STD) $(FLAGS.$(VARIANT)) $(HARDEN) $(WARNINGS) $(PKG_CFLAGS) $(CFLAGS)
GENERATED_CFLAGS = $(STD) $(FLAGS.$(VARIANT)) $(HARDEN) -w $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(filter -fsanitize=% --coverage,$(FLAGS.$(VARIANT))) -pthread $(HARDEN_LD) $(LDFLAGS)

all: $(B)/wasmxds

$(B)/wasmxds: $(B)/main.o $(B)/libwasmxds.a
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/libwasmxds.a: $(OBJECTS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: %.c $(B)/.flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Generated code lies below $(B), and is included as "proto/x.pb-c.h".
$(B)/proto/%.pb-c.c $(B)/proto/%.pb-c.h &: proto/%.proto
	@mkdir -p $(@D)
	$(Q)protoc-c --c_out=$(B)/proto -Iproto $<

$(B)/proto/%.pb-c.o: $(B)/proto/%.pb-c.c $(B)/.flags
	$(Q)$(CC) $(GENERATED_CFLAGS) -MMD -MP -c -o $@ $<

# Headers that are generated must be there before the first object that may include them.
$(SOURCES:%.c=$(B)/%.o) $(B)/main.o $(HELPER_OBJECTS): | $(PROTOS:%.proto=$(B)/%.pb-c.h)

$(B)/tests/%: tests/%.c $(HELPER_OBJECTS) $(B)/libwasmxds.a $(B)/.flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(HELPER_OBJECTS) \
		$(if $(findstring /fuzz/,$@),$(FUZZ_MAIN)) $(B)/libwasmxds.a $(PKG_LIBS) -larchive -lcunit

# What the end-to-end tests run beside the program; they start it a thousand times, so it is lean.
$(B)/tests/tools/%: tests/tools/%.c $(B)/libwasmxds.a $(B)/.flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(B)/libwasmxds.a $(PKG_LIBS)

FUZZ_MAIN = $(if $(filter fuzz,$(VARIANT)),-fsanitize=fuzzer,tests/fuzz/replay.c)

$(B)/.flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' > $@

FORCE:

-include $(OBJECTS:.o=.d) $(B)/main.d $(UNIT_BINS:=.d) $(REPLAY_BINS:=.d) $(TOOL_BINS:=.d) $(HELPER_OBJECTS:.o=.d)

FILTERS := build/filters/header-filter.wasm

filters: $(FILTERS)

build/filters/%.wasm: examples/%/filter.c
	@mkdir -p $(@D)
	$(Q)clang --target=wasm32 -std=gnu17 -O2 -Wall -Wextra -Werror -ffreestanding -fno-builtin \
		-nostdlib -Wl,--no-entry -Wl,-z,stack-size=16384 -Wl,--strip-debug -o $@ $<

layers:		# an include that the table does not allow fails the build
	@$(foreach m,$(MODULES),grep -nE '^#include "' $(m)/*.[ch] /dev/null \
	  | grep -vE '#include "($(subst $(space),|,$(strip $(m) $(USES.$(m)))))/' \
	  && { echo "layers: $(m)/ may include only: $(m) $(USES.$(m))" >&2; exit 1; };) true

# Calls that are not made, wherever they would stand; exit() stands in main.c only.
BANNED := strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets|alloca|system|popen|strerror|usleep|sleep|exit
# An owner that is not set where it is declared would release what was never there.
OPEN_OWNER := AUTO\([a-z_]+\)[^=]*;
banned:
	@! grep -nE '$(OPEN_OWNER)' $(SOURCES) \
		|| { echo 'banned: an AUTO owner is declared without a value' >&2; exit 1; }
	@! grep -nE '(^|[^_[:alnum:]])($(BANNED))\(' $(SOURCES) $(wildcard $(MODULES:=/*.h)) main.c \
		$(wildcard tests/unit/*.[ch] tests/fuzz/*.c tests/tools/*.c) || { echo 'banned: see above' >&2; exit 1; }

FORMATTED := main.c $(wildcard $(MODULES:=/*.[ch]) tests/unit/*.[ch] tests/fuzz/*.[ch] tests/tools/*.c \
	examples/*/*.c)
format:
	clang-format -i $(FORMATTED)
format-check:
	@clang-format --dry-run --Werror $(FORMATTED)

unit: $(UNIT_BINS) filters
	@tests/run-each $(UNIT_BINS)

replay: $(REPLAY_BINS)
	@for bin in $(REPLAY_BINS); do name=$${bin##*/fuzz_}; \
		$$bin tests/fuzz/corpus/$$name || exit 1; done

check: layers banned format-check unit replay

asan:
	@$(MAKE) VARIANT=asan unit replay
tsan:
	@TSAN_OPTIONS="suppressions=tests/tsan.supp $$TSAN_OPTIONS" $(MAKE) VARIANT=tsan unit
analyze:
	@$(MAKE) VARIANT=analyze objects
objects: $(SOURCES:%.c=$(B)/%.o) $(B)/main.o

fuzz:
	@$(MAKE) VARIANT=fuzz CC=clang fuzz-run
fuzz-run: $(REPLAY_BINS)
	@for bin in $(REPLAY_BINS); do name=$${bin##*/fuzz_}; mkdir -p build/corpus/$$name; \
		echo "fuzz $$name"; $$bin -max_total_time=$(FUZZ_SECONDS) -max_len=65536 \
		-artifact_prefix=build/corpus/$$name- -verbosity=0 \
		build/corpus/$$name tests/fuzz/corpus/$$name || exit 1; done

# One clang-tidy for each file: several files in one process make version 14 see things.
TIDIED := $(SOURCES:%.c=build/tidy/%.ok) build/tidy/main.ok
tidy: $(TIDIED)
build/tidy/%.ok: %.c .clang-tidy $(PROTOS:%.proto=$(B)/%.pb-c.h)
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- $(STD) $(PKG_CFLAGS) >$@.log 2>&1 || { cat $@.log; exit 1; }
	@touch $@

e2e: $(B)/wasmxds filters $(TOOL_BINS)
	@"$$(tools/setup venv)/bin/python" tests/e2e/run.py $(E2E)

bench: $(B)/wasmxds filters
	@tools/setup test
	@tools="$$(tools/build-bench)" && $(PYTHON) tests/bench/run.py "$$tools"
	@$(PYTHON) tests/bench/fetch.py
	@tools="$$(tools/build-bench)" && $(PYTHON) tests/bench/webhook.py "$$tools"
	@"$$(tools/setup venv)/bin/python" tests/bench/controller.py

load: load-asan load-tsan
load-%: filters FORCE
	@tools/setup test
	@$(MAKE) VARIANT=$* build/$*/wasmxds
	@tools="$$(tools/build-bench)" && WASMXDS=build/$*/wasmxds \
		TSAN_OPTIONS="suppressions=tests/tsan.supp $$TSAN_OPTIONS" \
		$(PYTHON) tests/bench/sanitized.py "$$tools"

soak:
	@$(MAKE) --no-print-directory setup
	@$(MAKE) --no-print-directory -j$$(nproc) $(B)/wasmxds filters
	@tools="$$(tools/build-bench)" && "$$(tools/setup venv)/bin/python" tests/soak/run.py "$$tools"

# Signature Version 4 against the vectors that botocore and the aws-sigv4 crate publish.
vectors: $(B)/tests/tools/sigv4_vector
	@"$$(tools/setup venv)/bin/python" tests/e2e/sigv4_vectors.py $<

setup:
	@tools/setup test
	@tools/build-versitygw >/dev/null
	@tools/build-kube >/dev/null
	@tools/build-bench >/dev/null
	@tools/build-neighbours >/dev/null

# What a user runs does its own set-up; the tests then build with make, in parallel.
test: setup
	@tests/run

demo:
	@tools/setup demo
	@$(MAKE) --no-print-directory -j$$(nproc) $(B)/wasmxds filters
	@$(PYTHON) tools/demo
run:
	@tools/setup demo
	@$(MAKE) --no-print-directory -j$$(nproc) $(B)/wasmxds filters
	@$(PYTHON) tools/demo --stay

# Each commit of a range, built and checked alone.
range:
	@tools/range $(RANGE)

VERBS = $(shell $(B)/wasmxds --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
install: $(B)/wasmxds
	install -D -m 0755 $(B)/wasmxds $(DESTDIR)$(PREFIX)/bin/wasmxds
	@mkdir -p $(B)/share
	$(B)/wasmxds man >$(B)/share/wasmxds.1
	for verb in $(VERBS); do $(B)/wasmxds man $$verb >$(B)/share/wasmxds-$$verb.1; done
	for shell in bash zsh fish; do $(B)/wasmxds completion $$shell >$(B)/share/$$shell; done
	install -D -m 0644 -t $(DESTDIR)$(SHARE)/man/man1 $(B)/share/*.1
	install -D -m 0644 $(B)/share/bash $(DESTDIR)$(SHARE)/bash-completion/completions/wasmxds
	install -D -m 0644 $(B)/share/zsh $(DESTDIR)$(SHARE)/zsh/site-functions/_wasmxds
	install -D -m 0644 $(B)/share/fish $(DESTDIR)$(SHARE)/fish/vendor_completions.d/wasmxds.fish

image: $(B)/wasmxds
	@tools/build-image $(B)/wasmxds build/image

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

clean:
	rm -rf build
distclean: clean
	rm -rf .cache

.PHONY: all filters layers banned format format-check unit replay check asan tsan analyze objects \
	fuzz fuzz-run tidy e2e vectors load soak bench setup test demo run range image install help clean distclean FORCE
.DELETE_ON_ERROR:
