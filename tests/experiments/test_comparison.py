"""Who is really better: adjusted for how many were compared, and in one unit with the bootstrap of the house."""

import numpy as np
import pandas as pd
import pytest
from tiny_runs import votes

from docsort.errors import InputError
from docsort.experiments.comparison import compare
from docsort.metrics import macro_f1, paired_bootstrap


def answers_of(table: pd.DataFrame) -> np.ndarray:
    return table[["p_0", "p_1", "p_2", "p_3"]].to_numpy().argmax(axis=1)


def alike(count: int, seed: int) -> dict[str, pd.DataFrame]:
    """Experiments that are equally good, each with mistakes of its own."""
    return {f"e{number}": votes(0.8, seed * 100 + number) for number in range(count)}


def test_of_two_the_interval_is_that_of_the_paired_bootstrap() -> None:
    good, bad = votes(0.95), votes(0.75)
    found = compare({"good": good, "bad": bad}, seed=3, draws=1500)
    labels, groups = good["label"], good["group"]
    delta, low, high = paired_bootstrap(labels, answers_of(bad), answers_of(good), groups, 1500, 3)
    other = found.others["bad"]
    assert found.leader == "good"
    assert found.scores["good"] == macro_f1(labels, answers_of(good))
    assert other.delta == pytest.approx(delta)
    assert (other.low, other.high) == (pytest.approx(low, abs=0.006), pytest.approx(high, abs=0.006))
    assert found.critical == pytest.approx(1.96, abs=0.12)
    assert found.worse == ["bad"]


def test_the_leader_of_many_equals_is_called_better_by_luck_unless_their_number_counts() -> None:
    """Of 12 equals the plain interval finds one that is worse than the leader most times; the adjusted hardly ever."""
    naive = adjusted = 0
    for seed in range(6):
        tables = alike(12, seed)
        found = compare(tables, seed, draws=200)
        labels, groups = tables["e0"]["label"], tables["e0"]["group"]
        worst = min(found.scores, key=lambda name: found.scores[name])
        rivals = (answers_of(tables[worst]), answers_of(tables[found.leader]))
        naive += paired_bootstrap(labels, *rivals, groups, 200, seed)[1] > 0
        adjusted += bool(found.worse)
    assert naive >= 5
    assert adjusted <= 1


def test_a_difference_that_is_real_is_found_among_many() -> None:
    found = compare({**alike(8, 1), "poor": votes(0.4, 7)}, seed=0, draws=400)
    assert "poor" in found.worse
    assert len(found.as_good) == 8


def test_the_simplest_is_cheap_and_less_than_one_standard_error_behind() -> None:
    tables = {"dear": votes(0.9, 1), "cheap": votes(0.9, 1), "poor": votes(0.86, 2), "tie": votes(0.9, 1)}
    found = compare(tables, seed=0, draws=400)
    assert not found.others["poor"].is_better
    assert found.others["poor"].delta > found.others["poor"].error
    cost = {"dear": 40.0, "cheap": 5.0, "poor": 1.0, "tie": 6.0}
    assert found.simplest(cost) == "cheap"


def test_of_equally_cheap_ones_the_best_is_taken() -> None:
    found = compare({"behind": votes(0.9, 1), "ahead": votes(0.899, 1)}, seed=0, draws=400)
    assert found.scores["behind"] < found.scores["ahead"]
    assert found.simplest({"behind": 5.0, "ahead": 5.0}) == "ahead"
    assert found.simplest({"behind": 4.0, "ahead": 5.0}) == "behind"


def test_only_pages_that_all_have_answered_and_label_alike_count() -> None:
    table, other = votes(0.9, 1), votes(0.7, 2)
    shuffled = other[other["image_id"] != "000"].sample(frac=1, random_state=0)
    shuffled.loc[shuffled["image_id"] == "001", "label"] = 3
    found = compare({"a": table, "b": shuffled}, seed=0, draws=50)
    assert found.pages == len(table) - 4
    kept = other[~other["image_id"].isin(["000", "001"])]
    assert found.scores["b"] == macro_f1(kept["label"], answers_of(kept))


def test_pages_as_they_are_do_not_count() -> None:
    clean = votes(0.1, 5).assign(condition="clean")
    with_clean = pd.concat([votes(0.9, 1), clean])
    assert compare({"a": with_clean, "b": votes(0.8, 2)}, 0, 50) == compare(
        {"a": votes(0.9, 1), "b": votes(0.8, 2)}, 0, 50
    )


def test_what_cannot_be_compared_is_told() -> None:
    with pytest.raises(InputError, match="Expected a finished experiment to compare"):
        compare({}, 0)
    with pytest.raises(InputError, match="a, b have no page in common; compare those of one data set"):
        compare({"a": votes(0.9), "b": votes(0.9).assign(label=9)}, 0)


def test_one_alone_leads_with_nobody_behind() -> None:
    found = compare({"a": votes(0.9)}, 0, 50)
    assert (found.leader, dict(found.others), found.as_good, found.critical) == ("a", {}, ["a"], 0.0)
