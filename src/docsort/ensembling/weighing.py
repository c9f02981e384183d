"""How much each model counts in a vote, as numbers: weights or routes, temperatures, and shifts per class.

Legend of shapes: P pages, M models in the order of their names, C classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from docsort.ensembling.combination import Floats, Integers, Tally, tally
from docsort.ensembling.parameters import VoteKind
from docsort.ensembling.stack import MemberStack
from docsort.errors import InputError, listing

Written = dict[str, Any]


@dataclass(frozen=True)
class Weighing:
    """kind: of the vote. weights: (M,) summing to one, or routes (C, M), by the column of a page's first guess.
    temperatures: (M,), that the members' probabilities are calibrated with before they vote; None: as they are.
    shift: (C,), added to the logarithms of a geometric mean; None: nothing.
    """

    kind: VoteKind
    weights: Floats
    temperatures: Floats | None = None
    shift: Floats | None = None

    def calibrated(self, stack: MemberStack) -> MemberStack:
        """The members as they are counted."""
        return stack if self.temperatures is None else stack.tempered(self.temperatures)

    def tally(self, calibrated: MemberStack) -> Tally:
        """The ballots of calibrated members."""
        return tally(calibrated, self.kind, self.shift)

    def answers(self, stack: MemberStack) -> Integers:
        """(P,) the winners' columns."""
        votes = self.tally(self.calibrated(stack))
        return votes.count(weights_of_pages(votes, self.weights))[1]

    def written(self, stack: MemberStack) -> Written:
        """JSON-able, the fields of a `votes.VotePlan`: temperatures by model, weights by model or by column and model,
        the shift by column."""
        by_model, by_column = (
            None if values is None else dict(zip(names, values.tolist(), strict=True))
            for names, values in ((stack.names, self.temperatures), (stack.columns, self.shift))
        )
        return {
            "kind": self.kind,
            "weights": _write_weights(self.weights, stack),
            "temperatures": by_model,
            "shift": by_column,
        }


def equal_weights(models: int) -> Floats:
    """(M,)"""
    return np.full(models, 1 / models)


def weights_of_pages(votes: Tally, fitted: Floats) -> Floats:
    """(M,) or (P, M): weights as they are, routes (C, M) by the first guess of the vote with equal weights."""
    if fitted.ndim == 1:
        return fitted
    return np.asarray(fitted[votes.count(equal_weights(fitted.shape[1]))[1]])


def read_weighing(
    kind: VoteKind,
    weights: Mapping[str, Any] | None,
    temperatures: Mapping[str, float] | None,
    shift: Mapping[str, float] | None,
    stack: MemberStack,
) -> Weighing:
    """What was `written`, for the members of `stack`; no weights are equal ones. Raises InputError for other models."""
    if weights is None:
        return Weighing(kind, equal_weights(len(stack.names)))
    known = next(iter(weights.values())) if is_routed(weights) else weights
    if set(known) != set(stack.names):
        raise InputError(
            f"Expected weights for the models {listing(stack.names)}, but they were chosen for "
            f"{listing(sorted(known))}; run the ensembling pipeline again."
        )
    warm, moved = (
        None if values is None else np.array([values[name] for name in names])
        for names, values in ((stack.names, temperatures), (stack.columns, shift))
    )
    return Weighing(kind, _read_weights(weights, stack), warm, moved)


def is_routed(weights: Mapping[str, Any] | None) -> bool:
    """Whether each class has weights of its own."""
    return weights is not None and all(isinstance(own, Mapping) for own in weights.values())


def _write_weights(fitted: Floats, stack: MemberStack) -> Written:
    """By model; of routes, by column and model."""
    if fitted.ndim == 1:
        return dict(zip(stack.names, fitted.tolist(), strict=True))
    return {column: _write_weights(row, stack) for column, row in zip(stack.columns, fitted, strict=True)}


def _read_weights(written: Mapping[str, Any], stack: MemberStack) -> Floats:
    """(M,) of weights by model, (C, M) of routes, each row summing to one."""
    if not is_routed(written):
        values = np.array([written[name] for name in stack.names], dtype=np.float64)
        return np.asarray(values / values.sum())
    return np.stack([_read_weights(written[column], stack) for column in stack.columns])
