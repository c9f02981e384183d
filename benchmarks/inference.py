"""How fast pages are answered, next to bare forward passes, and how few passes a page needs.

    uv run python benchmarks/inference.py [--models NAME@SIZE ...] [--pages N] [--data-root DIR] [--json FILE] [--quick]

Speed: drawn photos of the size of the job's, untrained models, which are as fast as trained ones. Ratios are medians of
ratios within one round, because a machine that others use too is never the same twice.

- end_to_end: from photos on disk to five folds' tables of predictions in the eight dihedral turns, as the pipelines do
  it: photos decoded, laid straight and stored once, models loaded, pages read, predictions kept on disk. The folds run
  side by side on a CPU.
- forwards: the same models, in as many processes, on one batch that is ready in memory: nothing but forward passes and
  what softmax says.

Views: with --data-root, a finished run. `forwards_per_page` of the way of looking that the run chose out of fold, and
`score_loss_adaptive`, what it loses in test-like macro-F1 against all views, chosen and scored on different folds; and
where the run has an answer key, the same on the true test. The old way, 20 random views, stands beside it.
"""

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import psutil

from docsort.augmentation.parameters import AugmentationParameters
from docsort.augmentation.rendering import render_test
from docsort.inference.pages import test_pages
from docsort.inference.prediction import predict
from docsort.metrics import macro_f1, mean_over_members
from docsort.seeding import derive_rng
from docsort.stores import Store
from docsort.tables import IMAGES, probability_columns, targets_of
from docsort.training.checkpoints import Checkpoint
from docsort.views import ViewPolicy, all_views, forwards_of, members_of
from docsort.workers import map_in_workers, run_in_worker, stop_workers, worker_count

CLASSES, FOLDS, ROUNDS = 17, 5, 3
SIDES = ((443, 591), (591, 443), (512, 512), (384, 682))
"""Width and height of the photos of the job, pixels."""
FORWARD_SECONDS = 5.0


