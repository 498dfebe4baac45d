"""The native form of `AFF` and `iAFF`: one operator of our own for CPUs, in C++ (`src/`).

`build` compiles it, once for a machine; `operator` loads it and puts it into networks. Where that
cannot be, the Gluon form computes the same.
"""
