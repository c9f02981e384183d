"""How much each model counts: weights by greedy selection, routes by class, and whether either has earned its place.

Greedy selection with replacement (Caruana, Niculescu-Mizil, Crew & Ksikes, "Ensemble selection from libraries of
models", ICML 2004): the model is added again and again that brings the vote's macro-F1 on out-of-fold test-like pages
highest, the smaller log loss deciding among equals; how often a model was taken is its weight. A route gives each class
to the model with the best F1 of that class: of a page, that model alone says how likely the class is.

Both fit the pages that they are chosen on. So what is reported is nested: each fold's pages are answered with weights
chosen on the other folds. Weights or routes are used only where the whole interval of that gain over equal weights lies
above zero. On test images the ones chosen on all folds answer; out of fold, the nested ones.

Legend of shapes: P pages, M models, C classes.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.ensembling.combination import Tally, tally
from docsort.ensembling.members import MemberStack, stack_members
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.errors import InputError, listing
from docsort.metrics import macro_f1, paired_bootstrap, per_class_scores
from docsort.seeding import derive_seed
from docsort.tables import targets_of

JUDGED_VIEW = "test_like"
FITTED = ("selected", "routed")
"""Ways to weigh that are fitted, and so have to earn their place."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Record = dict[str, Any]


def select_ensemble(members: pd.DataFrame, parameters: EnsemblingParameters, seed: int) -> Record:
    """The record `ensemble_selection`: `models`, `asked` and `used` (what the parameters want, what it came to), the
    `reason`, `equal` (macro-F1 of equal weights), and the blocks `selected` and `routed`.

    A block: `weights` (a model; of a route, a model and class column), `by_fold` the same chosen without that fold,
    `fitted_gain` and `nested_gain` in macro-F1 over equal weights, `low`, `high`, `accepted`, `reason`.

    members: out of fold, general models only (`metrics.mean_over_turns`); other views than test-like are not looked at.
    """
    seen = members[members["view"] == JUDGED_VIEW]
    if seen.empty:
        raise InputError(
            f"Expected out-of-fold predictions of the view {JUDGED_VIEW}, but there are none; train first."
        )
    stack = stack_members(seen)
    votes = tally(stack, parameters.vote)
    truth = np.searchsorted(targets_of(stack.columns), stack.pages["label"].to_numpy(np.int64))
    level = _answers(votes, equal_weights(len(stack.names)))
    record: Record = {"models": list(stack.names), "equal": macro_f1(truth, level)}
    ways: dict[str, Callable[[Tally, Integers], Floats]] = {
        "selected": lambda own, labels: choose_weights(own, labels, parameters.selection_rounds),
        "routed": choose_routes,
    }
    for way, choose in ways.items():
        record[way] = _judge(way, stack, votes, truth, level, choose, parameters, seed)
    return {**record, **_decide(record, parameters)}


def equal_weights(models: int) -> Floats:
    """(M,)"""
    return np.full(models, 1 / models)


def choose_weights(votes: Tally, truth: Integers, rounds: int) -> Floats:
    """(M,) summing to one: shares of the rounds up to the best, in which the models were taken. Fitted to `truth` (P,),
    the true columns."""
    models = int(votes.owners.max()) + 1
    if models == 1:
        return np.ones(1)
    taken, best, best_counts = np.zeros(models), (-np.inf, -np.inf), np.ones(models)
    for _ in range(rounds):
        tries = [taken + one for one in np.eye(models)]
        worths = [_worth(votes, truth, counts / counts.sum()) for counts in tries]
        choice = max(range(models), key=worths.__getitem__)
        taken = tries[choice]
        if worths[choice] > best:
            best, best_counts = worths[choice], taken
    return np.asarray(best_counts / best_counts.sum())


def choose_routes(votes: Tally, truth: Integers) -> Floats:
    """(M, C), summing to one over the models: all of a class to the model with its best F1, equals sharing it."""
    count, classes = int(votes.owners.max()) + 1, votes.ballots.shape[2]
    names = pd.DataFrame({"target": range(classes), "class_name": ""})
    answers = [_answers(votes, np.eye(count)[model]) for model in range(count)]
    scores = np.stack([per_class_scores(truth, own, names)["f1"].to_numpy(np.float64) for own in answers])
    best = (scores >= scores.max(axis=0)).astype(np.float64)
    return np.asarray(best / best.sum(axis=0))


