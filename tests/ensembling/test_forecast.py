"""What is told is what fresh pages with right labels show, and its interval is theirs."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from drawn_votes import NO_LEDGER, DrawnVotes, draw_votes

from docsort.ensembling import forecast as forecasts
from docsort.ensembling.forecast import SHIFT_SD, Luck, forecast_score
from docsort.ensembling.gain import NO_GAIN, AnsweredPages, EnsembleGain, HeldOut
from docsort.ensembling.label_noise import estimate_label_noise, gather_sources
from docsort.ensembling.reliability import probabilities_of, temper
from docsort.metrics import accuracy, bootstrap_interval, macro_f1

LUCK = Luck(100, 0.95, 0)


def forecast(drawn: DrawnVotes, gain: EnsembleGain = NO_GAIN, tests: int = 200, luck: Luck = LUCK) -> dict[str, Any]:
    noise = estimate_label_noise(gather_sources(drawn.votes, drawn.images, NO_LEDGER))
    return forecast_score(drawn.votes, noise, gain, tests, luck)


def measured(drawn: DrawnVotes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Given labels, true labels and answers of the test-like pages."""
    seen = drawn.votes[drawn.votes["condition"] == "test_like"]
    truth = drawn.truth[seen["image_id"].str[:4].astype(int)]
    return seen["label"].to_numpy(int), truth, seen["predicted"].to_numpy(int)


@pytest.mark.parametrize("wrong", [0.0, 0.05, 0.1])
def test_the_forecast_is_of_right_labels_and_the_score_by_given_ones_stands_beside_it(wrong: float) -> None:
    gaps = []
    for seed in range(8):
        drawn = draw_votes(wrong, evidence=2.5, seed=seed)
        labels, truth, answers = measured(drawn)
        told = forecast(drawn)
        assert told["given"]["macro_f1"] == pytest.approx(macro_f1(labels, answers))
        assert told["given"]["accuracy"] == pytest.approx(accuracy(labels, answers))
        scores = [(macro_f1(own, answers), accuracy(own, answers)) for own in (truth, labels)]
        gaps.append([(told["macro_f1"], told["accuracy"]), *scores])
    told_mean, true, given = np.mean(gaps, axis=0)
    assert (true - given >= 0.8 * wrong).all()  # there is something to be mended
    assert told_mean == pytest.approx(true, abs=0.008)


def test_the_forecast_is_the_measured_score_and_its_terms() -> None:
    drawn = draw_votes(0.05)
    labels, _, answers = measured(drawn)
    rng = np.random.default_rng(0)
    members = rng.dirichlet(np.full(6, 0.4), size=(5, 80))
    votes = drawn.votes[drawn.votes["condition"] == "test_like"]
    held_out = HeldOut(probabilities_of(votes), np.eye(6)[labels], votes["group"].to_numpy(str))
    gain = EnsembleGain(AnsweredPages(members), held_out)
    told = forecast(drawn, gain)
    terms = told["terms"]
    assert list(terms) == ["ambiguity", "label_noise", "mean_gain", "test_shift"]
    assert terms["mean_gain"]["value"] == gain.record()["macro_f1"] != 0
    assert terms["test_shift"]["value"] == gain.shift()["macro_f1"] != 0
    assert terms["label_noise"]["value"] > 0.01
    for figure, score in (("value", macro_f1), ("accuracy", accuracy)):
        name = {"value": "macro_f1", "accuracy": "accuracy"}[figure]
        total = score(labels, answers) + sum(term[figure] for term in terms.values())
        assert told[name] == pytest.approx(min(1.0, total))
    for name, term in terms.items():
        assert term["low"] < term["value"] < term["high"], name
    assert json.loads(json.dumps(told)) == told


def test_the_interval_holds_the_score_of_fresh_pages_where_that_of_the_measured_score_does_not() -> None:
    inside, before = [], []
    for seed in range(40):
        drawn = draw_votes(0.06, sources=150, evidence=2.5, seed=seed, tests=120)
        low, high = forecast(drawn, tests=120)["interval"]
        test = macro_f1(drawn.test["label"], drawn.test["predicted"], answered=True)
        inside.append(low <= test <= high)
        labels, _, answers = measured(drawn)
        groups = drawn.votes.loc[drawn.votes["condition"] == "test_like", "group"]
        low, high = bootstrap_interval(labels, answers, groups, 100, seed)
        before.append(low <= test <= high)
    assert np.mean(inside) >= 0.9 > 0.6 > np.mean(before)


