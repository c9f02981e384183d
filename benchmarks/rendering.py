"""How fast the offline renderer is, and how flat its memory: on drawn pages, with the default recipe.

    uv run python benchmarks/rendering.py [--json FILE] [--quick]

All figures are medians of ratios taken within one round of one run, because a machine that others use too is never the
same twice. What is written:

- efficiency_per_core: renders a second of the renderer with one worker, over what the operations alone would allow.
  The wall clock of a whole call (planning, drawing numbers, hashing, writing, the manifest) stands against the sum of
  the time inside decoding, shrinking, the drawn operations, laying straight, letterboxing and encoding, each called
  again in that same worker on the same pages with the same numbers. Pages are decoded once a shard on both sides. The
  bare pass compares its bytes with the renderer's files and stops if one differs.
- speedup_2_cores: two warm workers against one. machine_speedup_2_cores: the same for two processes that share nothing,
  each in a loop of OpenCV and numpy: what two cores of this machine are worth while it is measured, well below 2 where
  they are threads of one physical core or others work on them. speedup_over_machine is the one over the other.
- over_plain_loop: all cores of the renderer against one process that decodes each page and its partner anew for each
  render, does the same operations at full size, scales down and saves.
- rss_ratio_50k_over_5k: peak memory at 50,000 renders over that at 5,000, two workers, 60 copies a source, at 32 px to
  save time. Memory is the proportional set (PSS) of the main process and its workers together where the system tells
  it, else the resident set, sampled five times a second.

--quick takes small counts, to see that it runs; the keys stay, the figures mean little. Six minutes without it.
"""

import argparse
import hashlib
import json
import os
import platform
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import pandas as pd
import psutil

from docsort.augmentation import recipes, shards
from docsort.augmentation.context import Context, Image, unit_of
from docsort.augmentation.operations import NEED_PARTNER
from docsort.augmentation.parameters import AugmentationParameters
from docsort.augmentation.partners import partner_pools
from docsort.augmentation.plan import sources
from docsort.augmentation.rendering import render_training
from docsort.augmentation.shards import PLAIN, TRAINING, Page, Shard, Style
from docsort.folds import FOLD_COUNT
from docsort.images.letterbox import letterbox
from docsort.images.page_format import STRAIGHTENED_SCALE, PageFormat, encode_jpeg
from docsort.images.reading import decode_rgb, read_rgb
from docsort.images.resizing import shrink_to_side
from docsort.images.straightening import straighten
from docsort.seeding import derive_rng
from docsort.stores import Store
from docsort.work.executor import executor, run, stop_work
from docsort_sample.composition import plan_sample
from docsort_sample.drawing import draw_chunk
from docsort_sample.kinds import CLASS_NAMES
from docsort_sample.parameters import SampleParameters
from project import read_parameters

SEED = 0
COPIES = 60
"""Renders a source in the full job: 94,200 of 1,570."""
PAGES_TOGETHER = 10
"""Neighbours that share a fold, so that the pages of a round find partners among themselves."""
SECONDS_BETWEEN_SAMPLES = 0.2

T = TypeVar("T")


@dataclass(frozen=True)
class Amounts:
    """How much is rendered for each figure."""

    rounds: int = 5
    sources: int = 40  # a round's; COPIES renders each
    plain_renders: int = 240  # of a round, by the plain loop
    machine_seconds: float = 1.5  # of one process in the loop that shares nothing
    few: int = 5_000
    many: int = 50_000
    side: int = 128  # px, the default of the project
    memory_side: int = 32  # px
    recipe: str = "document"


QUICK = Amounts(rounds=1, sources=2, plain_renders=4, machine_seconds=0.1, few=60, many=180, recipe="two_pages")
"""With a recipe that loads no library: to load them takes longer than all else, in each of the processes."""


@dataclass(frozen=True)
class Job:
    """What a measured process is told to render."""

    clean_images: pd.DataFrame
    folds: pd.DataFrame
    classes: pd.DataFrame
    parameters: AugmentationParameters
    page_format: PageFormat

    def first(self, count: int, skip: int = 0) -> "Job":
        """The job with `count` of its sources alone."""
        part = slice(skip, skip + count)
        return replace(self, clean_images=self.clean_images[part], folds=self.folds[part])

    def style(self) -> Style:
        p = self.parameters
        used = recipes.recipes_used(p.complete_recipes(), p.recipe)
        return Style(self.page_format, p.jpeg_quality, SEED, recipes=used, recipe=p.recipe)

    def shards(self) -> list[Shard]:
        """The copies made by the recipe, one shard a source, as the renderer forms them."""
        listed = sources(self.clean_images, self.folds)
        pools = partner_pools(listed, SEED)
        items = tuple((TRAINING, copy) for copy in range(1, COPIES))
        rows = zip(listed["image_id"], listed["path"], listed["sha256"], strict=True)
        return [Shard(name, Page(path, digest), items, pools[name]) for name, path, digest in rows]


