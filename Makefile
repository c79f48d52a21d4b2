# The commands of a newcomer. What they do is in airgap/setup and commands/bring_up.py; ARGS passes options on: make test ARGS="-k redis", make up ARGS=--debug
PYTHON ?= python3
SETUP := $(PYTHON) airgap/setup/bootstrap.py

.DEFAULT_GOAL := help
.PHONY: help up machine doctor down test test-all lint release docs mutants clean-tests

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

up:  ## from a fresh clone to a running, seeded, backed-up platform; goes on where it was interrupted
	@$(SETUP) up $(ARGS)

machine:  ## only what a machine needs: environment, Docker engine, Pulumi CLI, images
	@$(SETUP) machine $(ARGS)

doctor:  ## problems of this machine, and the command that fixes each; changes nothing
	@$(SETUP) doctor $(ARGS)

down:  ## stop the platform; its data stays
	@.venv/bin/invoke down $(ARGS)

test:  ## linters, types and the tests to run before a commit
	@$(SETUP) test $(ARGS)

test-all:  ## linters, types and every test, the exhaustive ones too
	@$(SETUP) test-all $(ARGS)

lint:  ## linters and types only
	@$(SETUP) lint $(ARGS)

release:  ## what a release consists of, in release/: images, SBOMs, the library's wheel; pushes nothing without ARGS="--push REGISTRY/NAME"
	@.venv/bin/invoke images.release $(ARGS)

docs:  ## the documents as a site of static pages, in site/
	@$(SETUP) docs $(ARGS)

mutants:  ## try the unit tests of the pure files on mutants: thousands of runs, which go on where they were interrupted
	@$(SETUP) mutants $(ARGS)

clean-tests:  ## remove what killed test runs left in Docker
	@$(SETUP) clean-tests $(ARGS)
