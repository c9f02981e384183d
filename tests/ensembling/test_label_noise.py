"""Wrong labels are told from wrong answers, on votes whose true labels are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from drawn_votes import NO_LEDGER, DrawnVotes, draw_votes

from docsort.ensembling import label_noise
from docsort.ensembling.label_noise import (
    FLOOR,
    SETTINGS,
    LabelNoise,
    describe_label_noise,
    estimate_label_noise,
    gather_sources,
)
from docsort.errors import InputError
from docsort.tables import LEDGER


def estimated(drawn: DrawnVotes, ledger: pd.DataFrame = NO_LEDGER) -> LabelNoise:
    return estimate_label_noise(gather_sources(drawn.votes, drawn.images, ledger))


def contradicted(drawn: DrawnVotes) -> float:
    """Share of test-like pages whose answer is not their label."""
    seen = drawn.votes[drawn.votes["condition"] == "test_like"]
    return float((seen["predicted"] != seen["label"]).mean())


@pytest.mark.parametrize("wrong", [0.0, 0.02, 0.05, 0.1])
@pytest.mark.parametrize("evidence", [2.0, 3.0])
def test_the_share_of_wrong_labels_is_found_whatever_the_answers_get_wrong(wrong: float, evidence: float) -> None:
    drawn = [draw_votes(wrong, evidence=evidence, seed=seed) for seed in range(6)]
    assert np.mean([contradicted(each) for each in drawn]) > wrong + (0.05 if evidence < 3 else 0.005)
    assert np.mean([estimated(each).wrong for each in drawn]) == pytest.approx(wrong, abs=0.012)


@pytest.mark.parametrize("wrong", [0.0, 0.02, 0.05, 0.1])
def test_swaps_between_look_alikes_are_not_taken_for_wrong_answers(
    wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = [draw_votes(wrong, alike=0.5, seed=seed) for seed in range(6)]
    assert np.mean([contradicted(each) for each in drawn]) > wrong + 0.005
    assert np.mean([estimated(each).wrong for each in drawn]) == pytest.approx(wrong, abs=0.01)
    monkeypatch.setattr(label_noise, "SETTINGS", [setting for setting in SETTINGS if setting[2] == 0])
    as_any_other = np.mean([estimated(each).wrong for each in drawn])
    assert as_any_other < max(0.004, 0.9 * wrong)


def test_wrong_labels_are_the_doubted_ones() -> None:
    drawn = draw_votes(0.05)
    belief, labels = estimated(drawn).belief, drawn.images["label"].to_numpy()
    doubt = 1 - belief[np.arange(len(labels)), labels]
    is_wrong = labels != drawn.truth
    assert np.median(doubt[is_wrong]) > 0.9 > 0.05 > np.quantile(doubt[~is_wrong], 0.95)
    assert (belief[is_wrong].argmax(axis=1) == drawn.truth[is_wrong]).mean() > 0.8


def test_answers_at_chance_tell_nothing_of_labels() -> None:
    """All that is left is what was expected before any label was seen, and no answer is held for better than it is."""
    drawn = draw_votes(0.05, evidence=2.0, classes=4)
    columns = [f"p_{c}" for c in range(4)]
    shuffled = drawn.votes.copy()
    shuffled[[*columns, "predicted"]] = drawn.votes[[*columns, "predicted"]].sample(frac=1, random_state=0).to_numpy()
    noise = estimated(replace(drawn, votes=shuffled))
    seen = shuffled[shuffled["condition"] == "test_like"]
    answers, rows = seen["predicted"].to_numpy(int), noise.rows_of(seen["image_id"])
    right = noise.belief[rows, answers].mean()
    assert noise.wrong < 0.1
    assert right == pytest.approx((answers == seen["label"]).mean(), abs=0.01)
    assert right == pytest.approx(1 / 4, abs=0.05)


def ledger_of(drawn: DrawnVotes, rows: np.ndarray) -> tuple[DrawnVotes, pd.DataFrame]:
    """A person has judged these sources, rightly."""
    labels = drawn.images["label"].to_numpy()
    now = labels.copy()
    now[rows] = drawn.truth[rows]
    names = drawn.images["image_id"]
    table = pd.DataFrame("", index=range(len(rows)), columns=list(LEDGER))
    table["image_id"] = [name.removesuffix(".jpg") for name in names.iloc[rows]]
    table["action"] = np.where(now[rows] == labels[rows], "keep", "relabel")
    votes = drawn.votes.assign(label=drawn.votes["image_id"].map(dict(zip(names, now, strict=True))))
    return replace(drawn, votes=votes, images=drawn.images.assign(label=now)), table


def test_what_a_person_has_judged_is_known_and_tells_about_the_others() -> None:
    drawn = draw_votes(0.05, evidence=1.5)
    before = estimated(drawn)
    doubt = 1 - before.belief[np.arange(400), drawn.images["label"]]
    judged, ledger = ledger_of(drawn, np.argsort(-doubt)[:120])
    after = estimated(judged, ledger)
    still_wrong = (judged.images["label"] != drawn.truth).mean()
    known = after.sources.known
    assert known.sum() == 120
    assert (after.belief[known, drawn.truth[known]] == 1).all()
    told = [abs(noise.wrong - share) for noise, share in ((before, 0.05), (after, still_wrong))]
    assert told[1] < 0.015
    spans = []
    for noise in (before, after):
        block = describe_label_noise(noise, noise.draw(300, np.random.default_rng(0)), 0.95)
        assert block["share"]["low"] <= block["share"]["value"] <= block["share"]["high"]
        spans.append(block["share"]["high"] - block["share"]["low"])
    assert spans[1] < 0.7 * spans[0]
    ignored = estimated(judged)
    assert ignored.sources.known.sum() == 0
    assert ignored.wrong != pytest.approx(after.wrong, abs=1e-4)


def test_who_did_not_decide_has_judged_nothing() -> None:
    drawn = draw_votes(0.05)
    judged, ledger = ledger_of(drawn, np.arange(20))
    for action in ("undecided", "drop"):
        assert not gather_sources(judged.votes, judged.images, ledger.assign(action=action)).known.any()


def test_drawn_labels_are_distributed_as_is_believed() -> None:
    noise = estimated(draw_votes(0.1, sources=80, evidence=1.5))
    drawn = noise.draw(4000, np.random.default_rng(0))
    shares = np.stack([(drawn == place).mean(axis=0) for place in range(6)], axis=1)
    assert np.abs(shares - noise.belief).max() < 0.04
    assert 1 - noise.belief.max(axis=1).mean() > 0.03  # there is something to be drawn
    assert (noise.draw(50, np.random.default_rng(1)) == noise.draw(50, np.random.default_rng(1))).all()


@pytest.mark.parametrize("classes", [2, 30])
def test_it_holds_for_two_classes_and_for_classes_of_three_pages(classes: int) -> None:
    shares = (0.7, 0.3) if classes == 2 else None
    found = [estimated(draw_votes(0.0, sources=90, classes=classes, shares=shares, seed=seed)) for seed in range(4)]
    assert np.mean([noise.wrong for noise in found]) < 0.015
    found = [estimated(draw_votes(0.1, sources=90, classes=classes, shares=shares, seed=seed)) for seed in range(4)]
    assert np.mean([noise.wrong for noise in found]) == pytest.approx(0.1, abs=0.035)


def test_sources_are_in_order_and_their_evidence_is_the_mean_of_their_pages() -> None:
    drawn = draw_votes(0.05, sources=40)
    sources = gather_sources(drawn.votes.sample(frac=1, random_state=0), drawn.images.iloc[::-1], NO_LEDGER)
    assert sources.image_ids.tolist() == drawn.images["image_id"].tolist()
    assert sources.labels.tolist() == drawn.images["label"].tolist()
    own = drawn.votes[(drawn.votes["image_id"] == "0007.jpg") & (drawn.votes["condition"] == "test_like")]
    logs = np.log(np.maximum(own[[f"p_{c}" for c in range(6)]].to_numpy(), FLOOR))
    assert len(own) == 2
    assert sources.logs[1, 7] == pytest.approx(logs.mean(axis=0))


def test_a_source_without_a_clean_answer_is_refused() -> None:
    drawn = draw_votes(0.05, sources=40)
    lacking = drawn.votes[~((drawn.votes["image_id"] == "0007.jpg") & (drawn.votes["condition"] == "clean"))]
    with pytest.raises(InputError, match="clean and test-like answers of every source, but 1 have not"):
        gather_sources(lacking, drawn.images, NO_LEDGER)
