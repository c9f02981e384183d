"""Weights sum to one, are chosen on other folds than they are judged on, and luck does not get through the gate."""

import json

import numpy as np
import pandas as pd
import pytest
from drawn_members import CLASSES, draw_members

from docsort.ensembling.combination import tally
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.selection import WAYS, choose_routes, choose_weights, select_ensemble
from docsort.ensembling.stack import stack_members
from docsort.ensembling.votes import VotePlan, cast_votes
from docsort.errors import InputError
from docsort.metrics import macro_f1

PARAMETERS = EnsemblingParameters(weights="selected", draws=300)
UNLIKE = {"good": 1.0, "bad": 30.0}
ALIKE = dict.fromkeys("abcdef", 1.5)


def scored(members: pd.DataFrame, way: str, record: dict) -> float:
    """Macro-F1 of the votes out of fold, each fold's by what the others chose."""
    plans = {
        fold: VotePlan(**record[way]["by_fold"][str(fold)]) if way != "equal" else VotePlan()
        for fold in members["fold"].unique()
    }
    votes = pd.concat([cast_votes(own, plans[fold]) for fold, own in members.groupby("fold")])
    return macro_f1(votes["label"], votes["predicted"])


@pytest.fixture(scope="module")
def unlike() -> tuple[pd.DataFrame, dict]:
    members = draw_members(UNLIKE)
    return members, select_ensemble(members, PARAMETERS, 0)


def test_before_anything_is_proved_a_useless_model_hardly_counts(unlike: tuple[pd.DataFrame, dict]) -> None:
    members, record = unlike
    block = record["stacked"]
    assert block["plan"]["weights"]["good"] > 0.9
    assert 0 < block["low"] <= block["nested_gain"] <= block["high"]
    assert record["equal"] == pytest.approx(scored(members, "equal", record))
    alone = members[members["model"] == "good"]
    assert block["macro_f1"] > macro_f1(alone["label"], cast_votes(alone, VotePlan())["predicted"]) - 0.005
    assert block["macro_f1"] > record["equal"] + 0.1


def test_what_has_to_earn_its_place_earns_it_over_stacked_weights_and_not_over_equal_ones(
    unlike: tuple[pd.DataFrame, dict],
) -> None:
    _, record = unlike
    assert record["selected"]["macro_f1"] > record["equal"] + 0.1  # so over equal ones it would have
    assert not record["selected"]["accepted"]
    assert (record["asked"], record["used"]) == ("selected", "stacked")


@pytest.mark.parametrize("way", WAYS)
def test_the_nested_gain_is_what_the_out_of_fold_votes_gain(way: str) -> None:
    members = draw_members({"a": 1.5, "b": 2.0, "c": 3.0}, pages=200)
    record = select_ensemble(members, PARAMETERS, 0)
    before = record["equal"] if way == "stacked" else record["stacked"]["macro_f1"]
    assert record[way]["macro_f1"] == pytest.approx(scored(members, way, record))
    assert record[way]["macro_f1"] - before == pytest.approx(record[way]["nested_gain"])
    fitted = cast_votes(members, VotePlan(**record[way]["plan"]))
    start = VotePlan() if way == "stacked" else VotePlan(**record["stacked"]["plan"])
    level = cast_votes(members, start)
    gain = macro_f1(fitted["label"], fitted["predicted"]) - macro_f1(level["label"], level["predicted"])
    assert gain == pytest.approx(record[way]["fitted_gain"])


def test_weights_of_a_fold_do_not_know_its_labels() -> None:
    """Other labels in one fold change the weights of all others, and not those that answer its own pages."""
    members = draw_members({"a": 1.5, "b": 2.0, "c": 3.0})
    own = members["fold"] == 3
    spoilt = members.assign(label=members["label"].where(~own, (members["label"] + 1) % CLASSES))
    before, after = (select_ensemble(table, PARAMETERS, 0) for table in (members, spoilt))
    for way in WAYS:
        assert before[way]["by_fold"]["3"] == after[way]["by_fold"]["3"]
        others = {fold: weights for fold, weights in before[way]["by_fold"].items() if fold != "3"}
        assert any(after[way]["by_fold"][fold] != weights for fold, weights in others.items()), way


