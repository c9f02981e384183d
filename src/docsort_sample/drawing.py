"""Drawing the sample: the data that Docsort brings along, in the layout of the competition.

    folder/train/  test/  train.csv  sample_submission.csv  meta.csv
    folder/answer_key/test_truth.csv  planted_label_errors.csv  planted_duplicates.csv  title_only.csv

A photo's pixels depend on the seed and its place in the list, so any number of workers writes the same bytes. A photo
takes about 20 ms of one core.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from itertools import starmap
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from docsort_sample.composition import Plan, PlannedPhoto, plan_sample
from docsort_sample.damage import apply_damage, draw_damage
from docsort_sample.kinds import CLASS_NAMES, KINDS
from docsort_sample.parameters import SampleParameters
from docsort_sample.photo import draw_photo
from docsort_sample.randomness import derive_rng
from docsort_sample.sheet import USUAL, Variant

SAMPLE_VERSION = "2"
"""For whoever keeps what was drawn: raised whenever the same seed would draw other bytes."""

CHUNK = 32
SECONDS_BETWEEN_LINES = 4.0
_log = logging.getLogger(__name__)

Chunk = tuple[Path, Sequence[PlannedPhoto], int]
Map = Callable[[Callable[..., int], Sequence[Chunk]], Iterable[int]]
"""Calls a function with each tuple of arguments and gives what it returns, in any order; in other processes, say."""


def draw_sample(folder: Path, parameters: SampleParameters, seed: int, map: Map = starmap) -> None:
    """Writes the whole sample below `folder`, which counts only once this has returned.

    `map` does the drawing, by default one chunk after the other in this process.
    """
    plan = plan_sample(parameters, seed)
    for name in ("train", "test", "answer_key"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    tasks: list[Chunk] = [(folder, photos, seed) for photos in _chunks(plan)]
    total, done, spoken = len(plan.train) + len(plan.test), 0, time.monotonic()
    _log.info("Drawing the sample: %d train and %d test photos", len(plan.train), len(plan.test))
    for count in map(draw_chunk, tasks):
        done += count
        if time.monotonic() - spoken >= SECONDS_BETWEEN_LINES:
            spoken = time.monotonic()
            _log.info("Drawing the sample: %d of %d photos", done, total)
    write_tables(folder, plan)
    _log.info("Drew the sample: %d photos", done)


def draw_chunk(folder: Path, photos: Sequence[PlannedPhoto], seed: int) -> int:
    """Draws and writes some photos; returns how many."""
    cv2.setNumThreads(1)
    for photo in photos:
        (folder / photo.split / f"{photo.image_id}.jpg").write_bytes(encode_photo(photo, seed))
    return len(photos)


def encode_photo(photo: PlannedPhoto, seed: int) -> bytes:
    """The JPEG file of one planned photo: clean or nearly repeating another for training, damaged for the test."""
    rng = derive_rng(seed, "sample-file", photo.split, photo.position)
    if photo.split == "test":
        return _jpeg(_damaged(photo, seed), 80, 96, rng)
    if photo.repeats is None:
        return _jpeg(_page(photo.target, seed, "train", photo.position, photo.variant), 88, 98, rng)
    return _jpeg(_shifted(_page(photo.target, seed, "train", photo.repeats, photo.variant), rng), 70, 88, rng)


def _page(target: int, seed: int, split: str, position: int, variant: Variant = USUAL) -> NDArray[np.uint8]:
    return draw_photo(KINDS[target], derive_rng(seed, "sample", split, position), variant)


def _damaged(photo: PlannedPhoto, seed: int) -> NDArray[np.uint8]:
    rng = derive_rng(seed, "sample-damage", photo.position)
    damage = draw_damage(rng)
    page = _page(photo.target, seed, "test", photo.position, photo.variant)
    other = _page(int(rng.integers(len(KINDS))), seed, "other", photo.position) if damage.needs_other else None
    return apply_damage(page, other, damage, rng)


def _shifted(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Moved by a few pixels and slightly brighter: what a second export of a photo looks like."""
    down, right = rng.integers(1, 6, 2).tolist()
    moved = np.pad(pixels, ((down, 0), (right, 0), (0, 0)), mode="edge")[: pixels.shape[0], : pixels.shape[1]]
    brighter = moved.astype(np.float32) * float(rng.uniform(1.02, 1.08))
    lit: NDArray[np.uint8] = np.clip(brighter, 0, 255).astype(np.uint8)
    return lit


def _jpeg(pixels: NDArray[np.uint8], lowest: int, highest: int, rng: np.random.Generator) -> bytes:
    """The image as JPEG, at a quality from lowest to just under highest."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=int(rng.integers(lowest, highest)))
    return buffer.getvalue()


def write_tables(folder: Path, plan: Plan) -> None:
    """The published lists and, apart from them, the answer key."""
    key = folder / "answer_key"
    names = pd.DataFrame({"target": range(len(CLASS_NAMES)), "class_name": CLASS_NAMES})
    _write(folder / "meta.csv", names)
    _write(folder / "train.csv", _table(("ID", "target"), [(_file(p), p.given) for p in plan.train]))
    _write(folder / "sample_submission.csv", _table(("ID", "target"), [(_file(p), 0) for p in plan.test]))
    _write(answer_key_of(folder), _table(("ID", "target"), [(_file(p), p.target) for p in plan.test]))
    errors = [(_file(photo), photo.given, photo.target) for photo in plan.label_errors]
    _write(key / "planted_label_errors.csv", _table(("ID", "given", "true"), errors))
    pairs = [(_file(copy), _file(other), copy.given != other.given) for copy, other in plan.duplicates]
    _write(key / "planted_duplicates.csv", _table(("ID", "other", "conflict"), pairs))
    bare = [(_file(photo), photo.split) for photo in (*plan.train, *plan.test) if photo.variant.title_only]
    _write(key / "title_only.csv", _table(("ID", "split"), bare))


def answer_key_of(folder: Path) -> Path:
    """The true labels of a drawn sample's test photos (ID,target)."""
    return folder / "answer_key" / "test_truth.csv"


def _file(photo: PlannedPhoto) -> str:
    return f"{photo.image_id}.jpg"


def _table(columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns))


def _write(path: Path, table: pd.DataFrame) -> None:
    path.write_bytes(table.to_csv(index=False, lineterminator="\n").encode())


def _chunks(plan: Plan) -> list[Sequence[PlannedPhoto]]:
    photos = [*plan.train, *plan.test]
    return [photos[start : start + CHUNK] for start in range(0, len(photos), CHUNK)]