def draw_photo(path: Path, number: int) -> str:
    """Lines of blocks on paper, turned by any angle; SHA-256 of the JPEG."""
    rng = derive_rng(0, "benchmark photo", number)
    width, height = SIDES[number % len(SIDES)]
    page = np.full((height, width, 3), rng.integers(190, 255, 3), np.uint8)
    for top in range(30, height - 30, int(rng.integers(14, 24))):
        left, right = sorted(int(side) for side in rng.integers(20, width - 20, 2))
        page[top : top + 7, left : right + 1] //= 3
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(0, 360)), 0.75)
    turned = cv2.warpAffine(page, matrix, (width, height), borderValue=(255, 255, 255))
    noisy = (turned + rng.normal(0, 6, turned.shape)).clip(0, 255).astype(np.uint8)
    cv2.imwrite(str(path), noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return hashlib.sha256(path.read_bytes()).hexdigest()


def draw_photos(folder: Path, count: int) -> pd.DataFrame:
    """A table IMAGES of test photos; what nothing here reads is empty."""
    folder.mkdir()
    paths = [folder / f"{number:05}.jpg" for number in range(count)]
    for _ in map_in_workers(draw_photo, [(path, number) for number, path in enumerate(paths)]):
        pass
    table = pd.DataFrame({"image_id": [path.name for path in paths], "split": "test", "path": [str(p) for p in paths]})
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    return table.assign(position=range(count), sha256=digests).reindex(columns=list(IMAGES))


def make_checkpoint(folder: Path, backbone: str, size: int, seed: int) -> None:
    """An untrained model; runs in a worker."""
    import torch

    from docsort.models.backbones import build_model, input_statistics
    from docsort.models.descriptions import ModelDescription
    from docsort.models.weights import save_model

    torch.manual_seed(seed)
    model = build_model(backbone, CLASSES, size)
    mean, std = input_statistics(model)
    save_model(model, ModelDescription(backbone, tuple(range(CLASSES)), size, mean, std), folder)


def time_end_to_end(images: pd.DataFrame, checkpoints: list[Checkpoint], size: int, folder: Path) -> float:
    """Seconds from photos to tables that are kept."""
    parameters = AugmentationParameters(
        size=size, straighten=True, per_class=1, validation_copies=1, recipe="none", recipes={"none": ()}
    )
    began = time.perf_counter()
    renders = render_test(images, parameters, Store(folder / "renders"))
    store = Store(folder / "kept")

    def ask(fold: int) -> pd.DataFrame:
        return predict(checkpoints[fold], test_pages(renders, fold), all_views(), "main", store)

    with ThreadPoolExecutor(worker_count()) as threads:
        tables = list(threads.map(ask, range(len(checkpoints))))
    seconds = time.perf_counter() - began
    if any(len(table) != 8 * len(images) for table in tables):
        raise SystemExit("Expected eight views of every photo, but some are missing.")
    return seconds


def forwards_per_second(checkpoint: Checkpoint) -> float:
    """Of all processes together."""
    with ThreadPoolExecutor(worker_count()) as threads:
        rates = threads.map(lambda _: run_in_worker(bare_forwards, checkpoint.folder), range(worker_count()))
        return sum(rates)


def bare_forwards(folder: Path) -> float:
    """Squares a second through the model and the softmax, in a worker, at the batch that prediction takes."""
    import torch

    from docsort.inference.forward import BATCH_VIEWS
    from docsort.models.weights import load_model
    from docsort.training.worker import freed_memory_kept, prepare_worker

    prepare_worker()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, description = load_model(folder)
    model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    shape = (BATCH_VIEWS[device], 3, description.image_size, description.image_size)
    batch = torch.randn(shape, device=device).contiguous(memory_format=torch.channels_last)
    count, began = 0, 0.0
    with torch.inference_mode(), freed_memory_kept(device):
        for step in range(10**9):
            if step == 5:
                began = time.perf_counter()
            torch.softmax(model(batch).float(), dim=1).cpu()
            if step >= 5:
                count += len(batch)
                if time.perf_counter() - began > FORWARD_SECONDS:
                    break
    return count / (time.perf_counter() - began)


def measure_speed(backbone: str, size: int, pages: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Every figure of one model; the first end-to-end run also starts the workers and is not counted."""
    images = draw_photos(folder / "photos", pages)
    checkpoints = [Checkpoint(folder / f"model_{fold}", f"model-{fold}") for fold in range(FOLDS)]
    for fold, checkpoint in enumerate(checkpoints):
        run_in_worker(make_checkpoint, checkpoint.folder, backbone, size, fold)
    time_end_to_end(images.head(64), checkpoints, size, folder / "warm")
    found = []
    for number in range(rounds):
        before = forwards_per_second(checkpoints[0])
        seconds = time_end_to_end(images, checkpoints, size, folder / f"round_{number}")
        rate = statistics.mean([before, forwards_per_second(checkpoints[0])])
        done = 8 * FOLDS * len(images) / seconds
        found.append({"pages_per_s": len(images) / seconds, "forwards_per_s": rate, "pages_over_forwards": done / rate})
        print(f"{backbone} at {size} px:", {name: round(value, 3) for name, value in found[-1].items()}, flush=True)
    names = ("pages_per_s", "forwards_per_s", "pages_over_forwards")
    return {name: statistics.median(each[name] for each in found) for name in names} | {"rounds": found}


def measure_views(data_root: Path) -> dict[str, Any]:
    """What a run's own choice of views costs and loses."""
    record = json.loads((data_root / "07_model_output/view_policy.json").read_text())
    policy = ViewPolicy.model_validate(record["policy"])
    curve = pd.read_csv(data_root / "07_model_output/view_curve.csv").set_index("name")
    chosen = curve[curve["chosen"]].iloc[0]
    figures = {
        "policy": policy.name,
        "forwards_per_page": float(chosen["forwards"]),
        "score_loss_adaptive": float(record["nested_loss"]),
        "score_loss_fitted": -float(chosen["delta"]),
        "forwards_random": float(curve.loc["20 random", "forwards"]),
        "score_loss_random": -float(curve.loc["20 random", "delta"]),
    }
    return figures | measure_test(data_root, policy)


def measure_test(data_root: Path, policy: ViewPolicy) -> dict[str, Any]:
    """The same on the true test: nothing where there is no answer key."""
    location = json.loads((data_root / "01_raw/raw_location.json").read_text())
    if not location.get("answer_key"):
        return {}
    key = pd.read_csv(location["answer_key"], dtype={"ID": str}).set_index("ID")["target"]
    renders = pd.read_parquet(data_root / "05_model_input/test_renders.parquet")
    renders["path"] = [str(data_root / "05_model_input/renders" / path) for path in renders["path"]]
    store, tables = Store(data_root / "07_model_output/predictions"), []
    for fold in range(FOLDS):
        newest = max((data_root / f"06_models/fold_{fold}_checkpoint.json").glob("*/*.json"))
        for model, keys in json.loads(newest.read_text()).items():
            checkpoint = Checkpoint(data_root / "06_models/checkpoints" / keys, keys)
            tables.append(predict(checkpoint, test_pages(renders, fold), all_views(), model, store))
    predictions, scores = pd.concat(tables, ignore_index=True), {}
    drawn = ViewPolicy(name="drawn", views=all_views().views, draws=20)
    for name, each in (("all", all_views()), ("chosen", policy), ("random", drawn)):
        members = members_of(predictions, each)
        means = mean_over_members(members)
        columns = probability_columns(means)
        answers = np.array(targets_of(columns))[means[columns].to_numpy().argmax(axis=1)]
        scores[name] = macro_f1(means["image_id"].map(key).to_numpy(int), answers)
        scores[f"{name}_forwards"] = forwards_of(predictions, each)
    return {"test": scores, "test_loss_adaptive": scores["all"] - scores["chosen"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=["mobilenetv3_small_050@128", "efficientnet_b0@128"])
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--data-root", type=Path, help="of a finished run: what its choice of views costs and loses")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="small counts, to see that it runs")
    options = parser.parse_args()
    pages, rounds = (8, 1) if options.quick else (options.pages, ROUNDS)
    if options.quick:
        global FORWARD_SECONDS
        FORWARD_SECONDS = 0.1
    models = {}
    try:
        for each in options.models:
            backbone, _, size = each.partition("@")
            with tempfile.TemporaryDirectory(prefix="docsort-inference-") as folder:
                models[each] = measure_speed(backbone, int(size or 128), pages, rounds, Path(folder))
        views = measure_views(options.data_root.resolve()) if options.data_root else {}
    finally:
        stop_workers()
    machine = {"cores": os.cpu_count(), "workers": worker_count(), "memory_gb": psutil.virtual_memory().total >> 30}
    first = next(iter(models.values()), {})
    figures = {"pages_over_forwards": first.get("pages_over_forwards"), **views, "models": models, "machine": machine}
    print(json.dumps({name: value for name, value in figures.items() if name != "models"}, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
