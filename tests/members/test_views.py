"""Properties of test-time augmentation, on made-up probabilities."""

import numpy as np
import pandas as pd
import pytest

from docsort.errors import InputError
from docsort.members.views import (
    Asked,
    ViewPolicy,
    all_views,
    forwards_of,
    is_sure,
    lacking,
    members_of,
    page_views,
    views_asked,
)
from docsort.metrics import MEMBER_KEYS
from docsort.tables import PREDICTION_KEYS, probability_columns

EIGHT = all_views()


def until(margin: float, stops: tuple[int, ...] = (1, 2, 4)) -> ViewPolicy:
    return ViewPolicy(name="until", views=EIGHT.views, stops=stops, stop_margin=margin)


def cube(pages: int = 60, views: int = 8, classes: int = 4, seed: int = 0) -> np.ndarray:
    """(R, V, C) of pages that are sure in different degrees."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (pages, views, classes)) + rng.gamma(1, 3, (pages, 1, 1)) * np.eye(classes)[0]
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=2, keepdims=True))


def asked(probabilities: np.ndarray, policy: ViewPolicy) -> np.ndarray:
    """How many views a single member's pages are asked for."""
    rows = np.arange(len(probabilities))
    return views_asked([Asked("main", rows, probabilities)], policy, len(rows))


def table_of(probabilities: np.ndarray, model: str = "main", fold: int = 0) -> pd.DataFrame:
    pages, views, classes = probabilities.shape
    page, view = np.repeat(np.arange(pages), views), np.tile(np.arange(views), pages)
    names = [f"p{number:03}" for number in page]
    keys = pd.DataFrame(
        {"model": model, "fold": fold, "image_id": names, "group": names, "label": page % classes, "render_id": names}
    ).assign(condition="test_like", copy=0, turn=view, scale=100)[list(PREDICTION_KEYS)]
    values = probabilities.reshape(-1, classes).astype(np.float32)
    return pd.concat([keys, pd.DataFrame(values, columns=[f"p_{c}" for c in range(classes)])], axis=1)


def test_all_views_are_the_plain_mean() -> None:
    table = table_of(cube())
    members = members_of(table, EIGHT)
    assert forwards_of(table, EIGHT) == 8
    columns = probability_columns(table)
    expected = table.groupby("render_id", sort=True)[columns].mean()
    np.testing.assert_allclose(members.set_index("render_id")[columns], expected, atol=1e-6)


def test_the_order_of_rows_changes_no_bit() -> None:
    table = pd.concat([table_of(cube(), fold=0), table_of(cube(seed=1), fold=1)])
    for policy in (EIGHT, until(0.5), ViewPolicy(name="drawn", views=EIGHT.views, draws=20)):
        shuffled = members_of(table.sample(frac=1, random_state=3), policy)
        pd.testing.assert_frame_equal(shuffled, members_of(table, policy), check_exact=True)


def test_a_page_is_done_as_soon_as_it_is_sure_and_not_before() -> None:
    probabilities, policy = cube(), until(0.6)
    counts = asked(probabilities, policy)
    assert set(counts) == {1, 2, 4, 8}
    for page, count in zip(probabilities, counts, strict=True):
        leads = [np.diff(np.sort(page[:stop].mean(axis=0))[-2:])[0] for stop in policy.stops]
        enough = [stop for stop, lead in zip(policy.stops, leads, strict=True) if lead >= 0.6]
        assert count == (enough[0] if enough else 8)


def test_views_after_the_last_one_asked_are_not_needed() -> None:
    probabilities, policy = cube(), until(0.6)
    table, counts = table_of(probabilities), asked(probabilities.astype(np.float32).astype(float), policy)
    needed = table[table["turn"] < np.repeat(counts, 8)]
    assert len(needed) < len(table)
    assert forwards_of(needed, policy) == pytest.approx(counts.mean())
    pd.testing.assert_frame_equal(members_of(needed, policy), members_of(table, policy), check_exact=True)
    with pytest.raises(InputError, match=r"in the views of `until`, but main, fold 0 lacks some of 1 pages: p0"):
        members_of(needed.drop(needed[needed["turn"] == 7].index[0]), policy)


@pytest.mark.parametrize("margin", [0.0, 0.3, 0.9, 1.0])
def test_a_larger_margin_asks_for_no_fewer_views(margin: float) -> None:
    probabilities = cube()
    assert (asked(probabilities, until(margin)) <= asked(probabilities, until(min(1.0, margin + 0.1)))).all()


def test_a_margin_of_nothing_asks_once() -> None:
    assert (asked(cube(), until(0.0)) == 1).all()


