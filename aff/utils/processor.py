"""What Linux says of the processor."""

from __future__ import annotations


def cpuinfo(key: str) -> str:
    """Return the first value of a key of ``/proc/cpuinfo``; an empty text where there is none."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() == key:
                    return value.strip()
    except OSError:  # no Linux
        pass
    return ""


def instruction_set() -> str:
    """Return the newest of oneDNN's kinds that the processor has, by oneDNN's names."""
    flags = cpuinfo("flags").split()
    kinds = (("AVX512_CORE", "avx512bw"), ("AVX2", "avx2"), ("AVX", "avx"), ("SSE41", "sse4_1"))
    return next((kind for kind, flag in kinds if flag in flags), "unknown")
