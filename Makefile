# unidbg, the unikernel debugger. `make` lists what there is; demo and test set up what they need by themselves.

SHELL := /bin/bash
PYTHON_OF_VENV := .venv/bin/python
# Tests run make themselves: they must not take this make's job server and flags for theirs.
PYTEST := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(PYTHON_OF_VENV) -m pytest -n auto

.PHONY: help demo test test-long coverage lint samples bench release docs lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## set up, boot a unikernel in QEMU and look into it (KEEP=1 leaves it running)
	@.ci/setup demo
	@.ci/demo

test: ## set up, lint, build the samples and run the tests
	@.ci/setup test
	@.ci/lint
	@$(MAKE) --no-print-directory samples
	@printf '\n==> Tests\n'
	@$(PYTEST)

test-long: ## the tests with more examples, and those that take minutes
	@.ci/setup test
	@$(MAKE) --no-print-directory samples
	@UNIDBG_LONG=1 $(PYTEST)

coverage: ## branch coverage of the stub's core by the tests that drive it on the host
	@.ci/setup test
	@.ci/coverage

lint: ## every check of the source that runs nothing of it
	@.ci/setup test
	@.ci/lint

samples: ## build the sample unikernels into samples/build
	@printf '\n==> Samples\n'
	@$(MAKE) --no-print-directory -C samples

bench: ## measure unidbg against gdb on this machine
	@.ci/setup test
	@$(MAKE) --no-print-directory samples
	@$(PYTHON_OF_VENV) -m tests.bench

release: ## build sdist and wheel into dist/, and try the wheel in a clean environment
	@.ci/setup test
	@.ci/release

docs: ## write the generated pages of docs/ anew
	@.ci/setup test
	@$(PYTHON_OF_VENV) -m docs.generate

lock: ## resolve requirements.lock anew (needs uv)
	@.ci/lock

clean: ## remove what was built; .venv stays
	@$(MAKE) --no-print-directory -C samples clean
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
