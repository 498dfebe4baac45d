"""Training, evaluation, schedules, checkpoints and logs: everything between a network and its
parameters.
"""
