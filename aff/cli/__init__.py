"""Commands: one module each, with a `main(argv)` that returns an exit code. Only these import
argparse.
"""
