# Needs make and Python >= 3.11, nothing else. `make report` and `make test` are the two to know.
#
#   PYTHON=python3.12        the Python that makes the virtual environment
#   TORCH=torch==2.14.1      another torch than the one in constraints.txt (pip options may follow,
#                            such as TORCH="torch==2.13.0 --index-url URL" for a CPU-only build)
#   OUT=out/report           where the report goes
#   CHECK=NAME               make curves: run that curve anew and compare its digest
#   LEVEL=quick|full         how much the report simulates: full is for print

PYTHON ?= python3
VENV   ?= .venv
OUT    ?= out/report
LEVEL  ?= quick
TORCH  ?= $(shell grep '^torch==' constraints.txt)

BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile
PYTEST := $(BIN)/python -m pytest

.PHONY: help install install-all report test test-full bench curves lint format coverage docs build clean distclean FORCE
.DELETE_ON_ERROR:
.NOTPARALLEL:
# A test run starts some hundred processes: with no bytecode on disk each compiles all that it loads.
unexport PYTHONDONTWRITEBYTECODE

help:
	@echo "make report     the figures, tables and pages of the paper's theory, in $(OUT)"
	@echo "make test       every check but the longer ones"
	@echo "make test-full  the longer checks too (calibration of the verifier, wheel, sdist)"
	@echo "make bench      speed and memory"
	@echo "make curves     the committed curves of deep models that are missing: hours (CHECK=NAME: one anew)"
	@echo "make lint       ruff and mypy"
	@echo "make format     let ruff rewrite the sources"
	@echo "make coverage   tests with branch coverage"
	@echo "make docs       the documentation as HTML, in out/docs"
	@echo "make build      sdist and wheel, in dist"
	@echo "make install    a virtual environment in $(VENV) with all that the report needs"
	@echo "make install-all  the same with torch and the development tools"
	@echo "make clean      remove what was built; distclean removes $(VENV) too"

# Byte code of what was installed, by all processors and without the libraries' own tests: pip would
# take as long again. What some library holds for other Pythons is left out, as pip does.
BYTE_CODE := $(BIN)/python -m compileall -qq -j 0 -x '/tests?/' $(VENV)/lib || true

# --- set-up: stamps, so that a second make is instant ------------------------------------------

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "madtheory needs Python >= 3.11, got " + sys.version.split()[0] + ": make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

# The torch line of constraints.txt is left to TORCH.
$(VENV)/constraints.txt: constraints.txt $(VENV)/.created
	@grep -v '^torch==' constraints.txt > $@

# Rewritten only when TORCH differs from last time.
$(VENV)/.torch: FORCE $(VENV)/.created
	@echo '$(TORCH)' | cmp -s - $@ || echo '$(TORCH)' > $@

$(VENV)/.installed: pyproject.toml $(VENV)/constraints.txt
	$(PIP) --constraint $(VENV)/constraints.txt --editable '.[report]'
	@$(BYTE_CODE)
	@touch $@

$(VENV)/.installed-all: pyproject.toml $(VENV)/constraints.txt $(VENV)/.torch
	$(PIP) $(TORCH)
	$(PIP) --constraint $(VENV)/constraints.txt --editable '.[report,deep,cluster,dev]'
	@$(BYTE_CODE)
	@touch $@ $(VENV)/.installed

# The pages of the deep room's modules are read off the modules, which import torch.
$(VENV)/.installed-docs: pyproject.toml $(VENV)/constraints.txt $(VENV)/.torch
	$(PIP) $(TORCH)
	$(PIP) --constraint $(VENV)/constraints.txt --editable '.[report,deep,docs]'
	@$(BYTE_CODE)
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed

install-all: $(VENV)/.installed-all

# --- work --------------------------------------------------------------------------------------

report: install
	$(BIN)/madtheory report --out '$(OUT)' --level $(LEVEL)

test: install-all
	$(PYTEST) --numprocesses auto --dist loadfile --no-loadscope-reorder

test-full: install-all
	$(PYTEST) --numprocesses auto --dist loadfile --no-loadscope-reorder --full

bench: install-all
	$(BIN)/python -m benchmarks

curves: install-all
	$(BIN)/python -m madtheory.deep.make_curves $(if $(CHECK),--check '$(CHECK)')

lint: install-all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p madtheory

format: install-all
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: install-all
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --skip-covered
	$(BIN)/coverage html --quiet --directory out/coverage

docs: $(VENV)/.installed-docs
	rm -rf out/docs
	$(BIN)/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going --doctree-dir out/docs-trees docs out/docs
	$(BIN)/python docs/links.py out/docs

build: install-all
	$(BIN)/python -m build --outdir dist

clean:
	rm -rf out docs/generated build dist htmlcov .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants *.egg-info
	find madtheory proofs reports tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
