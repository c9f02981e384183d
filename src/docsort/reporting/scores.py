"""The figures of a run, `scores.json`: two validation views, the test score where an answer key exists, and the gap.

Every figure is taken on votes (`ensembling.votes`): a page's turns are averaged and accepted specialists are heard
before its answer is compared, exactly as on test pages. Intervals resample source groups; test pages are their own.

Out of fold one model speaks, on test pages the mean of all folds. What is measured of the one model stands in
`validation.one_model`; the test-like view, which is the forecast of the test score, is that plus what the mean is worth
(`ensembling.lift`), its interval moved along. Without test images nothing is added.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from docsort.errors import InputError, listing
from docsort.metrics import (
    accuracy,
    bootstrap_interval,
    macro_f1,
    mean_over_members,
    mean_over_turns,
    per_class_scores,
)
from docsort.reporting.parameters import ReportingParameters
from docsort.seeding import derive_seed
from docsort.specialists.routing import top_targets
from docsort.specialists.verdict import accepted_groups
from docsort.tables import VIEWS

CLASS_SCORES = ("target", "class_name")
"""Then `<view>_<figure>` for the views clean, test_like and, where a key exists, test, and the figures support,
predicted, precision, recall and f1; one row a class."""

Scores = dict[str, Any]


def score_run(
    oof_votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    submission: pd.DataFrame,
    lift: Mapping[str, Any],
    answer_key: pd.DataFrame | None,
    parameters: ReportingParameters,
    seed: int,
) -> Scores:
    """`validation` (the test-like view as headline, both views, per fold), `test` and `gap` where `answer_key`
    (columns ANSWER_KEY) is given, and `expect`, one sentence. All JSON-able; gap = test-like minus test.

    oof_votes: from `vote_out_of_fold`, with the column `fold`; lift: from `ensembling.lift`.
    """
    validation = lifted(score_votes(oof_votes, parameters, seed), lift)
    validation["specialists"] = [group.name for group in accepted_groups(verdicts)]
    scores: Scores = {"validation": validation}
    if answer_key is not None:
        scores["test"] = score_test(submission, answer_key, parameters, seed)
        scores["gap"] = validation["macro_f1"] - scores["test"]["macro_f1"]
    scores["confidence"] = parameters.confidence
    scores["expect"] = expect(validation["test_like"], parameters.confidence)
    return scores


def lifted(validation: Scores, lift: Mapping[str, Any]) -> Scores:
    """The test-like view and the headline as the mean of all members is expected to score; the measured views of one
    model move to `one_model`, and what was added to `ensemble_lift`.
    """
    one = {view: validation[view] for view in VIEWS}
    own = one["test_like"]
    forecast = {
        **own,
        "macro_f1": min(1.0, own["macro_f1"] + lift["macro_f1"]),
        "accuracy": min(1.0, own["accuracy"] + lift["accuracy"]),
        "interval": [min(1.0, max(0.0, end + lift["macro_f1"])) for end in own["interval"]],
    }
    headline = {name: forecast[name] for name in ("macro_f1", "accuracy")}
    return {**validation, **headline, "test_like": forecast, "one_model": one, "ensemble_lift": dict(lift)}


def score_validation_views(oof_predictions: pd.DataFrame, seed: int) -> Scores:
    """Like `score_run`'s `validation`, straight from out-of-fold predictions: before any specialist, all turns. Of
    several models that is their mean; `models` has the scores of each by itself.
    """
    scores = _score_mean(oof_predictions, seed)
    names = sorted(set(oof_predictions["model"]))
    if len(names) > 1:
        alone = {name: _score_mean(oof_predictions[oof_predictions["model"] == name], seed) for name in names}
        scores["models"] = alone
    return scores


def _score_mean(oof_predictions: pd.DataFrame, seed: int) -> Scores:
    means = mean_over_members(mean_over_turns(oof_predictions))
    folds = oof_predictions[["view", "render_id", "fold"]].drop_duplicates(["view", "render_id"])
    votes = means.assign(predicted=top_targets(means)).merge(folds, on=["view", "render_id"], validate="one_to_one")
    return score_votes(votes, ReportingParameters(), seed)


def score_votes(votes: pd.DataFrame, parameters: ReportingParameters, seed: int) -> Scores:
    """Headline `macro_f1` and `accuracy` of the test-like view, `per_fold` the same macro-F1 fold by fold, and a block
    a view: macro_f1, accuracy, interval [low, high], n renders, groups.
    """
    missing = [view for view in VIEWS if not (votes["view"] == view).any()]
    if missing:
        raise InputError(
            f"Expected validation pages of the views {listing(VIEWS)}, but {listing(missing)} has none; "
            "render the validation pages and predict them again."
        )
    views = {view: _block(votes[votes["view"] == view], parameters, seed, view) for view in VIEWS}
    seen = votes[votes["view"] == "test_like"]
    return {
        "macro_f1": views["test_like"]["macro_f1"],
        "accuracy": views["test_like"]["accuracy"],
        "per_fold": [macro_f1(own["label"], own["predicted"]) for _, own in seen.groupby("fold")],
        **views,
    }


def score_test(
    submission: pd.DataFrame, answer_key: pd.DataFrame, parameters: ReportingParameters, seed: int
) -> Scores:
    """The block of the test view."""
    answers = join_answer_key(submission, answer_key)
    return _block(answers, parameters, seed, "test")


def join_answer_key(submission: pd.DataFrame, answer_key: pd.DataFrame) -> pd.DataFrame:
    """Columns image_id, group, predicted, label. Raises InputError where the two do not list the same images."""
    asked, known = set(submission["ID"].astype(str)), set(answer_key["ID"].astype(str))
    if asked != known or len(submission) != len(answer_key):
        raise InputError(
            f"Expected the answer key to list the images of the submission, but {len(asked - known)} are missing there "
            f"({listing(sorted(asked - known), 3)}) and {len(known - asked)} are not in the submission "
            f"({listing(sorted(known - asked), 3)}); it belongs to another data set."
        )
    truth = dict(zip(answer_key["ID"].astype(str), answer_key["target"].astype(int), strict=True))
    ids = submission["ID"].astype(str)
    labels = ids.map(truth)
    return pd.DataFrame({"image_id": ids, "group": ids, "predicted": submission["target"], "label": labels})


def tabulate_class_scores(
    oof_votes: pd.DataFrame, classes: pd.DataFrame, submission: pd.DataFrame, answer_key: pd.DataFrame | None
) -> pd.DataFrame:
    """One row a class, columns CLASS_SCORES and what follows there."""
    pages = {view: oof_votes[oof_votes["view"] == view] for view in VIEWS}
    if answer_key is not None:
        pages["test"] = join_answer_key(submission, answer_key)
    table = classes[list(CLASS_SCORES)].reset_index(drop=True)
    for view, own in pages.items():
        scores = per_class_scores(own["label"].astype(int), own["predicted"], classes)
        scores = scores.drop(columns=list(CLASS_SCORES)).add_prefix(f"{view}_")
        table = pd.concat([table, scores], axis=1)
    return table


def expect(view: Scores, confidence: float) -> str:
    """The promise of the run, one sentence."""
    low, high = view["interval"]
    return (
        f"Expect a macro-F1 of about {view['macro_f1']:.3f} ({confidence * 100:g} % interval {low:.3f} to {high:.3f}) "
        "on test pages like these."
    )


def _block(pages: pd.DataFrame, parameters: ReportingParameters, seed: int, view: str) -> Scores:
    labels, predictions = pages["label"].astype(int), pages["predicted"].astype(int)
    interval = bootstrap_interval(
        labels,
        predictions,
        pages["group"],
        parameters.draws,
        derive_seed(seed, "score interval", view),
        parameters.confidence,
    )
    return {
        "macro_f1": macro_f1(labels, predictions),
        "accuracy": accuracy(labels, predictions),
        "interval": list(interval),
        "n": len(pages),
        "groups": int(pages["group"].nunique()),
    }
