"""What is noted of a finished run: the row of the leaderboard. Everything is read from the run's folder of results."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.errors import StorageError
from docsort.experiments.queue import Job

COLUMNS = (
    "experiment",
    "data",
    "backbone",
    "size",
    "renders",
    "loss",
    "seconds",
    "train",
    "clean",
    "test_like",
    "forecast",
    "low",
    "high",
    "true",
    "difference",
    "passes",
)
"""size: pixels; renders: of all classes and folds; loss: terms of the network's; seconds: of the whole run; train: the
network's mean training loss in its last epoch; clean, test_like: macro-F1 out of fold; forecast, low, high: of the
submission against right labels; true: by the answer key, missing without one; difference: forecast less true; passes:
of one page through one member, before a page is answered."""

SCORES = ("train", "clean", "test_like", "forecast", "low", "high", "true")


FOLDS = "folds"
"""Of the facts, what the search asks for."""


def facts_of(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the leaderboard and the search ask of all the parameters of a run."""
    network = parameters.get("members", {}).get("main", {})
    terms = {name: weight for name, weight in network.get("loss", {}).items() if weight}
    loss = " + ".join(name if weight == 1 else f"{weight:g} {name}" for name, weight in terms.items())
    folds = parameters["cross_validation"]["folds"]
    return {"backbone": network.get("backbone"), "size": network.get("image_size"), "loss": loss, FOLDS: folds}


def record_of(job: Job, data_root: Path) -> dict[str, Any]:
    """By COLUMNS, without the seconds. Raises StorageError where the run wrote no scores."""
    scores = _json(data_root / "08_reporting" / "scores.json")
    validation = scores["validation"]
    forecast = validation["forecast"]
    (low, high), test = forecast["interval"], scores.get("test")
    return {
        "experiment": job.name,
        "data": job.data,
        **job.facts,
        "renders": _renders(data_root),
        "train": _train_loss(data_root),
        "clean": validation["one_model"]["clean"]["macro_f1"],
        "test_like": validation["one_model"]["test_like"]["macro_f1"],
        "forecast": forecast["macro_f1"],
        "low": low,
        "high": high,
        "true": None if test is None else test["macro_f1"],
        "difference": None if test is None else forecast["macro_f1"] - test["macro_f1"],
        "passes": _passes(data_root),
    }


def forecast_text(result: Mapping[str, Any]) -> str:
    """The forecast of a record and its interval, as "0.931 [0.906, 0.953]"."""
    return f"{result['forecast']:.3f} [{result['low']:.3f}, {result['high']:.3f}]"


def text_of(name: str, value: Any) -> str:
    """A value of the table as a person reads it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if name == "difference":
        return f"{value:+.3f}".replace("-", "−")
    if name in SCORES:
        return f"{value:.3f}"
    return f"{value:,.0f}".replace(",", " ") if isinstance(value, int | float) else str(value)


def newest(path: Path) -> Path:
    """The file of a dataset, of a versioned one its last version. Raises StorageError where there is none."""
    found = sorted(path.glob(f"*/{path.name}")) if path.is_dir() else [path]
    if not found or not found[-1].exists():
        raise StorageError(f"Expected the run to have written {path}, but it has not; it is damaged: run it again.")
    return found[-1]


def _json(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(newest(path).read_text(encoding="utf-8"))
    return values


def _renders(data_root: Path) -> int:
    renders = pd.read_parquet(newest(data_root / "05_model_input" / "training_renders.parquet"), columns=["render_id"])
    return int(renders["render_id"].nunique())


def _train_loss(data_root: Path) -> float | None:
    history = pd.read_csv(newest(data_root / "06_models" / "histories.csv"))
    if history.empty:
        return None
    last = history.sort_values("epoch").groupby(["model", "fold"]).tail(1)
    return float(last["train_loss"].mean())


def _passes(data_root: Path) -> float:
    curve = pd.read_csv(newest(data_root / "07_model_output" / "view_curve.csv"))
    manifest = _json(newest(data_root / "06_models" / "ensemble") / "ensemble.json")
    chosen = curve.loc[curve["chosen"].astype(bool), "forwards"]
    return float(chosen.iloc[0] if len(chosen) else 1.0) * len(manifest["members"])
