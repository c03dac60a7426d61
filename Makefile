# SPDX-License-Identifier: GPL-2.0
#
# jobtrack: module, tools and tests. `make help` lists what there is to make; all
# that is made lies under build/.

BUILD		?= $(CURDIR)/build
prefix		?= /usr
# Where this distribution keeps its libraries
libdir		?= $(prefix)/lib$(patsubst %,/%,$(shell gcc -print-multiarch 2>/dev/null))

# The running kernel if its headers are here, or else the newest headers
running		:= $(shell uname -r)
headers		= $(patsubst /lib/modules/%/build/Makefile,%,$(wildcard /lib/modules/$1/build/Makefile))
ifdef KDIR	# headers elsewhere, as the kernel's build left them
override KDIR	:= $(abspath $(KDIR))
KVER		:= $(shell sed -n 's/^.define UTS_RELEASE "\(.*\)"/\1/p' \
		   '$(KDIR)/include/generated/utsrelease.h' 2>/dev/null)
else
KVER		?= $(or $(call headers,$(running)),$(shell \
		   printf '%s\n' $(call headers,*) | sort -V | tail -n 1))
endif
kdir		= $(or $(KDIR),/lib/modules/$(KVER)/build)
no_headers	= $(if $(KDIR),no headers of a kernel in $(KDIR),no headers of kernel $(or \
		  $(KVER),$(running)) here; install the package linux-headers-$(or $(KVER),$(running)))

# What `make check` runs: tests by name, kernels, numbers of CPUs, or kernels with
# their own: "6.1 5.10:2". If all tests are run, kernels behind the first go without
# those that selftests/vm/exceptions leaves to it.
TESTS		?=
KERNELS		?= $(if $(TESTS),6.1,6.1 5.10:2 6.12:2 backports:2)
kernels		= $(foreach k,$(KERNELS),$(firstword $(subst :, ,$k)))
CPUS		?= $(if $(TESTS),2,1 2 4)
# What `make bench` measures, and whether roughly
WHAT		?=
QUICK		?=

vm		:= selftests/vm
export BUILD := $(abspath $(BUILD))
CACHE		?= $(BUILD)/cache
export CACHE := $(abspath $(CACHE))
export TESTS KERNELS CPUS WHAT QUICK

# A kernel's name may ask for another architecture: all is built for that, and apart.
ifneq ($(filter %-arm64,$(kernels)),)
$(if $(filter-out %-arm64,$(kernels)),$(error KERNELS="$(KERNELS)" are of two architectures))
$(if $(filter-out check% vm-shell guest% module% tools selftests deps help,$(or $(MAKECMDGOALS),all))$(filter \
	check-debug check-runner,$(MAKECMDGOALS)),$(error make $(or $(MAKECMDGOALS),all) is not for arm64))
foreign			:= arm64
override BUILD		:= $(BUILD:%/$(foreign)=%)/$(foreign)
export CROSS_COMPILE	:= aarch64-linux-gnu-
export CC		:= $(CROSS_COMPILE)gcc
export AR		:= $(CROSS_COMPILE)ar
user			:= $(CACHE)/$(firstword $(kernels))/user/usr
for_tools		:= CPPFLAGS=-I$(user)/include LDFLAGS=-L$(user)/lib/aarch64-linux-gnu
endif

MAKEFLAGS	+= --no-print-directory
quiet		:= $(if $(V),,-s)	# V=1 shows the commands

.PHONY: all module module-debug probe tools install uninstall load unload deps guest selftests \
	check check-arm64 check-debug check-races check-runner check-suites coverage fuzz fuzz-tools \
	model demo bench vm-shell lint clean distclean help

all: module tools	## module for KVER, library, command and man page (default)

# The kernel's build writes beside its sources: it gets links to them, one
# directory for each kernel and variant.
define link_sources
	$(if $(and $(KVER),$(wildcard $(kdir)/Makefile)),,$(error $(no_headers)))
	@mkdir -p $1/kmod
	@ln -sfn $(CURDIR)/uapi $1/uapi
	@ln -sf $(CURDIR)/Kbuild $1/
	@ln -sf $(CURDIR)/kmod/*.[ch] $1/kmod/
	@ln -sfn $(CURDIR)/kmod/probe $1/kmod/probe
	@find $1/kmod -xtype l -delete
endef
define build_module
	$(call link_sources,$1)
	+@$(MAKE) -C $(kdir) M=$1 $2 modules
endef

module:			## the module, for KVER=VERSION, or headers in KDIR=DIRECTORY
	$(call build_module,$(BUILD)/$(KVER))

module-debug:		## the module with the switches that tests use
	$(call build_module,$(BUILD)/$(KVER)/debug,JT_DEBUG=1)

# hooks.c is the one that needs most of a kernel: its tracepoints, with their types.
probe:			## only see whether the kernel of KVER= or KDIR= can be served
	$(call link_sources,$(BUILD)/$(KVER)/probe)
	@cd $(BUILD)/$(KVER)/probe && rm -f kmod/have.h; \
	if $(MAKE) -C $(kdir) M=$$PWD kmod/hooks.o >log 2>&1; then \
		echo "Linux $(KVER) can be served; it has:" \
			$$(sed -n 's/^#define JT_HAVE_//p' kmod/have.h | tr '[:upper:]' '[:lower:]'); \
	else \
		echo "Linux $(KVER) cannot be served:" >&2; \
		{ grep -m 1 jobtrack: log || grep -m 1 error: log || tail -n 3 log; } | \
			sed 's/.*error: *//; s/^#error "\(.*\)"/\1/; s|see above|see '$$PWD/log'|' >&2; \
		exit 1; \
	fi

