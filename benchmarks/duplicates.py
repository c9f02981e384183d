"""How many copies of a photo are found, whatever was done to them, and how many strangers are taken for copies?

    uv run python benchmarks/duplicates.py [--json FILE] [--quick]

Draws the sample at full size, 1,570 training and 3,140 test photos, and puts copies of some of its training photos
among the test photos: stored again as a poor JPEG, laid down in another of the eight turns, cropped by 5 % of each
side, cropped and turned. Then the project's own measures and search run on all, on all cores. What is written:

- recall: for each kind, the share of copies that are paired with the photo they were made of.
- planted_recall: the same of the near-duplicates that the sample has by itself, whose list is in its answer key.
- false_pairs: pairs of photos that are neither, of so many pairs of photos there are; on drawn pages all are known.
- seconds: of measuring (decoding and hashing every photo) and of the search.

--quick takes small counts, to see that it runs.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from docsort.cleaning.duplicates import find_duplicates
from docsort.cleaning.parameters import DuplicateParameters
from docsort.images.dihedral import apply_turn
from docsort.images.measures import measure_images
from docsort.images.reading import read_rgb
from docsort.ingestion.layouts import read_layout
from docsort.ingestion.sample import ensure_sample
from docsort.seeding import derive_rng
from docsort.stores import Store
from docsort.work.executor import executor
from docsort_sample.parameters import SampleParameters

KINDS = ("stored again", "turned", "cropped", "cropped and turned")
CROP = 0.05
"""Share of each side's length that goes, at both of its ends together."""
QUALITY = {"stored again": 40}
USUAL_QUALITY = 85

Page = NDArray[np.uint8]


def make_copy(page: Page, kind: str, rng: np.random.Generator) -> Page:
    """The page (H, W, 3) as a copy of that kind shows it."""
    if "cropped" in kind:
        height, width = page.shape[:2]
        top, left = (int(rng.integers(0, round(CROP * side) + 1)) for side in (height, width))
        page = page[top : top + round((1 - CROP) * height), left : left + round((1 - CROP) * width)]
    return np.ascontiguousarray(apply_turn(page, int(rng.integers(1, 8))) if "turned" in kind else page)


def add_copies(photos: pd.DataFrame, folder: Path, count: int, seed: int) -> pd.DataFrame:
    """The photos with `count` copies of each kind among the test photos; columns `source` and `kind` say of what."""
    training = photos[photos["split"] == "train"]
    rows = []
    for kind in KINDS:
        rng = derive_rng(seed, "planted copies", kind)
        for number in sorted(rng.choice(len(training), count, replace=False)):
            source = training.iloc[number]
            path = folder / f"copy_{len(rows):05}.jpg"
            pixels = make_copy(read_rgb(source["path"]), kind, rng)
            Image.fromarray(pixels).save(path, quality=QUALITY.get(kind, USUAL_QUALITY))
            new = {"image_id": path.name, "split": "test", "path": str(path), "target": pd.NA, "position": len(rows)}
            rows.append({**new, "source": source["image_id"], "kind": kind})
    return pd.concat([photos, pd.DataFrame(rows).astype({"target": "Int64"})], ignore_index=True)


def judge(duplicates: pd.DataFrame, photos: pd.DataFrame, planted: pd.DataFrame) -> dict[str, Any]:
    """Recall by kind, and what pairs are of strangers. planted: columns ID, other."""
    found = {frozenset(pair) for pair in zip(duplicates["image_id"], duplicates["other_id"], strict=True)}
    copies = photos.dropna(subset="source")
    recall = {
        kind: float(np.mean([frozenset(pair) in found for pair in zip(own["image_id"], own["source"], strict=True)]))
        for kind, own in copies.groupby("kind", sort=False)
    }
    origin = dict(zip(photos["image_id"], photos["source"].fillna(photos["image_id"]), strict=True))
    origin |= {name: origin.get(first, first) for name, first in planted.itertuples(index=False)}
    roots = {name: origin.get(first, first) for name, first in origin.items()}
    strangers = [pair for pair in found if len({roots[name] for name in pair}) > 1]
    known = [frozenset(pair) in found for pair in planted.itertuples(index=False, name=None)]
    return {
        "recall": recall,
        "planted_recall": float(np.mean(known)) if known else None,
        "planted": len(known),
        "false_pairs": len(strangers),
        "pairs": len(photos) * (len(photos) - 1) // 2,
    }


def measure(scale: float, count: int, seed: int, work: Path) -> dict[str, Any]:
    location = ensure_sample(Store(work / "sample"), SampleParameters(scale=scale), seed)
    photos, _ = read_layout(location["layout"], location["folder"], Store(work / "pages"))
    folder = work / "copies"
    folder.mkdir(parents=True, exist_ok=True)
    photos = add_copies(photos, folder, count, seed)
    planted = pd.read_csv(Path(location["answer_key"]).with_name("planted_duplicates.csv"), dtype=str)
    began = time.perf_counter()
    images, _ = measure_images(photos)
    measured = time.perf_counter()
    duplicates = find_duplicates(images.assign(label=images["target"]), DuplicateParameters())
    searched = time.perf_counter()
    figures = judge(duplicates, photos, planted.iloc[:, :2])
    seconds = {"measuring": round(measured - began, 1), "searching": round(searched - measured, 1)}
    return {**figures, "images": len(photos), "copies_a_kind": count, "seconds": seconds, "workers": executor().workers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help="keep the drawn sample here, for the next time")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="small counts, to see that it runs")
    options = parser.parse_args()
    scale, count = (0.01, 3) if options.quick else (1.0, 150)
    with tempfile.TemporaryDirectory() as temporary:
        figures = measure(scale, count, options.seed, (options.work or Path(temporary)).resolve())
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
