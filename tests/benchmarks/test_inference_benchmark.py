"""The benchmark of inference runs and writes what it promises; what it measures is for a person to judge."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from docsort.tables import IMAGES

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "inference.py"


@pytest.mark.slow
def test_the_quick_benchmark_writes_every_figure_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, file = tmp_path / "temporary", tmp_path / "inference.json"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    command = [sys.executable, str(SCRIPT), "--quick", "--models", "test_resnet@32", "--json", str(file)]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=300)
    found = json.loads(file.read_text())
    assert found["pages_over_forwards"] == found["models"]["test_resnet@32"]["pages_over_forwards"] > 0
    assert len(found["models"]["test_resnet@32"]["rounds"]) == 1
    assert not list(temporary.glob("docsort*"))


def test_what_a_runs_choice_of_views_costs_is_read_from_its_own_tables(
    tmp_path: Path, load_benchmark: Callable[[str], ModuleType]
) -> None:
    benchmark = load_benchmark("inference")
    output = tmp_path / "07_model_output"
    output.mkdir()
    policy = {"name": "first 2", "views": [[0, 100], [6, 100]], "looks": [], "margin": None, "draws": 0}
    (output / "view_policy.json").write_text(json.dumps({"policy": policy, "nested_loss": 0.004}))
    rows = [("first 2", 2.0, -0.0005, True), ("all", 8.0, 0.0, False), ("20 random", 20.0, 0.001, False)]
    pd.DataFrame(rows, columns=["name", "forwards", "delta", "chosen"]).to_csv(output / "view_curve.csv", index=False)
    (tmp_path / "01_raw").mkdir()
    (tmp_path / "01_raw/raw_location.json").write_text(json.dumps({"answer_key": None}))
    found = benchmark.measure_views(tmp_path)
    assert (found["forwards_per_page"], found["forwards_random"]) == (2.0, 20.0)
    assert (found["score_loss_adaptive"], found["score_loss_fitted"]) == (0.004, 0.0005)
    assert "test" not in found


def test_drawn_photos_are_the_same_every_time(tmp_path: Path, load_benchmark: Callable[[str], ModuleType]) -> None:
    benchmark = load_benchmark("inference")
    digests = [benchmark.draw_photo(tmp_path / f"{number}.jpg", 3) for number in (1, 2)]
    assert digests[0] == digests[1] != benchmark.draw_photo(tmp_path / "3.jpg", 4)
    assert set(IMAGES) >= {"image_id", "path", "sha256"}
