"""What was chosen of how members become one answer: views, vote, weights, specialists' rules, calibration, threshold.

One object in place of tables that would have to travel together. Test pages and new pages are answered by what was
chosen on all folds; out of fold there is one such object per fold, the one that the other folds chose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.temperature import PLAIN, Calibration, calibrate_votes
from docsort.ensembling.votes import VotePlan, cast_votes
from docsort.errors import InputError, LeakError, listing
from docsort.members.views import ViewPolicy, members_of, page_views
from docsort.specialists.routing import is_touched
from docsort.specialists.rules import rules_of_record
from docsort.tables import is_reviewed, probability_columns

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Decisions:
    """models: names of the general members; views: that a page is answered from; plan: how members' probabilities add
    up; calibration: of the result; threshold: confidence below which a person should look."""

    models: tuple[str, ...]
    views: ViewPolicy
    plan: VotePlan
    calibration: Calibration = PLAIN
    threshold: float = 0.0

    def vote_on(self, predictions: pd.DataFrame, external: pd.DataFrame | None = None) -> pd.DataFrame:
        """VOTES, calibrated, of a table of predictions of general members and specialists, in all views asked for.

        external: EXTERNAL_ANSWERS, which join a hard vote on test pages.
        """
        return self.vote(*self.members(predictions), external)

    def vote(self, general: pd.DataFrame, special: pd.DataFrame, external: pd.DataFrame | None = None) -> pd.DataFrame:
        """VOTES, calibrated, of what `members` returned, or of some of it."""
        votes = cast_votes(general, self.plan, special, external)
        return votes if votes.empty or self.calibration == PLAIN else calibrate_votes(votes, self.calibration)

    def late_pages(self, predictions: pd.DataFrame) -> dict[str, set[str]]:
        """For each late member the render ids of the pages that it has to be asked about, by what the general members
        predict of them, complete in all views asked for."""
        mixes = [rule for rule in self.plan.rules if rule.routing == "mix"]
        general = predictions[predictions["model"].isin(self.models)]
        if not mixes or general.empty:
            return {rule.group.name: set() for rule in mixes}
        counts = page_views(general, self.views)
        votes = cast_votes(members_of(general, self.views, counts=counts), replace(self.plan, rules=()))
        return {rule.group.name: set(votes.loc[is_touched(votes, rule), "render_id"].astype(str)) for rule in mixes}

    def members(self, predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Tables of members, views averaged: of the general ones, and of the specialists that were accepted."""
        asked = (self.models, [rule.group.name for rule in self.plan.rules])
        general, special = (predictions[predictions["model"].isin(names)] for names in asked)
        counts = page_views(general, self.views)
        return members_of(general, self.views, counts=counts), members_of(special, self.views, counts=counts)


@dataclass(frozen=True)
class ChosenDecisions:
    """everyone: what all folds chose; by_fold: for each fold what all the others did."""

    everyone: Decisions
    by_fold: dict[int, Decisions]

    def to_record(self) -> dict[str, Any]:
        """JSON-able."""
        record: dict[str, Any] = _CHOSEN.dump_python(self, mode="json")
        return record

    @classmethod
    def from_record(cls, record: Record) -> "ChosenDecisions":
        """What `to_record` made, also after a JSON."""
        return _CHOSEN.validate_python(dict(record))


_CHOSEN: TypeAdapter[ChosenDecisions] = TypeAdapter(ChosenDecisions)


def choose_decisions(
    view_policy: Record,
    selection: Record,
    rules: Record,
    parameters: EnsemblingParameters,
    without_fold: int | None = None,
) -> Decisions:
    """What all folds chose, or, with `without_fold`, what all the others did; not calibrated.

    view_policy, selection, rules: the records of `view_choice.choose_views`, `selection.select_ensemble` and
    `specialists.verdict.judge`.
    """
    fold = None if without_fold is None else str(without_fold)
    policy = view_policy["policy"] if fold is None else view_policy["by_fold"][fold]
    chosen = rules["all"] if fold is None else rules["by_fold"].get(fold, [])
    plan = replace(plan_of(selection, parameters, fold), rules=tuple(rules_of_record(chosen)))
    return Decisions(tuple(selection["models"]), ViewPolicy.model_validate(policy), plan)


def decisions_by_fold(
    folds: pd.DataFrame, view_policy: Record, selection: Record, rules: Record, parameters: EnsemblingParameters
) -> dict[int, Decisions]:
    """For each fold of the table `folds` what all other folds chose."""
    numbers = sorted({int(fold) for fold in folds["fold"]})
    return {fold: choose_decisions(view_policy, selection, rules, parameters, fold) for fold in numbers}


