"""Training: what a run is (`TrainConfig`), its step and its epochs, evaluation, checkpoints,
logs.
"""
