"""Votes are calibrated out of fold and on test pages without labels, and owe nothing to their own label."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.calibration import Calibrated, calibrate, vector_gain
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.reliability import certain_truth, reliability_scores, soften
from docsort.ensembling.votes import VOTES
from docsort.errors import InputError

CLASSES, FOLDS = 6, 5
COLUMNS = [f"p_{c}" for c in range(CLASSES)]
TEMPERATURE = EnsemblingParameters()


def votes_of(probabilities: np.ndarray, truth: np.ndarray | None, condition: str) -> pd.DataFrame:
    votes = pd.DataFrame(probabilities, columns=COLUMNS)
    votes["image_id"] = votes["render_id"] = votes["group"] = [f"{condition}{i:05}" for i in range(len(votes))]
    votes["label"] = pd.NA if truth is None else truth
    votes = votes.assign(
        condition=condition, copy=0, predicted=probabilities.argmax(axis=1), confidence=probabilities.max(axis=1)
    )
    return votes[[*VOTES, *COLUMNS]]


@pytest.fixture(scope="module")
def make_run() -> Callable[..., dict]:
    """Out-of-fold votes by one of five noisy members, the members' votes on test pages, and the labels of those."""

    def make(pages: int = 3000, bend: np.ndarray | None = None, seed: int = 0) -> dict:
        rng = np.random.default_rng(seed)
        evidence = rng.normal(0, 2, (2 * pages, CLASSES))
        truth = (soften(evidence).cumsum(axis=1) > rng.random((2 * pages, 1))).argmax(axis=1)
        noise = rng.normal(0, 1.2, (FOLDS, 2 * pages, CLASSES))
        members = soften(0.35 * (evidence + noise) + (0 if bend is None else bend))
        fold = np.arange(pages) % FOLDS
        seen = members[fold, np.arange(pages)]
        oof = pd.concat(
            [votes_of(seen, truth[:pages], condition).assign(fold=fold) for condition in ("clean", "test_like")]
        )
        alone = [votes_of(own[pages:], None, "test").assign(fold=f) for f, own in enumerate(members)]
        return {
            "oof": oof.reset_index(drop=True),
            "test": votes_of(members[:, pages:].mean(axis=0), None, "test"),
            "folds": pd.concat(alone, ignore_index=True),
            "truth": truth[pages:],
        }

    return make


def calibrated(run: dict, parameters: EnsemblingParameters = TEMPERATURE) -> Calibrated:
    """By labels that are right."""
    return calibrate(run["oof"], run["test"], run["folds"], certain_truth(run["oof"]), parameters, seed=0)


def test_confidences_keep_their_word_out_of_fold_and_on_test_pages(make_run: Callable[..., dict]) -> None:
    run = make_run()
    found = calibrated(run)
    scores = found.record["validation"]
    assert scores["before"]["ece"] > 0.1
    assert scores["after"]["ece"] < 0.03
    before, after = (reliability_scores(votes.assign(label=run["truth"])) for votes in (run["test"], found.test_votes))
    assert before["ece"] > 0.1
    assert after["ece"] < 0.03
    assert after["nll"] < before["nll"]
    assert (found.test_votes["predicted"] == run["test"]["predicted"]).all()
    temperatures = [found.record[place]["temperature"] for place in ("out_of_fold", "test")]
    assert temperatures[1] < 0.9 * temperatures[0]  # the mean is flatter than its members
    assert json.loads(json.dumps(found.record))["test"] == found.record["test"]


def test_confidences_are_of_right_labels_where_wrong_ones_are_known_of(make_run: Callable[..., dict]) -> None:
    run = make_run()
    right, rng = run["oof"]["label"].to_numpy(int), np.random.default_rng(0)
    wrong = np.tile(rng.random(3000) < 0.15, 2)
    run["oof"]["label"] = np.where(wrong, (right + 1) % CLASSES, right)
    by_labels, by_truth = certain_truth(run["oof"]), np.eye(CLASSES)[right]
    gaps = []
    for truth in (by_labels, by_truth):
        found = calibrate(run["oof"], run["test"], run["folds"], truth, TEMPERATURE, seed=0)
        gaps.append(reliability_scores(found.test_votes.assign(label=run["truth"]))["ece"])
        assert found.record["validation"]["after"]["ece"] < 0.06
    assert gaps[1] < 0.03 < 0.08 < gaps[0]


