# make demo [DATA=path] [PROFILE=smoke|cpu|gpu] [OUT=folder] [SEED=n] [BLACK=b] [WHITE=w] [CFA=RGGB|...|MONO]   notebook 00, on simulated phones or a burst of yours
# make study [PROFILE=...] [ENGINE=slurm] [THREADS=n]           every point of the study that is not finished, then its tables
# make results                                                 tables of finished points of the profiles cpu and gpu, into results/
# make test                                                    everything the tests need, and the tests
# make format-js                                               JavaScript and style sheets as `make test` wants them
# make lab                                                     JupyterLab with the notebooks
# make bench [DEVICE=cuda]                                     speed and memory against the plain way (20 min, idle machine)
# make book                                                    the book, book/_build/html/index.html; offline once installed
# make links                                                   whether the book's links to other sites still lead somewhere
PYTHON ?= python3
PROFILE ?= smoke
DATA ?=
OUT ?=
SEED ?= 0
BLACK ?=
WHITE ?=
CFA ?=
DEVICE ?= cpu
ENGINE ?= local
THREADS ?= 0
RUNS ?= runs
# What a user gives reaches the programs through the environment, as it was typed: a recipe names it as "$$DATA", which
# only the shell expands. Everything else here cannot be given on the command line.
GIVEN := PYTHON PROFILE DATA OUT SEED BLACK WHITE CFA DEVICE ENGINE THREADS RUNS
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)
override VENV := .venv
override RUN := $(VENV)/.run
override READY := $(VENV)/.ready
$(RUN): override EXTRAS := run
$(READY): override EXTRAS := lab,test,workflow

.PHONY: demo study results test format-js lab book links bench guard clean
.DELETE_ON_ERROR:

# The demo needs little; everything else needs the rest, too. Where that is there, the demo takes it.
$(RUN) $(READY): pyproject.toml constraints.txt
	@"$$PYTHON" -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v < (3, 14) or sys.exit(f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.11")'
	@test -x $(VENV)/bin/python || { echo "creating $(VENV)"; "$$PYTHON" -m venv $(VENV); }
	@echo "installing the packages into $(VENV) (a few minutes the first time)"
	$(VENV)/bin/python -m pip install --disable-pip-version-check --progress-bar on -q -e '.[$(EXTRAS)]' -c constraints.txt
	@touch $@

demo: $(or $(wildcard $(READY)),$(RUN))
	$(VENV)/bin/python -m n2nf_core.cli run notebooks/00_start_here.md --out="$$OUT" --runs="$$RUNS" \
		-p profile "$$PROFILE" -p seed "$$SEED" $${DATA:+-p data "$$DATA"} $${BLACK:+-p black "$$BLACK"} \
		$${WHITE:+-p white "$$WHITE"} $${CFA:+-p cfa "$$CFA"}

study: $(READY)
	$(VENV)/bin/python -m n2nf_core.cli study --profile="$$PROFILE" --engine="$$ENGINE" --threads="$$THREADS" \
		--runs="$$RUNS"

results: $(READY)
	$(VENV)/bin/python -m n2nf_core.cli collect --profiles cpu gpu --out results -- "$$RUNS"

# Formats and lints JavaScript and style sheets, as biome.json says; it comes from npm, like what the book needs.
override BIOME_VERSION := 2.6.8
override BIOME := $(VENV)/biome-$(BIOME_VERSION)/node_modules/.bin/biome
$(BIOME): | $(READY)
	npm install --silent --no-save --prefix $(VENV)/biome-$(BIOME_VERSION) @biomejs/biome@$(BIOME_VERSION)

format-js: $(BIOME)
	$(BIOME) check --write

# One thread for each of the two test processes: more only get in one another's way.
test: $(READY) $(if $(shell command -v npm 2> /dev/null),$(BIOME))
	$(VENV)/bin/ruff check .
	@if test -x $(BIOME); then $(BIOME) ci --error-on-warnings; else echo "npm is missing: JavaScript is tested, but not linted"; fi
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist worksteal -q --durations 10

lab: $(READY)
	$(VENV)/bin/python -m n2nf_core.cli lab notebooks

bench: $(READY)
	@of=$$(test "$$DEVICE" = cpu || printf -- "-%s" "$$DEVICE"); $(VENV)/bin/python -m benchmarks.bench --device="$$DEVICE" \
		--json="benchmarks/bench$$of.json" --figure="benchmarks/throughput$$of.svg"

guard: $(READY)
	$(VENV)/bin/python -m benchmarks.guard

override VENDOR := book/_vendor
override MATHJAX := mathjax@3.2.2
$(VENV)/.book: $(READY)
	$(VENV)/bin/python -m pip install --disable-pip-version-check -q -e '.[lab,test,book]' -c constraints.txt
	rm -rf $(VENDOR)/mathjax && mkdir -p $(VENDOR)/mathjax
	cd $(VENDOR) && tar -xzf "$$(npm pack --silent $(MATHJAX))" -C mathjax --strip-components 2 package/es5/tex-chtml.js package/es5/output/chtml/fonts
	rm $(VENDOR)/mathjax-*.tgz
	@touch $@

# What tests of the pages look for faults with; it is no part of the site.
override AXE := axe-core@4.14.1
override CHECKER := tests/book/_vendor/axe.min.js
$(CHECKER):
	mkdir -p $(@D)
	cd $(@D) && tar -xzf "$$(npm pack --silent $(AXE))" --strip-components 1 package/axe.min.js && rm axe-core-*.tgz
	@touch $@

# A notebook runs again when its text or the core has changed; the cache itself sees the text alone.
book: $(VENV)/.book $(CHECKER)
	cp book/book.css n2nf_core/widgets/js/loader.js $(VENDOR)
	@test -z "$$(find n2nf_core results -type f ! -name '*.pyc' -newer book/_build/html/index.html 2>/dev/null)" || rm -rf book/_build
	PATH="$$PWD/$(VENV)/bin:$$PATH" $(VENV)/bin/jupyter-book build -W -n --keep-going book
	@touch book/_build/html/index.html

# Links to other sites; needs the network, and is no part of the tests.
links: $(VENV)/.book
	PATH="$$PWD/$(VENV)/bin:$$PATH" $(VENV)/bin/jupyter-book build --builder linkcheck --keep-going book

clean:
	rm -rf $(VENV) runs book/_build $(VENDOR) $(dir $(CHECKER))