def draw_job(folder: Path, count: int, amounts: Amounts) -> Job:
    """At least `count` drawn training photos of the sample, and tables that speak of them; one class for all."""
    plan = plan_sample(SampleParameters(scale=max(0.01, 1.02 * count / 1570), label_noise=0, near_duplicates=0), SEED)
    photos = plan.train[:count]
    (folder / "train").mkdir()
    chunks = [photos[start : start + 16] for start in range(0, len(photos), 16)]
    for _ in executor().map(draw_chunk, [(folder, chunk, SEED) for chunk in chunks]):
        pass
    stop_work()
    paths = [folder / "train" / f"{photo.image_id}.jpg" for photo in photos]
    table = pd.DataFrame(
        {
            "image_id": [photo.image_id for photo in photos],
            "path": [str(path) for path in paths],
            "sha256": [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths],
            "label": 0,
            "given_label": 0,
            "group": range(len(photos)),
            "fold": [place // PAGES_TOGETHER % FOLD_COUNT for place in range(len(photos))],
        }
    )
    classes = pd.DataFrame({"target": [0], "class_name": [CLASS_NAMES[0]]})
    folds = table[["image_id", "group", "label", "fold"]]
    stored = PageFormat(amounts.side, straighten=True)
    return Job(table.drop(columns="fold"), folds, classes, parameters_of(amounts), stored)


def parameters_of(amounts: Amounts) -> AugmentationParameters:
    """Those of the project, with the recipe of the measurement."""
    written = read_parameters()["augmentation"]
    return AugmentationParameters.model_validate(written | {"recipe": amounts.recipe})


# In the processes that are measured. Each driver is a main process of its own with as many workers as it was given.


@contextmanager
def driver(workers: int | None) -> Iterator[Callable[..., Any]]:
    """A call that runs functions in a fresh process, whose DOCSORT_WORKERS is `workers`; None: as the user has it."""
    with ProcessPoolExecutor(1, get_context("spawn"), set_workers, (workers,)) as pool:
        try:
            yield lambda function, *args: pool.submit(function, *args).result()
        finally:
            # a spawned process waits at its end for the processes that it started itself
            pool.submit(stop_work).result()


def two_processes() -> ProcessPoolExecutor:
    """That share nothing."""
    return ProcessPoolExecutor(2, get_context("spawn"))


def set_workers(workers: int | None) -> None:
    """The number of workers that this process will start."""
    if workers is not None:
        os.environ["DOCSORT_WORKERS"] = str(workers)


def warm_up(recipe_operations: list[str]) -> int:
    """Loads the libraries and does every operation once in every worker; returns the number of workers."""
    workers = executor().workers
    for _ in executor().map(do_every_operation, [(recipe_operations,)] * workers):
        pass
    return workers


def do_every_operation(names: list[str]) -> None:
    """In this process."""
    page = np.full((96, 80, 3), 200, np.uint8)
    for name in names:
        recipes.apply_operation(page, recipes.draw_operation(name, {}, np.random.default_rng(0)), unit_of(page), page)


def timed_rendering(job: Job, root: Path) -> tuple[float, pd.DataFrame]:
    """Seconds of a whole call into an empty store, and the manifest of what it made."""
    parameters = job.parameters.model_copy(update={"per_class": COPIES * len(job.folds)})
    began, formats = time.perf_counter(), {job.page_format: None}
    manifest = render_training(job.clean_images, job.folds, job.classes, parameters, formats, SEED, Store(root))
    return time.perf_counter() - began, manifest


def timed_operations(job: Job, manifest: pd.DataFrame) -> dict[str, float]:
    """`bare_seconds` in the worker that the driver has."""
    rows = zip(manifest["source_id"], manifest["path"], strict=True)
    return run(bare_seconds, job, {(name, Path(path).name): path for name, path in rows})


def bare_seconds(job: Job, made: dict[tuple[str, str], str]) -> dict[str, float]:
    """Seconds inside each kind of work, over all renders of the job; raises where a byte differs from what was made."""
    style, spent = job.style(), defaultdict[str, float](float)

    def clocked(kind: str, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        began = time.perf_counter()
        result = work(*args, **kwargs)
        spent[kind] += time.perf_counter() - began
        return result

    def decoded(page: Page) -> Image:
        return clocked("decode", decode_rgb, Path(page.path).read_bytes())

    def shrunk(full: Image, scale: int = shards.WORKING_SCALE) -> Image:
        return clocked("shrink", shrink_to_side, full, job.page_format.side * scale)

    def save(page: Image, source_id: str, name: str) -> None:
        straight = clocked("straighten", straighten, page)
        square = clocked("letterbox", letterbox, straight, job.page_format.side)
        data = clocked("encode", encode_jpeg, square, style.jpeg_quality)
        if data != Path(made[source_id, name]).read_bytes():
            raise AssertionError(f"{name} of {source_id} is not what the renderer wrote")

    for shard in job.shards():
        full = decoded(shard.source)
        save(shrunk(full, STRAIGHTENED_SCALE), shard.key, shards.file_name(PLAIN, 0))
        pages = {shard.source: shrunk(full)}
        for kind, copy in shard.items:
            chain, partner = drawn_for(shard, copy, style)
            image = pages[shard.source]
            unit = unit_of(image)
            for drawn in chain:
                if drawn.operation in NEED_PARTNER and partner not in pages:
                    pages[partner] = shrunk(decoded(partner))
                context = Context(drawn.seed, unit, pages.get(partner))
                image = clocked("operations", recipes.FUNCTIONS[drawn.operation], image, context, **drawn.numbers)
            save(image, shard.key, shards.file_name(kind, copy))
    return dict(spent)


def drawn_for(shard: Shard, copy: int, style: Style) -> tuple[list[recipes.Drawn], Page]:
    """What the renderer does to this copy, and the page that it may mix in."""
    rng = derive_rng(style.seed, f"{TRAINING} render", shard.source.sha256, copy)
    partner = shard.partners[int(rng.integers(len(shard.partners)))]
    return recipes.draw_chain(style.recipes or {}, style.recipe, rng), partner


def plain_loop(job: Job, count: int, folder: Path) -> float:
    """Seconds for `count` renders the old way, one after the other: decode, operations at full size, scale, save."""
    style, listed = job.style(), job.shards()
    folder.mkdir()
    do_every_operation(recipes.operations_of(style.recipes or {}))
    began = time.perf_counter()
    for number in range(count):
        shard = listed[number % len(listed)]
        chain, partner = drawn_for(shard, shard.items[number // len(listed)][1], style)
        page = recipes.apply_chain(read_rgb(shard.source.path), chain, partial(read_rgb, partner.path))
        square = letterbox(straighten(page), job.page_format.side)
        (folder / f"{number}.jpg").write_bytes(encode_jpeg(square, style.jpeg_quality))
    return time.perf_counter() - began


def machine_loop(seconds: float) -> float:
    """How many rounds a second of OpenCV and numpy this process gets through alone."""
    cv2.setNumThreads(0)
    rng = np.random.default_rng(0)
    page = rng.integers(0, 256, (256, 192, 3), dtype=np.uint8)
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        matrix = cv2.getRotationMatrix2D((96, 128), rounds % 360, 1.0)
        turned = cv2.GaussianBlur(cv2.warpAffine(page, matrix, (192, 256)), (5, 5), 1.0)
        noisy = np.clip(turned + rng.standard_normal(turned.shape, dtype=np.float32), 0, 255).astype(np.uint8)
        cv2.imencode(".jpg", cv2.resize(noisy, (128, 128), interpolation=cv2.INTER_AREA))
        rounds += 1
    return rounds / (time.perf_counter() - began)


def peak_memory(job: Job, root: Path) -> dict[str, Any]:
    """Renders the job in this fresh process and its workers; MiB at the peak, and what an unchanged call then takes."""
    peak, stop = [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(SECONDS_BETWEEN_SAMPLES):
            peak[0] = max(peak[0], memory_now())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    seconds, manifest = timed_rendering(job, root)
    stop.set()
    watcher.join()
    again, _ = timed_rendering(job, root)
    found = {"renders": len(manifest), "peak_mib": peak[0], "main_mib": psutil.Process().memory_info().rss / 2**20}
    return {**found, "seconds": seconds, "unchanged_seconds": again}


def memory_now() -> float:
    """MiB of this process and all below it."""
    total = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            memory = process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        total += getattr(memory, "pss", memory.rss)
    return total / 2**20


# In the main process of the benchmark.


def measure_speed(job: Job, amounts: Amounts, folder: Path) -> list[dict[str, float]]:
    """One dictionary of raw figures a round; everything is measured once in each."""
    operations = recipes.operations_of(job.style().recipes or {})
    rounds = []
    with driver(1) as one, driver(2) as two, driver(None) as every, driver(1) as plain, two_processes() as pair:
        one(warm_up, operations)
        two(warm_up, operations)
        # where two workers are all there are, they are not measured a second time
        cores = every(warm_up, operations) if executor().workers != 2 else 2
        list(pair.map(machine_loop, [0.2, 0.2]))
        for number in range(amounts.rounds):
            part, here = job.first(amounts.sources, skip=number * amounts.sources), folder / f"round{number}"
            one_s, manifest = one(timed_rendering, part, here / "one")
            spent = one(timed_operations, part, manifest)
            two_s, _ = two(timed_rendering, part, here / "two")
            every_s = every(timed_rendering, part, here / "every")[0] if cores != 2 else two_s
            plain_s = plain(plain_loop, part, amounts.plain_renders, here / "plain")
            (alone,) = pair.map(machine_loop, [amounts.machine_seconds])
            both = sum(pair.map(machine_loop, [amounts.machine_seconds] * 2))
            found = {"renders": len(manifest), "all_workers": cores, "plain_renders": amounts.plain_renders}
            found |= {"one_worker_s": one_s, "two_workers_s": two_s, "all_workers_s": every_s, "plain_loop_s": plain_s}
            found |= {"bare_s": sum(spent.values()), **{f"bare_{kind}_s": seconds for kind, seconds in spent.items()}}
            found |= {"machine_alone_per_s": alone, "machine_both_per_s": both}
            rounds.append(found)
            figures = ", ".join(f"{name} {value:.3f}" for name, value in ratios(found).items())
            print(f"round {number + 1} of {amounts.rounds}: {figures}", flush=True)
    return rounds


def ratios(measured: dict[str, float]) -> dict[str, float]:
    """The figures of one round."""
    speedup = measured["one_worker_s"] / measured["two_workers_s"]
    ceiling = measured["machine_both_per_s"] / measured["machine_alone_per_s"]
    plain_rate = measured["plain_renders"] / measured["plain_loop_s"]
    return {
        "efficiency_per_core": measured["bare_s"] / measured["one_worker_s"],
        "speedup_2_cores": speedup,
        "machine_speedup_2_cores": ceiling,
        "speedup_over_machine": speedup / ceiling,
        "over_plain_loop": measured["renders"] / measured["all_workers_s"] / plain_rate,
    }


def measure_memory(job: Job, amounts: Amounts, folder: Path) -> dict[str, Any]:
    """Peak memory with few and with many renders, each in a fresh main process."""
    small = replace(job, page_format=replace(job.page_format, side=amounts.memory_side))
    kind = "PSS" if hasattr(psutil.Process().memory_full_info(), "pss") else "RSS"
    found: dict[str, Any] = {"of": kind, "workers": 2}
    for name, count in (("few", amounts.few), ("many", amounts.many)):
        with driver(2) as main_process:
            found[name] = main_process(peak_memory, small.first(-(-count // COPIES)), folder / name)
        print(f"memory: {found[name]}", flush=True)
    return found


def measure(amounts: Amounts, folder: Path) -> dict[str, Any]:
    """Everything; see the head of this file."""
    job = draw_job(folder, max(amounts.rounds * amounts.sources, -(-amounts.many // COPIES)), amounts)
    print(f"{len(job.folds)} pages drawn", flush=True)
    rounds = measure_speed(job, amounts, folder)
    memory = measure_memory(job, amounts, folder)
    by_round = [ratios(measured) for measured in rounds]
    figures = {name: statistics.median(ratio[name] for ratio in by_round) for name in by_round[0]}
    figures["rss_ratio_50k_over_5k"] = memory["many"]["peak_mib"] / memory["few"]["peak_mib"]
    rates = {
        name: statistics.median(measured["renders"] / measured[f"{name}_s"] for measured in rounds)
        for name in ("one_worker", "two_workers", "all_workers", "bare")
    }
    rates["plain_loop"] = statistics.median(measured["plain_renders"] / measured["plain_loop_s"] for measured in rounds)
    return {
        **figures,
        "renders_per_second": rates,
        "memory": memory,
        "rounds": rounds,
        "amounts": {**asdict(amounts), "copies": COPIES},
        "machine": {"cores": os.cpu_count(), "workers": executor().workers, "platform": platform.platform()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="small counts, to see that it runs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docsort-rendering-") as folder:
        found = measure(QUICK if arguments.quick else Amounts(), Path(folder)) | {"quick": arguments.quick}
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({name: value for name, value in found.items() if name != "rounds"}, indent=1))


if __name__ == "__main__":
    main()
