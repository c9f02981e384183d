"""A late member is asked about the pages that the others are unsure of, and joins behind the gate."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_network import SMALL_NETWORK

from docsort.errors import InputError
from docsort.member_kinds import Members
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.late import check_late, largest_lead, late_groups, late_rules, leads, pages_to_ask
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.routing import RoutingRule, apply_specialists, is_touched
from docsort.specialists.rules import judged_pages, rules_of_record
from docsort.specialists.verdict import judge
from docsort.tables import probability_columns

EVERYONE = SpecialistGroup("reading", tuple(range(6)))
PAIR = SpecialistGroup("certificates", (1, 2, 3))
PARAMETERS = SpecialistParameters(groups={}, draws=300)
SHARE = 0.3
MAIN = SMALL_NETWORK
Make = Callable[..., pd.DataFrame]


@pytest.fixture
def make_late(general: pd.DataFrame, labels: np.ndarray) -> Make:
    """Answers of a member of all classes about the pages that it is asked about; skill 0 knows nothing."""

    def make(skill: float, seed: int = 2) -> pd.DataFrame:
        order = general["render_id"].str.extract(r"photo(\d+)_(\d)").astype(int)
        own = labels[(order[0] * 3 + order[1]).to_numpy()]
        logits = np.random.default_rng(seed).normal(size=(len(general), 6))
        logits[np.arange(len(own)), own] += 5 * skill
        powers = np.exp(logits)
        values = powers / powers.sum(axis=1, keepdims=True)
        table = general.assign(model="reading", **{f"p_{k}": values[:, k] for k in range(6)})
        return pages_to_ask(table, general, SHARE)

    return make


def judged(general: pd.DataFrame, late: pd.DataFrame) -> tuple[pd.Series, list[RoutingRule]]:
    verdicts, rules = judge(general, late, [EVERYONE], PARAMETERS, seed=1, late={"reading": SHARE})
    return verdicts.iloc[0], rules_of_record(rules["all"])


def test_a_late_member_that_can_tell_is_accepted_and_asked_about_its_share_at_most(
    general: pd.DataFrame, make_late: Make
) -> None:
    row, (rule,) = judged(general, make_late(1.0))
    assert row["accepted"]
    assert 0 < row["low"] < row["delta"]
    assert (rule.routing, rule.trigger, rule.group) == ("mix", "margin", EVERYONE)
    assert (row["weight"], row["threshold"]) == (rule.weight, rule.threshold)
    assert 0 < row["pages_touched"] <= SHARE * len(general) + 1
    assert row["pages_changed"] <= row["pages_touched"]


@pytest.mark.parametrize("seed", range(6))
def test_a_late_member_that_knows_nothing_is_refused(seed: int, general: pd.DataFrame, make_late: Make) -> None:
    row, rules = judged(general, make_late(0.0, seed))
    assert not row["accepted"]
    assert rules == []


def test_the_least_sure_pages_are_asked_about_and_no_label_is_read(general: pd.DataFrame) -> None:
    asked = pages_to_ask(general, general, SHARE)
    assert len(asked) == pytest.approx(SHARE * len(general), abs=1)
    assert leads(asked).max() < np.delete(leads(general), _rows(general, asked)).min()
    other = general.assign(label=general["label"].sample(frac=1, random_state=0).to_numpy())
    assert not (other["label"] == general["label"]).all()
    assert largest_lead(other, SHARE) == largest_lead(general, SHARE)
    assert late_rules(other, EVERYONE, SHARE) == late_rules(general, EVERYONE, SHARE)


def test_clean_pages_are_asked_about_by_the_same_threshold(general: pd.DataFrame) -> None:
    clean = general.assign(condition="clean")
    both = pd.concat([general, clean.iloc[: len(clean) // 2]], ignore_index=True)
    bound = largest_lead(both, SHARE)
    assert bound == largest_lead(general, SHARE)
    asked = pages_to_ask(both, both, SHARE)
    assert (asked["condition"] == "clean").sum() == (leads(both.iloc[len(general) :]) <= bound).sum() > 0


def test_the_cheapest_way_is_tried_first(general: pd.DataFrame) -> None:
    rules = late_rules(general, EVERYONE, 0.3)
    means, _ = judged_pages(general)
    touched = [is_touched(means, rule).sum() for rule in rules]
    assert touched == sorted(touched)
    assert len({rule.threshold for rule in rules}) == 3
    assert touched[-1] == pytest.approx(0.3 * len(means), abs=1)


def test_a_mix_is_the_weighted_mean_on_the_pages_that_were_asked_and_nothing_elsewhere(
    general: pd.DataFrame, make_late: Make
) -> None:
    means, _ = judged_pages(general)
    late = make_late(1.0)
    rule = RoutingRule(EVERYONE, "mix", "margin", largest_lead(general, 0.2), 0.35)
    mixed, columns = apply_specialists(means, late, [rule]), probability_columns(means)
    touched = is_touched(means, rule)
    own = late.set_index("render_id").loc[means["render_id"][touched], columns].to_numpy()
    assert 0 < touched.sum() < len(means)
    np.testing.assert_allclose(mixed.loc[touched, columns], 0.65 * means.loc[touched, columns] + 0.35 * own)
    pd.testing.assert_frame_equal(mixed[~touched], means[~touched], check_exact=True)
    everywhere = apply_specialists(means, late, [replace(rule, threshold=1.0)])
    changed = (everywhere[columns] != means[columns]).any(axis=1)
    assert set(means["render_id"][changed]) == set(late["render_id"])  # where it was not asked it has no say


def test_specialists_are_heard_before_a_mix(general: pd.DataFrame, make_late: Make, make_specialist: Make) -> None:
    means, _ = judged_pages(general)
    columns = probability_columns(means)
    soft, mix = RoutingRule(PAIR, "soft", "top1"), RoutingRule(EVERYONE, "mix", "margin", 0.1, 0.5)
    special = pd.concat([make_specialist(1.0), make_late(1.0)], ignore_index=True).fillna(0.0)
    both = apply_specialists(means, special, [mix, soft])
    first = apply_specialists(means, special, [soft])
    touched = is_touched(means, mix)  # by the general vote, not by what specialists made of it
    assert (is_touched(first, mix) != touched).any()
    own = make_late(1.0).set_index("render_id").loc[means["render_id"][touched], columns].to_numpy()
    np.testing.assert_allclose(both.loc[touched, columns], (first.loc[touched, columns] + own) / 2)
    pd.testing.assert_frame_equal(both[~touched], first[~touched])


def test_members_are_general_or_late() -> None:
    members = Members.model_validate({"main": MAIN, "second": {"like": "main", "ask_share": 0.2}})
    assert (list(members.general), list(members.late)) == (["main"], ["second"])
    assert late_groups(members, [2, 0, 1]) == [SpecialistGroup("second", (0, 1, 2))]
    check_late(members, ["certificates"], averages=True)


def test_late_members_that_cannot_be_are_refused() -> None:
    members = Members.model_validate({"main": MAIN, "second": {"like": "main", "ask_share": 0.2}})
    with pytest.raises(InputError, match="`ensembling.vote` to average .* as second, but it counts ballots"):
        check_late(members, [], averages=False)
    with pytest.raises(InputError, match="late members to have other names than the groups .* but second is both"):
        check_late(members, ["second"], averages=True)
    with pytest.raises(ValueError, match=r"`members.main.ask_share` to be 1, .* but got 0.5"):
        Members.model_validate({"main": {**MAIN, "ask_share": 0.5}})


def _rows(table: pd.DataFrame, part: pd.DataFrame) -> np.ndarray:
    return np.flatnonzero(table["render_id"].isin(part["render_id"]))
