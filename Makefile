# `make demo` and `make test` on a fresh machine; each sets up an environment of its own in .venv first.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
DEMO = --dataset digits --model resnet --blocks 1 --channel-times 1 --fusion ASKCFuse --cpus 1 \
       --num-epochs 40 --batch-size 64 --lr 0.1 --cosine --warmup-epochs 2 --mixup-alpha 0.2 --mixup-off-epoch 5 \
       --val-split 0.1 --save-period 0
# Two processes of one thread each are quicker than one of two: most tests are small.
PYTEST = OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist worksteal

.PHONY: demo test test-all torch docs lint environment dev-environment clean
demo: environment
	$(RUN) train_cifar.py $(DEMO)

# What every change runs: minutes.
test: lint
	$(PYTEST) -m "not slow"

# And what is slow, what rounding could upset under another instruction set and with two threads, and the docs.
test-all: test docs
	$(PYTEST) -m slow
	DNNL_MAX_CPU_ISA=SSE41 $(PYTEST) -m "numeric and not slow"
	OMP_NUM_THREADS=2 $(RUN) -m pytest -m "numeric and not slow"

# For the tests of exported PyTorch networks, which are skipped without it.
torch: dev-environment
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[torch]'

docs: dev-environment
	$(RUN) -m mkdocs build --strict

lint: dev-environment
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

environment:
	@sh tools/setup_env "$(PYTHON)" "$(VENV)" .

dev-environment:
	@sh tools/setup_env "$(PYTHON)" "$(VENV)" .[dev]

clean:
	rm -rf $(VENV) build *.egg-info