def test_on_harder_test_pages_confidences_are_lower(make_run: Callable[..., dict]) -> None:
    """Only the half of which the models are less sure is asked; out of fold all pages were."""
    run = make_run()
    hard = run["test"].loc[run["test"]["confidence"] < run["test"]["confidence"].median(), "image_id"]
    asked = {name: run[name][run[name]["image_id"].isin(hard)] for name in ("test", "folds")}
    harder = {**run, **asked, "truth": run["truth"][run["test"]["image_id"].isin(hard)]}
    easy, found = calibrated(run).test_votes, calibrated(harder).test_votes
    right = (found["predicted"] == harder["truth"]).mean()
    assert (easy["predicted"] == run["truth"]).mean() - right > 0.1
    assert found["confidence"].mean() < right + 0.2  # 0.88 if as much were given as out of fold


def test_a_page_owes_nothing_to_its_own_label_or_that_of_its_fold(make_run: Callable[..., dict]) -> None:
    run = make_run(pages=300)
    first = calibrated(run).oof_votes
    other = run["oof"].copy()
    own = other["fold"] == 2
    other.loc[own, "label"] = (other.loc[own, "label"].astype(int) + 1) % CLASSES
    second = calibrated({**run, "oof": other}).oof_votes
    pd.testing.assert_frame_equal(first.loc[own, COLUMNS], second.loc[own, COLUMNS], check_exact=True)
    assert (first.loc[~own, COLUMNS] != second.loc[~own, COLUMNS]).any(axis=None)


def test_both_views_of_a_page_are_calibrated_alike_and_the_clean_one_decides_nothing(
    make_run: Callable[..., dict],
) -> None:
    run = make_run(pages=300)
    found = calibrated(run)
    conditions = [
        found.oof_votes.loc[found.oof_votes["condition"] == condition, COLUMNS].to_numpy()
        for condition in ("clean", "test_like")
    ]
    assert (conditions[0] == conditions[1]).all()
    blind = run["oof"].assign(label=run["oof"]["label"].where(run["oof"]["condition"] == "test_like", 0))
    assert calibrated({**run, "oof": blind}).record == found.record


def test_rows_stay_where_they_are_and_their_order_changes_nothing(make_run: Callable[..., dict]) -> None:
    run = make_run(pages=200)
    found = calibrated(run)
    assert found.oof_votes["render_id"].tolist() == run["oof"]["render_id"].tolist()
    assert found.oof_votes.columns.tolist() == run["oof"].columns.tolist()
    shuffled = {name: table.sample(frac=1, random_state=1) for name, table in run.items() if name != "truth"}
    again = calibrated(shuffled)
    values = again.test_votes.set_index("image_id").loc[found.test_votes["image_id"], COLUMNS].to_numpy()
    assert values == pytest.approx(found.test_votes[COLUMNS].to_numpy(), abs=1e-4)


def test_scale_and_shift_are_used_only_where_they_earn_it(make_run: Callable[..., dict]) -> None:
    parameters = EnsemblingParameters(calibration="vector")
    plain = calibrated(make_run(pages=600), parameters).record
    assert (plain["method"], plain["vector_gain"]["accepted"]) == ("temperature", False)
    bent = make_run(pages=1500, bend=np.array([1.5, -1.0, 0, 0, 0.5, 0]))
    found = calibrated(bent, parameters)
    gain = found.record["vector_gain"]
    assert found.record["method"] == "vector"
    assert 0 < gain["low"] < gain["nll"] < gain["high"]
    assert gain["macro_f1"] > 0
    right = [(votes["predicted"] == bent["truth"]).mean() for votes in (bent["test"], found.test_votes)]
    assert right[1] > right[0]
    scores = reliability_scores(found.test_votes.assign(label=bent["truth"]))
    assert scores["ece"] < 2 * scores["ece_by_luck"]