@pytest.mark.parametrize("seed", range(3))
def test_among_models_of_a_kind_the_fitted_gain_is_luck_and_is_not_used(seed: int) -> None:
    record = select_ensemble(draw_members(ALIKE, pages=200, seed=seed), PARAMETERS, seed)
    assert record["selected"]["fitted_gain"] > max(0, record["selected"]["nested_gain"])
    assert record["used"] == "stacked"
    assert record["reason"].startswith("rejected")


def test_weights_whose_gain_may_be_luck_are_rejected() -> None:
    """Above zero as measured, and not with its whole interval; as fitted it is more."""
    block = select_ensemble(draw_members(ALIKE, pages=200, seed=2), PARAMETERS, 0)["selected"]
    assert block["fitted_gain"] > block["nested_gain"] > 0 > block["low"]
    assert not block["accepted"]
    assert "holds zero" in block["reason"]


@pytest.mark.parametrize("kind", ["soft", "geometric", "rank", "hard", "soft_hard"])
def test_all_weights_sum_to_one_whatever_the_vote(kind: str) -> None:
    members = draw_members({"a": 1.5, "b": 2.0, "c": 4.0}, pages=150)
    record = select_ensemble(members, EnsemblingParameters(vote=kind, draws=100), 0)
    for way in WAYS:
        for plan in (record[way]["plan"], *record[way]["by_fold"].values()):
            routes = plan["weights"].values() if way == "routed" else [plan["weights"]]
            for weights in routes:
                assert sum(weights.values()) == pytest.approx(1)
                assert set(weights) == {"a", "b", "c"}
            assert plan["kind"] == ("geometric" if way == "logistic" else kind)
            assert set(plan["temperatures"]) == {"a", "b", "c"}


def test_the_record_does_not_depend_on_the_order_of_rows_and_survives_json(unlike: tuple[pd.DataFrame, dict]) -> None:
    members, record = unlike
    assert select_ensemble(members.sample(frac=1, random_state=3), PARAMETERS, 0) == record
    assert json.loads(json.dumps(record)) == record


def test_one_model_needs_no_weights() -> None:
    record = select_ensemble(draw_members({"main": 1.5}, pages=100), PARAMETERS, 0)
    assert record["selected"]["plan"]["weights"] == {"main": 1.0}
    assert (record["used"], record["stacked"]["nested_gain"]) == ("equal", 0)
    assert record["reason"] == "with one model there is nothing to weigh"


def test_pages_are_routed_to_the_model_that_knows_the_guess() -> None:
    """Model a tells classes 0 and 1 apart and is blind to 3 and 4, b the other way round; both know 2."""
    truth = np.tile(np.arange(5), 60)
    pages = len(truth)
    rng = np.random.default_rng(0)
    values = np.full((2, pages, 5), 0.02)
    for model, known in ((0, (0, 1, 2)), (1, (2, 3, 4))):
        pair = np.where(truth < 2, rng.integers(2, size=pages), np.where(truth > 2, 3 + rng.integers(2, size=pages), 2))
        said = np.where(np.isin(truth, known), truth, pair)
        values[model, np.arange(pages), said] = 0.92
    values += rng.uniform(0, 1e-3, values.shape)  # else pages are the same page, and all draw one lot
    values /= values.sum(axis=2, keepdims=True)
    template = draw_members({"a": 1, "b": 1}, pages=pages)
    template["label"] = np.tile(truth, 2)
    template[[f"p_{c}" for c in range(5)]] = values.reshape(-1, 5)
    stack = stack_members(template)
    routes = choose_routes(tally(stack, "soft"), truth)
    assert routes.tolist() == [[1, 0], [1, 0], [0.5, 0.5], [0, 1], [0, 1]]
    record = select_ensemble(template, EnsemblingParameters(weights="routed", draws=300), 0)
    assert record["used"] == "routed"
    assert scored(template, "routed", record) == 1


def test_more_rounds_never_fit_worse() -> None:
    stack = stack_members(draw_members({"a": 1.5, "b": 2.0, "c": 4.0}, pages=200))
    votes, truth = tally(stack, "soft"), stack.pages["label"].to_numpy(int)
    scores = [macro_f1(truth, votes.count(choose_weights(votes, truth, rounds))[1]) for rounds in (0, 1, 5, 20)]
    assert scores == sorted(scores)


def test_without_test_like_pages_nothing_can_be_chosen(unlike: tuple[pd.DataFrame, dict]) -> None:
    with pytest.raises(InputError, match="condition test_like, but there are none"):
        select_ensemble(unlike[0].assign(condition="clean"), PARAMETERS, 0)
