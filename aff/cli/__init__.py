"""Commands: one file each, and what they share in common/. Only these import argparse."""
