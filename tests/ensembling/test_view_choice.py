"""Which views are worth their cost, where that is known beforehand."""

import json

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.stack import MemberStack, stack_members
from docsort.ensembling.stacking import fit_stacked
from docsort.ensembling.view_choice import VIEW_CURVE, choose_views, named_policy, policies
from docsort.errors import InputError
from docsort.members.views import ViewPolicy, members_of, page_views
from docsort.metrics import macro_f1
from docsort.tables import PREDICTION_KEYS

TURNS = tuple(range(8))
WHOLE = next(policy for policy in policies(TURNS, (100,)) if policy.name == "all")


def predictions(signal: float, noise: float, pages: int = 200, classes: int = 4, scales: int = 1) -> pd.DataFrame:
    """Every view says the same of a page, up to noise of its own; five folds, two models."""
    rng, tables = np.random.default_rng(0), []
    truth = np.arange(pages) % classes
    for model in ("main", "second"):
        page, view = np.repeat(np.arange(pages), 8 * scales), np.tile(np.arange(8 * scales), pages)
        shared = rng.normal(0, 1, (pages, classes)) + signal * np.eye(classes)[truth]
        powers = np.exp(shared[page] + noise * rng.normal(0, 1, (len(page), classes)))
        names = pd.Series([f"p{number:03}" for number in page])
        keys = pd.DataFrame({"model": model, "fold": page % 5, "image_id": names, "group": names, "label": truth[page]})
        keys = keys.assign(render_id=names, condition="test_like", copy=0, turn=view % 8, scale=100 + 25 * (view // 8))
        values = pd.DataFrame(powers / powers.sum(axis=1, keepdims=True), columns=[f"p_{c}" for c in range(classes)])
        tables.append(pd.concat([keys[list(PREDICTION_KEYS)], values], axis=1))
    return pd.concat(tables, ignore_index=True)


def stacked(table: pd.DataFrame, policy: ViewPolicy) -> tuple[MemberStack, np.ndarray]:
    """Members by this policy, and the columns of their labels."""
    stack = stack_members(members_of(table, policy))
    return stack, stack.pages["label"].to_numpy(int)


def answers_by(table: pd.DataFrame, policy: ViewPolicy, others: pd.DataFrame) -> np.ndarray:
    """What this policy answers, weights being fitted to all views of other pages."""
    return fit_stacked(*stacked(others, WHOLE), "soft").answers(stacked(table, policy)[0])


def test_where_all_views_say_the_same_one_is_enough() -> None:
    found = choose_views(predictions(2, 0), TURNS, (100,), 0.001, 0)
    assert found.policy.name == "first 1"
    assert found.nested_loss == 0
    chosen = found.curve[found.curve["chosen"]]
    assert chosen["forwards"].tolist() == [1]
    assert list(found.curve.columns) == list(VIEW_CURVE)
    assert found.curve["forwards"].is_monotonic_increasing


def test_where_every_view_errs_by_itself_many_are_asked() -> None:
    found = choose_views(predictions(3, 4), TURNS, (100,), 0.001, 0)
    curve = found.curve.set_index("name")
    assert curve.loc["all", "macro_f1"] > curve.loc["first 1", "macro_f1"] + 0.05
    assert curve.loc[found.policy.name, "forwards"] > 3
    assert abs(found.nested_loss) < 0.05


def test_the_loss_is_of_views_that_other_folds_chose() -> None:
    table = predictions(1, 2)
    found = choose_views(table, TURNS, (100,), 0.01, 0)
    stack, labels = stacked(table, WHOLE)
    differ = {policy.name: fold for fold, policy in found.by_fold.items()}
    assert len(differ) > 1
    for fold in differ.values():  # to choose takes a second
        assert found.by_fold[fold] == choose_views(table[table["fold"] != fold], TURNS, (100,), 0.01, 0).policy
    everywhere, nested = np.zeros_like(labels), np.zeros_like(labels)
    for fold, policy in found.by_fold.items():
        own, others = table[table["fold"] == fold], table[table["fold"] != fold]
        rows = stack.held_out == fold
        everywhere[rows], nested[rows] = (answers_by(own, each, others) for each in (WHOLE, policy))
    fitted = answers_by(table, found.policy, table)
    assert set(found.by_fold) == set(range(5))
    assert macro_f1(labels, nested) != macro_f1(labels, fitted)
    assert found.nested_loss == pytest.approx(macro_f1(labels, everywhere) - macro_f1(labels, nested))
    record = json.loads(json.dumps(found.record))
    assert ViewPolicy.from_record(record) == found.policy
    assert {fold: ViewPolicy.model_validate(own) for fold, own in record["by_fold"].items()} == {
        str(fold): policy for fold, policy in found.by_fold.items()
    }
    assert record["nested_loss"] == found.nested_loss


def test_the_lead_of_a_member_that_counts_little_ends_nothing() -> None:
    """The second model says anything, and is sure of it from the first view on."""
    table = predictions(3, 3)
    own, columns = table["model"] == "second", [f"p_{c}" for c in range(4)]
    said = np.random.default_rng(1).integers(4, size=200)[table.loc[own, "render_id"].str[1:].astype(int)]
    table.loc[own, columns] = np.eye(4)[said] * 0.96 + 0.01
    found = choose_views(table, TURNS, (100,), 0.001, 0, "until 0.4")
    assert found.policy.weights["main"] > 0.8
    asked = [page_views(table, found.policy.model_copy(update={"weights": own})) for own in (found.policy.weights, {})]
    surest = table[~own & (table["turn"] == 0)].sort_values("render_id")[columns].to_numpy()
    lead = np.diff(np.sort(surest, axis=1)[:, -2:])[:, 0]
    assert (asked[0].to_numpy()[lead > 0.9] == 1).all()
    assert (asked[1].to_numpy()[lead > 0.9] > 1).any()


def test_random_views_are_compared_with_and_never_chosen() -> None:
    curve = choose_views(predictions(2, 1), TURNS, (100,), 1.0, 0).curve
    assert "20 random" in set(curve["name"])
    assert curve.loc[curve["chosen"], "name"].tolist() == ["first 1"]


def test_a_wanted_policy_is_taken_whatever_it_is_worth() -> None:
    found = choose_views(predictions(3, 4), TURNS, (100,), 0.001, 0, "first 2")
    assert found.policy.name == "first 2"
    assert found.by_fold == dict.fromkeys(range(5), found.policy)
    row = found.curve.set_index("name").loc["first 2"]
    assert row["chosen"]
    assert found.nested_loss == pytest.approx(-row["delta"]) != 0
    with pytest.raises(InputError, match=r"`ensembling.views` to be auto or one of first 1, .*but got 'most'"):
        named_policy("most", TURNS, (100,))


def test_scales_come_after_the_models_own() -> None:
    tried = policies(TURNS, (125, 100))
    whole = next(policy for policy in tried if policy.name == "all")
    assert [scale for _, scale in whole.views] == [100] * 8 + [125] * 8
    assert "first 8" in {policy.name for policy in tried}
    curve = choose_views(predictions(2, 1, scales=2), TURNS, (100, 125), 0.001, 0).curve
    assert set(curve["forwards"]) >= {1, 2, 4, 8, 16, 20}


def test_a_single_view_has_no_early_end() -> None:
    assert [policy.name for policy in policies((0,), (100,))] == ["all", "20 random"]


def test_without_test_like_pages_there_is_nothing_to_choose_by() -> None:
    with pytest.raises(InputError, match="of the condition test_like"):
        choose_views(predictions(2, 0).assign(condition="clean"), TURNS, (100,), 0.001, 0)