def test_scale_and_shift_that_cost_right_answers_are_rejected_however_well_they_say_what_is_sure() -> None:
    """Nine pages in ten become surer of what is right; the tenth, sure of nothing, goes just over to what is wrong."""
    truth = np.tile(np.arange(CLASSES), 60)
    pages = np.arange(len(truth))
    before = np.full((len(truth), CLASSES), 0.4 / (CLASSES - 1))
    before[pages, truth] = 0.6
    after = np.full((len(truth), CLASSES), 0.1 / (CLASSES - 1))
    after[pages, truth] = 0.9
    doubtful = pages % 10 == 0
    after[doubtful], wrong = before[doubtful], (truth + 1) % CLASSES
    after[pages[doubtful], truth[doubtful]], after[pages[doubtful], wrong[doubtful]] = 0.3, 0.38
    tables = [votes_of(values, truth, "test_like") for values in (before, after)]
    gain = vector_gain(tables[0], tables[1], 0)
    assert gain["low"] > 0 > gain["macro_f1"]
    assert not gain["accepted"]
    kept = vector_gain(tables[0][~doubtful], tables[1][~doubtful], 0)
    assert (kept["macro_f1"], kept["accepted"]) == (0, True)


def test_scale_and_shift_whose_gain_may_be_luck_are_rejected(make_run: Callable[..., dict]) -> None:
    votes = make_run(pages=100)["oof"].iloc[100:]
    other, noise = votes.copy(), np.random.default_rng(1).normal(0.02, 0.3, (100, 1))
    other[COLUMNS] = votes[COLUMNS].to_numpy() ** (1 + noise)
    other[COLUMNS] = other[COLUMNS].div(other[COLUMNS].sum(axis=1), axis=0)
    gain = vector_gain(votes, other, 0)
    assert gain["nll"] > 0 > gain["low"]
    assert gain["macro_f1"] == 0
    assert not gain["accepted"]


def test_what_scale_and_shift_gain_is_judged_on_groups_not_on_copies(make_run: Callable[..., dict]) -> None:
    votes = make_run(pages=100)["oof"].iloc[:100]
    other = votes.copy()
    other[COLUMNS] = votes[COLUMNS].to_numpy() * 0.9 + 0.1 / CLASSES
    once = vector_gain(votes, other, 0)
    many = vector_gain(pd.concat([votes] * 4), pd.concat([other] * 4), 0)
    assert many == pytest.approx(once)


def test_without_test_images_and_without_calibration_votes_stay(make_run: Callable[..., dict]) -> None:
    run = make_run(pages=100)
    empty = {**run, "test": run["test"].iloc[:0], "folds": run["folds"].iloc[:0]}
    found = calibrated(empty)
    assert found.test_votes.empty
    assert found.record["test"]["temperature"] == found.record["out_of_fold"]["temperature"]
    assert calibrated(run).record["test"]["temperature"] != found.record["test"]["temperature"]
    none = calibrated(run, EnsemblingParameters(calibration="none"))
    pd.testing.assert_frame_equal(none.test_votes, run["test"])
    assert none.oof_votes[COLUMNS].to_numpy() == pytest.approx(run["oof"][COLUMNS].to_numpy())
    assert none.record["validation"]["before"] == pytest.approx(none.record["validation"]["after"])


def test_a_fold_that_answered_other_images_a_missing_view_and_a_single_fold_are_refused(
    make_run: Callable[..., dict],
) -> None:
    run = make_run(pages=50)
    few = run["folds"][(run["folds"]["fold"] != 3) | (run["folds"]["image_id"] != "test00007")]
    with pytest.raises(InputError, match="the models of every fold to have answered the same test images"):
        calibrated({**run, "folds": few})
    with pytest.raises(InputError, match="condition test_like"):
        calibrated({**run, "oof": run["oof"][run["oof"]["condition"] == "clean"]})
    with pytest.raises(InputError, match="at least two folds, .* but got 1"):
        calibrated({**run, "oof": run["oof"][run["oof"]["fold"] == 1]})
