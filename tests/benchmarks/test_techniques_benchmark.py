"""The benchmark of techniques changes what it says, compares like with like, and calls noise noise."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import technique_answers as kept
import technique_scores as scores

from docsort.errors import InputError
from docsort.metrics import macro_f1
from docsort.stores import Store

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "techniques.py"
PRETRAINED = {"pretrained": "weights.safetensors"}


@pytest.fixture(scope="module")
def bench(load_benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return load_benchmark("techniques")


@pytest.fixture(scope="module")
def main_member(bench: ModuleType) -> dict[str, Any]:
    return dict(bench.open_project("seed=0", "base").config_loader["parameters"]["members"]["main"])


def answers(labels: list[int], predicted: list[int], condition: str = "test_like", group: str = "g") -> pd.DataFrame:
    count = len(labels)
    names = [f"p{number}" for number in range(count)]
    groups = [f"{group}{number}" for number in range(count)]
    table = pd.DataFrame(
        {"condition": condition, "page": names, "group": groups, "label": labels, "predicted": predicted}
    )
    return table.astype({"label": "Int64"})


def test_a_group_of_the_recipe_is_merged_and_all_else_replaced(bench: ModuleType) -> None:
    recipe = {"loss": {"cross_entropy": 1, "focal": 0}, "class_weights": "none", "epochs": 5}
    changed = bench.merged(recipe, {"loss": {"focal": 1}, "class_weights": {3: 2}, "head": {"kind": "mlp"}})
    assert changed == {
        "loss": {"cross_entropy": 1, "focal": 1},
        "class_weights": {3: 2},
        "epochs": 5,
        "head": {"kind": "mlp"},
    }
    assert recipe["loss"] == {"cross_entropy": 1, "focal": 0}


def test_factors_multiply_numbers_and_leave_whole_ones_whole(bench: ModuleType) -> None:
    recipe = {
        "batch_size": 32,
        "learning_rate": {"scratch": 0.5, "pretrained": 0.25},
        "dihedral": True,
        "ema_decay": None,
    }
    found = bench.multiply(recipe, {"batch_size": 1.5, "learning_rate": {"scratch": 1.5}})
    assert found == {**recipe, "batch_size": 48, "learning_rate": {"scratch": 0.75, "pretrained": 0.25}}
    assert type(found["batch_size"]) is int
    for name in ("dihedral", "ema_decay", "unheard_of", "learning_rate"):
        with pytest.raises(InputError, match=f"`times` to name numbers, but {name} is"):
            bench.multiply(recipe, {name: 2})


@pytest.mark.parametrize(
    ("only", "sample", "pretrained", "expected"),
    [
        ([], False, False, True),
        ("sample", True, False, True),
        ("sample", False, True, False),
        ("pretrained", True, False, False),
        (["sample", "pretrained"], True, True, True),
        (["sample", "pretrained"], True, False, False),
    ],
)
def test_an_entry_applies_where_its_conditions_hold(
    bench: ModuleType, only: Any, sample: bool, pretrained: bool, expected: bool
) -> None:
    assert bench.applies({"only": only, "dihedral": False}, sample, pretrained) is expected


def test_conditions_keys_and_names_that_nobody_knows_are_refused(
    bench: ModuleType, main_member: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match="`only` to be of sample, pretrained, but got pretained"):
        bench.applies({"only": "pretained"}, True, True)
    with pytest.raises(InputError, match=r"there is no `bright\.brightness`; "):
        bench.make_recipe("bright", {"brightness": 0.2}, main_member)
    with pytest.raises(InputError, match="but got mixdown"):
        bench.choose_recipes({"base": {}, "mixup": {"mixup": 0.2}}, ["mixup", "mixdown"], main_member, True)


@pytest.mark.parametrize("env", ["base", "smoke", "competition"])
@pytest.mark.parametrize("weights", [{}, PRETRAINED])
def test_every_entry_makes_a_recipe_in_every_environment(bench: ModuleType, env: str, weights: dict[str, Any]) -> None:
    parameters = bench.open_project("layout=competition,raw_dir=.", env).config_loader["parameters"]
    found = parameters["members"]["main"] | {"pretrained": False} | weights
    recipes = bench.choose_recipes(bench.read_entries(), None, found, sample=True)
    entries = set(bench.read_entries())
    assert set(recipes) == (entries if weights else entries - {"frozen_at_first", "scratch"})


def test_every_entry_changes_the_recipe_and_no_two_alike(bench: ModuleType, main_member: dict[str, Any]) -> None:
    recipes = bench.choose_recipes(bench.read_entries(), None, main_member | PRETRAINED, sample=True)
    assert len({recipe.model_dump_json() for recipe in recipes.values()}) == len(recipes) > 25


def test_the_base_comes_first_and_once_and_class_numbers_of_the_sample_stay_there(
    bench: ModuleType, main_member: dict[str, Any]
) -> None:
    entries = bench.read_entries()
    assert list(bench.choose_recipes(entries, ["mixup", "base", "focal"], main_member, True)) == [
        "base",
        "mixup",
        "focal",
    ]
    assert "oversampled_certificates" not in bench.choose_recipes(entries, None, main_member, False)
    assert bench.choose_recipes(entries, ["mixup"], main_member, True)["mixup"].mixup == 0.2


@pytest.mark.parametrize(
    ("deltas", "low", "high", "expected"),
    [
        ([0.02, 0.01], 0.001, 0.03, "helps"),
        ([-0.02, -0.01], -0.03, -0.001, "hurts"),
        ([0.03, -0.001], 0.001, 0.03, "noise"),
        ([0.03, 0.0], 0.001, 0.03, "noise"),
        ([0.02, 0.01], -0.001, 0.03, "noise"),
        ([-0.02, -0.01], -0.03, 0.0, "noise"),
        ([0.0, 0.0], 0.0, 0.0, "noise"),
    ],
)
def test_only_a_sign_held_at_every_seed_with_its_interval_off_zero_is_no_noise(
    deltas: list[float], low: float, high: float, expected: str
) -> None:
    assert scores.verdict(deltas, low, high) == expected


def test_the_score_of_all_seeds_together_is_the_mean_of_the_seeds() -> None:
    rng = np.random.default_rng(0)
    labels = [int(label) for label in [*range(5), *rng.integers(0, 5, 60)]]
    tables = {seed: answers(labels, [int(p) for p in rng.integers(0, 5, 65)]) for seed in (3, 8, 9)}
    together = scores.put_together(tables, pages_differ=False)
    mean = np.mean([macro_f1(labels, table["predicted"]) for table in tables.values()])
    assert scores.score(together, "test_like") == pytest.approx(mean)
    assert together["page"].is_unique
    assert together["group"].nunique() == 65
    assert scores.put_together(tables, pages_differ=True)["group"].nunique() == 3 * 65


def test_pages_of_all_seeds_are_drawn_together_where_they_are_the_same() -> None:
    """The same gain on the same pages twice over tells no more than once; on other pages it does."""
    rng = np.random.default_rng(1)
    labels = [int(label) for label in rng.integers(0, 3, 90)]
    guesses = [[label if rng.random() < share else (label + 1) % 3 for label in labels] for share in (0.5, 0.6)]
    base, variant = (answers(labels, guess) for guess in guesses)
    widths = []
    for seeds, pages_differ in ((1, False), (4, False), (4, True)):
        both = [scores.put_together(dict.fromkeys(range(seeds), table), pages_differ) for table in (base, variant)]
        delta, low, high = scores.compare(*both, "test_like")
        assert delta == pytest.approx(macro_f1(labels, guesses[1]) - macro_f1(labels, guesses[0]))
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0])
    assert widths[2] == pytest.approx(widths[0] / 2, rel=0.2)


def test_rivals_are_compared_page_by_page_whatever_their_order() -> None:
    base, variant = answers([0, 1, 2, 2], [0, 1, 0, 0]), answers([0, 1, 2, 2], [0, 1, 2, 2])
    shuffled = variant.iloc[[2, 0, 3, 1]]
    assert scores.compare(base, shuffled, "test_like") == scores.compare(base, variant, "test_like")
    assert scores.compare(base, variant, "test_like")[0] == pytest.approx(1 - (2 / 4 + 1 + 0) / 3)
    with pytest.raises(InputError, match="answered the same pages"):
        scores.compare(base, variant.iloc[:3], "test_like")


def test_test_pages_are_judged_by_the_key_and_left_out_where_there_is_none() -> None:
    test = answers([0, 0, 0], [5, 6, 5], "test").assign(label=pd.array([pd.NA] * 3, dtype="Int64"))
    own = scores.Answers(pd.concat([answers([5, 6], [5, 5]), test], ignore_index=True), 1.0)
    key = pd.DataFrame({"ID": ["p2", "p0", "p1"], "target": [6, 5, 6]})
    judged = scores.with_truth(own, key).table
    assert judged.loc[judged["condition"] == "test", "label"].tolist() == [5, 6, 6]
    assert scores.score(judged, "test") == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert set(scores.with_truth(own, None).table["condition"]) == {"test_like"}
    with pytest.raises(InputError, match="belongs to another data set"):
        scores.with_truth(own, key.iloc[:2])


def test_kept_answers_are_read_as_they_were_written(tmp_path: Path) -> None:
    names = answers([3, 4], [3, 3]).assign(page=["007", "NA"], group=["007", "None"])
    table = pd.concat(
        [names, names.assign(condition="test", label=pd.array([pd.NA] * 2, dtype="Int64"))], ignore_index=True
    )
    store = Store(tmp_path)
    kept.keep(store, "key", scores.Answers(table, 2.5))
    read = kept.read_kept(store, "key")
    pd.testing.assert_frame_equal(read.table, table, check_dtype=False)
    assert read.seconds == 2.5


def test_a_table_tells_the_base_and_what_each_variant_changes() -> None:
    labels, wrong, right = [0, 1] * 20, [1, 1] * 20, [0, 1] * 20
    found = {
        seed: {
            "base": scores.Answers(both_views(labels, wrong), 10.0),
            "good": scores.Answers(both_views(labels, right), 15.0),
            "same": scores.Answers(both_views(labels, wrong), 10.0),
            "wild": None if seed == 1 else scores.Answers(both_views(labels, right), 10.0),
        }
        for seed in (0, 1)
    }
    figures = scores.summarise(found, pages_differ=True)
    assert {name: row.get("verdict") for name, row in figures.items()} == {
        "base": None,
        "good": "helps",
        "same": "noise",
        "wild": "diverged",
    }
    assert figures["good"]["test_like"]["mean"][0] == pytest.approx(2 / 3)
    lines = scores.table_of(json.loads(json.dumps(figures))).splitlines()
    assert lines[0] == (
        "| variant | test-like, seed 0 | test-like, seed 1 | test-like, mean | clean | test | time | verdict |"
    )
    assert lines[2] == "| base | 0.333 | 0.333 | 0.333 | 0.333 | – | 20 s |  |"
    assert lines[3].endswith("| +0.667 | – | ×1.50 | helps |")
    none = "+0.000 [+0.000, +0.000]"
    assert lines[4] == f"| same | {none} | {none} | {none} | +0.000 | – | ×1.00 | noise |"
    assert lines[5] == "| wild | – | diverged | – | – | – | – | diverged |"
    assert len({line.count("|") for line in lines}) == 1


def test_a_base_that_diverged_is_no_base() -> None:
    with pytest.raises(InputError, match="base to be trained at every seed"):
        scores.summarise({0: {"base": None}}, pages_differ=True)


def both_views(labels: list[int], predicted: list[int]) -> pd.DataFrame:
    return pd.concat([answers(labels, predicted, condition) for condition in ("test_like", "clean")], ignore_index=True)


def test_quick_gives_way_to_what_is_given(bench: ModuleType) -> None:
    options = bench.read_options(["--quick", "--variants", "focal"])
    assert (options.env, options.seeds, options.views, options.variants) == ("smoke", [0], 1, ["focal"])
    assert bench.read_options([]).env is None


@pytest.mark.slow
def test_the_script_scores_each_variant_and_trains_nothing_twice(tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    command = [sys.executable, str(SCRIPT), "--quick", "--work", str(tmp_path / "work"), "--json", str(target)]
    told = [
        subprocess.run(command, cwd=tmp_path, check=True, timeout=600, stdout=subprocess.PIPE, text=True).stdout
        for _ in range(2)
    ]
    figures = json.loads(target.read_text())["variants"]
    assert set(figures) == {"base", "label_smoothing"}
    assert all(0 <= score["0"] <= 1 for score in figures["base"]["scores"].values())
    assert set(figures["base"]["scores"]) == {"test_like", "clean", "test"}
    for condition in ("test_like", "clean", "test"):
        delta, low, high = figures["label_smoothing"][condition]["mean"]
        assert [delta, low, high] == pytest.approx(figures["label_smoothing"][condition]["seeds"]["0"], abs=0.1)
        assert -1 <= low <= high <= 1
    assert figures["label_smoothing"]["verdict"] in {"helps", "hurts", "noise"}
    assert "kept" not in told[0]
    assert told[1].count(", kept\n") == 2
    assert told[0].splitlines()[2:] == told[1].splitlines()[2:]
