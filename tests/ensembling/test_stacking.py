"""Stacked weights follow what members are worth and not how sure they are; wrong labels do not rule them."""

import numpy as np
import pandas as pd
import pytest
from drawn_members import CLASSES, draw_members

from docsort.ensembling.combination import Integers
from docsort.ensembling.parameters import VoteKind
from docsort.ensembling.reliability import soften, temper
from docsort.ensembling.stack import MemberStack, stack_members
from docsort.ensembling.stacking import fit_logistic, fit_stacked
from docsort.ensembling.weighing import Weighing, equal_weights
from docsort.metrics import macro_f1

COLUMNS = [f"p_{target}" for target in range(CLASSES)]


def stacked(members: pd.DataFrame) -> tuple[MemberStack, Integers]:
    stack = stack_members(members)
    return stack, stack.pages["label"].to_numpy(np.int64)


def sharpened(members: pd.DataFrame, temperature: float) -> pd.DataFrame:
    """The same first guesses of model b, surer (below 1) or less sure."""
    own, changed = members["model"] == "b", members.copy()
    changed.loc[own, COLUMNS] = temper(members.loc[own, COLUMNS].to_numpy(), temperature)
    return changed


def with_echo(members: pd.DataFrame, noise: float = 2.0) -> pd.DataFrame:
    """And a model b that says what a says, with noise: it knows nothing of its own."""
    own, rng = members[members["model"] == "a"], np.random.default_rng(1)
    logits = np.log(own[COLUMNS].to_numpy()) + rng.normal(0, noise, (len(own), CLASSES))
    echo = own.assign(model="b")
    echo[COLUMNS] = soften(logits)
    return pd.concat([own, echo], ignore_index=True)


@pytest.mark.parametrize("kind", ["soft", "geometric"])
def test_a_member_counts_for_what_it_knows_of_its_own(kind: VoteKind) -> None:
    alike = fit_stacked(*stacked(draw_members({"a": 1.5, "b": 1.5})), kind)
    useless = fit_stacked(*stacked(draw_members({"a": 1.5, "b": 30.0})), kind)
    echoed = fit_stacked(*stacked(with_echo(draw_members({"a": 1.5}))), kind)
    assert alike.weights == pytest.approx([0.5, 0.5], abs=0.1)
    assert useless.weights[0] > 0.7  # calibrated, it is flat, and moves little
    assert echoed.weights[0] > 0.8


@pytest.mark.parametrize("noise", [1.5, 2.5, 5.0, 30.0])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 3.0])
def test_the_mean_is_not_worse_than_its_best_member_by_more_than_luck(noise: float, temperature: float) -> None:
    """Where the other one is surer than it should be, equal weights are worse by more than a tenth."""
    seen, new = (sharpened(draw_members({"a": 1.5, "b": noise}, seed=seed), temperature) for seed in range(2))
    fitted = fit_stacked(*stacked(seen), "soft")
    stack, truth = stacked(new)
    level = macro_f1(truth, Weighing("soft", equal_weights(2)).answers(stack))
    best = max(macro_f1(truth, stack.probabilities[:, member].argmax(axis=1)) for member in range(2))
    assert macro_f1(truth, fitted.answers(stack)) > max(best, level) - 0.015
    if noise == 30 and temperature < 1:
        assert level < best - 0.1


@pytest.mark.parametrize("temperature", [0.3, 3.0])
def test_how_sure_a_member_is_does_not_decide(temperature: float) -> None:
    members = draw_members({"a": 1.5, "b": 1.8})
    (stack, truth), (moved, _) = stacked(members), stacked(sharpened(members, temperature))
    level = Weighing("soft", equal_weights(2))
    plain, other = (fit_stacked(own, truth, "soft") for own in (stack, moved))
    assert (level.answers(stack) != level.answers(moved)).sum() > 20  # counted as they are, it does decide
    assert other.weights == pytest.approx(plain.weights, abs=0.01)
    assert (other.answers(moved) == plain.answers(stack)).mean() > 0.99


def test_few_pages_leave_the_weights_nearer_to_equal_ones() -> None:
    drawn = [with_echo(draw_members({"a": 1.5}, pages=pages)) for pages in (20, 1000)]
    few, many = (fit_stacked(*stacked(members), "soft") for members in drawn)
    assert 0.5 < few.weights[0] < many.weights[0] - 0.05


def test_copies_of_a_page_do_not_count_as_more_pages() -> None:
    members = with_echo(draw_members({"a": 1.5}, pages=40))
    copies = [members.assign(render_id=members["image_id"] + f"~{copy}", copy=copy) for copy in range(4)]
    once, often = (fit_stacked(*stacked(table), "soft") for table in (members, pd.concat(copies)))
    apart = pd.concat([table.assign(group=table["group"] + str(copy)) for copy, table in enumerate(copies)])
    others = fit_stacked(*stacked(apart), "soft")
    assert others.weights[0] > once.weights[0] + 0.02  # so many pages would count as more
    assert often.weights == pytest.approx(once.weights, abs=1e-3)


def test_wrong_labels_do_not_rule() -> None:
    """One label in twenty is wrong, and the better member is sure that it is."""
    members = draw_members({"a": 0.6, "b": 2.0}, evidence=4)
    wrong = members["image_id"].str[:4].astype(int) % 20 == 0
    spoilt = members.assign(label=members["label"].where(~wrong, (members["label"] + 1) % CLASSES))
    (stack, truth), (noisy, given) = stacked(members), stacked(spoilt)
    assert (given != truth).mean() == pytest.approx(0.05)
    clean, fitted = fit_stacked(stack, truth, "soft"), fit_stacked(noisy, given, "soft")
    assert macro_f1(truth, fitted.answers(stack)) > macro_f1(truth, clean.answers(stack)) - 0.01


def test_a_single_model_counts_as_it_is() -> None:
    alone = fit_stacked(*stacked(draw_members({"main": 1.5}, pages=50)), "soft")
    assert alone.weights.tolist() == [1]
    assert alone.temperatures is None


def test_the_stacker_learns_what_a_class_is_worth_that_members_overlook() -> None:
    """Both members give class 0 a tenth of what they should: weights cannot mend that, a shift can."""
    members = draw_members({"a": 1.0, "b": 1.5})
    members["p_0"] *= 0.1
    members[COLUMNS] = members[COLUMNS].div(members[COLUMNS].sum(axis=1), axis=0)
    stack, truth = stacked(members)
    logistic = fit_logistic(stack, truth)
    assert logistic.shift is not None
    assert logistic.shift.argmax() == 0
    scores = [macro_f1(truth, fitted.answers(stack)) for fitted in (fit_stacked(stack, truth, "soft"), logistic)]
    assert scores[1] > scores[0] + 0.02


def test_the_stackers_weights_are_those_of_the_best_geometric_mean() -> None:
    """Of independent evidence that is the sum of each one's over its variance."""
    stack, truth = stacked(draw_members({"a": 1.0, "b": 2.0}, pages=4000))
    fitted = fit_logistic(stack, truth)
    assert fitted.temperatures is not None
    strength = fitted.weights / fitted.temperatures  # of the logarithms as they came
    assert strength[0] / strength[1] == pytest.approx(4, rel=0.25)
    assert fitted.shift == pytest.approx(np.zeros(CLASSES), abs=0.15)


def test_members_that_say_nothing_count_the_same() -> None:
    members = draw_members({"a": 1.0, "b": 1.0}, pages=50)
    members[COLUMNS] = 1 / CLASSES
    assert fit_logistic(*stacked(members)).weights == pytest.approx([0.5, 0.5])
