"""How much each model counts: what holds before anything is proved, and what has to earn its place over it.

Before anything is proved, models count by `stacked` weights (`stacking`): a temperature a model and one number less
than there are models, fitted by a proper score and drawn to equal weights. Three ways may ask for more:

- `selected`: greedy selection with replacement (Caruana, Niculescu-Mizil, Crew & Ksikes, "Ensemble selection from
  libraries of models", ICML 2004): the model is added again and again that brings the vote's macro-F1 on out-of-fold
  test-like pages highest, the smaller log loss deciding among equals; how often a model was taken is its weight. All
  are taken once to begin with: among many models of a kind, luck alone then moves the weights less.
- `routed`: looks at the first guess of the vote with equal weights, and leaves the page to the model that answers pages
  of that guess best, or to all of them where no model alone does better.
- `logistic`: logistic regression on the log-probabilities (`stacking`).

All count the calibrated members, and all fit the pages that they are chosen on. So what is reported is nested: each
fold's pages are answered with what was chosen on the other folds. The three are used only where the whole interval of
that gain over stacked weights lies above zero. On test images what was chosen on all folds answers; out of fold, the
nested.

Legend of shapes: P pages, M models, C classes.
"""

from typing import Any

import numpy as np
import pandas as pd

from docsort.ensembling.combination import Floats, Integers, Tally
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.stack import MemberStack, stack_members
from docsort.ensembling.stacking import fit_logistic, fit_stacked, fit_temperatures
from docsort.ensembling.weighing import Weighing, equal_weights, weights_of_pages
from docsort.gates import CrossFit, cross_fit, macro_f1_gain
from docsort.metrics import macro_f1
from docsort.seeding import derive_seed
from docsort.tables import judged, targets_of

START = "stacked"
"""The way that holds before anything is proved."""

GATED = ("selected", "routed", "logistic")
"""Ways that have to earn their place."""

WAYS = (START, *GATED)
Record = dict[str, Any]


def select_ensemble(members: pd.DataFrame, parameters: EnsemblingParameters, seed: int) -> Record:
    """The record `ensemble_selection`: `models`, `asked` and `used` (what the parameters want, what it came to), the
    `reason`, `equal` (macro-F1 of equal weights), and a block per way of WAYS.

    A block: `plan` (fields of a `votes.VotePlan`: kind, weights, temperatures, shift), `by_fold` the same chosen
    without that fold, `macro_f1` (nested), `fitted_gain` and `nested_gain` in macro-F1 over stacked weights, of these
    over equal ones; `low`, `high`, `accepted`, `reason`.

    members: out of fold, general models only (`views.members_of`); other conditions than test-like are not looked at.
    """
    stack = stack_members(judged(members, "out-of-fold predictions"))
    truth = np.searchsorted(targets_of(stack.columns), stack.pages["label"].to_numpy(np.int64))
    found = {way: _cross_fit(way, stack, truth, parameters) for way in WAYS}
    level = Weighing(parameters.vote, equal_weights(len(stack.names))).answers(stack)
    start = found[START].fitted.answers(stack), found[START].nested
    record: Record = {"models": list(stack.names), "equal": macro_f1(truth, level)}
    for way, own in found.items():
        before = (level, level) if way == START else start
        record[way] = _judge(way, own, stack, truth, before, parameters, seed)
    return {**record, **_decide(record, parameters)}


def choose_weighing(way: str, stack: MemberStack, truth: Integers, parameters: EnsemblingParameters) -> Weighing:
    """What this way of WAYS makes of these pages; truth: (P,) columns of the labels."""
    if way == START:
        return fit_stacked(stack, truth, parameters.vote)
    if way == "logistic":
        return fit_logistic(stack, truth)
    counted = Weighing(parameters.vote, equal_weights(len(stack.names)), fit_temperatures(stack, truth))
    votes = counted.tally(counted.calibrated(stack))
    chosen = choose_routes(votes, truth)
    if way == "selected":
        chosen = choose_weights(votes, truth, parameters.selection_rounds)
    return Weighing(parameters.vote, chosen, counted.temperatures)


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
    answers = [votes.count(weights_of_pages(votes, option))[1] for option in options]
    hits = [np.bincount(answers[0], (own == truth) * worth, minlength=classes) for own in answers]
    # Hits are sums of fractions: rounded, equals are equal, and the first of them, the vote itself, is taken.
    return np.asarray(options[np.round(hits, 9).argmax(axis=0)])


def _cross_fit(
    way: str, stack: MemberStack, truth: Integers, parameters: EnsemblingParameters
) -> CrossFit[Weighing, np.int64]:
    return cross_fit(
        np.asarray(stack.held_out),
        lambda rows: choose_weighing(way, stack.rows(rows), truth[rows], parameters),
        lambda chosen, rows: chosen.answers(stack.rows(rows)),
    )


def _judge(
    way: str,
    found: CrossFit[Weighing, np.int64],
    stack: MemberStack,
    truth: Integers,
    before: tuple[Integers, Integers],
    parameters: EnsemblingParameters,
    seed: int,
) -> Record:
    """A block. before: (P,) what is compared with, as fitted and nested."""
    own, groups = derive_seed(seed, "ensemble selection", way), stack.pages["group"]
    gain = macro_f1_gain(truth, before[1], found.nested, groups, parameters.draws, own, parameters.confidence)
    over = "equal weights" if way == START else "stacked weights"
    reason = gain.verdict(f"its nested gain over {over}")
    if way == START:
        reason = f"not gated: it holds before anything is proved; {gain.in_words(f'its nested gain over {over}')}"
    elif not (found.nested != before[1]).any():
        reason = "rejected: it would change no answer"
    return {
        "plan": found.fitted.written(stack),
        "by_fold": {str(fold): chosen.written(stack) for fold, chosen in found.by_fold.items()},
        "macro_f1": macro_f1(truth, found.nested),
        "fitted_gain": macro_f1(truth, found.fitted.answers(stack)) - macro_f1(truth, before[0]),
        "nested_gain": gain.delta,
        "low": gain.low,
        "high": gain.high,
        "accepted": way == START or gain.accepted,
        "reason": reason,
    }


def _decide(record: Record, parameters: EnsemblingParameters) -> dict[str, str]:
    """What the parameters ask for, and what is used after the gate, with the reason."""
    asked = parameters.weights if isinstance(parameters.weights, str) else "given"
    if asked not in WAYS:
        return {"asked": asked, "used": asked, "reason": f"the parameters ask for {asked} weights"}
    if len(record["models"]) == 1:
        return {"asked": asked, "used": "equal", "reason": "with one model there is nothing to weigh"}
    used = asked if record[asked]["accepted"] else START
    return {"asked": asked, "used": used, "reason": record[asked]["reason"]}


def _worth(votes: Tally, truth: Integers, weights: Floats) -> tuple[float, float]:
    """Macro-F1, and the log likelihood that decides among equals."""
    means, answers = votes.count(weights)
    likelihood = np.log(np.maximum(means[np.arange(len(truth)), truth], 1e-9)).mean()
    return macro_f1(truth, answers), float(likelihood)
