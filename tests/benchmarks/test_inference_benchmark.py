"""The benchmark of inference reads what a run chose, and its photos are the same every time."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd


def test_what_a_runs_choice_of_views_costs_is_read_from_its_own_tables(
    tmp_path: Path, load_benchmark: Callable[[str], ModuleType]
) -> None:
    benchmark = load_benchmark("inference")
    output = tmp_path / "07_model_output"
    output.mkdir()
    policy = {"name": "first 2", "views": [[0, 100], [6, 100]], "stops": [], "stop_margin": None, "draws": 0}
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
    for name, number in (("1", 3), ("2", 3), ("3", 4)):
        benchmark.draw_photo(tmp_path / f"{name}.jpg", number)
    first, second, other = ((tmp_path / f"{name}.jpg").read_bytes() for name in "123")
    assert first == second != other
