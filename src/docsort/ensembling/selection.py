"""How much each model counts: weights by greedy selection, routes by class, and whether either has earned its place.

Greedy selection with replacement (Caruana, Niculescu-Mizil, Crew & Ksikes, "Ensemble selection from libraries of
models", ICML 2004): the model is added again and again that brings the vote's macro-F1 on out-of-fold test-like pages
highest, the smaller log loss deciding among equals; how often a model was taken is its weight. All are taken once to
begin with: among many models of a kind, luck alone then moves the weights less. Routing looks at the first guess of the
vote with equal weights, and leaves the page to the model that answers pages of that guess best, or to all of them where
no model alone does better.

Both fit the pages that they are chosen on. So what is reported is nested: each fold's pages are answered with weights
chosen on the other folds. Weights or routes are used only where the whole interval of that gain over equal weights lies
above zero. On test images those chosen on all folds answer; out of fold, the nested ones.

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
from docsort.metrics import macro_f1, paired_bootstrap
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

    A block: `weights` (by model; of routes, by the guess's column and model), `by_fold` the same chosen without that
    fold, `fitted_gain` and `nested_gain` in macro-F1 over equal weights, `low`, `high`, `accepted`, `reason`.

    members: out of fold, general models only (`views.members_of`); other views than test-like are not looked at.
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
    """(M,) summing to one: how often each model was taken up to the best of the rounds, of which the first takes all.
    Fitted to the true columns `truth` (P,)."""
    taken = np.ones(int(votes.owners.max()) + 1)
    best, best_taken = _worth(votes, truth, taken / taken.sum()), taken
    for _ in range(rounds if len(taken) > 1 else 0):
        tries = [taken + one for one in np.eye(len(taken))]
        worths = [_worth(votes, truth, counts / counts.sum()) for counts in tries]
        choice = max(range(len(tries)), key=worths.__getitem__)
        taken = tries[choice]
        if worths[choice] > best:
            best, best_taken = worths[choice], taken
    return np.asarray(best_taken / best_taken.sum())


def choose_routes(votes: Tally, truth: Integers) -> Floats:
    """(C, M), rows summing to one: the models that answer pages of each first guess. That is the one with the most
    right answers, rare classes weighing more as they do in macro-F1, or all where none is better than the vote itself.
    """
    models, classes = int(votes.owners.max()) + 1, votes.ballots.shape[2]
    worth = 1 / np.bincount(truth, minlength=classes)[truth]
    options = np.vstack([equal_weights(models), np.eye(models)])
    answers = [_answers(votes, option) for option in options]
    hits = [np.bincount(answers[0], (own == truth) * worth, minlength=classes) for own in answers]
    # Hits are sums of fractions: rounded, equals are equal, and the first of them, the vote itself, is taken.
    return np.asarray(options[np.round(hits, 9).argmax(axis=0)])


def weights_of_pages(votes: Tally, fitted: Floats) -> Floats:
    """(M,) or (P, M): weights as they are, routes (C, M) by each page's first guess."""
    if fitted.ndim == 1:
        return fitted
    return np.asarray(fitted[_answers(votes, equal_weights(fitted.shape[1]))])


def model_weights(
    stack: MemberStack, votes: Tally, parameters: EnsemblingParameters, selection: Mapping[str, Any] | None
) -> Floats:
    """The weights (M,) or (P, M) that count for these pages, summing to one.

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
        return weights_of_pages(votes, _read_weights(block["weights"], stack))
    weights = np.zeros((len(stack.pages), len(stack.names)))
    for fold in np.unique(stack.held_out).tolist():
        inside = stack.held_out == fold
        fitted = _read_weights(block["by_fold"][str(fold)], stack)
        weights[inside] = weights_of_pages(votes.rows(inside), fitted)
    return weights


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


def _answers(votes: Tally, fitted: Floats) -> Integers:
    return votes.count(weights_of_pages(votes, fitted))[1]


def _write_weights(fitted: Floats, stack: MemberStack) -> Record:
    """By model; of routes, by column and model."""
    if fitted.ndim == 1:
        return dict(zip(stack.names, fitted.tolist(), strict=True))
    return {column: _write_weights(row, stack) for column, row in zip(stack.columns, fitted, strict=True)}


def _read_weights(written: Mapping[str, Any], stack: MemberStack) -> Floats:
    if set(written) == set(stack.names):
        return np.array([written[name] for name in stack.names], dtype=np.float64)
    return np.stack([_read_weights(written[column], stack) for column in stack.columns])
