# softclose: `make help` lists what can be made.

PREFIX ?= /usr/local
# softclose looks for the shim in lib/softclose, lib/MULTIARCH, lib64 and lib of its PREFIX.
LIBDIR ?= $(PREFIX)/lib/softclose
# systemd looks for units there, for /usr and for /usr/local.
UNITS = $(PREFIX)/lib/systemd/system

# Said aloud, so that a user's own cargo configuration cannot put it elsewhere.
export CARGO_TARGET_DIR ?= $(CURDIR)/target

CARGO ?= cargo

# A release is the same at whatever path it is built: paths of this machine get names that
# are the same everywhere, the standard library's that of the precompiled one. RUSTFLAGS in
# the environment replaces these flags. `make reproducible` compares two builds.
SYSROOT = $(shell rustc --print sysroot 2>/dev/null)
RUST_COMMIT = $(shell rustc -vV 2>/dev/null | sed -n 's/^commit-hash: //p')
comma := ,
REMAP = $(foreach path,$(CURDIR)=/softclose $(CARGO_TARGET_DIR)=/softclose/target \
    $(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo $(SYSROOT)/lib/rustlib/src/rust=/rustc/$(RUST_COMMIT),\
    "--remap-path-prefix=$(path)"$(comma))
RELEASED = --release --config 'build.rustflags=[$(REMAP)]'
# Which machine to build for, by its name in `uname -m`: x86_64 or aarch64. `make dist` takes both.
HOST := $(shell uname -m)
ARCH ?= $(HOST)
TARGET = $(ARCH)-unknown-linux-gnu
CROSS = $(if $(filter $(HOST),$(ARCH)),,shim-tests/machines/for-$(ARCH))
DEBUG := $(CARGO_TARGET_DIR)/debug
# GLIBC=2.17 builds for that version of glibc and later, with cargo-zigbuild, where the
# system's own libraries are too new.
ifdef GLIBC
RELEASE = $(CARGO_TARGET_DIR)/$(TARGET)/release
BUILD = $(CROSS) env -u CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER \
    $(CARGO) zigbuild $(RELEASED) --target $(TARGET).$(GLIBC)
else
RELEASE = $(CARGO_TARGET_DIR)/$(if $(CROSS),$(TARGET)/)release
BUILD = $(CROSS) $(CARGO) build $(RELEASED) $(if $(CROSS),--target $(TARGET))
endif
BUILT = $(addprefix $(RELEASE)/,softclose softclosectl libsoftclose.so)
# Static: no libc is too old for it. The library looks for it beside itself.
BESIDE := softclose-drain
# The commands once more, with a libc inside: they run on any Linux, that of musl included.
STATIC = $(CARGO_TARGET_DIR)/static
BUILD_STATIC = $(CROSS) $(CARGO) build --target-dir $(STATIC) --target $(TARGET) \
    --release --config 'build.rustflags=[$(REMAP)"-Ctarget-feature=+crt-static"]'
# It writes what is not compiled, and runs here, whichever machine that is for.
export SOFTCLOSE_DIST = $(CARGO_TARGET_DIR)/release/softclose-dist
PORTABLE = $(CARGO_TARGET_DIR)/portable
DIST := $(CARGO_TARGET_DIR)/dist
# What manuals and packages are dated with, so that they can be built again.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
SHIM := -p softclose -p softclose-launcher -p softclose-ctl

.PHONY: all build aarch64 musl demo test test-musl test-glibc test-image test-systems test-kernels test-aarch64 compat bench soak closes fuzz \
    upstream loom miri fuzz-settings fuzz-pages fmt lint ci install uninstall deb rpm portable tarball image dist deny reproducible \
    glibc clean help setup tools
# `setup` may install what `tools` asks for; cargo is parallel by itself.
.NOTPARALLEL:

all: build ## the shim and the launcher (the default)

build: tools ## libsoftclose.so, softclose-drain, softclose, softclosectl, in target/release, with manuals
	$(BUILD) $(SHIM)
	$(CARGO) build $(RELEASED) -p softclose-dist
	@CARGO=$(CARGO) $(SOFTCLOSE_DIST) share $(RELEASE)/share --date $$(date -u -d @$(SOURCE_DATE_EPOCH) +%F)

aarch64: ## the same for aarch64, with a toolchain of its own: make ARCH=aarch64
	$(MAKE) ARCH=aarch64 build

musl: build ## the same: one library serves programs for glibc and for musl (make test-musl tries it)

demo: tools ## what softclose is for, without it and with it, in two tables
	@shim-tests/setup packages python3 iproute2
	$(BUILD) -p softclose -p softclose-launcher
	$(CARGO) build -p shim-tests -p softclose-lab
	@SOFTCLOSE_BIN=$(RELEASE)/softclose $(DEBUG)/demo

# Named here, so that not every test process asks cargo to build them.
test test-musl test-image: export SOFTCLOSE_LIB := $(DEBUG)/libsoftclose.so
test test-musl test-image: export SOFTCLOSE_BIN := $(DEBUG)/softclose
test test-musl test-glibc test-image: export SOFTCLOSE_CTL := $(DEBUG)/softclosectl
test test-musl test-glibc test-image: export SOFTCLOSE_DIST := $(DEBUG)/softclose-dist
# The test runner hides what a test says that passes: skipped ones are listed here.
test: export SOFTCLOSE_SKIPPED := $(CARGO_TARGET_DIR)/skipped.txt
test: setup tools ## every test; ARGS="..." goes to the test runner
	$(CARGO) build --workspace
	@rm -f $(SOFTCLOSE_SKIPPED)
	@trap 'test ! -e $(SOFTCLOSE_SKIPPED) || sort -u $(SOFTCLOSE_SKIPPED); $(SOFTCLOSE_CTL) clean >/dev/null' EXIT; \
	if $(CARGO) nextest --version >/dev/null 2>&1; \
	then $(CARGO) nextest run --workspace --no-fail-fast $(ARGS); \
	else $(CARGO) test --workspace --all-targets --no-fail-fast $(ARGS); fi

test-musl: setup tools ## the tests of the shim with victims for musl
	$(CARGO) build --workspace
	@shim-tests/machines/test-musl

test-glibc: setup tools ## the tests of the shim with victims for glibc 2.17, which is in OLD_GLIBC=DIRECTORY
	@PATH=$$(dirname "$$(packaging/zigbuild)"):$$PATH $(MAKE) GLIBC=2.17 build
	$(CARGO) build --workspace
	@shim-tests/machines/test-glibc $(CARGO_TARGET_DIR)/$(TARGET)/release

test-image: IMAGE ?= $(wildcard $(DIST)/softclose-*-image.tar)
test-image: tools ## the image as an init container, for servers with glibc and with musl; IMAGE=file
	@shim-tests/setup packages runc musl-tools
	$(CARGO) build --workspace
	@test -e "$(IMAGE)" || { echo "run make dist or make image first" >&2; exit 1; }
	SOFTCLOSE_IMAGE=$(abspath $(IMAGE)) \
	    $(CARGO) test -p shim-tests --test packages -- --nocapture containers

test-systems: tools ## the library, built for glibc 2.17, in programs of other releases of Debian
	@PATH=$$(dirname "$$(packaging/zigbuild)"):$$PATH $(MAKE) GLIBC=2.17 build
	@shim-tests/machines/test-systems $(CARGO_TARGET_DIR)/$(TARGET)/release/libsoftclose.so

test-kernels: tools ## tests on Debian's kernels 5.10, 6.1 and 6.12, in virtual machines; KERNELS="bullseye"
	@shim-tests/machines/run x86_64 $(or $(KERNELS),trixie bookworm bullseye)

test-aarch64: tools ## tests on Debian's kernel 6.12 for aarch64, in a virtual machine
	@PATH=$$(dirname "$$(packaging/zigbuild)"):$$PATH $(MAKE) ARCH=aarch64 GLIBC=2.17 build
	@shim-tests/machines/run aarch64 trixie

# `make test` explores three preemptions already.
loom: export LOOM_MAX_PREEMPTIONS ?= 4
loom: tools ## the lock-free protocols under every interleaving of four preemptions
	$(CARGO) test --release -p softclose-core --test loom

# A component of nightly toolchains, with the sources of the standard library. It
# has no sockets, processes or instructions: those tests say so and are left out.
miri: export CARGO_TARGET_DIR := $(CARGO_TARGET_DIR)/miri
miri: tools ## Miri over the unsafe code of the library, where a toolchain has it
	@for toolchain in "" +nightly; do \
	    library=$$(rustc $$toolchain --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library; \
	    if $(CARGO) $$toolchain miri --version >/dev/null 2>&1 && test -d $$library; then \
	        exec $(CARGO) $$toolchain miri test -p softclose-core --lib; \
	    fi; \
	done; \
	echo "skipped: miri: no toolchain has it (rustup component add miri rust-src --toolchain nightly)"

# libFuzzer with the coverage that the stable compiler has: no sanitizer is needed
# for parsers without unsafe code.
TIME ?= 60
fuzz-settings fuzz-pages: private export CARGO_TARGET_DIR := $(CARGO_TARGET_DIR)/fuzz
fuzz-settings fuzz-pages: private export RUSTFLAGS := --cfg fuzzing -C debug-assertions -C codegen-units=1 -C passes=sancov-module \
    $(addprefix -C llvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table trace-compares)
fuzz-settings: tools ## libFuzzer over the settings parser, for TIME=60 seconds
	@mkdir -p $(CARGO_TARGET_DIR)/corpus
	cd crates/core/fuzz && $(CARGO) run --release --target x86_64-unknown-linux-gnu --bin settings -- \
	    -max_total_time=$(TIME) -artifact_prefix=$(CARGO_TARGET_DIR)/ $(CARGO_TARGET_DIR)/corpus seeds

fuzz-pages: tools ## libFuzzer over the files of other users that softclosectl reads, for TIME=60 seconds
	@mkdir -p $(CARGO_TARGET_DIR)/pages
	cd crates/core/fuzz && $(CARGO) run --release --target x86_64-unknown-linux-gnu --bin pages -- \
	    -max_total_time=$(TIME) -max_len=10000 -artifact_prefix=$(CARGO_TARGET_DIR)/ $(CARGO_TARGET_DIR)/pages

fuzz: export SOFTCLOSE_LIB := $(DEBUG)/libsoftclose.so
fuzz: export SOFTCLOSE_BIN := $(DEBUG)/softclose
fuzz: export FUZZ_PROGRAMS ?= 10000
fuzz: export FUZZ_SEED ?= $(shell date +%s)
fuzz: setup tools ## 10,000 random programs, natively and shimmed; FUZZ_PROGRAMS, FUZZ_SEED, FUZZ_REPLAY=file
	$(CARGO) build --workspace
	$(CARGO) test --workspace --test fuzz -- --nocapture random_programs

compat: export SOFTCLOSE_LIB := $(RELEASE)/libsoftclose.so
compat: export SOFTCLOSE_BIN := $(RELEASE)/softclose
compat: setup tools ## the matrix of real programs, into docs/compatibility.md; PROGRAMS="nginx redis", "--container nginx"
	$(BUILD) $(SHIM)
	$(CARGO) build -p shim-tests -p softclose-lab
	@$(DEBUG)/compat $(PROGRAMS)

closes: export SOFTCLOSE_LIB := $(RELEASE)/libsoftclose.so
closes: export SOFTCLOSE_BIN := $(RELEASE)/softclose
closes: setup tools ## every way to close, on the wire, into docs/closes.md
	$(BUILD) $(SHIM)
	$(CARGO) build -p shim-tests -p softclose-lab
	@$(DEBUG)/closes

bench: export SOFTCLOSE_LIB := $(RELEASE)/libsoftclose.so
bench: export SOFTCLOSE_BIN := $(RELEASE)/softclose
bench: export SOFTCLOSE_CTL := $(RELEASE)/softclosectl
bench: setup tools ## what softclose costs, into docs/performance.md; MEASURES="files nginx", ROUNDS=15
	@shim-tests/setup bench
	$(BUILD) $(SHIM)
	$(CARGO) build -p shim-tests -p softclose-lab
	@ROUNDS=$(ROUNDS) $(DEBUG)/bench $(MEASURES)

soak: export SOFTCLOSE_LIB := $(RELEASE)/libsoftclose.so
soak: MINUTES ?= 30
soak: SERVERS ?= nginx apache-prefork haproxy python-http.server postgresql
soak: setup tools ## servers under traffic with faults, into docs/soak.md; MINUTES=30, SERVERS="nginx redis ..."
	$(BUILD) $(SHIM)
	$(CARGO) build -p shim-tests -p softclose-lab
	@$(DEBUG)/soak $(MINUTES) $(SERVERS)

upstream: export SOFTCLOSE_LIB := $(RELEASE)/libsoftclose.so
upstream: setup tools ## other people's test suites, natively and shimmed: docs/upstream.md; SUITES="libuv cpython"
	$(BUILD) -p softclose
	$(CARGO) build -p shim-tests -p softclose-lab
	@$(DEBUG)/upstream $(SUITES)

fmt: ## rustfmt on everything
	$(CARGO) fmt --all

lint: ## clippy and rustdoc on everything, warnings are errors
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" \
	    $(CARGO) doc --quiet --workspace --no-deps --document-private-items
	@# The fuzzers are a workspace of their own: its lock file must have what the crates need now.
	cd crates/core/fuzz && $(CARGO) update --quiet --workspace --locked

# The list of known vulnerabilities has to be fetched; the rest needs no network.
deny: ## cargo-deny, where it is installed: licences, duplicates, sources, advisories (deny.toml)
	packaging/deny

ci: ## what the CI does
	.ci/run

# Where it is missing, what is installed keeps its debug information.
OBJCOPY ?= $(if $(CROSS),$(ARCH)-linux-gnu-)objcopy
DOC := $(PREFIX)/share/doc/softclose

# $(call put,FILE,DIRECTORY,MODE): without its debug information, which goes to
# DIRECTORY/.debug, where gdb looks. A program must never be started with half a library: it
# is put in place by a rename.
define put
install -D -m $(3) $(RELEASE)/$(1) $(DESTDIR)$(2)/$(1).new
@if command -v $(OBJCOPY) >/dev/null; then \
    set -e; cd $(DESTDIR)$(2); mkdir -p .debug; \
    $(OBJCOPY) --only-keep-debug $(1).new .debug/$(1).debug; chmod 644 .debug/$(1).debug; \
    $(OBJCOPY) --strip-unneeded --remove-section=.comment --remove-section=.note \
        --add-gnu-debuglink=.debug/$(1).debug $(1).new; \
else \
    echo "$(1) keeps its debug information: there is no $(OBJCOPY)"; \
fi
mv -f $(DESTDIR)$(2)/$(1).new $(DESTDIR)$(2)/$(1)

endef

# Half of the recipes change the directory, and manuals and the unit for systemd name these places.
define absolute
@case "$(PREFIX)" in ""|/*) ;; *) echo "PREFIX=$(PREFIX) is relative: make it an absolute path" >&2; exit 1;; esac
@case "$(DESTDIR)" in ""|/*) ;; *) echo "DESTDIR=$(DESTDIR) is relative: make it an absolute path" >&2; exit 1;; esac
endef

# Manuals name the places of this very installation. The last line of all says so if the
# launcher does not find the library there, where this machine can run it.
install: ## what `make` has built, to DESTDIR, PREFIX (/usr/local), LIBDIR (PREFIX/lib/softclose)
	$(absolute)
	@case "$(LIBDIR)" in $(PREFIX)/lib/softclose|$(PREFIX)/lib/*-linux-gnu|$(PREFIX)/lib64|$(PREFIX)/lib) ;; \
	*) echo "softclose would not find the library there: LIBDIR is PREFIX/lib/softclose, lib/MULTIARCH, lib64 or lib" >&2; exit 1;; esac
	@ls $(BUILT) $(RELEASE)/$(BESIDE) $(RELEASE)/share >/dev/null || { echo "run make first" >&2; exit 1; }
	$(call put,softclose,$(PREFIX)/bin,755)
	$(call put,softclosectl,$(PREFIX)/bin,755)
	install -D -m 755 $(RELEASE)/$(BESIDE) $(DESTDIR)$(LIBDIR)/$(BESIDE).new
	mv -f $(DESTDIR)$(LIBDIR)/$(BESIDE).new $(DESTDIR)$(LIBDIR)/$(BESIDE)
	$(call put,libsoftclose.so,$(LIBDIR),644)
	cd $(RELEASE)/share && find . -type f -exec install -D -m 644 {} $(DESTDIR)$(PREFIX)/share/{} \;
	sed -i 's|/usr/local/lib/softclose|$(subst -,\\-,$(LIBDIR))|g; s|/usr/local|$(subst -,\\-,$(PREFIX))|g' \
	    $(DESTDIR)$(PREFIX)/share/man/man*/softclose*
	install -D -m 644 -t $(DESTDIR)$(DOC) *.md LICENSE-*
	cd docs && find . -type f -exec install -D -m 644 {} $(DESTDIR)$(DOC)/docs/{} \;
	cd examples && find . -type f -exec install -D -m 644 {} $(DESTDIR)$(DOC)/examples/{} \;
	install -d $(DESTDIR)$(UNITS)
	sed 's|@BINDIR@|$(PREFIX)/bin|' packaging/softclose-refs.service >$(DESTDIR)$(UNITS)/softclose-refs.service
	@$(if $(CROSS),,$(DESTDIR)$(PREFIX)/bin/softclose --print-env >/dev/null)

uninstall: ## what `make install` has put there, with the same DESTDIR, PREFIX and LIBDIR
	$(absolute)
	@ls $(RELEASE)/share >/dev/null || { echo "run make first" >&2; exit 1; }
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,softclose softclosectl .debug/softclose.debug .debug/softclosectl.debug)
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/,libsoftclose.so $(BESIDE) .debug/libsoftclose.so.debug)
	cd $(RELEASE)/share && find . -type f -exec rm -f $(DESTDIR)$(PREFIX)/share/{} \;
	rm -rf $(DESTDIR)$(DOC)
	rm -f $(DESTDIR)$(UNITS)/softclose-refs.service
	@for directory in $(PREFIX)/bin/.debug $(LIBDIR)/.debug $(PREFIX)/lib/softclose; do \
	    test ! -d $(DESTDIR)$$directory || rmdir --ignore-fail-on-non-empty $(DESTDIR)$$directory; \
	done

