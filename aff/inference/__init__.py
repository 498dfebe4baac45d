"""Trained networks put to use: what names one, how it is made ready, what an image becomes for it,
and what it makes of images.
"""
