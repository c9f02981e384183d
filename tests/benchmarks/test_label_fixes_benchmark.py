"""The ledger that the benchmark writes is one that the project takes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from docsort.cleaning.ledger import apply_ledger

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "label_fixes.py"


@pytest.fixture(scope="module")
def bench(load_benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return load_benchmark("label_fixes")


def test_the_ledger_puts_every_planted_error_right(bench: ModuleType, tmp_path: Path) -> None:
    images = pd.DataFrame({"image_id": ["a.jpg", "b.jpg", "c.jpg"], "target": [3, 7, 3], "split": "train"})
    classes = pd.DataFrame({"target": [3, 7], "class_name": ["three", "seven"]})
    planted = pd.DataFrame({"ID": ["c.jpg", "b.jpg"], "given": [3, 7], "true": [7, 3]})
    bench.write_ledger(tmp_path / "fixes.csv", planted)
    ledger = pd.read_csv(tmp_path / "fixes.csv", dtype={"image_id": str})
    assert apply_ledger(images, ledger, classes)["label"].tolist() == [3, 3, 7]


def test_a_finished_run_is_not_run_again(bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = tmp_path / "submission_before.csv"
    done.write_text("ID,target\n")
    monkeypatch.setattr(bench, "run_project", lambda *_: pytest.fail("it was run"))
    bench.ensure_submission(tmp_path / "data", "seed=0", None, tmp_path / "fixes.csv", done)
    assert done.read_text() == "ID,target\n"


@pytest.mark.slow
def test_the_corrected_labels_are_learnt_by_the_second_run(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, str(SCRIPT), "--quick", "--data-root", str(tmp_path / "runs"), "--json", str(file)]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=1800)
    (run,) = json.loads(file.read_text())["runs"]
    assert run["fixed"] > 5
    assert run["told_after"] != run["told_before"]
    assert run["told_gain"][1] <= run["told_gain"][0] <= run["told_gain"][2]
    assert (tmp_path / "runs/seed_0/submission_before.csv").read_text() != (
        tmp_path / "runs/seed_0/submission_after.csv"
    ).read_text()
