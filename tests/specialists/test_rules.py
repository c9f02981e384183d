"""Rules are chosen on other folds than they are judged on."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from docsort.errors import InputError
from docsort.metrics import macro_f1, mean_over_members
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import SpecialistParameters
from docsort.specialists.routing import RoutingRule, apply_specialists, is_touched, top_targets
from docsort.specialists.rules import candidate_rules, fit_rule, judged_pages

GROUP = SpecialistGroup("certificates", (1, 2, 3))
Make = Callable[..., pd.DataFrame]


def rules_for(means: pd.DataFrame, **changes: object) -> list[RoutingRule]:
    return candidate_rules(means, GROUP, SpecialistParameters.model_validate({"groups": {}, **changes}))


def test_the_plainest_rule_is_tried_first_and_labels_are_not_read(general: pd.DataFrame) -> None:
    means, _ = judged_pages(general)
    rules = rules_for(means)
    assert rules[:2] == [RoutingRule(GROUP, "soft", "top1"), RoutingRule(GROUP, "hard", "top1")]
    assert len(rules) == len(set(rules)) == 22
    assert rules_for(means.assign(label=0)) == rules
    assert {rule.routing for rule in rules_for(means, routings=["hard"])} == {"hard"}
    assert {rule.trigger for rule in rules_for(means, triggers=["margin"])} == {"margin"}


def test_thresholds_part_the_pages_of_the_group_in_quarters(general: pd.DataFrame) -> None:
    means, _ = judged_pages(general)
    all_of_them = is_touched(means, RoutingRule(GROUP, "soft", "top1")).sum()
    for trigger, expected in (("margin", [0.25, 0.5, 0.75]), ("entropy", [0.75, 0.5, 0.25])):
        touched = [is_touched(means, rule).sum() for rule in rules_for(means, triggers=[trigger], routings=["soft"])]
        assert np.asarray(touched) / all_of_them == pytest.approx(expected, abs=0.03)


def test_a_group_that_is_nowhere_the_first_guess_has_no_thresholds_of_doubt(general: pd.DataFrame) -> None:
    means, _ = judged_pages(general.assign(p_0=1.0, p_1=0.0, p_2=0.0, p_3=0.0, p_4=0.0, p_5=0.0))
    assert rules_for(means, triggers=["margin", "entropy"]) == []


def test_each_fold_is_answered_by_the_rule_that_is_best_on_the_others(
    general: pd.DataFrame, make_specialist: Make
) -> None:
    means, folds = judged_pages(general)
    specialist = make_specialist(0.12, seed=0)
    rules = rules_for(means)
    found = fit_rule(means, specialist, folds, rules)
    labels = means["label"].to_numpy()
    answers = [top_targets(means), *(top_targets(apply_specialists(means, specialist, [rule])) for rule in rules)]
    for fold in range(5):
        others = folds != fold
        scores = [macro_f1(labels[others], answer[others]) for answer in answers]
        assert (found.nested[~others] == answers[int(np.argmax(scores))][~others]).all()
        assert found.by_fold[fold] == [None, *rules][int(np.argmax(scores))]
    assert (found.nested != found.fitted).any()
    best = max(answers, key=lambda answer: macro_f1(labels, answer))
    assert macro_f1(labels, found.fitted) == macro_f1(labels, best)
    assert found.rivals == len(rules)


def test_labels_of_a_fold_have_no_say_in_its_own_answers(general: pd.DataFrame, make_specialist: Make) -> None:
    means, folds = judged_pages(general)
    specialist = make_specialist(0.12, seed=0)
    rules = rules_for(means)
    own = folds == 2
    other = means.assign(label=means["label"].where(~own, (means["label"] + 1) % 6))
    honest, lied = (fit_rule(table, specialist, folds, rules) for table in (means, other))
    assert (honest.nested[own] == lied.nested[own]).all()
    assert honest.by_fold[2] == lied.by_fold[2]
    assert (honest.fitted[own] != lied.fitted[own]).any()


def test_no_specialist_is_asked_where_no_rule_is_better(general: pd.DataFrame, make_specialist: Make) -> None:
    means, folds = judged_pages(general)
    found = fit_rule(means, make_specialist(-1.0), folds, [RoutingRule(GROUP, "soft", "top1")])
    assert found.rule is None
    assert set(found.by_fold.values()) == {None}
    assert (found.fitted == top_targets(means)).all()
    assert (found.nested == top_targets(means)).all()


def test_pages_come_with_the_fold_that_held_them_out(general: pd.DataFrame) -> None:
    clean = general.assign(condition="clean", render_id=general["render_id"] + "_clean")
    means, folds = judged_pages(pd.concat([clean, general]).sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(means, mean_over_members(general))
    assert folds.tolist() == means["render_id"].map(general.set_index("render_id")["fold"]).tolist()


def test_one_fold_alone_cannot_choose(general: pd.DataFrame, make_specialist: Make) -> None:
    means, folds = judged_pages(general[general["fold"] == 1])
    with pytest.raises(InputError, match="at least two folds"):
        fit_rule(means, make_specialist(1.0), folds, [RoutingRule(GROUP, "soft", "top1")])


def drawn(rng: np.random.Generator, pages: int, skill: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Members of a general model that can hardly tell the classes 1, 2, 3 apart, and of a specialist with so much of
    its skill."""
    labels = rng.integers(6, size=pages)
    alike = np.isin(labels, GROUP.targets)
    parts = []
    for model, strength in (("main", 1.0), (GROUP.name, skill)):
        logits = rng.normal(size=(pages, 6))
        logits[np.arange(pages), labels] += 2 * strength
        logits[np.ix_(alike, GROUP.targets)] += 1.5
        values = np.exp(logits)
        ids = [f"p{page:05}" for page in range(pages)]
        keys = pd.DataFrame({"model": model, "fold": np.arange(pages) % 5, "image_id": ids, "group": ids})
        keys = keys.assign(label=labels, render_id=ids, condition="test_like", copy=0)
        own = list(range(6)) if model == "main" else list(GROUP.targets)
        table = pd.DataFrame(
            values[:, own] / values[:, own].sum(axis=1, keepdims=True), columns=[f"p_{c}" for c in own]
        )
        parts.append(pd.concat([keys, table], axis=1))
    return parts[0], parts[1]


@pytest.mark.slow
@pytest.mark.parametrize("skill", [0.4, 1.0])
def test_the_nested_gain_is_what_fresh_pages_gain_and_the_fitted_one_is_more(skill: float) -> None:
    gains = []
    for seed in range(24):
        rng = np.random.default_rng(seed)
        (general, specialist), (fresh, of_fresh) = drawn(rng, 400, skill), drawn(rng, 4000, skill)
        means, folds = judged_pages(general)
        found = fit_rule(means, specialist, folds, rules_for(means))
        base = macro_f1(means["label"], top_targets(means))
        unseen = mean_over_members(fresh)
        rules = [found.rule] if found.rule else []
        after = apply_specialists(unseen, of_fresh, rules)
        reported = [macro_f1(means["label"], answers) - base for answers in (found.nested, found.fitted)]
        gains.append(
            [*reported, macro_f1(unseen["label"], top_targets(after)) - macro_f1(unseen["label"], top_targets(unseen))]
        )
    nested, fitted, true = np.mean(gains, axis=0)
    assert fitted - true > 0.002
    assert abs(nested - true) < fitted - true
