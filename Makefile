PORT ?= 8000
HOST ?= 127.0.0.1
JOBS ?= 2
python := .venv/bin/python
# Our modules are compiled once, not by each process.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test lint bench lock
.DEFAULT_GOAL := run

run: ## A working portal with demo data; Ctrl-C stops it
	@sh requirements/environment.sh demo
	@$(python) manage.py run_demo --host $(HOST) --port $(PORT)

test: ## Every check; the last lines are the tests' own summary
	@sh requirements/environment.sh test
	@$(MAKE) --no-print-directory lint
	@$(python) -m tests.browser
	TEST_DATABASE=sqlite $(python) -m pytest -n $(JOBS) --dist worksteal -m also_sqlite
	$(python) -m pytest -n $(JOBS) --dist worksteal

lint:
	@sh requirements/environment.sh test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	git ls-files -z 'templates/*.html' | xargs -0 .venv/bin/djade --target-version 5.2 --check
	.venv/bin/lint-imports

bench: ## Pages measured against two floors
	@sh requirements/environment.sh test
	$(python) -m benchmarks.pages

lock: ## Compute requirements/*.txt anew from pyproject.toml
	@python3 -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv
	.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra production --extra demo --extra test pyproject.toml -o requirements/test.txt
	for set in production demo; do .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --extra $$set pyproject.toml -c requirements/test.txt \
		-o requirements/$$set.txt; done
	rm -rf .venv-lock
