"""How fast pages are answered, next to bare forward passes, and how few passes a page needs.

    uv run python benchmarks/inference.py [--models NAME@SIZE ...] [--pages N] [--data-root DIR] [--json FILE] [--quick]

Speed: drawn photos of the size of the job's, untrained models, which are as fast as trained ones. Ratios are medians of
ratios within one round, because a machine that others use too is never the same twice.

- end to end: `Ensemble.answer`, as pipelines and users call it: photos on disk in, answers out, of five folds' networks
  in the eight dihedral turns: photos decoded and laid straight once, networks asked, predictions cached on disk, votes
  cast. Chunks of photos run side by side on a CPU. Novelty, one more pass per page and fold, is not measured.
- forwards: the same models, in as many processes, on one batch that is ready in memory: nothing but forward passes and
  what softmax says.

Views: with --data-root, a finished run. `forwards_per_page` of the view policy that the run chose out of fold, and
`score_loss_adaptive`, what it loses in test-like macro-F1 against all views, chosen and scored on different folds; and
where the run has an answer key, what its ensemble would score on the true test with other views. The old way, 20 random
views, stands beside it. --quick takes few photos and an even smaller model, to see that it runs.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import psutil

from docsort.ensembling.answering import CHUNK
from docsort.ensembling.decisions import Decisions
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.ensemble_files import EnsembleMember, Manifest
from docsort.ensembling.votes import VotePlan
from docsort.member_kinds import MAIN, task_name
from docsort.members.checkpoints import Checkpoint
from docsort.members.views import ViewPolicy, all_views, forwards_of
from docsort.metrics import macro_f1
from docsort.seeding import derive_rng
from docsort.stores import Store
from docsort.tables import probability_columns
from docsort.training.parameters import NETWORK
from docsort.work.executor import executor, run, stop_work

CLASSES, FOLDS, ROUNDS = 17, 5, 3
SIDES = ((443, 591), (591, 443), (512, 512), (384, 682))
"""Width and height of the photos of the job, pixels."""
FORWARD_SECONDS = 5.0


def draw_photo(path: Path, number: int) -> None:
    """Lines of blocks on paper, turned by any angle, as a JPEG."""
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


def draw_photos(folder: Path, count: int) -> list[Path]:
    """Paths of the drawn photos."""
    folder.mkdir()
    paths = [folder / f"{number:05}.jpg" for number in range(count)]
    for _ in executor().map(draw_photo, [(path, number) for number, path in enumerate(paths)]):
        pass
    return paths


def make_ensemble(backbone: str, size: int, folder: Path, folds: int = FOLDS) -> Ensemble:
    """Of an untrained network per fold, asked in all eight turns."""
    store, checkpoints = Store(folder / "models"), {}
    for fold in range(folds):
        key = f"model-{fold}"
        run(make_checkpoint, store.folder(key), backbone, size, fold)
        seen = {"learnt_groups": [], "side": size, "straighten": True}
        store.complete(key, {"name": task_name(MAIN, fold), "kind": NETWORK, **seen})
        checkpoints[key] = Checkpoint(store.folder(key), key)
    manifest = Manifest(
        jpeg_quality=90,
        classes=tuple((target, str(target)) for target in range(CLASSES)),
        fallback=0,
        members=tuple(EnsembleMember(MAIN, fold, key) for fold, key in enumerate(checkpoints)),
        decisions=Decisions((MAIN,), all_views(), VotePlan()),
        embedder=None,
        novelty_limit=1.0,
        forecast=None,
        training_pages={},
        packages={},
    )
    return Ensemble(manifest, checkpoints, {}).save(folder / "ensemble")


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


def time_end_to_end(ensemble: Ensemble, photos: list[Path], folder: Path) -> float:
    """Seconds from photos to answers."""
    began = time.perf_counter()
    answers = ensemble.answer(photos, cache=Store(folder), in_workers=True)
    seconds = time.perf_counter() - began
    if len(answers) != len(photos) or answers[probability_columns(answers)].isna().to_numpy().any():
        raise SystemExit("Expected an answer to every photo, but some are missing.")
    return seconds


def forwards_per_second(folder: Path, seconds: float) -> float:
    """Of all processes together, which take so many seconds. folder: of a network."""
    workers = executor().workers
    with ThreadPoolExecutor(workers) as threads:
        return sum(threads.map(lambda _: run(bare_forwards, folder, seconds), range(workers)))


def bare_forwards(folder: Path, seconds: float) -> float:
    """Squares a second through the model and the softmax, in a worker, at the batch that prediction takes."""
    import torch

    from docsort.models.forward import BATCH_VIEWS
    from docsort.models.threads import freed_memory_kept, prepare_worker
    from docsort.models.weights import load_model

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
                if time.perf_counter() - began > seconds:
                    break
    return count / (time.perf_counter() - began)


def measure_speed(
    backbone: str, size: int, pages: int, rounds: int, forward_seconds: float, folder: Path
) -> dict[str, Any]:
    """Every figure of one model; the first end-to-end run also starts the workers and is not counted."""
    photos, ensemble = draw_photos(folder / "photos", pages), make_ensemble(backbone, size, folder)
    network = next(iter(ensemble.checkpoints.values())).folder
    time_end_to_end(ensemble, photos[: CHUNK * executor().workers], folder / "warm")
    found = []
    for number in range(rounds):
        before = forwards_per_second(network, forward_seconds)
        seconds = time_end_to_end(ensemble, photos, folder / f"round_{number}")
        rate = statistics.mean([before, forwards_per_second(network, forward_seconds)])
        done = 8 * FOLDS * len(photos) / seconds
        found.append({"pages_per_s": len(photos) / seconds, "forwards_per_s": rate, "pages_over_forwards": done / rate})
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
    ensemble = Ensemble.load(data_root / "06_models/ensemble")
    decisions = replace(ensemble.manifest.decisions, views=all_views())
    images = pd.read_parquet(data_root / "02_intermediate/images.parquet").query("split == 'test'")
    paths, names = images["path"].tolist(), images["image_id"].tolist()
    store = Store(data_root / "07_model_output/predictions")
    with tempfile.TemporaryDirectory(prefix="docsort-inference-") as folder:
        predictions = (
            ensemble.finished(decisions, None).save(Path(folder)).predict(paths, names, store, in_workers=True)
        )
    scores = {}
    drawn = ViewPolicy(name="drawn", views=all_views().views, draws=20)
    for name, each in (("all", all_views()), ("chosen", policy), ("random", drawn)):
        votes = replace(decisions, views=each).vote_on(predictions)
        scores[name] = macro_f1(votes["image_id"].map(key).to_numpy(int), votes["predicted"])
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
    if options.quick:
        parser.set_defaults(models=["test_resnet@32"], pages=8)
        options = parser.parse_args()
    rounds, seconds = (1, 0.1) if options.quick else (ROUNDS, FORWARD_SECONDS)
    models = {}
    try:
        for each in options.models:
            backbone, _, size = each.partition("@")
            with tempfile.TemporaryDirectory(prefix="docsort-inference-") as folder:
                models[each] = measure_speed(backbone, int(size or 128), options.pages, rounds, seconds, Path(folder))
        views = measure_views(options.data_root.resolve()) if options.data_root else {}
    finally:
        stop_work()
    machine = {"cores": os.cpu_count(), "workers": executor().workers, "memory_gb": psutil.virtual_memory().total >> 30}
    first = next(iter(models.values()), {})
    figures = {"pages_over_forwards": first.get("pages_over_forwards"), **views, "models": models, "machine": machine}
    print(json.dumps({name: value for name, value in figures.items() if name != "models"}, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
