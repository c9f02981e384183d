"""How fast training is, next to what the machine could do and to two other ways: on drawn pages, from scratch.

    uv run python benchmarks/training.py [--models NAME@SIZE[xBATCH] ...] [--timm-script PATH] [--json FILE] [--quick]

It needs no Kedro, MLflow or Albumentations, only the libraries that train. All ratios are medians of ratios taken
within one round of one run, because a machine that others use too is never the same twice; engine and ceiling take
turns at being first, and the other two ways, which are far off, are measured in the first rounds alone. On a CPU the
engine trains as many folds side by side as there are workers, at one thread each, so its rate is the sum over them; on
a GPU it trains one. What is measured, in training images a second:

- engine: `docsort.members.fitting.fit`, as the pipeline calls it, with turns and jitter: the rate that its history
  tells of the training part of each epoch after the first. engine_whole: all images over the wall clock of the calls,
  with decoding, building, validation and saving.
- ceiling: forward, loss, backward and step on one random batch that stays on the device; the same model, optimizer,
  precision, memory layout and settings of the process, and as many processes side by side.
- plain_loop: the old way. Pillow decodes and scales every page in every epoch, numpy normalises, torch trains with its
  default threads, layout and precision, in one process without loader workers.
- timm: timm's train.py, which is not part of its package: --timm-script or DOCSORT_TIMM_SCRIPT says where it lies; null
  without. Files as class folders, no augmentation, channels last, AMP on a GPU; the rate that its log tells at the end
  of each epoch after the first. On a CPU it runs twice, once alone with torch's default threads and two loader workers
  and once as the engine does, side by side at one thread and one loader worker each; the faster one counts.

--quick takes small counts, to see that it runs; the keys stay, the figures mean little.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import psutil

from docsort.members.fitting import fit
from docsort.members.member import Task
from docsort.members.splits import Split
from docsort.seeding import derive_rng
from docsort.stores import Store
from docsort.tables import CONDITIONS, RENDERS
from docsort.training.kind import NetworkKind
from docsort.training.parameters import TrainingParameters
from docsort.work.executor import executor, run, stop_work
from docsort.work.worker import ENVIRONMENT

CLASSES = 17
SIDES = ((443, 591), (591, 443), (512, 512), (384, 682))
"""Width and height of the photos of the job, pixels."""
FILES = 1024
"""As many pages are drawn; longer tables name them again."""
WARM_STEPS = 3
TIMM_RATE = re.compile(r"Train: (\d+) .*\(\s*[\d.]+s,\s*([\d.]+)/s\)")


@dataclass(frozen=True)
class Amounts:
    """How much is trained for each figure."""

    rounds: int = 9
    other_rounds: int = 3  # with the plain loop and timm
    epochs: int = 3
    epoch_seconds: float = 3  # which the ceiling would take for an epoch: the number of images follows from it
    plain_seconds: float = 4  # of the plain loop, at the ceiling's rate of one process
    validation: int = 34


QUICK = Amounts(rounds=1, epochs=2, epoch_seconds=0.2, plain_seconds=0.2, validation=4)


@dataclass(frozen=True)
class Job:
    """One model on one kind of device; images: of one training."""

    backbone: str
    size: int
    batch: int
    device: str
    side_by_side: int
    precision: str
    images: int = 0

    def parameters(self, epochs: int) -> TrainingParameters:
        return TrainingParameters(
            backbone=self.backbone,
            pretrained=False,
            image_size=self.size,
            epochs=epochs,
            patience=epochs,
            batch_size=self.batch,
            learning_rate={"scratch": 0.001, "pretrained": 0.001},
            jitter=0.1,
            precision=self.precision,
            device=self.device,
        )


# Pages.


def draw_page(path: Path, number: int) -> None:
    """Blocks of noise in lines, as text is, on paper; JPEG of the size of the job's photos."""
    rng = derive_rng(0, "benchmark page", number)
    width, height = SIDES[number % len(SIDES)]
    page = np.full((height, width, 3), rng.integers(190, 255, 3), np.uint8)
    for top in range(20, height - 20, int(rng.integers(12, 24))):
        left, right = sorted(int(side) for side in rng.integers(10, width - 10, 2))
        ink = rng.integers(0, 2, (4, (right - left) // 2 + 1), dtype=np.uint8) * 160
        line = cv2.resize(ink, (right - left + 1, 8), interpolation=cv2.INTER_NEAREST)
        page[top : top + 8, left : right + 1] -= np.minimum(line[..., None], page[top : top + 8, left : right + 1])
    noisy = page + rng.normal(0, 6, page.shape)
    cv2.imwrite(str(path), noisy.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])


def draw_pages(folder: Path, count: int) -> list[str]:
    """Paths of the drawn pages."""
    folder.mkdir()
    paths = [folder / f"{number}.jpg" for number in range(count)]
    for _ in executor().map(draw_page, [(path, number) for number, path in enumerate(paths)]):
        pass
    return [str(path) for path in paths]


def make_task(job: Job, paths: list[str], amounts: Amounts, number: int) -> Task:
    """Fold `number`: each page is a source of its own, and the labels go round."""
    training = render_table("t", job.images, number + 1, job.size, paths)
    held_out = render_table("v", amounts.validation, number, job.size, paths)
    held_out["condition"] = [CONDITIONS[row % len(CONDITIONS)] for row in range(len(held_out))]
    split = Split(number, tuple(range(CLASSES)), training, held_out.head(0), held_out)
    return NetworkKind().task(f"fold_{number}", split, job.parameters(amounts.epochs), 0)


def render_table(letter: str, count: int, fold: int, side: int, paths: list[str]) -> pd.DataFrame:
    names = [f"{letter}{row}" for row in range(count)]
    pages = [paths[row % len(paths)] for row in range(count)]
    labels = [row % CLASSES for row in range(count)]
    table = pd.DataFrame({"render_id": names, "source_id": names, "group": names, "label": labels, "path": pages})
    return table.assign(fold=fold, copy=0, side=side, straighten=True, letterboxed=True)[list(RENDERS)]


# The four ways. Each gives images a second, of all processes together.


def together(count: int, function: Callable[[int], float]) -> float:
    """The sum of what `count` calls give that run at the same time."""
    with ThreadPoolExecutor(count) as threads:
        return sum(threads.map(function, range(count)))


def engine_rate(job: Job, paths: list[str], amounts: Amounts, folder: Path) -> tuple[float, float]:
    """Of the epochs after the first, and of the whole calls."""
    store = Store(folder)

    def rate(number: int) -> float:
        history = fit(make_task(job, paths, amounts, number), store).read_history()
        return float(history["images_per_s"].iloc[1:].median())

    began = time.perf_counter()
    steady = together(job.side_by_side, rate)
    images = job.side_by_side * amounts.epochs * job.images
    return steady, images / (time.perf_counter() - began)


def ceiling_rate(job: Job, steps: int) -> float:
    return together(job.side_by_side, lambda _: run(bare_steps, job, steps))


def bare_steps(job: Job, steps: int) -> float:
    """Images a second of one process that has nothing to do but to train on one batch."""
    import torch

    from docsort.models.backbones import build_model
    from docsort.models.threads import freed_memory_kept, prepare_worker
    from docsort.training.losses import build_loss
    from docsort.training.optimisation import build_optimizer

    prepare_worker()
    torch.manual_seed(0)
    parameters, device = job.parameters(1), torch.device(job.device)
    torch.backends.cudnn.benchmark = device.type == "cuda"
    net = build_model(job.backbone, CLASSES, job.size).to(device, memory_format=torch.channels_last).train()
    optimizer, objective = build_optimizer(net, parameters, device.type), build_loss(parameters, [1] * CLASSES)
    pages = torch.randn(job.batch, 3, job.size, job.size, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(job.batch, device=device) % CLASSES
    kind = {"bf16": torch.bfloat16, "16-mixed": torch.float16}.get(job.precision)
    scaler = torch.amp.GradScaler(device.type, enabled=job.precision == "16-mixed")

    def seconds(count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, kind, enabled=kind is not None):
                loss = objective(net(pages), labels)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began

    with freed_memory_kept(job.device):
        seconds(WARM_STEPS)
        return steps * job.batch / seconds(steps)


def default_threads() -> None:
    """Before torch is imported in this process."""
    for name in ENVIRONMENT:
        os.environ.pop(name, None)


def plain_loop(job: Job, paths: list[str], steps: int) -> float:
    """Images a second of the old way, in this process."""
    import torch
    from PIL import Image

    from docsort.models.backbones import build_model

    torch.manual_seed(0)
    net = build_model(job.backbone, CLASSES, job.size).to(job.device).train()
    optimizer, objective = torch.optim.Adam(net.parameters(), lr=0.001), torch.nn.CrossEntropyLoss()
    mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)

    def read(path: str) -> Any:
        scaled = Image.open(path).convert("RGB").resize((job.size, job.size), Image.Resampling.BILINEAR)
        return torch.from_numpy(((np.asarray(scaled, np.float32) / 255 - mean) / std).transpose(2, 0, 1))

    def step(number: int) -> None:
        rows = range(number * job.batch, (number + 1) * job.batch)
        pages = torch.stack([read(paths[row % len(paths)]) for row in rows]).to(job.device)
        labels = torch.tensor([row % CLASSES for row in rows], device=job.device)
        optimizer.zero_grad()
        loss = objective(net(pages), labels)
        loss.backward()
        optimizer.step()
        loss.item()

    step(0)
    began = time.perf_counter()
    for number in range(1, steps + 1):
        step(number)
    return steps * job.batch / (time.perf_counter() - began)


def class_folders(job: Job, paths: list[str], amounts: Amounts, folder: Path) -> Path:
    """The training and validation pages as timm reads them: links to the drawn files."""
    for split, count in (("train", job.images), ("validation", amounts.validation)):
        for row in range(count):
            place = folder / split / f"{row % CLASSES:02d}"
            place.mkdir(parents=True, exist_ok=True)
            os.link(paths[row % len(paths)], place / f"{row}.jpg")
    return folder


def timm_rate(job: Job, script: Path, data: Path, amounts: Amounts, folder: Path) -> float:
    """The faster of its ways; see the head of this file."""
    if job.device != "cpu":
        return run_timm(job, script, data, amounts, folder, workers=min(16, executor().workers), threads=None)
    alone = run_timm(job, script, data, amounts, folder / "alone", workers=2, threads=None)
    beside = [folder / str(number) for number in range(job.side_by_side)]
    return max(alone, together(len(beside), lambda i: run_timm(job, script, data, amounts, beside[i], 1, threads=1)))


def run_timm(
    job: Job, script: Path, data: Path, amounts: Amounts, folder: Path, workers: int, threads: int | None
) -> float:
    """Images a second of one process of timm's train.py, as its own log tells them."""
    command = [sys.executable, str(script), "--data-dir", str(data), "--output", str(folder), "--model", job.backbone]
    command += ["--num-classes", str(CLASSES), "--input-size", "3", str(job.size), str(job.size), "-b", str(job.batch)]
    command += ["--epochs", str(amounts.epochs), "--warmup-epochs", "0", "--opt", "adamw", "--lr", "0.001", "--no-aug"]
    command += ["--smoothing", "0", "--channels-last", "--log-interval", "1", "--workers", str(workers)]
    command += ["--device", job.device, "--checkpoint-hist", "1"]
    if job.device == "cpu":
        command += ["--no-prefetcher"]
    else:
        command += ["--pin-mem", "--amp", "--amp-dtype", "float16" if job.precision == "16-mixed" else "bfloat16"]
    environment = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    if threads:
        environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    last = {int(epoch): float(rate) for epoch, rate in TIMM_RATE.findall(done.stderr + done.stdout)}
    if done.returncode or len(last) < amounts.epochs:
        raise RuntimeError(f"Expected {script} to train, but it ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return statistics.median(rate for epoch, rate in last.items() if epoch)


# The whole.


def describe_machine() -> dict[str, Any]:
    """In a worker, because it imports torch."""
    import timm
    import torch

    cuda = torch.cuda.is_available()
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(),
        "workers": executor().workers,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "platform": platform.platform(),
        "gpu": torch.cuda.get_device_name(0) if cuda else None,
        "bf16": cuda and torch.cuda.is_bf16_supported(),
        "torch": torch.__version__,
        "timm": timm.__version__,
    }


def cpu_model() -> str | None:
    """As Linux tells it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), None)


def read_job(text: str, machine: dict[str, Any]) -> Job:
    """NAME@SIZE or NAME@SIZExBATCH."""
    found = re.fullmatch(r"([^@]+)@(\d+)(?:x(\d+))?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"Expected a model as NAME@SIZE or NAME@SIZExBATCH, but got {text!r}.")
    gpu = machine["gpu"] is not None
    batch = int(found[3] or (64 if gpu else 32))
    precision = ("bf16" if machine["bf16"] else "16-mixed") if gpu else "32"
    device = "cuda:0" if gpu else "cpu"
    return Job(found[1], int(found[2]), batch, device, 1 if gpu else executor().workers, precision)


def measure(job: Job, amounts: Amounts, paths: list[str], script: Path | None, folder: Path) -> dict[str, Any]:
    """All figures of one model."""
    ceiling_rate(job, 2)  # loads the libraries in every process
    alone = ceiling_rate(job, 5) / job.side_by_side
    batches = max(3, round(alone * amounts.epoch_seconds / job.batch))
    job = Job(**{**asdict(job), "images": batches * job.batch})
    plain_steps = max(2, round(alone * amounts.plain_seconds / job.batch))
    data = class_folders(job, paths, amounts, folder / "classes") if script else None
    rounds = []
    with ProcessPoolExecutor(1, get_context("spawn"), default_threads) as plain:
        for number in range(amounts.rounds):
            here, found = folder / f"round{number}", dict[str, float]()
            for way in ("engine", "ceiling") if number % 2 == 0 else ("ceiling", "engine"):
                if way == "engine":
                    found["engine"], found["engine_whole"] = engine_rate(job, paths, amounts, here / "store")
                else:
                    found["ceiling"] = ceiling_rate(job, (amounts.epochs - 1) * batches)
            if number < amounts.other_rounds:
                found["plain_loop"] = plain.submit(plain_loop, job, paths, plain_steps).result()
            if script and data and number < amounts.other_rounds:
                found["timm"] = timm_rate(job, script, data, amounts, here / "timm")
            rounds.append(found)
            print(
                f"{job.backbone}@{job.size} round {number + 1}: {rounded(found)} {rounded(ratios(found))}", flush=True
            )
    by_round = [ratios(found) for found in rounds]
    over = {name: median_of(by_round, f"engine_over_{name}") for name in ("ceiling", "plain_loop", "timm")}
    return {
        **{f"engine_over_{name}": value for name, value in over.items()},
        "images_per_s": {
            name: median_of(rounds, name) for name in ("engine", "engine_whole", "ceiling", "plain_loop", "timm")
        },
        "job": asdict(job),
        "rounds": rounds,
    }


def ratios(found: dict[str, float]) -> dict[str, float]:
    """The engine over all else of one round."""
    others = ("ceiling", "plain_loop", "timm")
    return {f"engine_over_{name}": found["engine"] / found[name] for name in others if name in found}


def median_of(rounds: list[dict[str, float]], name: str) -> float | None:
    values = [found[name] for found in rounds if name in found]
    return statistics.median(values) if values else None


def rounded(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in found.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--models", nargs="+", metavar="NAME@SIZE", help="timm names, sides of the input in pixels")
    parser.add_argument("--timm-script", type=Path, metavar="PATH", default=os.environ.get("DOCSORT_TIMM_SCRIPT"))
    parser.add_argument("--rounds", type=int, metavar="N", help="how often everything is measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="small counts, to see that it runs")
    arguments = parser.parse_args()
    amounts = QUICK if arguments.quick else Amounts()
    if arguments.rounds:
        amounts = Amounts(**{**asdict(amounts), "rounds": arguments.rounds})
    machine = run(describe_machine) | {"cpu": cpu_model() or platform.machine()}
    large = ["efficientnet_b0@224x64", "tf_efficientnet_b5@456x32"]
    small = ["mobilenetv3_small_050@128", "efficientnet_b0@128"]
    usual = ["test_resnet@32x4"] if arguments.quick else large if machine["gpu"] else small
    jobs = [read_job(text, machine) for text in arguments.models or usual]
    script = Path(arguments.timm_script) if arguments.timm_script else None
    print(f"machine: {machine}", flush=True)
    found: dict[str, Any] = {"models": {}, "machine": machine, "amounts": asdict(amounts), "quick": arguments.quick}
    with tempfile.TemporaryDirectory(prefix="docsort-training-") as folder:
        paths = draw_pages(Path(folder) / "pages", 16 if arguments.quick else FILES)
        for number, job in enumerate(jobs):
            (here := Path(folder) / str(number)).mkdir()
            found["models"][f"{job.backbone}@{job.size}"] = measure(job, amounts, paths, script, here)
        stop_work()
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for each in found["models"].values():
        each.pop("rounds")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
