# Every target installs everything that it needs; a second call does not repeat it.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help venv lock engine ssh images demo demo-down test test-all lint judges unit scenarios molecule chaos http-cache-tests request-table bench docs site build clean
MAKEFLAGS += --no-print-directory

JOBS ?= 2
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do printf '  make %-16s %s\n' "$$name" "$$what"; done

venv: ## make .venv with the locked tools and this checkout as flaskops.stack (PYTHON=… for another Python)
	@PYTHON='$(PYTHON)' tools/venv.sh

engine:
	@tools/docker-engine.sh

ssh:
	@command -v ssh-keygen >/dev/null || tools/apt-install.sh "ssh: some runs log in as on a server" openssh-client

images: engine ## build the test hosts flaskops-target:bookworm and flaskops-target:trixie
	@tests/target/build.sh

demo: engine ## deploy two applications to a container on this machine (DEMO_HTTP_PORT, DEMO_HTTPS_PORT, DEMO_SSH_PORT)
	@PYTHON='$(PYTHON)' tools/demo.sh up

demo-down: ## remove the demo
	@tools/demo.sh down

test: lint unit scenarios ## lint, unit and the scenarios that break often

test-all: lint judges unit molecule ## lint, judges, unit and all scenarios

lint: venv ## ruff, yamllint, ansible-lint, antsibull-docs, antsibull-changelog
	ruff check --quiet
	ruff format --quiet --check
	git ls-files -z --cached --others --exclude-standard '*.yml' '*.yaml' .yamllint | xargs -0 yamllint --strict
	ansible-lint --offline --strict -q
	antsibull-docs lint-collection-docs --plugin-docs .
	antsibull-changelog lint
	tools/changelog.sh --check

judges: venv ## ansible-test sanity and galaxy-importer, on what a release packs (part of test-all)
	@tools/judges.sh

unit: venv ## test plugins, templates and contracts with pytest (ARGS=… for pytest)
	@pytest --numprocesses auto --dist loadfile $(ARGS)

scenarios: venv images ssh
	@tools/scenarios.py --jobs '$(JOBS)' --set test --slice '$(SLICE)'

molecule: venv images ssh ## roles and playbooks on real hosts (SCENARIO=name, SUITE=trixie, JOBS=2)
	@tools/scenarios.py --jobs '$(JOBS)' --suite '$(SUITE)' $(SCENARIO)

chaos: venv images ssh ## break a deployment at every point and write docs/faults.md (ARGS='--only REGEX', --list)
	@tools/chaos.sh $(or $(ARGS),--report docs/faults.md)

http-cache-tests: venv images ## run the public suite of tests for HTTP caches and write docs/caches.md (part of test-all)
	@HTTP_CACHE_REPORT='$(CURDIR)/docs/caches.md' tools/scenarios.py --jobs '$(JOBS)' http_cache

request-table: venv images ssh ## compare both fronts with plain nginx before gunicorn and write docs/requests.md (part of test-all)
	@REQUESTS_REPORT='$(CURDIR)/docs/requests.md' tools/scenarios.py --jobs '$(JOBS)' requests

bench: venv images ssh ## measure deployments, requests and WebSockets and write docs/benchmarks.md (BENCH_ROUNDS=n, ARGS='--only requests')
	@PYTHON='$(PYTHON)' tools/venv.sh requirements/bench.txt
	@python -m tests.bench $(if $(BENCH_ROUNDS),--rounds '$(BENCH_ROUNDS)') $(ARGS)

site: venv ## build the documentation site in .cache/site/html
	@tools/site/build.sh

docs: venv ## write the tables in README.md, docs/ and roles/ from the code that they describe, and CHANGELOG.md from its fragments
	@tools/docs.py
	@tools/changelog.sh

build: venv ## pack the collection for ansible-galaxy
	@ansible-galaxy collection build --force

lock: venv ## resolve requirements/*.in again
	@for name in dev demo bench judges site; do .cache/uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	  requirements/$$name.in --output-file requirements/$$name.txt || exit 1; done
	@for core in 2.20 2.21; do echo "ansible-core==$$core.*" | .cache/uv/bin/uv pip compile - --quiet --upgrade --universal --python-version 3.12 --generate-hashes \
	  --no-header --output-file requirements/core-$$core.txt || exit 1; done

clean: demo-down ## remove everything that make has made in the checkout, and the images
	@rm -rf .venv .cache .ansible flaskops-stack-*.tar.gz
	@docker image rm --force flaskops-target:bookworm flaskops-target:trixie flaskops-base:bookworm flaskops-base:trixie >/dev/null 2>&1 || true
