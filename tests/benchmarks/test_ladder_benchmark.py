"""The ladder, read from a finished run, says of the submission what the run itself says."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

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


def test_specialists_that_were_given_up_after_two_folds_are_no_rung(
    smoke_run: Run, load_benchmark: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark = load_benchmark("ladder")
    assert benchmark.Run(smoke_run.data_root).everyone.rules  # there is one to give up
    opened = benchmark.open_project

    def given_up(*arguments: Any) -> SimpleNamespace:
        load = opened(*arguments).catalog.load

        def loaded(name: str) -> Any:
            value = load(name)
            if name == "specialist_oof_predictions":
                return value[value["fold"] < 2]
            return {} if name.endswith("_specialists") and int(name.split("_")[1]) >= 2 else value

        return SimpleNamespace(catalog=SimpleNamespace(load=loaded))

    monkeypatch.setattr(benchmark, "open_project", given_up)
    run = benchmark.Run(smoke_run.data_root)
    assert run.everyone.rules == ()
    assert benchmark.specialised(run, replace(benchmark.NETWORK, views=run.views))["accepted"] == 0
