"""Measurements on the user's machine: how fast networks train and infer, and whether the loaders
keep up with them.
"""