def test_members_are_asked_until_they_are_sure_together() -> None:
    """One is sure of a class, the other of another: together they are not."""
    one, other = np.full((2, 8, 4), 0.02), np.full((2, 8, 4), 0.02)
    one[:, :, 0], other[0, :, 0], other[1, :, 1] = 0.94, 0.94, 0.94
    members = [Asked(name, np.arange(2), own) for name, own in (("a", one), ("b", other))]
    assert [asked(own, until(0.5)).tolist() for own in (one, other)] == [[1, 1], [1, 1]]
    assert views_asked(members, until(0.5), 2).tolist() == [1, 8]
    heavy = until(0.5).model_copy(update={"weights": {"a": 0.9, "b": 0.1}})
    assert views_asked(members, heavy, 2).tolist() == [1, 1]
    deaf = until(0.5).model_copy(update={"weights": {"c": 1.0}})
    assert views_asked(members, deaf, 2).tolist() == [8, 8]  # where none has a say, nobody is sure


def test_the_mean_is_over_folds_and_then_over_models() -> None:
    tables = [
        table_of(cube(seed=seed), model, fold) for seed, (model, fold) in enumerate([("a", 0), ("a", 1), ("b", 0)])
    ]
    policy = until(0.4).model_copy(update={"weights": {"a": 1.0, "b": 3.0}})
    counts = page_views(pd.concat(tables), policy)
    columns, mean = probability_columns(tables[0]), 0.0
    for table, share in zip(tables, (0.125, 0.125, 0.75), strict=True):
        mean = mean + share * table[table["turn"] == 0].sort_values("render_id")[columns].to_numpy(float)
    lead = np.diff(np.sort(mean, axis=1)[:, -2:])[:, 0]
    assert ((counts == 1).to_numpy() == (lead >= 0.4)).all()
    assert 0 < (counts == 1).sum() < len(counts)


def test_a_pages_views_do_not_depend_on_the_pages_beside_it() -> None:
    tables = pd.concat([table_of(cube(seed=seed), model) for seed, model in enumerate("ab")])
    whole = page_views(tables, until(0.5))
    assert len(set(whole)) > 2
    few = tables[tables["render_id"].isin(["p003", "p040"])]
    alone = page_views(few.sample(frac=1, random_state=0), until(0.5))
    pd.testing.assert_series_equal(alone, whole.loc[alone.index])
    given = members_of(few, until(0.5))
    pd.testing.assert_frame_equal(members_of(few, until(0.5), counts=whole), given, check_exact=True)


def test_only_pages_that_lack_a_view_they_need_want_the_members() -> None:
    probabilities, policy = cube().astype(np.float32), until(0.6)
    counts = asked(probabilities, policy)
    known = np.where(np.arange(8) < counts[:, None], 1.0, np.nan).astype(np.float32)[:, :, None] * probabilities
    assert (asked(known, policy) == counts).all()
    assert not lacking(known, counts).any()
    short = np.where(np.arange(8) < counts[:, None] - 1, 1.0, np.nan).astype(np.float32)[:, :, None] * probabilities
    assert lacking(short, asked(short, policy)).all()
    nothing = np.full((3, 8, 4), np.nan, dtype=np.float32)
    assert lacking(nothing, asked(nothing, policy)).all()


def test_random_views_are_a_pages_own_and_come_near_the_exact_mean() -> None:
    policy = ViewPolicy(name="drawn", views=EIGHT.views, draws=20)
    table = table_of(cube())
    drawn, exact = members_of(table, policy, seed=1), members_of(table, EIGHT)
    columns = probability_columns(table)
    assert forwards_of(table, policy) == 20
    assert np.allclose(drawn[columns].sum(axis=1), 1)
    assert np.abs(drawn[columns].to_numpy() - exact[columns].to_numpy()).mean() < 0.05
    few = table[table["render_id"].isin(["p003", "p040"])]
    alone = members_of(few, policy, seed=1).set_index("render_id")
    pd.testing.assert_frame_equal(alone, drawn.set_index("render_id").loc[["p003", "p040"]], check_exact=True)
    assert not drawn.equals(members_of(table, policy, seed=2))


def test_members_carry_their_keys_and_no_predictions_are_no_members() -> None:
    table = table_of(cube())
    members = members_of(table)
    assert list(members.columns) == [*MEMBER_KEYS, *probability_columns(table)]
    assert list(members_of(table.iloc[:0]).columns) == list(members.columns)


def test_a_single_class_is_always_sure() -> None:
    assert is_sure(np.ones((5, 1)), 0.5).all()


def test_repeated_views_are_named() -> None:
    table = table_of(cube(pages=2))
    with pytest.raises(InputError, match="there twice, such as of p001"):
        members_of(pd.concat([table, table[table["render_id"] == "p001"].head(1)]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"views": ((8, 100),)}, "turn from 0 to 7"),
        ({"views": ((0, 100), (0, 100))}, "different pairs"),
        ({"views": EIGHT.views, "stops": (8,), "stop_margin": 0.5}, "ascend from 1 to less than 8"),
        ({"views": EIGHT.views, "stops": (4, 2), "stop_margin": 0.5}, "ascend"),
        ({"views": EIGHT.views, "stop_margin": 0.5}, "give both or none"),
    ],
)
def test_impossible_policies_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ViewPolicy.model_validate({"name": "wrong", **wrong})
