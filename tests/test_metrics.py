"""Scores against scikit-learn, intervals against the plain loop they stand for, means against pandas."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import f1_score, precision_recall_fscore_support

from docsort import metrics
from docsort.errors import InputError
from docsort.members.views import all_views, members_of
from docsort.metrics import (
    accuracy,
    bootstrap_interval,
    confusion_matrix,
    draw_unseen_errors,
    macro_f1,
    mean_bootstrap,
    mean_over_members,
    paired_bootstrap,
    per_class_scores,
)
from docsort.tables import PREDICTION_KEYS


def draw_answers(seed: int, count: int = 300, classes: int = 7, right: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=count)
    return labels, np.where(rng.random(count) < right, labels, rng.integers(classes + 2, size=count))


def predictions_of(renders: int, members: list[tuple[str, int]], turns: range, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        dict(
            zip(
                PREDICTION_KEYS,
                (model, fold, f"page{i}", f"group{i}", i % 3, f"page{i}_0", "test_like", 0, turn, 100),
                strict=True,
            )
        )
        for i in range(renders)
        for model, fold in members
        for turn in turns
    ]
    values = rng.dirichlet(np.ones(3), size=len(rows)).astype(np.float32)
    return pd.concat([pd.DataFrame(rows), pd.DataFrame(values, columns=["p_0", "p_1", "p_2"])], axis=1)


@pytest.mark.parametrize("seed", range(20))
def test_macro_f1_is_that_of_scikit_learn_over_the_classes_present(seed: int) -> None:
    labels, predictions = draw_answers(seed, count=40 + seed)
    expected = f1_score(labels, predictions, labels=np.unique(labels), average="macro", zero_division=0)
    assert macro_f1(labels, predictions) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_classes_that_are_answered_and_that_no_page_has_count_where_that_is_asked_for(seed: int) -> None:
    labels, predictions = draw_answers(seed, count=40 + seed)  # answers of two classes that never occur
    expected = f1_score(labels, predictions, average="macro", zero_division=0)
    assert macro_f1(labels, predictions, answered=True) == pytest.approx(expected, abs=1e-12)
    assert macro_f1(labels, predictions, answered=True) < macro_f1(labels, predictions) - 0.05
    low, high = bootstrap_interval(labels, predictions, range(len(labels)), draws=200, answered=True)
    assert low < expected < high < bootstrap_interval(labels, predictions, range(len(labels)), draws=200)[1]
    assert macro_f1([0, 1], [0, 1], answered=True) == 1.0  # a class that neither occurs nor is answered


def test_macro_f1_of_a_class_never_answered_is_zero_and_of_all_right_is_one() -> None:
    assert macro_f1([0, 0, 1, 1], [0, 0, 0, 0]) == pytest.approx((2 * 2 / 6) / 2)
    assert macro_f1([5, 9, 9], [5, 9, 9]) == 1.0
    assert macro_f1([5, 9], [1, 1]) == 0.0
    assert accuracy([5, 9], [5, 1]) == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_per_class_scores_are_those_of_scikit_learn(seed: int) -> None:
    labels, predictions = draw_answers(seed)
    targets = list(range(10))
    classes = pd.DataFrame({"target": targets, "class_name": [f"class {t}" for t in targets]})
    expected = precision_recall_fscore_support(labels, predictions, labels=targets, zero_division=0)
    table = per_class_scores(labels, predictions, classes)
    for column, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert table[column].to_numpy() == pytest.approx(values)


def test_confusion_matrix_is_that_of_scikit_learn_in_the_order_asked_for() -> None:
    labels, predictions = draw_answers(3)
    targets = [8, 0, 3, 1, 2, 7, 4, 5, 6]
    expected = sklearn_confusion(labels, predictions, labels=targets)
    assert (confusion_matrix(labels, predictions, targets) == expected).all()


def test_an_answer_outside_the_classes_is_named() -> None:
    with pytest.raises(InputError, match="but got 99"):
        confusion_matrix([0, 1], [0, 99], [0, 1])


@pytest.mark.parametrize(("labels", "predictions"), [([], []), ([1, 2], [1])])
def test_nothing_to_score_is_an_error(labels: list[int], predictions: list[int]) -> None:
    with pytest.raises(InputError, match="as many predictions as labels"):
        macro_f1(labels, predictions)


def test_the_interval_is_that_of_the_plain_loop_over_resampled_groups() -> None:
    labels, predictions = draw_answers(1, count=200)
    groups = np.arange(200) // 4
    rng = np.random.default_rng(0)
    slow = []
    for _ in range(1500):
        rows = np.concatenate([np.flatnonzero(groups == g) for g in rng.integers(50, size=50)])
        slow.append(macro_f1(labels[rows], predictions[rows]))
    fast = bootstrap_interval(labels, predictions, groups, draws=6000, seed=5)
    assert fast == pytest.approx(np.quantile(slow, [0.025, 0.975]), abs=0.008)


def test_a_class_that_a_draw_lacks_is_left_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not counted as a class of which nothing was found: all is answered rightly here, so every draw scores 1."""
    labels, groups = np.array([0] * 9 + [1]), np.arange(10)
    lacking = np.mean([9 not in np.random.default_rng(seed).integers(10, size=10) for seed in range(1000)])
    assert lacking > 0.3  # of the draws, which would score 0.5 and hold the lower end
    monkeypatch.setattr(metrics, "draw_unseen_errors", lambda groups, draws, rng: np.zeros(draws))
    assert bootstrap_interval(labels, labels, groups) == (1.0, 1.0)
    nothing = np.zeros(10, dtype=int)
    delta, low, high = paired_bootstrap(labels, nothing, labels, groups)
    assert (low, delta) == (0.0, pytest.approx(1 - macro_f1(labels, nothing)))
    assert high > 0.5  # of draws that have class 1, in which half of the score was lost