def vote_fold_by_fold(predictions: pd.DataFrame, decisions: Decisions) -> pd.DataFrame:
    """VOTES and `fold` of test pages: what the members of each fold would answer by themselves, no external answers, in
    the views that all of them were asked in."""
    general, special = decisions.members(predictions)
    votes = [decisions.vote(general.head(0), special.head(0)).assign(fold=0)]
    for fold, own in general.groupby("fold"):
        votes.append(decisions.vote(own, special[special["fold"] == fold]).assign(fold=fold))
    return pd.concat(votes[1:] or votes, ignore_index=True)


def vote_out_of_fold(predictions: pd.DataFrame, folds: pd.DataFrame, by_fold: Mapping[int, Decisions]) -> pd.DataFrame:
    """VOTES of the validation pages, with the column `fold` that held each page out; every fold's pages are answered
    by what the other folds chose.

    predictions: out of fold, of general members and specialists. Raises LeakError where a prediction comes from another
    fold's member, InputError where a source has none.
    """
    check_out_of_fold(predictions, folds)
    parts = [
        by_fold[int(str(fold))].vote_on(own).assign(fold=fold) for fold, own in predictions.groupby("fold", sort=True)
    ]
    votes = pd.concat(parts, ignore_index=True).sort_values(["condition", "render_id"], kind="stable")
    return votes.reset_index(drop=True)


def check_out_of_fold(predictions: pd.DataFrame, folds: pd.DataFrame) -> None:
    """Every prediction must come from the fold that held its source out, and every source that judges have one."""
    held_out = dict(zip(folds["image_id"].astype(str), folds["fold"].astype(int), strict=True))
    pages = predictions[["image_id", "fold"]].drop_duplicates()
    expected = pages["image_id"].astype(str).map(held_out)
    leaks = pages.loc[expected != pages["fold"], "image_id"]
    if len(leaks):
        raise LeakError(
            f"Expected every validation page to be predicted by the member that held it out, but {len(leaks)} are "
            f"not: {listing(leaks)}; these predictions belong to other folds: run the training pipeline again."
        )
    judging = folds.loc[~is_reviewed(folds), "image_id"].astype(str)
    missing = sorted(set(judging) - set(pages["image_id"].astype(str)))
    if missing:
        raise InputError(
            f"Expected out-of-fold predictions of every source in `folds`, but {len(missing)} have none: "
            f"{listing(missing)}; run the training pipeline again."
        )


def join_members(general: pd.DataFrame, special: pd.DataFrame) -> pd.DataFrame:
    """Predictions of general members and of specialists below each other; a class that one does not know has
    probability 0."""
    if special.empty:
        return general
    joined = pd.concat([general, special], ignore_index=True)
    return joined.fillna(dict.fromkeys(probability_columns(joined), 0.0))


def plans_by_fold(
    oof_members: pd.DataFrame, selection: Record, parameters: EnsemblingParameters
) -> dict[int, VotePlan]:
    """For each fold of a table of members the vote that all other folds chose, without specialists."""
    folds = sorted({int(fold) for fold in oof_members["fold"]})
    return {fold: plan_of(selection, parameters, str(fold)) for fold in folds}


def plan_of(selection: Record, parameters: EnsemblingParameters, fold: str | None) -> VotePlan:
    """The vote without rules, as all folds chose it or, with `fold`, all the others; weights of external answers are
    shares of an average ballot."""
    if isinstance(parameters.weights, dict):
        weights, external = given_weights(selection["models"], parameters)
        return VotePlan(parameters.vote, weights, external=external)
    if selection["used"] == "equal":
        return VotePlan(parameters.vote)
    block = selection[selection["used"]]
    return VotePlan(**(block["plan"] if fold is None else block["by_fold"][fold]))


def given_weights(names: Sequence[str], parameters: EnsemblingParameters) -> tuple[dict[str, float], dict[str, float]]:
    """The members' weights of the parameters, and those of external answers, 1 being what an average member has.

    Raises InputError for members without a weight, for unknown names, and where all are zero.
    """
    given = parameters.weights if isinstance(parameters.weights, dict) else {}
    unknown = sorted(set(given) - set(names) - set(parameters.external_answers))
    missing = sorted(set(names) - set(given))
    own = {name: given.get(name, 0.0) for name in names}
    if unknown or missing or not sum(own.values()) > 0:
        raise InputError(
            f"Expected `ensembling.weights` to have a weight for each of the models {listing(names)}, not all zero, "
            f"but {listing(missing) or 'none'} are missing and {listing(unknown) or 'none'} are unknown; correct it."
        )
    average = sum(own.values()) / len(own)
    return own, {name: given[name] / average for name in parameters.external_answers if name in given}
