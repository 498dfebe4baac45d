# `make demo` and `make test` on a fresh machine; each sets up an environment of its own in .venv first.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
DEMO = --dataset digits --model resnet --blocks 1 --channel-times 1 --fusion ASKCFuse --cpus 1 \
       --num-epochs 40 --batch-size 64 --lr 0.1 --cosine --warmup-epochs 2 --mixup-alpha 0.2 --mixup-off-epoch 5 \
       --val-split 0.1 --save-period 0

.PHONY: demo test lint environment dev-environment clean
demo: environment
	$(RUN) train_cifar.py $(DEMO)

test: lint
	$(RUN) -m pytest

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
