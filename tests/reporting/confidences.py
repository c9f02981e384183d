"""A run's votes before and after calibration with what was chosen by them, on test images with a key."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from docsort.ensembling.abstention import judge_abstention
from docsort.ensembling.calibration import calibrate
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.reliability import certain_truth, soften
from docsort.ensembling.votes import VOTES
from docsort.reporting.confidence_scores import Confidences, score_confidences
from docsort.reporting.scores import Scores

PARAMETERS = EnsemblingParameters(review_precision=0.9)
CLASSES, PAGES = 4, 300


@dataclass(frozen=True)
class Run:
    votes: Confidences
    calibration: dict[str, Any]
    abstention: dict[str, Any]
    answer_key: pd.DataFrame

    def without_test_images(self) -> "Run":
        none = self.votes.test_after.iloc[:0]
        votes = replace(self.votes, test_before=none, test_after=none)
        abstention = judge_abstention(votes.oof_after, none, votes.truth, PARAMETERS)
        return replace(self, votes=votes, abstention=abstention)


def make_run(seed: int = 0) -> Run:
    rng = np.random.default_rng(seed)
    evidence = rng.normal(0, 4, (2 * PAGES, CLASSES))
    truth = (soften(evidence).cumsum(axis=1) > rng.random((2 * PAGES, 1))).argmax(axis=1)
    members = soften(0.4 * (evidence + rng.normal(0, 1, (5, 2 * PAGES, CLASSES))))
    fold = np.arange(PAGES) % 5
    seen = members[fold, np.arange(PAGES)]
    conditions = [_votes(seen, truth[:PAGES], condition).assign(fold=fold) for condition in ("clean", "test_like")]
    oof = pd.concat(conditions, ignore_index=True)
    test = _votes(members[:, PAGES:].mean(axis=0), None, "test")
    alone = [_votes(own[PAGES:], None, "test").assign(fold=number) for number, own in enumerate(members)]
    known = certain_truth(oof)
    found = calibrate(oof, test, pd.concat(alone, ignore_index=True), known, PARAMETERS, 0)
    key = pd.DataFrame({"ID": test["image_id"], "target": truth[PAGES:]}).sample(frac=1, random_state=0)
    abstention = judge_abstention(found.oof_votes, found.test_votes, known, PARAMETERS)
    return Run(Confidences(oof, found.oof_votes, test, found.test_votes, known), found.record, abstention, key)


def words_kept(run: Run) -> Scores:
    """The blocks `calibration` and `review` of the run's scores, with the truth where it has test images."""
    key = run.answer_key if len(run.votes.test_after) else None
    return score_confidences(run.votes, run.calibration, run.abstention, key, 0)[0]


def _votes(probabilities: np.ndarray, truth: np.ndarray | None, condition: str) -> pd.DataFrame:
    columns = [f"p_{target}" for target in range(CLASSES)]
    votes = pd.DataFrame(probabilities, columns=columns)
    votes["image_id"] = votes["render_id"] = votes["group"] = [f"{condition}{i}.jpg" for i in range(len(votes))]
    votes["label"] = pd.NA if truth is None else truth
    votes = votes.assign(
        condition=condition, copy=0, predicted=probabilities.argmax(axis=1), confidence=probabilities.max(axis=1)
    )
    return votes[[*VOTES, *columns]]
