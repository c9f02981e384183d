"""Weights sum to one, are chosen on other folds than they are judged on, and luck does not get through the gate."""

import json

import numpy as np
import pandas as pd
import pytest
from drawn_members import CLASSES, draw_members

from docsort.ensembling.combination import tally
from docsort.ensembling.members import stack_members
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.selection import choose_routes, choose_weights, model_weights, select_ensemble
from docsort.ensembling.votes import cast_votes
from docsort.errors import InputError
from docsort.metrics import macro_f1
from docsort.specialists.verdict import VERDICTS

PARAMETERS = EnsemblingParameters(draws=300)
NOBODY = pd.DataFrame(columns=list(VERDICTS))
UNLIKE = {"good": 1.0, "bad": 30.0}
ALIKE = dict.fromkeys("abcdef", 1.5)


def scored(members: pd.DataFrame, parameters: EnsemblingParameters, record: dict) -> float:
    votes = cast_votes(members, pd.DataFrame(), NOBODY, parameters, record)
    return macro_f1(votes["label"], votes["predicted"])


@pytest.fixture(scope="module")
def unlike() -> tuple[pd.DataFrame, dict]:
    members = draw_members(UNLIKE)
    return members, select_ensemble(members, PARAMETERS, 0)


def test_a_useless_model_loses_its_weight_and_that_is_accepted(unlike: tuple[pd.DataFrame, dict]) -> None:
    members, record = unlike
    block = record["selected"]
    assert block["weights"]["good"] > 0.85
    assert block["accepted"]
    assert (record["asked"], record["used"]) == ("selected", "selected")
    assert 0 < block["low"] <= block["nested_gain"] <= block["high"]
    assert "lies above zero" in record["reason"]
    assert record["equal"] == pytest.approx(scored(members, EnsemblingParameters(weights="equal"), record))


def test_the_nested_gain_is_what_the_out_of_fold_votes_gain(unlike: tuple[pd.DataFrame, dict]) -> None:
    members, record = unlike
    gain = scored(members, PARAMETERS, record) - record["equal"]
    assert gain == pytest.approx(record["selected"]["nested_gain"])
    routed = scored(members, PARAMETERS, {**record, "used": "routed"}) - record["equal"]
    assert routed == pytest.approx(record["routed"]["nested_gain"])


def test_weights_of_a_fold_do_not_know_its_labels() -> None:
    """Other labels in one fold change the weights of all others, and not those that answer its own pages."""
    members = draw_members({"a": 1.5, "b": 2.0, "c": 3.0})
    own = members["fold"] == 3
    spoilt = members.assign(label=members["label"].where(~own, (members["label"] + 1) % CLASSES))
    before, after = (select_ensemble(table, PARAMETERS, 0) for table in (members, spoilt))
    for way in ("selected", "routed"):
        assert before[way]["by_fold"]["3"] == after[way]["by_fold"]["3"]
        others = {fold: weights for fold, weights in before[way]["by_fold"].items() if fold != "3"}
        assert any(after[way]["by_fold"][fold] != weights for fold, weights in others.items()), way


@pytest.mark.parametrize("seed", range(3))
def test_among_models_of_a_kind_the_fitted_gain_is_luck_and_is_not_used(seed: int) -> None:
    record = select_ensemble(draw_members(ALIKE, pages=200, seed=seed), PARAMETERS, seed)
    assert record["selected"]["fitted_gain"] > max(0, record["selected"]["nested_gain"])
    assert record["used"] == "equal"
    assert "not used" in record["reason"]


@pytest.mark.parametrize("kind", ["soft", "geometric", "rank", "hard", "soft_hard"])
def test_all_weights_sum_to_one_whatever_the_vote(kind: str) -> None:
    members = draw_members({"a": 1.5, "b": 2.0, "c": 4.0}, pages=150)
    record = select_ensemble(members, EnsemblingParameters(vote=kind, draws=100), 0)
    for weights in (record["selected"]["weights"], *record["selected"]["by_fold"].values()):
        assert sum(weights.values()) == pytest.approx(1)
        assert set(weights) == {"a", "b", "c"}
    for route in record["routed"]["weights"].values():
        assert sum(route.values()) == pytest.approx(1)
    stack = stack_members(members)
    for way in ("selected", "routed"):
        parameters = EnsemblingParameters(vote=kind, weights=way)
        weights = model_weights(stack, tally(stack, kind), parameters, {**record, "used": way})
        assert weights.sum(axis=1) == pytest.approx(np.ones(150))


def test_the_record_does_not_depend_on_the_order_of_rows_and_survives_json(unlike: tuple[pd.DataFrame, dict]) -> None:
    members, record = unlike
    assert select_ensemble(members.sample(frac=1, random_state=3), PARAMETERS, 0) == record
    assert json.loads(json.dumps(record)) == record


def test_one_model_needs_no_weights() -> None:
    record = select_ensemble(draw_members({"main": 1.5}, pages=100), PARAMETERS, 0)
    assert record["selected"]["weights"] == {"main": 1.0}
    assert (record["used"], record["selected"]["nested_gain"]) == ("equal", 0)
    assert record["reason"] == "not used: with one model there is nothing to weigh"


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
    template = draw_members({"a": 1, "b": 1}, pages=pages)
    template["label"] = np.tile(truth, 2)
    template[[f"p_{c}" for c in range(5)]] = values.reshape(-1, 5)
    stack = stack_members(template)
    routes = choose_routes(tally(stack, "soft"), truth)
    assert routes.tolist() == [[1, 0], [1, 0], [0.5, 0.5], [0, 1], [0, 1]]
    record = select_ensemble(template, EnsemblingParameters(weights="routed", draws=300), 0)
    assert record["used"] == "routed"
    assert scored(template, EnsemblingParameters(weights="routed"), record) == 1


def test_more_rounds_never_fit_worse() -> None:
    stack = stack_members(draw_members({"a": 1.5, "b": 2.0, "c": 4.0}, pages=200))
    votes, truth = tally(stack, "soft"), stack.pages["label"].to_numpy(int)
    scores = [macro_f1(truth, votes.count(choose_weights(votes, truth, rounds))[1]) for rounds in (0, 1, 5, 20)]
    assert scores == sorted(scores)


def test_a_record_of_other_models_and_a_missing_view_are_refused(unlike: tuple[pd.DataFrame, dict]) -> None:
    members, record = unlike
    with pytest.raises(
        InputError, match="weights for the models good, but `ensemble_selection` has them for bad, good"
    ):
        scored(members[members["model"] == "good"], PARAMETERS, record)
    with pytest.raises(InputError, match="view test_like, but there are none"):
        select_ensemble(members.assign(view="clean"), PARAMETERS, 0)


def test_test_pages_get_the_weights_of_all_folds(unlike: tuple[pd.DataFrame, dict]) -> None:
    members, record = unlike
    test = pd.concat([members.assign(view="test", fold=fold) for fold in range(2)])
    weights = record["selected"]["weights"]
    fixed = EnsemblingParameters(weights=weights)
    pd.testing.assert_frame_equal(
        cast_votes(test, pd.DataFrame(), NOBODY, PARAMETERS, record), cast_votes(test, pd.DataFrame(), NOBODY, fixed)
    )
