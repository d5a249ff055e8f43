# vmbuild's own development. `make help` lists the targets.

# Demo, tests and benchmarks leave the user's own store alone.
export VMBUILD_STORE := $(CURDIR)/.vmbuild/store

bin     := node_modules/.bin
sources := $(shell find src -type d -o -name '*.ts' ! -name '*.test.ts')

.DELETE_ON_ERROR:
.PHONY: images build configure help setup demo compile check test test-unit test-vm test-lts lint format bench stress clean distclean

# The default goal.
images: build ## make the images of architecture.yml and configure them: `build`, then `configure`
	@$(MAKE) --no-print-directory configure

build: dist/index.js ## make the images of architecture.yml; BUILD_ARGS="..." gives `vmbuild generate` flags
	@node bin/vmbuild.js generate $(BUILD_ARGS)

configure: dist/index.js ## configure an image by cloud-init; CONFIGURE_ARGS="..." gives `vmbuild configure` flags
	@node bin/vmbuild.js base build busybox --if-missing
	@node bin/vmbuild.js configure $(CONFIGURE_ARGS)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## install what is missing: Debian packages (with root or sudo), npm packages
	@scripts/setup.sh

demo: compile ## set up, build an image out of spec-examples/hello.spec, and again from the cache
	@scripts/demo.sh

compile: dist/index.js ## compile TypeScript into dist/ when a source changed

dist/index.js: $(sources) tsconfig.json tsconfig.build.json rolldown.config.ts package.json package-lock.json | setup
	@echo 'compiling src/ into dist/'
	@npm run --silent build

check: setup ## every check and the unit tests, without booting a machine
	@node scripts/test.mjs --no-boot

test: setup ## everything: checks, unit tests, the package, real boots
	@node scripts/test.mjs

test-unit: setup ## the unit tests alone
	@$(bin)/vitest run --project unit

test-vm: compile ## the tests that boot machines alone
	@node bin/vmbuild.js base build busybox --if-missing
	@$(bin)/vitest run --project vm

test-lts: setup ## the unit tests on the current LTS of Node, which npm provides
	@scripts/test-lts.sh

lint: setup ## lint, import rules, dead code, file sizes, shell scripts
	@npm run --silent lint
	@npm run --silent imports
	@npm run --silent dead-code
	@npm run --silent file-sizes
	@npm run --silent shell || test $$? -eq 77

format: setup ## rewrite the sources in the house format
	@npm run --silent format

bench: compile ## compare with a boot per step, Packer and virt-customize, in one run
	@node bench/main.mjs

stress: compile ## kill builds and their machines 200 times, fill their disk, and look what holds
	@node bin/vmbuild.js base build busybox --if-missing
	@node stress/main.mjs $(STRESS)

clean: ## remove what was compiled and the test results
	rm -rf dist test-results

distclean: clean ## `clean`, and remove node_modules and the store in .vmbuild
	rm -rf node_modules .vmbuild
