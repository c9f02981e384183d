"""Look-alikes that were planted are found, and where there are none, none are."""

import logging

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from docsort.metrics import macro_f1, mean_over_members
from docsort.specialists.finding import (
    FoundGroup,
    always_together,
    clusters,
    confusions,
    find_lookalikes,
    gain_at_stake,
    with_found,
)
from docsort.specialists.groups import ORIGINS, SpecialistGroup, groups_of_table
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.routing import top_targets

CLASSES, PAGES, FOLDS = 12, 1200, 5
PARAMETERS = SpecialistParameters(groups={}, find=True)


def members_of(groups: list[tuple[int, ...]], skill: float = 3.0, favourite: int | None = None) -> pd.DataFrame:
    """Out-of-fold members of a model that cannot tell the classes of one group apart, and likes one class best."""
    rng = np.random.default_rng(0)
    labels = rng.integers(CLASSES, size=PAGES)
    logits = rng.normal(size=(PAGES, CLASSES))
    for page, label in enumerate(labels):
        alike = next((group for group in groups if label in group), (label,))
        logits[page, list(alike)] += skill
    if favourite is not None:
        logits[:, favourite] += 1.5
    values = np.exp(logits)
    pages = [f"p{page:04}" for page in range(PAGES)]
    keys = pd.DataFrame({"model": "main", "fold": np.arange(PAGES) % FOLDS, "image_id": pages, "group": pages})
    keys = keys.assign(label=labels, render_id=pages, condition="test_like", copy=0)
    table = pd.DataFrame(values / values.sum(axis=1, keepdims=True), columns=[f"p_{c}" for c in range(CLASSES)])
    return pd.concat([keys, table], axis=1)


def names(found: list[FoundGroup]) -> set[tuple[int, ...]]:
    return {each.group.targets for each in found}


@pytest.mark.parametrize("favourite", [None, 4, 0])
@pytest.mark.parametrize("planted", [[(3, 4, 7, 10)], [(3, 4, 7, 10), (1, 2)], [(0, 11), (5, 6, 8)]])
def test_planted_groups_come_out_whatever_class_the_model_likes_best(
    planted: list[tuple[int, ...]], favourite: int | None
) -> None:
    found = find_lookalikes(members_of(planted, favourite=favourite), PARAMETERS)
    assert names(found) == set(planted)
    assert all(each.rate > 0.4 and each.confusion_ratio > 2.5 for each in found)
    stakes = [each.at_stake for each in found]
    assert stakes == sorted(stakes, reverse=True)
    assert found[0].group.name == "found_" + "_".join(map(str, found[0].group.targets))


@pytest.mark.parametrize("skill", [0.0, 1.0, 3.0, 20.0])
def test_where_no_classes_are_more_alike_than_others_none_are_found(skill: float) -> None:
    assert find_lookalikes(members_of([], skill=skill), PARAMETERS) == []


def test_groups_with_little_to_gain_are_left_out() -> None:
    members = members_of([(0, 1), (2, 3, 4, 5), (6, 7, 8)])
    everything = find_lookalikes(members, PARAMETERS)
    assert [len(each.group.targets) for each in everything] == [4, 3, 2]
    dear = PARAMETERS.model_copy(update={"find_gain": everything[1].at_stake})
    assert find_lookalikes(members, dear) == everything[:2]


def test_the_order_of_rows_and_other_views_are_of_no_account() -> None:
    members = members_of([(3, 4, 7, 10)])
    clean = members.assign(condition="clean", label=0)
    shuffled = pd.concat([members, clean]).sample(frac=1, random_state=0)
    assert find_lookalikes(shuffled, PARAMETERS) == find_lookalikes(members, PARAMETERS)


def test_the_rate_of_a_pair_is_one_less_the_area_under_its_curve() -> None:
    members = members_of([(3, 4)])
    values = members[[f"p_{c}" for c in range(CLASSES)]].to_numpy().round(2)
    truth = members["label"].to_numpy()
    wrong, pairs = confusions(values, truth, np.zeros(PAGES, dtype=np.int64))
    odds = np.log(np.clip(values[:, 3], 1e-12, 1)) - np.log(np.clip(values[:, 5], 1e-12, 1))
    own = np.isin(truth, [3, 5])
    area = roc_auc_score(truth[own] == 3, odds[own])
    assert wrong[0, 3, 5] / pairs[0, 3, 5] == pytest.approx(1 - area)
    assert (wrong == wrong.transpose(0, 2, 1)).all()
    assert not wrong[0].diagonal().any()


def test_a_class_that_a_fold_lacks_has_no_pairs_there() -> None:
    members = members_of([])
    members = members[(members["label"] != 5) | (members["fold"] != 0)]
    values = members[[f"p_{c}" for c in range(CLASSES)]].to_numpy()
    _, pairs = confusions(values, members["label"].to_numpy(), members["fold"].to_numpy())
    assert not pairs[0, 5].any()
    assert pairs[1, 5, [0, 1]].all()


def test_classes_are_joined_by_their_mean_rate() -> None:
    rates = np.full((5, 5), 0.01)
    rates[0, 1] = rates[1, 0] = 0.5
    rates[2, 3] = rates[3, 2] = 0.3
    rates[1, 2] = rates[2, 1] = 0.3  # one bridge does not join two groups
    assert clusters(rates, 2.0) == [(0, 1), (2, 3)]
    assert clusters(rates, 3.5) == [(0, 1)]
    assert clusters(np.zeros((4, 4)), 2.0) == clusters(rates[:2, :2], 2.0) == []


def test_classes_are_a_group_only_where_every_partition_has_them_together() -> None:
    assert always_together([[(0, 1, 2, 3)], [(0, 1), (2, 3)]]) == [(0, 1), (2, 3)]
    assert always_together([[(0, 1, 2)], [(1, 2, 4)]]) == [(1, 2)]
    assert always_together([[(0, 1)], []]) == always_together([]) == []


def test_at_stake_is_what_a_specialist_that_knows_the_truth_would_gain() -> None:
    means = mean_over_members(members_of([(3, 4, 7)]))
    group = SpecialistGroup("x", (3, 4, 7))
    labels, before = means["label"].to_numpy(), top_targets(means)
    after = [label if {label, guess} <= {3, 4, 7} else guess for label, guess in zip(labels, before, strict=True)]
    assert gain_at_stake(means, group) == pytest.approx(macro_f1(labels, after) - macro_f1(labels, before))


def test_given_groups_win_over_found_ones_that_overlap(caplog: pytest.LogCaptureFixture) -> None:
    given = [SpecialistGroup("plates", (2, 5))]
    found = [
        FoundGroup(SpecialistGroup("found_5_6", (5, 6)), 0.4, 5.0, 0.1),
        FoundGroup(SpecialistGroup("found_7_8", (7, 8)), 0.3, 4.0, 0.05),
    ]
    with caplog.at_level(logging.INFO):
        table = with_found(given, found, 2)
    assert list(table.columns) == list(ORIGINS)
    assert groups_of_table(table) == [given[0], found[1].group]
    assert table["origin"].tolist() == ["given", "found"]
    assert table["at_stake"].isna().tolist() == [True, False]
    assert "found_5_6 is left out: it shares" in caplog.text
    assert groups_of_table(with_found([], found, 1)) == [found[0].group]
    assert groups_of_table(with_found(given, found, 1)) == [given[0], found[1].group]
    assert list(with_found([], [], 1).columns) == list(ORIGINS)
