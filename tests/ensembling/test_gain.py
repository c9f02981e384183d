"""The gain is exact where its oracle is: on pages whose labels are drawn from known beliefs."""

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.gain import (
    ensemble_gain,
    expected_accuracy,
    expected_macro_f1,
    fit_brier_temperature,
    gain_of_mean,
)
from docsort.ensembling.reliability import brier_scores, temper
from docsort.ensembling.temperature import fit_temperature
from docsort.ensembling.votes import VotePlan
from docsort.errors import InputError
from docsort.members.views import members_of
from docsort.metrics import macro_f1
from docsort.tables import PREDICTION_KEYS

CLASSES = 5


def soften(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def make_members(pages: int = 6000, members: int = 5, noise: float = 1.5, seed: int = 0):
    """Members that see the same evidence, each with its own noise; and labels drawn from the evidence."""
    rng = np.random.default_rng(seed)
    evidence = rng.normal(0, 2.0, (pages, CLASSES))
    truth = (soften(evidence).cumsum(axis=1) > rng.random((pages, 1))).argmax(axis=1)
    return soften(evidence + rng.normal(0, noise, (members, pages, CLASSES))), truth


def test_the_mean_gains_exactly_the_spread_in_brier_score() -> None:
    members, truth = make_members()
    own = np.mean([brier_scores(member, truth).mean() for member in members])
    mean = members.mean(axis=0)
    spread = np.square(members - mean).sum(axis=2).mean()
    assert brier_scores(mean, truth).mean() == pytest.approx(own - spread, abs=1e-12)


@pytest.mark.parametrize("noise", [0.3, 1.0, 2.0, 3.0])
def test_the_gain_is_what_the_labels_show_within_a_quarter(noise: float) -> None:
    members, truth = make_members(noise=noise)
    brier = float(np.mean([brier_scores(member, truth).mean() for member in members]))
    found = gain_of_mean(members, brier)
    score = {"macro_f1": macro_f1, "accuracy": lambda labels, answers: float((labels == answers).mean())}
    for name, true_score in score.items():
        together = true_score(truth, members.mean(axis=0).argmax(axis=1))
        alone = true_score(np.tile(truth, len(members)), members.argmax(axis=2).ravel())
        assert found[name] == pytest.approx(together - alone, rel=0.25, abs=0.006)


def test_members_that_agree_gain_nothing() -> None:
    members, truth = make_members(noise=0.0)
    found = gain_of_mean(members, float(brier_scores(members[0], truth).mean()))
    assert (found["macro_f1"], found["accuracy"]) == pytest.approx((0, 0), abs=1e-12)
    assert found["spread"] == pytest.approx(0)


def test_the_temperature_is_the_one_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    beliefs = soften(rng.normal(0, 1.5, (20_000, CLASSES)))
    for temperature in (0.5, 1.0, 2.0):
        truth = (temper(beliefs, temperature).cumsum(axis=1) > rng.random((len(beliefs), 1))).argmax(axis=1)
        assert fit_brier_temperature(beliefs, brier_scores(beliefs, truth).mean()) == pytest.approx(
            temperature, rel=0.06
        )


def test_expected_scores_are_what_many_drawn_labels_average_to() -> None:
    rng = np.random.default_rng(0)
    belief = soften(rng.normal(0, 1, (4000, CLASSES)))
    answers = belief.argmax(axis=1)
    draws = [(belief.cumsum(axis=1) > rng.random((len(belief), 1))).argmax(axis=1) for _ in range(40)]
    assert expected_macro_f1(belief, answers) == pytest.approx(np.mean([macro_f1(t, answers) for t in draws]), abs=3e-3)
    assert expected_accuracy(belief, answers) == pytest.approx(
        np.mean([(t == answers).mean() for t in draws]), abs=3e-3
    )


def tables(members: np.ndarray, truth: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The members' predictions of test images, and the first one's, as if they were held-out pages."""
    parts = []
    for fold, member in enumerate(members):
        part = pd.DataFrame(member.astype(np.float32), columns=[f"p_{c}" for c in range(CLASSES)])
        part["image_id"] = part["render_id"] = part["group"] = [f"{i:05}" for i in range(len(part))]
        parts.append(part.assign(model="main", fold=fold, condition="test", copy=0, turn=0, scale=100, label=pd.NA))
    seen = parts[0].assign(condition="test_like", label=truth)
    clean = parts[0].assign(condition="clean", label=0)
    columns = [*PREDICTION_KEYS, *(f"p_{c}" for c in range(CLASSES))]
    return pd.concat(parts)[columns], pd.concat([seen, clean])[columns]


def measured(test_members: pd.DataFrame, oof_members: pd.DataFrame, **weights: float) -> dict[str, float]:
    plan = VotePlan("soft", weights or None)
    return ensemble_gain(test_members, oof_members, plan, dict.fromkeys(range(5), plan))


def test_the_tables_give_what_the_arrays_give_in_any_order_of_rows() -> None:
    members, truth = make_members(pages=400)
    test, seen = tables(members, truth)
    temperature = fit_temperature(members[0], truth)
    kept = temper(members, temperature)
    expected = gain_of_mean(kept, float(brier_scores(kept[0], truth).mean()))
    found = measured(members_of(test.sample(frac=1, random_state=0)), members_of(seen.sample(frac=1, random_state=1)))
    assert found["members"] == 5
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-3)


def test_several_models_of_a_fold_are_one_member() -> None:
    """Two models that differ, and one that says what they say on average, gain the same."""
    members, truth = make_members(pages=400)
    other = soften(np.log(members) + np.random.default_rng(1).normal(0, 0.5, members.shape))
    one, two, both = (tables(each, truth) for each in (members, other, (members + other) / 2))
    joined = [pd.concat([first, second.assign(model="second")]) for first, second in zip(one, two, strict=True)]
    expected, found = measured(*map(members_of, both)), measured(*map(members_of, joined))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-4), name


def test_no_test_images_and_a_single_member_gain_nothing() -> None:
    test, seen = tables(*make_members(pages=50))
    for few in (test.iloc[:0], test[test["fold"] == 0]):
        assert measured(members_of(few), members_of(seen)) == {"macro_f1": 0.0, "accuracy": 0.0, "members": 1}


def test_members_of_different_images_are_refused() -> None:
    test, seen = tables(*make_members(pages=50))
    with pytest.raises(InputError, match="every member to have predicted the same test images"):
        measured(members_of(test[(test["fold"] != 2) | (test["render_id"] != "00007")]), members_of(seen))
