"""Weights by stacking: how much each model counts follows from how probable it made the labels of held-out pages.

`stacked`: stacking of predictive distributions (Yao, Vehtari, Simpson & Gelman, "Using stacking to average Bayesian
predictive distributions", Bayesian Analysis 2018): the weights whose weighted mean has the best mean log score out of
fold. Members are calibrated first, each by one temperature, so that how sure a member is does not decide. The mean of
calibrated members is underconfident whatever the weights (Gneiting & Ranjan, "Combining predictive distributions",
Electronic Journal of Statistics 2013), which alone would draw the weights to the one best member; so the mean is scored
after a temperature of its own. Weights are drawn to equal ones as if by a few pages more.

`logistic`: logistic regression on the members' log-probabilities (stacked generalization; Wolpert, Neural Networks
1992; Ting & Witten, "Issues in stacked generalization", JAIR 1999) with one coefficient per member and a shift per
class, drawn to the plain mean of logarithms. It is a geometric vote with these weights and shifts.

A label may be wrong: a page counts as if its label were drawn anew from all classes with a small probability, so that
no page alone can rule. The renders of a source group together count as one page.

Legend of shapes: P pages, M models, C classes.
"""

from collections.abc import Callable

import numpy as np

from docsort.ensembling.combination import Floats, Integers
from docsort.ensembling.parameters import VoteKind
from docsort.ensembling.reliability import safe_log, soften
from docsort.ensembling.stack import MemberStack
from docsort.ensembling.temperature import fit_temperature
from docsort.ensembling.weighing import Weighing, equal_weights

PRIOR_GROUPS = 2.0
"""Source groups per model that speak for equal weights: a Dirichlet prior. Of 0.5 to 20, 0.5 to 2 did best on drawn
members of 100 groups (docs/experiments.md)."""

PENALTY = 10.0
"""Of the squared distance of the stacker's coefficients from their mean, and of its shifts from none, beside the sum of
the groups' losses in nats."""

WRONG = 0.02
"""Probability that a label is as good as drawn anew."""

LOG_TEMPERATURES = (-2.5, 2.5)
LOG_WEIGHTS = (-7.0, 7.0)


def fit_stacked(stack: MemberStack, truth: Integers, kind: VoteKind) -> Weighing:
    """Temperatures and weights for a vote of this kind; of a geometric vote the geometric mean is what is scored, else
    the mean. truth: (P,) columns of the labels. A single model counts as it is."""
    from scipy.optimize import minimize

    models = len(stack.names)
    if models == 1:
        return Weighing(kind, equal_weights(1))
    temperatures = fit_temperatures(stack, truth)
    members = stack.tempered(temperatures).by_model().probabilities
    logs, worth = safe_log(members), _worth(stack)

    def loss(free: Floats) -> float:
        weights = soften(np.append(0.0, free[:-1]))
        means = np.tensordot(logs, weights, (1, 0)) if kind == "geometric" else safe_log(_mean(members, weights))
        scores = _log_scores(soften(means / np.exp(free[-1])), truth)
        return -float(worth @ scores + PRIOR_GROUPS * np.log(weights).sum()) / float(worth.sum())

    bounds = [LOG_WEIGHTS] * (models - 1) + [LOG_TEMPERATURES]
    found = minimize(loss, np.zeros(models), method="L-BFGS-B", bounds=bounds)
    return Weighing(kind, soften(np.append(0.0, found.x[:-1])), temperatures)


def fit_logistic(stack: MemberStack, truth: Integers) -> Weighing:
    """A geometric vote: temperatures, weights and shifts. truth: (P,) columns of the labels."""
    from scipy.optimize import minimize

    models, classes = len(stack.names), len(stack.columns)
    temperatures = fit_temperatures(stack, truth)
    logs = safe_log(stack.tempered(temperatures).by_model().probabilities)
    start = np.concatenate([np.full(models, 1 / models), np.zeros(classes)])
    bounds = [(0.0, None)] * models + [(None, None)] * classes
    found = minimize(_logistic_loss(logs, truth, _worth(stack)), start, jac=True, method="L-BFGS-B", bounds=bounds)
    strength, shift = found.x[:models], found.x[models:]
    total = strength.sum()
    if not total > 0:  # no member says anything about any label
        return Weighing("geometric", equal_weights(models), temperatures, np.zeros(classes))
    return Weighing("geometric", strength / total, temperatures, shift / total)


def fit_temperatures(stack: MemberStack, truth: Integers) -> Floats:
    """(M,) each model's own (`temperature.fit_temperature`)."""
    members = stack.by_model().probabilities
    own = np.eye(members.shape[-1])[truth]
    return np.array([fit_temperature(members[:, model], own) for model in range(members.shape[1])])


def _logistic_loss(logs: Floats, truth: Integers, worth: Floats) -> Callable[[Floats], tuple[float, Floats]]:
    """The penalised loss of coefficients (M,) and shifts (C,) one after the other, and its slope."""
    models, pages, own = logs.shape[1], np.arange(len(truth)), np.eye(logs.shape[2])[truth]

    def loss(free: Floats) -> tuple[float, Floats]:
        strength, shift = free[:models], free[models:]
        after = soften(np.tensordot(logs, strength, (1, 0)) + shift)
        scores = _log_scores(after, truth)
        # How much of a page's probability comes from its label and not from a wrong one.
        trust = (1 - WRONG) * after[pages, truth] / np.exp(scores)
        error = (trust * worth)[:, None] * (after - own)
        away = strength - strength.mean()
        value = PENALTY * float(away @ away + shift @ shift) - float(worth @ scores)
        slope = [np.einsum("pmc,pc->m", logs, error) + 2 * PENALTY * away, error.sum(axis=0) + 2 * PENALTY * shift]
        return value / float(worth.sum()), np.concatenate(slope) / float(worth.sum())

    return loss


def _log_scores(probabilities: Floats, truth: Integers) -> Floats:
    """(P,) in nats, of labels that may be wrong."""
    given = probabilities[np.arange(len(truth)), truth]
    return np.asarray(np.log((1 - WRONG) * given + WRONG / probabilities.shape[1]))


def _mean(members: Floats, weights: Floats) -> Floats:
    """(P, C) of (P, M, C)."""
    return np.asarray(np.tensordot(members, weights, (1, 0)))


def _worth(stack: MemberStack) -> Floats:
    """(P,) what each page counts: those of a source group one together."""
    groups = stack.pages["group"].astype(str)
    return np.asarray(1 / groups.map(groups.value_counts()), dtype=np.float64)
