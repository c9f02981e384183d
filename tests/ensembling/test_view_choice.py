"""Which views are worth their cost, where that is known beforehand."""

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.view_choice import VIEW_CURVE, choose_views, named_policy, policies
from docsort.errors import InputError
from docsort.tables import PREDICTION_KEYS

TURNS = tuple(range(8))


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
        keys = keys.assign(render_id=names, view="test_like", copy=0, turn=view % 8, scale=100 + 25 * (view // 8))
        values = pd.DataFrame(powers / powers.sum(axis=1, keepdims=True), columns=[f"p_{c}" for c in range(classes)])
        tables.append(pd.concat([keys[list(PREDICTION_KEYS)], values], axis=1))
    return pd.concat(tables, ignore_index=True)


def test_where_all_views_say_the_same_one_is_enough() -> None:
    policy, curve, loss = choose_views(predictions(2, 0), TURNS, (100,), 0.001, 0)
    assert policy.name == "first 1"
    assert loss == 0
    chosen = curve[curve["chosen"]]
    assert chosen["forwards"].tolist() == [1]
    assert list(curve.columns) == list(VIEW_CURVE)
    assert curve["forwards"].is_monotonic_increasing


def test_where_every_view_errs_by_itself_many_are_asked() -> None:
    policy, curve, loss = choose_views(predictions(3, 4), TURNS, (100,), 0.001, 0)
    scores = curve.set_index("name")["macro_f1"]
    assert scores["all"] > scores["first 1"] + 0.05
    assert curve.set_index("name").loc[policy.name, "forwards"] > 3
    assert abs(loss) < 0.05


def test_random_views_are_compared_with_and_never_chosen() -> None:
    _, curve, _ = choose_views(predictions(2, 1), TURNS, (100,), 1.0, 0)
    assert "20 random" in set(curve["name"])
    assert curve.loc[curve["chosen"], "name"].tolist() == ["first 1"]


def test_a_wanted_policy_is_taken_whatever_it_is_worth() -> None:
    policy, curve, loss = choose_views(predictions(3, 4), TURNS, (100,), 0.001, 0, "first 2")
    assert policy.name == "first 2"
    row = curve.set_index("name").loc["first 2"]
    assert loss == pytest.approx(-row["delta"])
    with pytest.raises(InputError, match=r"`ensembling.views` to be auto or one of first 1, .*but got 'most'"):
        named_policy("most", TURNS, (100,))


def test_scales_come_after_the_models_own() -> None:
    tried = policies(TURNS, (125, 100))
    whole = next(policy for policy in tried if policy.name == "all")
    assert [scale for _, scale in whole.views] == [100] * 8 + [125] * 8
    assert "first 8" in {policy.name for policy in tried}
    _, curve, _ = choose_views(predictions(2, 1, scales=2), TURNS, (100, 125), 0.001, 0)
    assert set(curve["forwards"]) >= {1, 2, 4, 8, 16, 20}


def test_a_single_view_has_no_early_end() -> None:
    assert [policy.name for policy in policies((0,), (100,))] == ["all", "20 random"]


def test_without_test_like_pages_there_is_nothing_to_choose_by() -> None:
    with pytest.raises(InputError, match="of the view test_like"):
        choose_views(predictions(2, 0).assign(view="clean"), TURNS, (100,), 0.001, 0)
