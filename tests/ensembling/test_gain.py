"""The gain is exact where its oracle is: on pages whose labels are drawn from known beliefs."""

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.gain import (
    NO_GAIN,
    AnsweredPages,
    EnsembleGain,
    HeldOut,
    ensemble_gain,
    expected_accuracy,
    expected_macro_f1,
)
from docsort.ensembling.reliability import brier_scores, temper
from docsort.ensembling.temperature import fit_temperature
from docsort.ensembling.votes import VotePlan
from docsort.errors import InputError
from docsort.members.views import members_of
from docsort.metrics import macro_f1
from docsort.tables import PREDICTION_KEYS

CLASSES = 5


def brier_of(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return brier_scores(probabilities, np.eye(probabilities.shape[1])[labels])


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
    own = np.mean([brier_of(member, truth).mean() for member in members])
    mean = members.mean(axis=0)
    spread = np.square(members - mean).sum(axis=2).mean()
    assert brier_of(mean, truth).mean() == pytest.approx(own - spread, abs=1e-12)


@pytest.mark.parametrize("noise", [0.3, 1.0, 2.0, 3.0])
def test_the_gain_is_what_the_labels_show_within_a_quarter(noise: float) -> None:
    members, truth = make_members(noise=noise)
    brier = float(np.mean([brier_of(member, truth).mean() for member in members]))
    found = AnsweredPages(members).gain(brier)
    score = {"macro_f1": macro_f1, "accuracy": lambda labels, answers: float((labels == answers).mean())}
    for name, true_score in score.items():
        together = true_score(truth, members.mean(axis=0).argmax(axis=1))
        alone = true_score(np.tile(truth, len(members)), members.argmax(axis=2).ravel())
        assert found[name] == pytest.approx(together - alone, rel=0.25, abs=0.006)


def test_members_that_agree_gain_nothing() -> None:
    members, truth = make_members(noise=0.0)
    found = AnsweredPages(members).gain(float(brier_of(members[0], truth).mean()))
    assert (found["macro_f1"], found["accuracy"]) == pytest.approx((0, 0), abs=1e-12)
    assert found["spread"] == pytest.approx(0)


def test_the_temperature_is_the_one_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    beliefs = soften(rng.normal(0, 1.5, (20_000, CLASSES)))
    for temperature in (0.5, 1.0, 2.0):
        truth = (temper(beliefs, temperature).cumsum(axis=1) > rng.random((len(beliefs), 1))).argmax(axis=1)
        found = AnsweredPages(beliefs[None]).gain(float(brier_of(beliefs, truth).mean()))
        assert found["temperature"] == pytest.approx(temperature, rel=0.06)


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
    return ensemble_gain(test_members, oof_members, plan, dict.fromkeys(range(5), plan)).record()


def test_the_tables_give_what_the_arrays_give_in_any_order_of_rows() -> None:
    members, truth = make_members(pages=400)
    test, seen = tables(members, truth)
    temperature = fit_temperature(members[0], np.eye(CLASSES)[truth])
    kept = temper(members, temperature)
    held_out = HeldOut(kept[0], np.eye(CLASSES)[truth], np.arange(400).astype(str))
    expected = EnsembleGain(AnsweredPages(kept), held_out).record()
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


def test_each_page_counts_as_often_as_it_is_drawn() -> None:
    members, _ = make_members(pages=300)
    weights = np.random.default_rng(0).integers(4, size=300)
    found = AnsweredPages(members).gain(0.4, weights)
    repeated = AnsweredPages(np.repeat(members, weights, axis=1)).gain(0.4)
    assert found == pytest.approx(repeated)
    assert found != pytest.approx(AnsweredPages(members).gain(0.4))


def test_other_pages_and_other_test_images_would_have_told_another_gain() -> None:
    """Its spread is that of the gain over fresh draws of everything."""
    held_out = [make_members(pages=300, seed=seed) for seed in range(30)]
    briers = [brier_of(members[0], truth).mean() for members, truth in held_out]
    fresh = [
        AnsweredPages(make_members(pages=300, seed=100 + seed)[0]).gain(float(own))["macro_f1"]
        for seed, own in enumerate(briers)
    ]
    pages = AnsweredPages(make_members(pages=300, seed=100)[0])
    groups = np.array([f"{i}" for i in range(300)])
    (members, truth) = held_out[0]
    seen = HeldOut(members[0], np.eye(CLASSES)[truth], groups)
    drawn = EnsembleGain(pages, seen).draw(100, np.random.default_rng(0))
    assert np.std(fresh) / 1.6 < drawn.std() < 1.6 * np.std(fresh)
    assert (NO_GAIN.draw(5, np.random.default_rng(0)) == 0).all()


def test_test_images_that_are_harder_than_test_like_pages_are_told_by_how_unsure_members_are_of_them() -> None:
    """Measured by labels, which the figure itself does not see; and where nothing differs nothing is told."""
    groups = np.array([f"{i}" for i in range(3000)])

    def answered(noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Members that know how much noise they see."""
        rng = np.random.default_rng(seed)
        truth = rng.integers(CLASSES, size=3000)
        seen = np.eye(CLASSES)[truth] + rng.normal(0, noise, (5, 3000, CLASSES))
        return soften(seen / noise**2), truth

    held_out, labels = answered(0.5, 0)
    for noise, differs in ((0.8, True), (0.5, False)):
        asked, truth = answered(noise, 1)
        gain = EnsembleGain(AnsweredPages(asked), HeldOut(held_out[0], np.eye(CLASSES)[labels], groups))
        seen, found = macro_f1(labels, held_out[0].argmax(axis=1)), gain.shift()["macro_f1"]
        true = np.mean([macro_f1(truth, member.argmax(axis=1)) for member in asked]) - seen
        assert (true < -0.2) == differs
        assert found == pytest.approx(true, abs=0.02)
        brier = np.mean([brier_of(member, truth).mean() for member in asked])
        assert gain.record()["brier_member"] == pytest.approx(brier, abs=0.03)
    assert NO_GAIN.shift() == {"macro_f1": 0.0, "accuracy": 0.0}