tools:			## library, command and man page
	@$(MAKE) $(quiet) -C tools O=$(BUILD)/tools prefix=$(prefix) libdir=$(libdir) $(for_tools)

install: all		## all that, a udev rule and loading at boot, under DESTDIR= and prefix=
	install -D -m 644 $(BUILD)/$(KVER)/jobtrack.ko \
		$(DESTDIR)/lib/modules/$(KVER)/updates/jobtrack.ko
	@$(MAKE) $(quiet) -C tools O=$(BUILD)/tools prefix=$(prefix) libdir=$(libdir) DESTDIR=$(DESTDIR) install
	install -D -m 644 tools/udev/60-jobtrack.rules \
		$(DESTDIR)$(prefix)/lib/udev/rules.d/60-jobtrack.rules
	install -D -m 644 tools/udev/modules-load.conf \
		$(DESTDIR)$(prefix)/lib/modules-load.d/jobtrack.conf
	$(if $(DESTDIR),,depmod $(KVER) && ldconfig)
	@echo "installed for Linux $(KVER); this machine runs $(running)"

uninstall:		## take away what was installed for KVER; from the same DESTDIR= and prefix=
	rm -f $(DESTDIR)/lib/modules/$(KVER)/updates/jobtrack.ko \
		$(DESTDIR)$(prefix)/lib/udev/rules.d/60-jobtrack.rules \
		$(DESTDIR)$(prefix)/lib/modules-load.d/jobtrack.conf
	@$(MAKE) $(quiet) -C tools O=$(BUILD)/tools prefix=$(prefix) libdir=$(libdir) DESTDIR=$(DESTDIR) uninstall
	$(if $(DESTDIR),,depmod $(KVER) && ldconfig)

# One line that says what is in the way beats insmod's "Invalid module format".
load:			## build the module and load it into this machine
	@[ -e /proc/modules ] || { echo "make load: this kernel, $(running), takes no modules; try: make vm-shell" >&2; exit 1; }
	@[ "$(KVER)" = "$(running)" ] || { echo "make load: this machine runs $(running), whose headers are not installed; try: make vm-shell" >&2; exit 1; }
	@[ ! -d /sys/module/jobtrack ] || { echo "make load: a jobtrack is loaded already; first: make unload" >&2; exit 1; }
	@[ "$$(id -u)" = 0 ] || { echo "make load: only root may load a module" >&2; exit 1; }
	@$(MAKE) module
	insmod $(BUILD)/$(KVER)/jobtrack.ko

unload:			## take it out again; refused while a job lives
	@[ -d /sys/module/jobtrack ] || { echo "make unload: jobtrack is not loaded" >&2; exit 1; }
	rmmod jobtrack

deps:			## install the Debian packages that are needed
	@$(vm)/install-packages -f $(vm)/packages
	$(if $(foreign),@$(vm)/install-packages -f $(vm)/packages.$(foreign))

# As many compilers at a time as there are processors, unless the user has said it
jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

# Two runs at a time don't build the same things at a time.
guest: deps
	@mkdir -p $(BUILD)
	@flock $(BUILD)/.lock $(MAKE) guest-locked

.PHONY: guest-locked
guest-locked:
	@set -e; for k in $(kernels); do \
		$(vm)/kernel $$k >/dev/null; \
		$(MAKE) $(jobs) KDIR=$(CACHE)/$$k/build module module-debug; \
	done
	@$(MAKE) tools
	@$(MAKE) $(jobs) selftests

# All but what `make demo` builds include the kernel's harness.
needs_harness = $(if $(filter none,$(TESTS)),$(BENCH),1)

selftests:
	@$(if $(needs_harness),source=$$($(vm)/kernel -s) &&) \
	$(MAKE) $(quiet) -C selftests OUTPUT=$(BUILD)/selftests TOOLS=$(BUILD)/tools \
		KSELFTEST=$$source/tools/testing/selftests

