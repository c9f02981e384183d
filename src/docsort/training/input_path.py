"""The way that pages take into a training, chosen by what fits and, where nothing does, by measuring.

Decoded once and kept on the device; else kept in memory; else streamed from disk, by the fewest loader processes whose
decoding keeps ahead of the model. All give the same pixels, so the choice never changes a result. It is logged, and
kept in the training's record with the figures that it was made by.
"""

import copy
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import nn

from docsort.training.pages import (
    Pages,
    ResidentPages,
    StreamedPages,
    decode_page,
    fits,
    loader_workers_for,
    memory_budget,
)
from docsort.training.parameters import TrainingParameters
from docsort.workers import worker_count

DEVICE_SHARE = 2
"""Half of a device's free memory may hold pixels: the rest is for the model and what it computes."""
AHEAD = 1.25
"""How many times as fast as the model decoding should be: pages differ, and so do moments."""
DECODED_PAGES = 24
"""Pages a thread decodes to be measured: about a tenth of a second."""
WARM_STEPS, TIMED_STEPS = 2, 3
FEW_PAGES = 2000
"""Fewer are decoded in less time than processes take to start."""

WORDS = {
    "device": "decoded once and kept on the device",
    "memory": "decoded once and kept in memory",
    "streamed": "streamed from disk, as they do not fit in memory",
}


@dataclass(frozen=True)
class InputPath:
    """kind: where pages come from. loader_workers: processes that decode, 0 being the training itself. mib: of all
    pages as pixels. decode_per_s: pages a second by one thread and by as many as could be spared; model_per_s: what the
    training takes; both None where there was nothing to choose.
    """

    kind: Literal["device", "memory", "streamed"]
    loader_workers: int
    mib: float
    decode_per_s: tuple[float, float] | None = None
    model_per_s: float | None = None

    def as_record(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    def sentence(self) -> str:
        """For the log."""
        words = f"{WORDS[self.kind]} ({self.mib:.0f} MiB)"
        if self.kind == "streamed":
            words += f", {self.loader_workers or 'no'} loader processes"
        if self.decode_per_s is not None and self.model_per_s is not None:
            one, many = self.decode_per_s
            words += f"; one thread decodes {one:.0f} pages/s, all to spare {many:.0f}/s"
            words += f", the model takes {self.model_per_s:.0f}/s"
        return words


def choose_input_path(
    paths: Sequence[str], size: int, device: str, concurrent: int, model_rate: Callable[[], float]
) -> InputPath:
    """For pages of `size` pixels, of which this is one of `concurrent` trainings that share the machine.

    model_rate: measures images a second of the training; called only where decoding has to keep ahead of it.
    """
    spare, mib = loader_workers_for(device, worker_count(), concurrent), round(len(paths) * size * size * 3 / 2**20, 1)
    if device.startswith("cuda") and fits(len(paths), size, torch.cuda.mem_get_info(device)[0] // DEVICE_SHARE):
        return InputPath("device", spare, mib)
    if fits(len(paths), size, memory_budget(concurrent)):
        return InputPath("memory", spare, mib)
    if spare <= 1:
        return InputPath("streamed", spare, mib)
    one, many = decode_rate(paths[::2], size, 1), decode_rate(paths[1::2], size, spare)
    taken = model_rate()
    return InputPath("streamed", fewest_workers(one, many, spare, AHEAD * taken), mib, (one, many), taken)


def fewest_workers(one: float, many: float, spare: int, wanted: float) -> int:
    """The fewest that decode `wanted` pages a second, or `spare` where none do.

    one, many: pages a second of one and of `spare` at once; in between they are taken to lie on a line.
    """
    if many >= wanted > one:
        return math.ceil(1 + (wanted - one) / (many - one) * (spare - 1))
    return 1 if one >= wanted else spare


def decode_rate(paths: Sequence[str], size: int, threads: int) -> float:
    """Pages a second that so many threads decode together, measured on pages from all over the list.

    Threads stand for processes here: Pillow and OpenCV let go of the interpreter, and processes take seconds to start.
    """
    count = DECODED_PAGES * threads
    step = max(1, len(paths) // count)
    sample = [paths[row % len(paths)] for row in range(0, step * count, step)]
    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        for _ in pool.map(lambda path: decode_page(path, size), sample):
            pass
        return len(sample) / (time.perf_counter() - began)


def training_rate(net: nn.Module, parameters: TrainingParameters, device: str) -> float:
    """Images a second, forward and backward, of a copy of the model; the model and all generators stay as they are."""
    kind = torch.device(device).type
    shape = (parameters.batch_size, 3, parameters.image_size, parameters.image_size)
    precision = {"bf16": torch.bfloat16, "16-mixed": torch.float16}.get(parameters.precision)
    layout = torch.channels_last if parameters.channels_last else torch.contiguous_format
    with torch.random.fork_rng(devices=[device] if kind == "cuda" else []):
        model = copy.deepcopy(net).to(device).train()
        pages = torch.rand(shape, device=device).contiguous(memory_format=layout)
        began = 0.0
        for step in range(WARM_STEPS + TIMED_STEPS):
            if step == WARM_STEPS:
                _wait_for(kind)
                began = time.perf_counter()
            with torch.autocast(kind, precision, enabled=precision is not None):
                answers = model(pages)
            answers.float().square().mean().backward()
        _wait_for(kind)
        return TIMED_STEPS * len(pages) / (time.perf_counter() - began)


def _wait_for(kind: str) -> None:
    if kind == "cuda":
        torch.cuda.synchronize()


def open_pages(paths: Sequence[str], size: int, device: str, way: InputPath) -> Pages:
    """The pages, by the way that was chosen."""
    cuda = device.startswith("cuda")
    if way.kind == "streamed":
        return StreamedPages(paths, size, way.loader_workers, pinned=cuda)
    workers = way.loader_workers if len(paths) > FEW_PAGES else 0
    on_device = way.kind == "device"
    return ResidentPages(paths, size, device if on_device else "cpu", workers, pinned=cuda and not on_device)