@pytest.mark.parametrize(("count", "chance"), [(40, 0.02), (200, 0.005)])
def test_where_every_answer_is_right_the_interval_holds_what_other_pages_show(count: int, chance: float) -> None:
    """And it is no wider than the exact one of so many right answers."""
    labels = np.arange(count) % 2
    low, high = bootstrap_interval(labels, labels, np.arange(count))
    assert 0.025 ** (1 / count) < low < 1 - chance < high == 1
    chances = draw_unseen_errors(count, 20_000, np.random.default_rng(0))
    assert np.quantile(chances, 0.95) == pytest.approx(1 - 0.05 ** (1 / count), rel=0.5)


def test_the_interval_of_a_mean_is_that_of_the_plain_loop_over_resampled_groups() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 6, size=40)
    groups = np.repeat(np.arange(40), sizes)
    values = sizes[groups] + rng.normal(size=len(groups))  # the larger the group, the larger what is in it
    slow = []
    for _ in range(3000):
        rows = np.concatenate([np.flatnonzero(groups == g) for g in rng.integers(40, size=40)])
        slow.append(values[rows].mean())
    mean, low, high = mean_bootstrap(values, groups, draws=6000, seed=5)
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx(np.quantile(slow, [0.025, 0.975]), abs=0.05)
    pages = mean_bootstrap(values, np.arange(len(values)), draws=6000, seed=5)
    assert pages[2] - pages[1] < 0.8 * (high - low)  # pages taken one by one would say too much


