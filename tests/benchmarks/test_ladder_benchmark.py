"""The ladder, read from a finished run, says of the submission what the run itself says."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from kedro_command import Run


def test_the_last_rungs_are_the_runs_own_forecast_and_test_score(
    smoke_run: Run, load_benchmark: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    benchmark = load_benchmark("ladder")
    scores = json.loads((smoke_run.data_root / "08_reporting/scores.json").read_text())
    ladder = benchmark.climb(benchmark.Run(smoke_run.data_root))
    assert list(ladder) == [*benchmark.RUNGS, "the old way"]
    for rung in ("selected", "calibrated"):
        assert ladder[rung]["told"] == pytest.approx(scores["validation"]["macro_f1"])
        assert ladder[rung]["test"] == pytest.approx(scores["test"]["macro_f1"])
    assert all(0 <= rung["test"] <= 1 and rung["low"] <= rung["told"] <= rung["high"] for rung in ladder.values())
    table = benchmark.table_of([ladder, ladder])
    assert table.count("\n") == len(ladder) + 1
    benchmark.draw({"sample": [ladder]}, tmp_path / "ladder.png")
    assert (tmp_path / "ladder.png").stat().st_size > 5000
