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
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.stack import MemberStack, stack_members
from docsort.gates import cross_fit, macro_f1_gain
from docsort.metrics import macro_f1
from docsort.seeding import derive_seed
from docsort.tables import judged, targets_of

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

    members: out of fold, general models only (`views.members_of`); other conditions than test-like are not looked at.
    """
    stack = stack_members(judged(members, "out-of-fold predictions"))
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
    found = cross_fit(
        np.asarray(stack.held_out),
        lambda rows: choose(votes.rows(rows), truth[rows]),
        lambda weights, rows: _answers(votes.rows(rows), weights),
    )
    own = derive_seed(seed, "ensemble selection", way)
    groups = stack.pages["group"]
    gain = macro_f1_gain(truth, level, found.nested, groups, parameters.draws, own, parameters.confidence)
    reason = gain.verdict("its nested gain over equal weights")
    if len(stack.names) == 1:
        reason = "rejected: with one model there is nothing to weigh"
    elif not (found.nested != level).any():
        reason = "rejected: it would change no answer"
    return {
        "weights": _write_weights(found.fitted, stack),
        "by_fold": {str(fold): _write_weights(weights, stack) for fold, weights in found.by_fold.items()},
        "fitted_gain": macro_f1(truth, _answers(votes, found.fitted)) - macro_f1(truth, level),
        "nested_gain": gain.delta,
        "low": gain.low,
        "high": gain.high,
        "accepted": gain.accepted,
        "reason": reason,
    }


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


def read_weights(written: Mapping[str, Any], stack: MemberStack) -> Floats:
    """(M,) of weights by model, (C, M) of routes, each row summing to one."""
    if set(written) == set(stack.names):
        values = np.array([written[name] for name in stack.names], dtype=np.float64)
        return np.asarray(values / values.sum())
    return np.stack([read_weights(written[column], stack) for column in stack.columns])
