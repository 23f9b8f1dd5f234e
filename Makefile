# What can be done with this tree. `make` alone says it; CONTRIBUTING.md says more.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

VERSION := $(shell sed -n 's/.*static let version = "\(.*\)".*/\1/p' Sources/OfficeCore/Product.swift)
ARCH := $(shell dpkg --print-architecture 2>/dev/null)
DEB := dist/officeshare_$(VERSION)_$(ARCH).deb
SWIFT := swift
# The package's own programs carry the Swift runtime in them; only Debian's libraries are needed beside.
RELEASE := $(SWIFT) build -c release --static-swift-stdlib --disable-local-rpath
# The unit tests want no root but where they run a cupsd; the lab's, which raise real hosts, do. XCTest isn't used.
TEST := $(SWIFT) test --skip-build --disable-xctest
LOGS := .build/logs
# A room's tests have a process of their own: those that block or kill must not starve those that keep time.
ROOMS := $(filter-out LabTests,$(notdir $(patsubst %/,%,$(wildcard Tests/*Tests/))))

# Not OFFICESHARE_*: these are the settings of a daemon, and one that it does not know stops it.
export LAB_BIN_DIR := $(CURDIR)/dist/bin
export LAB_DEB := $(CURDIR)/$(DEB)

.PHONY: help deps build deb install demo test unit-test lab-test build-tests gates lint format bench clean ipp-conformance

help: ## says what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | column -t -s $$'\t'

deps: ## installs the Debian packages that building and testing need
	@packaging/install-dependencies build lab

build: deps ## builds officeshare, officeshared and the filter for CUPS into dist/bin
	$(RELEASE) --product officeshared
	$(RELEASE) --product officeshare
	$(RELEASE) --product officeshare-begin
	@mkdir -p dist/bin
	@for program in officeshare officeshared officeshare-begin; do \
	    strip --strip-unneeded -o dist/bin/.new "$$($(RELEASE) --show-bin-path)/$$program"; \
	    mv dist/bin/.new "dist/bin/$$program"; \
	done
	@ls -lh dist/bin

deb: build ## builds the Debian package into dist
	@packaging/build-deb dist/bin "$(VERSION)" "$(DEB)"

install: deb ## installs the package on this machine and starts the service
	@packaging/install "$(DEB)"

demo: build ## shows an office of three hosts on this machine, from raising to taking down
	$(RELEASE) --product officelab
	@"$$($(RELEASE) --show-bin-path)/officelab" demo

bench: build ## measures against the tools in use, and writes docs/performance.md
	@packaging/install-dependencies bench
	$(RELEASE) --product officelab
	@"$$($(RELEASE) --show-bin-path)/officelab" bench --output docs/performance.md

test: lint build-tests unit-test gates deb lab-test ## all tests, as CI runs them (as root)
	@Tests/gates/closing-line $(LOGS)/unit-*.log $(LOGS)/lab.log

build-tests: deps
	$(SWIFT) build --build-tests

unit-test: build-tests ## the tests that need no lab (as root: those with a cupsd of their own, too)
	@mkdir -p $(LOGS) && rm -f $(LOGS)/unit-*.log
	@for room in $(ROOMS); do \
	    $(TEST) --filter "^$$room\." 2>&1 | tee "$(LOGS)/unit-$$room.log"; \
	    Tests/gates/all-ran "$(LOGS)/unit-$$room.log"; \
	done

lab-test: build-tests deb ## the tests on real hosts and with the package (as root)
	@mkdir -p $(LOGS)
	$(TEST) --no-parallel --filter '^LabTests\.' 2>&1 | tee $(LOGS)/lab.log
	@Tests/gates/all-ran $(LOGS)/lab.log

ipp-conformance: ## ipptool's suites against the printer endpoint, compared with a stock cupsd (as root)
	$(SWIFT) build --product printerbooth
	@Tests/conformance/ipp "$$($(SWIFT) build --show-bin-path)/printerbooth" $(LOGS)/ipp-conformance

gates: ## plants a fault for every gate and sees it caught
	@Tests/gates/self-test

lint: ## fails on what 'make format' would change, and on what the house doesn't allow
	@Tests/gates/lint Package.swift Sources Tests

format: ## formats every Swift file
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests

clean: ## removes what was built
	rm -rf .build dist