deb: build ## Debian packages, in target/dist; GLIBC=2.17 for older systems (cargo-zigbuild); ARCH=aarch64
	packaging/deb $(ARCH) $(RELEASE) $(DIST)

rpm: build ## packages for Fedora and its like, as `make deb` makes those for Debian
	@shim-tests/setup packages rpm
	packaging/rpm $(ARCH) $(RELEASE) $(DIST)

portable: build
	$(BUILD_STATIC) -p softclose-launcher -p softclose-ctl
	packaging/portable $(ARCH) $(RELEASE) $(STATIC)/$(TARGET)/release $(PORTABLE)/$(ARCH)

tarball: portable ## an archive for any other system, musl included, with install.sh
	packaging/tarball $(ARCH) $(PORTABLE)/$(ARCH) $(DIST)

image: portable ## an image for containers, of which they copy the library
	packaging/image $(DIST) $(PORTABLE)/$(ARCH)

# A list of machines is for this target only: ARCH="x86_64 aarch64".
dist: ## everything that a release is, with SHA256SUMS, in target/dist; ARCH="x86_64 aarch64", GLIBC=2.17
	@GLIBC=$(GLIBC) packaging/dist $(DIST) $(PORTABLE) $(ARCH)

# Twice from scratch, from what is committed; the caches of cargo are shared.
reproducible: tools ## build what is committed at two paths, and compare
	packaging/reproducible

glibc: build ## the oldest glibc that can load what was built
	@$(SOFTCLOSE_DIST) glibc $(BUILT)

clean: ## away with target
	$(CARGO) clean

help: ## this
	@sed -n 's/^\([a-z0-9-]*\):.* ## /  \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

setup:
	@shim-tests/setup

tools:
	@command -v $(CARGO) >/dev/null || { echo "missing: $(CARGO), of a Rust toolchain; see https://rustup.rs" >&2; exit 1; }
	@command -v $(CC) >/dev/null || { echo "missing: $(CC), a C compiler; Debian has it in the package gcc" >&2; exit 1; }
	@test -z "$(GLIBC)" || command -v cargo-zigbuild >/dev/null || { echo "missing: cargo-zigbuild, which GLIBC= takes; pip has it" >&2; exit 1; }