def test_the_interval_holds_the_score_grows_with_confidence_and_repeats() -> None:
    labels, predictions = draw_answers(2)
    groups = [f"g{i // 2}" for i in range(len(labels))]
    low, high = bootstrap_interval(labels, predictions, groups, seed=1)
    assert low < macro_f1(labels, predictions) < high
    assert (low, high) == bootstrap_interval(labels, predictions, groups, seed=1)
    assert (low, high) != bootstrap_interval(labels, predictions, groups, seed=2)
    narrow = bootstrap_interval(labels, predictions, groups, seed=1, confidence=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_the_interval_does_not_depend_on_row_order() -> None:
    labels, predictions = draw_answers(4)
    groups = np.array([f"g{i // 3}" for i in range(len(labels))])
    order = np.random.default_rng(0).permutation(len(labels))
    shuffled = bootstrap_interval(labels[order], predictions[order], groups[order])
    assert shuffled == bootstrap_interval(labels, predictions, groups)


def test_copies_of_a_source_do_not_narrow_the_interval() -> None:
    labels, predictions = draw_answers(6)
    groups = np.arange(len(labels))
    copies = [np.repeat(values, 5) for values in (labels, predictions, groups)]
    assert bootstrap_interval(*copies) == pytest.approx(bootstrap_interval(labels, predictions, groups))


def test_pages_are_counted_once_however_many_draws_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, predictions = draw_answers(0)
    counted: list[int] = []
    count = metrics._group_counts
    monkeypatch.setattr(metrics, "_group_counts", lambda *args: counted.append(len(args[0])) or count(*args))
    monkeypatch.setattr(metrics, "macro_f1", lambda *_: pytest.fail("a draw was scored page by page"))
    bootstrap_interval(labels, predictions, np.arange(len(labels)) // 2, draws=1000)
    assert counted == [len(labels)]


def test_the_paired_bootstrap_sees_what_the_single_ones_cannot() -> None:
    labels, worse = draw_answers(7, count=600, right=0.6)
    better = worse.copy()
    wrong = np.flatnonzero(worse != labels)[::8]
    better[wrong] = labels[wrong]
    groups = np.arange(600)
    delta, low, high = paired_bootstrap(labels, worse, better, groups)
    assert delta == pytest.approx(macro_f1(labels, better) - macro_f1(labels, worse))
    assert 0 < low < delta < high
    assert bootstrap_interval(labels, better, groups)[0] < bootstrap_interval(labels, worse, groups)[1]
    mirrored = paired_bootstrap(labels, better, worse, groups)
    assert mirrored == pytest.approx((-delta, -high, -low))


def test_the_same_predictions_differ_by_nothing() -> None:
    labels, predictions = draw_answers(8)
    assert paired_bootstrap(labels, predictions, predictions, np.arange(300)) == (0.0, 0.0, 0.0)


def test_groups_of_another_length_are_an_error() -> None:
    with pytest.raises(InputError, match="one group a prediction"):
        bootstrap_interval([1, 2], [1, 2], ["a"])


def test_the_mean_over_views_is_the_mean_and_sums_to_one() -> None:
    table = predictions_of(9, [("a", 0), ("b", 3)], range(8))
    members = members_of(table)
    columns = ["p_0", "p_1", "p_2"]
    expected = table.groupby(["model", "fold", "render_id"])[columns].mean()
    found = members.set_index(["model", "fold", "render_id"]).loc[expected.index, columns]
    assert len(members) == 18
    assert found.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    assert members[columns].sum(axis=1).to_numpy() == pytest.approx(np.ones(18), abs=1e-6)


def test_the_order_of_rows_changes_no_bit_of_the_means() -> None:
    table = predictions_of(12, [("a", 0), ("a", 1), ("b", 0)], range(8))
    expected = mean_over_members(members_of(table))
    for seed in range(5):
        shuffled = table.sample(frac=1, random_state=seed, ignore_index=True)
        pd.testing.assert_frame_equal(mean_over_members(members_of(shuffled)), expected, check_exact=True)


def test_only_the_turns_asked_for_count() -> None:
    table = predictions_of(5, [("a", 0)], range(8))
    two = all_views((0, 4))
    pd.testing.assert_frame_equal(members_of(table, two), members_of(table[table["turn"].isin([0, 4])]))
    for turns in ((0, 7), (7,)):
        with pytest.raises(InputError, match="in the views of `all`, but a, fold 0 lacks some of 5 pages"):
            members_of(table[table["turn"] < 7], all_views(turns))


def test_a_member_weighs_the_same_however_many_turns_it_has() -> None:
    one = predictions_of(4, [("a", 0)], range(1), seed=1)
    many = predictions_of(4, [("b", 0)], range(1), seed=2)
    repeated = pd.concat([many.assign(turn=turn) for turn in range(8)])
    few = mean_over_members(pd.concat([members_of(one), members_of(repeated)]))
    same = mean_over_members(members_of(pd.concat([one, many])))
    assert few["p_1"].to_numpy() == pytest.approx(same["p_1"].to_numpy())


@pytest.mark.parametrize("value", [np.nan, -0.5, 7.0])
def test_a_broken_member_is_named(value: float) -> None:
    table = predictions_of(3, [("good", 0), ("bad", 2)], range(2))
    table.loc[table["model"] == "bad", "p_1"] = value
    with pytest.raises(InputError, match="model bad fold 2"):
        members_of(table)


def test_a_missing_member_or_turn_and_a_repeated_row_are_named() -> None:
    table = predictions_of(3, [("a", 0), ("a", 1)], range(2))
    gone = table[~((table["render_id"] == "page2_0") & (table["fold"] == 1))]
    with pytest.raises(InputError, match="page2_0 only by render page2_0 of model a fold 0"):
        mean_over_members(members_of(gone))
    with pytest.raises(InputError, match="a, fold 1 lacks some of 1 pages: page2_0"):
        members_of(table.iloc[:-1])
    with pytest.raises(InputError, match="there twice"):
        members_of(pd.concat([table, table.iloc[:1]]))