def test_the_interval_holds_where_half_of_the_shift_is_not_true(monkeypatch: pytest.MonkeyPatch) -> None:
    inside: dict[float, list[bool]] = {SHIFT_SD: [], 0.0: []}
    for seed in range(20):
        drawn, harder = (draw_votes(0.0, evidence=evidence, seed=seed) for evidence in (2.5, 2.3))
        seen = drawn.votes[drawn.votes["condition"] == "test_like"]
        truth = np.eye(6)[seen["label"].to_numpy(int)]
        held_out = HeldOut(probabilities_of(seen), truth, seen["group"].to_numpy(str))
        vague = temper(probabilities_of(harder.test), 1.2)  # harder, and less sure than they need be
        gain = EnsembleGain(AnsweredPages(np.stack([vague, vague])), held_out)
        true = macro_f1(harder.test["label"], harder.test["predicted"], answered=True)
        for share, found in inside.items():
            monkeypatch.setattr("docsort.ensembling.forecast.SHIFT_SD", share)
            low, high = forecast(drawn, gain)["interval"]
            found.append(low <= true <= high)
    assert np.mean(inside[SHIFT_SD]) >= 0.9 > 0.6 > np.mean(inside[0.0])


def test_where_no_held_out_answer_is_wrong_the_interval_holds_the_score_of_fresh_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside: dict[bool, list[bool]] = {True: [], False: []}
    ways = {True: forecasts.draw_unseen_errors, False: lambda groups, draws, rng: np.zeros(draws)}
    for seed in range(60):
        drawn = draw_votes(0.0, sources=100, classes=2, evidence=3.6, seed=seed)
        labels, _, answers = measured(drawn)
        if (labels != answers).any():
            continue
        true = macro_f1(drawn.test["label"], drawn.test["predicted"], answered=True)
        for way, found in inside.items():
            monkeypatch.setattr(forecasts, "draw_unseen_errors", ways[way])
            low, high = forecast(drawn)["interval"]
            found.append(low <= true <= high)
    assert len(inside[True]) >= 15
    assert np.mean(inside[True]) >= 0.9 > 0.3 > np.mean(inside[False])


def test_fewer_test_pages_are_more_a_matter_of_luck() -> None:
    drawn = draw_votes(0.05)
    widths = [np.diff(forecast(drawn, tests=tests)["interval"])[0] for tests in (0, 1000, 50)]
    assert widths[0] < widths[1] < 0.6 * widths[2]


def test_answers_at_chance_are_not_talked_up() -> None:
    drawn = draw_votes(0.05, evidence=2.0, classes=4)
    columns = [*(f"p_{c}" for c in range(4)), "predicted"]
    votes = drawn.votes.copy()
    votes[columns] = drawn.votes[columns].sample(frac=1, random_state=0).to_numpy()
    votes["predicted"] = votes["predicted"].astype(int)
    told = forecast(replace(drawn, votes=votes))
    assert abs(told["terms"]["label_noise"]["value"]) < 0.01


def test_perfect_answers_stay_perfect() -> None:
    drawn = draw_votes(0.0, evidence=8.0)
    told = forecast(drawn)
    assert told["macro_f1"] == pytest.approx(1, abs=0.003)
    assert told["interval"][1] == pytest.approx(1, abs=0.003)
    assert told["given"]["macro_f1"] == 1


@pytest.mark.parametrize("classes", [2, 30])
def test_two_classes_and_classes_of_three_pages_have_a_forecast(classes: int) -> None:
    told = forecast(draw_votes(0.0, sources=90, classes=classes), tests=20)
    assert 0 <= told["interval"][0] < told["macro_f1"] <= told["interval"][1] <= 1
    assert told["macro_f1"] == pytest.approx(told["given"]["macro_f1"], abs=0.02)


def test_the_same_seed_tells_the_same_in_any_order_of_rows() -> None:
    drawn = draw_votes(0.05, sources=100)
    shuffled = replace(drawn, votes=drawn.votes.sample(frac=1, random_state=0))
    told = forecast(drawn)
    assert forecast(shuffled) == told
    assert forecast(drawn, luck=replace(LUCK, seed=1))["interval"] != told["interval"]
