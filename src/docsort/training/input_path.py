"""The way that pages take into a training, chosen by what fits.

Decoded once and kept on the device; else kept in memory; else streamed from disk. All give the same pixels, so the
choice never changes a result. It is logged, and kept in the training's record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from docsort.members.pages import decoding_threads
from docsort.models.page_batches import Pages, ResidentPages, StreamedPages, fits, memory_budget

DEVICE_SHARE = 2
"""Half of a device's free memory may hold pixels: the rest is for the model and what it computes."""

WORDS = {
    "device": "decoded once and kept on the device",
    "memory": "decoded once and kept in memory",
    "streamed": "streamed from disk, as they do not fit in memory",
}


@dataclass(frozen=True)
class InputPath:
    """kind: where pages come from. threads: how many decode. mib: of all pages as pixels."""

    kind: Literal["device", "memory", "streamed"]
    threads: int
    mib: float

    def sentence(self) -> str:
        """For the log."""
        return f"{WORDS[self.kind]} ({self.mib:.0f} MiB)"


def choose_input_path(count: int, size: int, device: str, concurrent: int) -> InputPath:
    """For `count` pages of `size` pixels, of which this is one of `concurrent` trainings that share the machine."""
    kind: Literal["device", "memory", "streamed"] = "streamed"
    if device.startswith("cuda") and fits(count, size, torch.cuda.mem_get_info(device)[0] // DEVICE_SHARE):
        kind = "device"
    elif fits(count, size, memory_budget(concurrent)):
        kind = "memory"
    return InputPath(kind, decoding_threads(device, concurrent), round(count * size * size * 3 / 2**20, 1))


def open_pages(paths: Sequence[str], size: int, device: str, way: InputPath) -> Pages:
    """The pages, by the way that was chosen."""
    cuda = device.startswith("cuda")
    if way.kind == "streamed":
        return StreamedPages(paths, size, way.threads, pinned=cuda)
    on_device = way.kind == "device"
    return ResidentPages(paths, size, device if on_device else "cpu", way.threads, pinned=cuda and not on_device)
