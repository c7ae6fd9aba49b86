"""What this machine is and which float type it computes in, each automatic choice with its reason."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Device:
    """Where a tune runs. `dtype_name` is the type of frozen weights and of arithmetic; what trains stays float32."""

    kind: str  # "cpu" or "cuda"
    name: str
    total_bytes: int
    dtype_name: str  # "float32", "bfloat16" or "float16"
    dtype_reason: str
    threads: int
    threads_reason: str

    @property
    def torch_device(self) -> "torch.device":
        import torch

        return torch.device(self.kind)

    @property
    def dtype(self) -> "torch.dtype":
        import torch

        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[self.dtype_name]

    @property
    def mixed_precision(self) -> str:
        """The name that accelerate has for the arithmetic: `no`, `bf16` or `fp16`."""
        return {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}[self.dtype_name]

    @property
    def reasons(self) -> dict[str, str]:
        return {"device": f"{self.kind}: {self.name}", "dtype": self.dtype_reason, "threads": self.threads_reason}


def detect_device() -> Device:
    """The CUDA GPU where there is one, else the CPU."""
    import torch

    return _cuda() if torch.cuda.is_available() else _cpu()


def _cpu() -> Device:
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    threads = torch.get_num_threads()
    source = "OMP_NUM_THREADS" if "OMP_NUM_THREADS" in os.environ else "torch's own choice"
    return Device(
        kind="cpu",
        name=f"{os.cpu_count()} cores, {capability}",
        total_bytes=psutil.virtual_memory().total,
        dtype_name="float32",
        # Measured: bfloat16 matrix products took 1.8 times as long with AVX512-BF16, 46 to 67 times with AVX2 only.
        dtype_reason=f"float32: on a CPU with {capability} it is faster than bfloat16",
        threads=threads,
        threads_reason=f"{threads}: {source}",
    )


def _cuda() -> Device:
    import torch

    properties = torch.cuda.get_device_properties(0)
    capability = f"compute capability {properties.major}.{properties.minor}"
    modern = properties.major >= 8
    return Device(
        kind="cuda",
        name=properties.name,
        total_bytes=properties.total_memory,
        dtype_name="bfloat16" if modern else "float16",
        dtype_reason=f"bfloat16: {capability} has it"
        if modern
        else f"float16: {capability} has no bfloat16 arithmetic",
        threads=torch.get_num_threads(),
        threads_reason="the GPU does the work",
    )
