"""The process's own peak, as the operating system counts it: everything in it, the interpreter and libraries too."""

import sys
from pathlib import Path

import psutil


def process_peak_bytes() -> int:
    """The largest resident size that this process has had (Linux `VmHWM`, Windows peak working set, else getrusage)."""
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
