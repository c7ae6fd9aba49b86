"""The devices a plan is made for, and whether a peak fits into one. No torch.

The sizes are what torch reports as `total_memory`, in MiB, rounded down: less than the name of the card says.
"""

from dataclasses import dataclass
from typing import Literal

from finetune_lab.device import Device, detect_device
from finetune_lab.errors import ConfigError

MIB = 2**20
GIB = 2**30
CUDA_CONTEXT = 600 * MIB  # of the driver and the libraries' workspaces, which torch's own figures leave out
PROCESS = 900 * MIB  # of the interpreter with torch, transformers, peft and bitsandbytes, measured on Linux
TIGHT = 0.9  # from this share of what is usable on: fragments between allocations may make it fail

Fit = Literal["fits", "tight", "does not fit"]
CARDS = {
    "T4": (15_095, "float16"),
    "L4": (22_491, "bfloat16"),
    "RTX 4090": (24_080, "bfloat16"),
    "A100 40": (40_330, "bfloat16"),
    "A100 80": (81_050, "bfloat16"),
    "H100": (81_000, "bfloat16"),
    "H200": (143_150, "bfloat16"),
}


@dataclass(frozen=True)
class Verdict:
    """Whether a peak fits into a device's memory."""

    device: str
    fit: Fit
    peak: int  # bytes
    usable: int  # bytes of the device, without what is not ours
    spare: int  # bytes left at the peak; negative: bytes that are missing

    def __str__(self) -> str:
        size = f"{abs(self.spare) / GIB:.2f} GiB {'to spare' if self.spare >= 0 else 'too little'}"
        return f"{self.device}: {self.fit}, {size} of {self.usable / GIB:.1f} GiB usable"


def target(asked: str | int | Device | None) -> Device:
    """The device of that name (`T4`, `H100`, ...), of that many bytes (a GPU with bfloat16), or this machine.

    Raises:
        ConfigError: there is no such device.
    """
    if isinstance(asked, Device):
        return asked
    if asked is None or (isinstance(asked, str) and asked.strip().lower() in ("", "here", "this machine")):
        return detect_device()
    if isinstance(asked, bool) or (isinstance(asked, int) and asked < 1):
        raise ConfigError(f"A device of {asked!r} bytes has no memory.", "Name a device or its bytes.")
    if isinstance(asked, int):
        return _gpu(f"{asked / GIB:.1f} GiB", asked, "bfloat16")
    wanted = "".join(letter for letter in asked.lower() if letter.isalnum()).removesuffix("gb")
    for name, (size, dtype_name) in CARDS.items():
        if name.lower().replace(" ", "") in (wanted, f"rtx{wanted}"):
            return _gpu(name, size * MIB, dtype_name)
    raise ConfigError(f"There is no device {asked!r}.", f"Choose one of {', '.join(CARDS)}, or give its bytes.")


def verdict(device: Device, peak: int) -> Verdict:
    """How a peak (bytes of tensors) stands to the device's memory."""
    usable = max(0, device.total_bytes - (CUDA_CONTEXT if device.kind == "cuda" else PROCESS))
    fit: Fit = "fits" if peak <= TIGHT * usable else "tight" if peak <= usable else "does not fit"
    return Verdict(device.name, fit, peak, usable, usable - peak)


def _gpu(name: str, size: int, dtype_name: str) -> Device:
    reason = f"{dtype_name}: what the card computes in"
    return Device("cuda", name, size, dtype_name, reason, 1, "the GPU does the work")
