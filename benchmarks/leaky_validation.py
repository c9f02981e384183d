"""The old way to validate, kept to show what it promises and what it delivers.

    uv run python benchmarks/leaky_validation.py [--raw-dir DIR --truth FILE] [--backbone NAME] [--pretrained FILE]
        [--seed N] [--epochs N] [--json FILE] [--quick]

Augment every photo offline, pool all renders, split them at random: copies of one photo stand on both sides, so the
split asks for photos that the model has seen, and none of them looks like a test photo. Nothing here is what Docsort
does but for reading files and building the model; compare `overstated` with `gap` in `scores.json` on the same data.

Without --raw-dir the sample is drawn. What is written (macro-F1, in [0, 1]):

- validation: of the best epoch, chosen by this very split: what the old way promises.
- test, test_tta: of that epoch on the test photos, plain and as the mean of 20 random flips and quarter-turns.
- overstated: validation - test.
- shared_sources: share of the photos in the split of which the model has learnt another render.

The recipe: 8 renders a photo, 80 % to learn, squares of 128 pixels by plain resizing, batches of 32, Adam at 1e-3, six
epochs. Two minutes of two cores for the drawn sample. Renders are held in memory, 50 kB each. --quick takes few of all,
to see that it runs; its figures mean little.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from docsort.errors import DocsortError, InputError, listing
from docsort.images.dihedral import TURNS
from docsort.images.reading import read_rgb
from docsort.ingestion.competition import read_competition
from docsort.ingestion.sample import ensure_sample
from docsort.metrics import macro_f1
from docsort.models.backbones import build_model, input_statistics
from docsort.models.pixels import Normaliser
from docsort.models.pretrained import load_pretrained
from docsort.models.turns import apply_turns
from docsort.seeding import derive_rng, derive_seed
from docsort.stores import Store
from docsort_sample.parameters import SampleParameters

COPIES = 8
HELD_OUT_SHARE = 0.2
SIZE = 128
BATCH = 32
LEARNING_RATE = 1e-3
VIEWS = 20

Pixels = NDArray[np.uint8]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """All renders of all photos: pages (N, SIZE, SIZE, 3) RGB, labels (N,) as outputs of the model, sources (N,)."""

    pages: Pixels
    labels: Integers
    sources: Integers


def augment_offline(paths: Sequence[str], labels: Integers, seed: int, copies: int) -> Pool:
    """Every photo `copies` times, by a chain as the teams had it."""
    chain = augmentation_chain(derive_seed(seed, "old way", "augment") % 2**32)
    pages = np.empty((len(paths) * copies, SIZE, SIZE, 3), np.uint8)
    for number, path in enumerate(paths):
        photo = read_rgb(path)
        for copy in range(copies):
            pages[number * copies + copy] = square(chain(image=photo)["image"])
    return Pool(pages, np.repeat(labels, copies), np.repeat(np.arange(len(paths)), copies))


def augmentation_chain(seed: int) -> Any:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations as alb

    return alb.Compose(
        [
            alb.HorizontalFlip(p=0.5),
            alb.VerticalFlip(p=0.5),
            alb.Rotate(limit=180, border_mode=cv2.BORDER_CONSTANT, fill=255, p=0.7),
            alb.RandomBrightnessContrast(p=0.5),
            alb.GaussianBlur(blur_limit=(3, 7), p=0.3),
            alb.GaussNoise(std_range=(0.02, 0.1), p=0.3),
        ],
        seed=seed,
    )


def square(page: Pixels) -> Pixels:
    """Resized without regard to its shape."""
    return np.asarray(cv2.resize(page, (SIZE, SIZE), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def split_at_random(count: int, seed: int) -> tuple[Integers, Integers]:
    """Rows to learn and rows to judge on, whatever photo they come from."""
    rows = derive_rng(seed, "old way", "split").permutation(count)
    held_out = round(count * HELD_OUT_SHARE)
    return rows[held_out:], rows[:held_out]


class OldWay:
    """One model and how it is trained: no schedule, no averaging, the best epoch of the split it is chosen by."""

    def __init__(self, backbone: str, classes: int, pretrained: Path | None, statistics: tuple[float, float] | None):
        self.net = build_model(backbone, classes, SIZE)
        if pretrained is not None:
            print(load_pretrained(self.net, pretrained).sentence())
        mean, std = input_statistics(self.net) if statistics is None else ((value,) * 3 for value in statistics)
        self.normaliser = Normaliser(mean, std)
        self.net = self.net.to(memory_format=torch.channels_last)

    def fit(self, pool: Pool, learn: Integers, judge: Integers, epochs: int, seed: int) -> list[float]:
        """Macro-F1 on the split after each epoch; leaves the weights of the best."""
        optimiser = torch.optim.Adam(self.net.parameters(), lr=LEARNING_RATE)
        scores: list[float] = []
        best: dict[str, Tensor] = {}
        for epoch in range(epochs):
            self.net.train()
            rows = learn[derive_rng(seed, "old way", "order", epoch).permutation(len(learn))]
            # A last batch of one page would stop batch normalisation.
            for batch in batches(rows[: len(rows) - (len(rows) % BATCH == 1)], BATCH):
                loss = nn.functional.cross_entropy(
                    self.net(self.normaliser(as_tensor(pool.pages[batch]))), torch.from_numpy(pool.labels[batch])
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            answers = self.probabilities(pool.pages[judge]).argmax(axis=1)
            scores.append(macro_f1(pool.labels[judge], answers))
            print(f"epoch {epoch + 1}/{epochs}: validation {scores[-1]:.4f}", flush=True)
            if scores[-1] == max(scores):
                best = {name: tensor.clone() for name, tensor in self.net.state_dict().items()}
        self.net.load_state_dict(best)
        return scores

    @torch.inference_mode()
    def probabilities(self, pages: Pixels, turns: Integers | None = None) -> NDArray[np.float64]:
        """(N, classes) of pages (N, SIZE, SIZE, 3), each laid down in its own turn of `turns` (N,)."""
        self.net.eval()
        results = []
        for rows in batches(np.arange(len(pages)), 4 * BATCH):
            tensor = as_tensor(pages[rows])
            if turns is not None:
                tensor = apply_turns(tensor, torch.from_numpy(turns[rows]))
            results.append(torch.softmax(self.net(self.normaliser(tensor)), dim=1).double().numpy())
        return np.concatenate(results)

    def probabilities_of_views(self, pages: Pixels, seed: int) -> NDArray[np.float64]:
        """The mean over random flips and quarter-turns, drawn for each page and view: some come twice."""
        rng = derive_rng(seed, "old way", "views")
        views = [self.probabilities(pages, rng.integers(len(TURNS), size=len(pages))) for _ in range(VIEWS)]
        return np.asarray(np.mean(views, axis=0))


def batches(rows: Integers, size: int) -> Iterator[Integers]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def as_tensor(pages: Pixels) -> Tensor:
    """(B, 3, SIZE, SIZE) of (B, SIZE, SIZE, 3)."""
    return torch.from_numpy(pages).permute(0, 3, 1, 2)


def read_truth(path: Path, test: pd.DataFrame, targets: Sequence[int]) -> Integers:
    """What each test photo is, as an output of the model or -1 for a class of none; raises InputError for a gap."""
    truth = pd.read_csv(path, dtype={"ID": str})
    if not {"ID", "target"} <= set(truth.columns):
        raise InputError(f"Expected {path} to have the columns ID and target, but got {listing(truth.columns)}.")
    known = dict(zip(truth["ID"], truth["target"].astype(int), strict=True))
    missing = [name for name in test["image_id"] if name not in known]
    if missing:
        raise InputError(f"Expected {path} to list every test photo, but it lacks {listing(missing)}.")
    outputs = {target: output for output, target in enumerate(targets)}
    return np.array([outputs.get(known[name], -1) for name in test["image_id"]], dtype=np.int64)


def measure(raw_dir: Path, truth: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run on one folder."""
    started = time.perf_counter()
    photos, classes = read_competition(raw_dir)
    train, test = (photos[photos["split"] == split].reset_index(drop=True) for split in ("train", "test"))
    targets = [int(target) for target in classes["target"]]
    answers = read_truth(truth, test, targets)
    labels = np.searchsorted(targets, train["target"].to_numpy(dtype=np.int64))
    pool = augment_offline(train["path"].tolist(), labels, options.seed, options.copies)
    learn, judge = split_at_random(len(pool.labels), options.seed)
    print(f"{len(train)} photos, {len(learn)} renders to learn, {len(judge)} to judge, {len(test)} test photos")
    torch.manual_seed(derive_seed(options.seed, "old way", "weights"))
    statistics = None if options.mean is None else (options.mean, options.std)
    model = OldWay(options.backbone, len(targets), options.pretrained, statistics)
    scores = model.fit(pool, learn, judge, options.epochs, options.seed)
    pages = np.stack([square(read_rgb(path)) for path in test["path"]])
    plain = macro_f1(answers, model.probabilities(pages).argmax(axis=1))
    views = macro_f1(answers, model.probabilities_of_views(pages, options.seed).argmax(axis=1))
    return {
        "validation": max(scores),
        "test": plain,
        "test_tta": views,
        "overstated": max(scores) - plain,
        "shared_sources": float(np.isin(np.unique(pool.sources[judge]), pool.sources[learn]).mean()),
        "best_epoch": int(np.argmax(scores)) + 1,
        "train_photos": len(train),
        "test_photos": len(test),
        "classes": len(targets),
        "backbone": options.backbone,
        "pretrained": None if options.pretrained is None else options.pretrained.name,
        "epochs": options.epochs,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 1),
    }


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What validation promises when copies of one photo are on both sides.")
    parser.add_argument("--raw-dir", type=Path, help="data in the competition's layout; without it the sample is drawn")
    parser.add_argument("--truth", type=Path, help="CSV ID,target of the test photos, with --raw-dir")
    parser.add_argument("--scale", type=float, default=SampleParameters().scale, help="of the drawn sample")
    parser.add_argument("--backbone", default="mobilenetv3_small_050", help="any timm model")
    parser.add_argument("--pretrained", type=Path, help="weights file; without it from scratch")
    parser.add_argument("--mean", type=float, help="of the pixels the weights expect, in [0, 1]; with --std")
    parser.add_argument("--std", type=float, help="likewise; without both, the backbone's own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--copies", type=int, default=COPIES, help="renders a photo")
    parser.add_argument("--threads", type=int, default=2, help="of torch; one where the machine is busy")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--quick", action="store_true", help="few photos, renders and epochs, to see that it runs")
    options = parser.parse_args(arguments)
    if options.quick:
        parser.set_defaults(scale=0.01, epochs=1, copies=2, threads=1)
        options = parser.parse_args(arguments)
    for one, other in (("raw_dir", "truth"), ("mean", "std")):
        if (getattr(options, one) is None) != (getattr(options, other) is None):
            parser.error(f"--{one.replace('_', '-')} and --{other} go together")
    if min(options.epochs, options.threads, options.copies) < 1:
        parser.error("--epochs, --threads and --copies must be at least 1")
    return options


def main() -> None:
    options = read_options()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    try:
        if options.raw_dir is not None:
            figures = measure(options.raw_dir, options.truth, options)
        else:
            with tempfile.TemporaryDirectory() as folder:
                drawn = ensure_sample(Store(Path(folder)), SampleParameters(scale=options.scale), options.seed)
                figures = measure(Path(drawn["folder"]), Path(drawn["answer_key"]), options)
    except DocsortError as error:
        raise SystemExit(str(error)) from None
    text = json.dumps(figures, indent=1)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
