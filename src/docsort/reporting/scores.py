"""The figures of a run, `scores.json`: both validation conditions, the test score where an answer key exists, the gap.

Every figure is taken on votes (`ensembling.votes`): a page's turns are averaged and accepted specialists are asked
before its answer is compared, exactly as on test pages. Intervals resample source groups; test pages are their own.

Out of fold one model speaks, on test pages the mean of all folds, and held-out pages are compared with the labels that
they were given, some of which are wrong. What is measured of the one model stands in `validation.one_model`;
`validation.test_like`, the forecast of the test score against right labels, is made of it in `ensembling.forecast`.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from docsort.errors import InputError, listing
from docsort.members.views import members_of
from docsort.metrics import (
    accuracy,
    bootstrap_interval,
    macro_f1,
    per_class_scores,
)
from docsort.reporting.answer_key import require_same_images, true_labels
from docsort.reporting.parameters import ReportingParameters
from docsort.seeding import derive_seed
from docsort.specialists.routing import top_targets
from docsort.specialists.verdict import accepted_groups
from docsort.tables import CONDITIONS

CLASS_SCORES = ("target", "class_name")
"""Then `<condition>_<figure>` for the conditions clean, test_like and, where a key exists, test, and the figures
support, predicted, precision, recall and f1; one row per class."""

UNTRAINED_GAIN = 0.1
"""Of the mean over its members, in macro-F1, from which on these are hardly trained. Of 52 runs of weak networks the
three that promised .07 to .22 too much had .13 and more; runs by a preset have .01 to .03 (docs/experiments.md)."""

Scores = dict[str, Any]


def score_run(
    oof_votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    submission: pd.DataFrame,
    forecast: Mapping[str, Any],
    answer_key: pd.DataFrame | None,
    parameters: ReportingParameters,
    seed: int,
) -> Scores:
    """`validation` (test-like as headline, both conditions, per fold), `test` and `gap` where `answer_key`
    (columns ANSWER_KEY) is given, and `expect`, one sentence. All JSON-able; gap = test-like minus test.

    oof_votes: from `vote_out_of_fold`, with the column `fold`; forecast: of `ensembling.forecast.forecast_score`.
    """
    validation = with_forecast(score_votes(oof_votes, parameters, seed), forecast)
    validation["specialists"] = [group.name for group in accepted_groups(verdicts)]
    scores: Scores = {"validation": validation}
    if answer_key is not None:
        scores["test"] = score_test(submission, answer_key, parameters, seed)
        scores["gap"] = validation["macro_f1"] - scores["test"]["macro_f1"]
    scores["confidence"] = parameters.confidence
    scores["expect"] = expect(forecast, parameters.confidence, has_test=not submission.empty)
    return scores


def with_forecast(validation: Scores, forecast: Mapping[str, Any]) -> Scores:
    """Test-like scores and the headline as the submission is forecast to score; the measured ones of one model move to
    `one_model`, and what lies between them to `forecast`, a part of which is `ensemble_gain`.
    """
    one = {condition: validation[condition] for condition in CONDITIONS}
    headline = {name: forecast[name] for name in ("macro_f1", "accuracy")}
    return {
        **validation,
        **headline,
        "test_like": {name: forecast[name] for name in one["test_like"]},
        "one_model": one,
        "ensemble_gain": forecast["ensemble_gain"],
        "forecast": {**headline, **{name: forecast[name] for name in ("interval", "given", "terms")}},
    }


def score_validation_views(oof_predictions: pd.DataFrame, general_oof_votes: pd.DataFrame, seed: int) -> Scores:
    """Like `score_run`'s `validation`, of the vote of the general members, before any specialist; `models` has the
    scores of each member by itself, the mean of its views.
    """
    alone = members_of(oof_predictions)
    scores = _score_answers(general_oof_votes, seed)
    return {**scores, "models": {str(name): _score_answers(own, seed) for name, own in alone.groupby("model")}}


def _score_answers(answers: pd.DataFrame, seed: int) -> Scores:
    return score_votes(answers.assign(predicted=top_targets(answers)), ReportingParameters(), seed)


def score_votes(votes: pd.DataFrame, parameters: ReportingParameters, seed: int) -> Scores:
    """Headline `macro_f1` and `accuracy` of test-like pages, `per_fold` the same macro-F1 fold by fold, and a block
    per condition: macro_f1, accuracy, interval [low, high], n renders, groups.
    """
    missing = [condition for condition in CONDITIONS if not (votes["condition"] == condition).any()]
    if missing:
        raise InputError(
            f"Expected validation pages of the conditions {listing(CONDITIONS)}, but {listing(missing)} has none; "
            "render the validation pages and predict them again."
        )
    conditions = {
        condition: score_block(votes[votes["condition"] == condition], parameters, seed, condition)
        for condition in CONDITIONS
    }
    seen = votes[votes["condition"] == "test_like"]
    return {
        "macro_f1": conditions["test_like"]["macro_f1"],
        "accuracy": conditions["test_like"]["accuracy"],
        "per_fold": [macro_f1(own["label"], own["predicted"]) for _, own in seen.groupby("fold")],
        **conditions,
    }


def score_test(
    submission: pd.DataFrame, answer_key: pd.DataFrame, parameters: ReportingParameters, seed: int
) -> Scores:
    """The block of the test condition."""
    answers = join_answer_key(submission, answer_key)
    return score_block(answers, parameters, seed, "test")


def score_decisions(
    answered: pd.DataFrame,
    final: pd.DataFrame,
    answer_key: pd.DataFrame | None,
    parameters: ReportingParameters,
    seed: int,
) -> Scores:
    """`reviewed` where a person changed an answer: how many of the sheet, and with a key the block of the final sheet,
    `test`. No forecast is of it: who judges the pages that are judged nobody knows. Empty where none is changed."""
    changed = int((answered["target"].to_numpy() != final["target"].to_numpy()).sum())
    if not changed:
        return {}
    test = {} if answer_key is None else {"test": score_test(final, answer_key, parameters, seed)}
    return {"reviewed": {"changed": changed, **test}}


def join_answer_key(submission: pd.DataFrame, answer_key: pd.DataFrame) -> pd.DataFrame:
    """Columns image_id, group, predicted, label. Raises InputError where the two do not list the same images."""
    require_same_images(submission["ID"], answer_key)
    ids = submission["ID"].astype(str)
    labels = true_labels(ids, answer_key)
    return pd.DataFrame({"image_id": ids, "group": ids, "predicted": submission["target"], "label": labels})


def tabulate_class_scores(
    oof_votes: pd.DataFrame, classes: pd.DataFrame, submission: pd.DataFrame, answer_key: pd.DataFrame | None
) -> pd.DataFrame:
    """One row per class, columns CLASS_SCORES and what follows there."""
    pages = {condition: oof_votes[oof_votes["condition"] == condition] for condition in CONDITIONS}
    if answer_key is not None:
        pages["test"] = join_answer_key(submission, answer_key)
    table = classes[list(CLASS_SCORES)].reset_index(drop=True)
    for condition, own in pages.items():
        scores = per_class_scores(own["label"].astype(int), own["predicted"], classes)
        scores = scores.drop(columns=list(CLASS_SCORES)).add_prefix(f"{condition}_")
        table = pd.concat([table, scores], axis=1)
    return table


def expect(forecast: Mapping[str, Any], confidence: float, has_test: bool) -> str:
    """The forecast of the run, one sentence; of test pages only where there are some, and of labels as they are given
    only where their score differs. A second one where models disagree so much that the first is worth less."""
    pages = "test pages like these" if has_test else "pages like the test-like validation pages"
    right, given = (f"{block['macro_f1']:.3f}" for block in (forecast, forecast["given"]))
    (low, high), wrong = forecast["interval"], 100 * forecast["terms"]["label_noise"]["share"]["value"]
    labels = f" against right labels; {given} against the labels as given, of which about {wrong:.1f} % are wrong"
    return (
        f"Expect a macro-F1 of about {right} ({confidence * 100:g} % interval {low:.3f} to {high:.3f}) on {pages}"
        f"{labels if given != right else ''}.{_doubt(forecast['terms']['mean_gain']['value'])}"
    )


def _doubt(gain: float) -> str:
    if gain < UNTRAINED_GAIN:
        return ""
    return (
        f" The folds disagree so much that asking all of them seems worth {gain:+.2f}: they are hardly trained, and "
        "the forecast of such models misses more often than its interval says. Train longer before you believe it."
    )


def score_block(pages: pd.DataFrame, parameters: ReportingParameters, seed: int, condition: str) -> Scores:
    labels, predictions = pages["label"].astype(int), pages["predicted"].astype(int)
    interval = bootstrap_interval(
        labels,
        predictions,
        pages["group"],
        parameters.draws,
        derive_seed(seed, "score interval", condition),
        parameters.confidence,
        answered=True,
    )
    return {
        "macro_f1": macro_f1(labels, predictions, answered=True),
        "accuracy": accuracy(labels, predictions),
        "interval": list(interval),
        "n": len(pages),
        "groups": int(pages["group"].nunique()),
    }