def model_weights(stack: MemberStack, parameters: EnsemblingParameters, selection: Mapping[str, Any] | None) -> Floats:
    """The weights (M,), (M, C) or (P, M, C) that count for these pages, summing to one over the models.

    selection: the record of `select_ensemble`; without one, fitted weights are equal ones.
    """
    given = parameters.weights
    if isinstance(given, dict):
        return _given_weights(stack.names, given, set(parameters.submissions))
    if given == "equal" or selection is None or selection["used"] == "equal":
        return equal_weights(len(stack.names))
    if tuple(selection["models"]) != stack.names:
        raise InputError(
            f"Expected weights for the models {listing(stack.names)}, but `ensemble_selection` has them for "
            f"{listing(selection['models'])}; run the ensembling pipeline again."
        )
    block = selection[selection["used"]]
    if stack.held_out is None:
        return _read_weights(block["weights"], stack)
    by_fold = {int(fold): _read_weights(weights, stack) for fold, weights in block["by_fold"].items()}
    return np.stack([by_fold[fold].reshape(len(stack.names), -1) for fold in stack.held_out.tolist()])


def _given_weights(names: tuple[str, ...], given: Mapping[str, float], others: set[str]) -> Floats:
    unknown, missing = sorted(set(given) - set(names) - others), sorted(set(names) - set(given))
    values = np.array([given.get(name, 0.0) for name in names])
    if unknown or missing or not values.sum() > 0:
        raise InputError(
            f"Expected `ensembling.weights` to have a weight for each of the models {listing(names)}, not all zero, "
            f"but {listing(missing) or 'none'} are missing and {listing(unknown) or 'none'} are unknown; correct it."
        )
    return np.asarray(values / values.sum())


def _judge(
    way: str,
    stack: MemberStack,
    votes: Tally,
    truth: Integers,
    level: Integers,
    choose: Callable[[Tally, Integers], Floats],
    parameters: EnsemblingParameters,
    seed: int,
) -> Record:
    held_out = np.asarray(stack.held_out)
    by_fold, nested = {}, np.zeros(len(truth), dtype=np.int64)
    for fold in np.unique(held_out).tolist():
        inside = held_out == fold
        by_fold[fold] = choose(votes.rows(~inside), truth[~inside])
        nested[inside] = _answers(votes.rows(inside), by_fold[fold])
    weights = choose(votes, truth)
    delta, low, high = paired_bootstrap(
        truth,
        level,
        nested,
        stack.pages["group"],
        parameters.draws,
        derive_seed(seed, "ensemble selection", way),
        parameters.confidence,
    )
    return {
        "weights": _write_weights(weights, stack),
        "by_fold": {str(fold): _write_weights(own, stack) for fold, own in by_fold.items()},
        "fitted_gain": macro_f1(truth, _answers(votes, weights)) - macro_f1(truth, level),
        "nested_gain": delta,
        "low": low,
        "high": high,
        "accepted": low > 0,
        "reason": _reason(len(stack.names), bool((nested != level).any()), low, high, parameters.confidence),
    }


def _reason(models: int, changed: bool, low: float, high: float, confidence: float) -> str:
    span = f"the {confidence * 100:g} % interval of its nested gain over equal weights, {low:+.4f} to {high:+.4f},"
    if models == 1:
        return "not used: with one model there is nothing to weigh"
    if not changed:
        return "not used: it would change no answer"
    if low > 0:
        return f"may be used: {span} lies above zero"
    return f"not used: {span} " + ("lies below zero" if high < 0 else "is not above zero, the gain may be luck")


def _decide(record: Record, parameters: EnsemblingParameters) -> dict[str, str]:
    """What the parameters ask for, and what is used after the gate, with the reason."""
    asked = parameters.weights if isinstance(parameters.weights, str) else "given"
    if asked not in FITTED:
        return {"asked": asked, "used": asked, "reason": f"the parameters ask for {asked} weights"}
    used = asked if record[asked]["accepted"] else "equal"
    return {"asked": asked, "used": used, "reason": record[asked]["reason"]}


def _worth(votes: Tally, truth: Integers, weights: Floats) -> tuple[float, float]:
    """Macro-F1, and the log likelihood that decides among equals."""
    means, answers = votes.count(weights)
    likelihood = np.log(np.maximum(means[np.arange(len(truth)), truth], 1e-9)).mean()
    return macro_f1(truth, answers), float(likelihood)


def _answers(votes: Tally, weights: Floats) -> Integers:
    return votes.count(weights)[1]


def _write_weights(weights: Floats, stack: MemberStack) -> Record:
    if weights.ndim == 1:
        return dict(zip(stack.names, weights.tolist(), strict=True))
    return {
        name: dict(zip(stack.columns, row, strict=True))
        for name, row in zip(stack.names, weights.tolist(), strict=True)
    }


def _read_weights(written: Mapping[str, Any], stack: MemberStack) -> Floats:
    rows = [written[name] for name in stack.names]
    return np.array([[row[c] for c in stack.columns] if isinstance(row, Mapping) else row for row in rows], np.float64)