# Not with single tests, nor on another architecture, where they are the same
general		= $(if $(TESTS)$(foreign),,1)

check: $(if $(general),model-deps lint-deps) guest	## all tests in virtual machines; TESTS="signal" CPUS="2 4" KERNELS="6.1 5.10:2"
	@RUNNER=$(general) MODEL=$(general) LINT=$(general) $(vm)/run

check-arm64:		## the tests on emulated arm64 machines, of 2 CPUs
	@$(MAKE) check KERNELS=6.1-arm64 CPUS="$(if $(filter command%,$(origin CPUS)),$(CPUS),2)"

# As far as they go in a night: JT_RACES= and REPEAT= say how far that is.
check-races: export TESTS = replay races bomb held lost oracle rules signal stop module
check-races: export CPUS = 2 4 8
check-races: export JT_RACES ?= 10
check-races: export REPEAT ?= 2
check-races: export LIMIT ?= 7200
check-races: export SILENCE ?= 900
check-races: guest	## the tests of races again and again, for hours
	@$(vm)/run

# The tests that count instructions are for a stock kernel.
check-debug: export KERNELS = 6.1-kasan
check-debug: export CPUS = 2
check-debug: export COUNT = none
check-debug: guest	## the tests on a kernel with KASAN, lockdep, kmemleak …, which is built first
	@$(vm)/run

coverage: export KERNELS = 6.1-gcov
coverage: export CPUS = 2
coverage: export COUNT = none
coverage: export JT_GCOV = 1
coverage: guest		## lines of the module that the tests reach, on a kernel that counts them, built first
	@$(vm)/coverage

check-runner: deps	## only the tests of what runs the tests and builds the module
	@$(vm)/kernel 6.1 >/dev/null
	@RUNNER=only $(vm)/run

check-suites: export KERNELS = 6.1
check-suites: export CPUS = 2
check-suites: deps	## others' programs in jobs: the kernel's selftests; TESTS="clone3 pidfd"
	@$(vm)/install-packages -f selftests/suites/packages
	@$(MAKE) guest TESTS=none
	@selftests/suites/run

fuzz: export KERNELS = 6.1-kasan
fuzz: export TESTS = fuzz
fuzz: export FUZZ = 1
fuzz: guest		## programs of random calls, guided by what they reach; SECONDS=300 SEED= CPUS=2
	@selftests/fuzz/run $(if $(SECONDS),$(SECONDS),300) $(SEED)

fuzz-tools: deps	## what the command parses, by libFuzzer; SECONDS=60
	@$(vm)/install-packages -f selftests/fuzz/packages
	@selftests/fuzz/run-tools $(if $(SECONDS),$(SECONDS),60)

model: model-deps	## check the models of the signal and of joining; see selftests/model
	@selftests/model/check

.PHONY: model-deps
model-deps: deps
	@$(vm)/install-packages -f selftests/model/packages

demo: export TESTS = none	# of which it needs none to be built
demo: guest		## see jobs tracked, listed and killed, in a virtual machine
	@selftests/demo/run

bench: export TESTS = none
bench: export BENCH = 1
bench: deps		## what it costs next to others; WHAT="cost kill list memory growth smp" QUICK=1
	@$(vm)/install-packages -f selftests/bench/packages
	@$(MAKE) guest
	@selftests/bench/run

vm-shell: export KERNELS = 6.1
vm-shell: guest		## a shell in a virtual machine with the module loaded; KERNELS=6.12 CPUS=4
	@$(vm)/boot --shell -k $(firstword $(kernels)) \
		-c $(if $(filter 2,$(CPUS)),2,$(lastword $(CPUS))) -t 86400 $(vm)/shell

# The headers of the models are Promela.
c_files	= $(filter-out selftests/model/%,$(wildcard \
	kmod/*.[ch] kmod/probe/*.c uapi/linux/*.h tools/*/*.[ch] selftests/*.[ch] selftests/*/*.[ch]))
scripts	= $(shell grep -lE '^\#!/bin/(ba|busybox )?sh' -r .ci kmod selftests tools)

lint: lint-deps		## checkpatch, sparse, coccinelle, clang, cppcheck, shellcheck, codespell
	@$(vm)/lint "$(KDIR)" "$(c_files)" "$(scripts)" "$(TOTALS)"

.PHONY: lint-deps
lint-deps: deps
	@$(vm)/install-packages -f $(vm)/packages.lint

clean:			## remove what was built, but not what was downloaded
	@[ ! -d $(BUILD) ] || find $(BUILD) -mindepth 1 -maxdepth 1 ! -path $(CACHE) -exec rm -rf {} +

distclean:		## that too
	rm -rf $(BUILD)

help:			## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24
