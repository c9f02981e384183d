"""How the members' predictions become one answer per page, and which answers a person should look at."""

from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, field_validator, model_validator

from docsort.members.views import LARGEST_SCALE, ViewPolicy, all_views
from docsort.parameters import Parameters, PathText

VoteKind = Literal["soft", "geometric", "rank", "hard", "soft_soft", "soft_hard", "hard_hard"]

OPEN_TO_EXTERNAL_ANSWERS = ("hard", "soft_hard", "hard_hard")
"""Kinds of vote that an answer without probabilities can join."""


class EnsemblingParameters(Parameters):
    """The vote, how its confidences are calibrated, and the threshold of the review list."""

    vote: VoteKind = Field(
        default="soft",
        description="soft: mean probability; geometric: normalised mean of logarithms; rank: Borda counts; hard: most "
        "first guesses, ties by mean probability; of two levels, over a model's folds and over models, soft_soft, "
        "soft_hard, hard_hard",
    )
    weights: Literal["equal", "stacked", "selected", "routed", "logistic"] | dict[str, NonNegativeFloat] = Field(
        default="stacked",
        description="how much each model counts. stacked: by the log score of the mean, out of fold; selected: greedy; "
        "routed: each class by its best model; logistic: logistic regression on log-probabilities; these three only "
        "where they earn it, else stacked; equal; or a weight by name, of models and external answers",
    )
    selection_rounds: int = Field(default=20, ge=1, description="models taken, with replacement, by the selection")
    external_answers: dict[str, PathText] = Field(
        default={},
        description="answer sheets of earlier work that join a hard vote: a name, and a CSV ID,target",
    )
    confidence: float = Field(
        default=0.95,
        gt=0.5,
        lt=1,
        description="level of the intervals that weights are judged and candidates compared by",
    )
    draws: int = Field(default=1000, ge=100, description="bootstrap draws of source groups")
    turns: tuple[int, ...] = Field(
        default=tuple(range(8)), description="dihedral turns that validation pages are predicted in, 0 to 7, see images"
    )
    scales: tuple[int, ...] = Field(default=(100,), description="and at which sizes, percent of the model's own")
    views: str = Field(
        default="auto",
        description="which of these views answer a page: auto, the cheapest whose score out of fold is within "
        "view_tolerance of the best; or a name in the table view_curve",
    )
    view_tolerance: float = Field(default=0.001, ge=0, description="macro-F1 that fewer views may cost")
    review_threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="confidence below which a page needs review; null: chosen for review_precision",
    )
    review_precision: float = Field(
        default=0.95, gt=0, lt=1, description="share of right answers wanted among the pages that need no review"
    )
    review_certainty: float = Field(
        default=0.9, gt=0.5, lt=1, description="how surely the threshold must keep review_precision on other pages"
    )
    review_novelty: float = Field(
        default=0.995, ge=0, le=1, description="share of training pages that a page is more novel than, to need review"
    )
    calibration: Literal["none", "temperature", "vector"] = Field(
        default="temperature",
        description="temperature: one for all classes; vector: a scale and shift per class, where they earn it",
    )

    embedded_pages: int = Field(
        default=2000,
        ge=0,
        description="validation pages that each fold's model embeds at most, of those it learnt and of those it holds "
        "out, to judge how novel a page is and to draw them; 0: none, and no page is novel",
    )

    @field_validator("turns")
    @classmethod
    def _check_turns(cls, turns: tuple[int, ...]) -> tuple[int, ...]:
        if not turns or len(set(turns)) != len(turns) or not set(turns) <= set(range(8)):
            raise ValueError(f"Expected `turns` to be different numbers from 0 to 7, at least one, but got {turns}.")
        return turns

    @field_validator("scales")
    @classmethod
    def _check_scales(cls, scales: tuple[int, ...]) -> tuple[int, ...]:
        if not scales or len(set(scales)) != len(scales) or not all(0 < scale <= LARGEST_SCALE for scale in scales):
            raise ValueError(
                f"Expected `scales` to be different percentages from 1 to {LARGEST_SCALE}, but got {scales}."
            )
        return scales

    def all_views(self) -> ViewPolicy:
        """What validation pages are predicted in."""
        return all_views(self.turns, self.scales)

    @model_validator(mode="after")
    def _check_external_answers(self) -> Self:
        if self.external_answers and self.vote not in OPEN_TO_EXTERNAL_ANSWERS:
            raise ValueError(
                f"Expected `vote` to be one of {', '.join(OPEN_TO_EXTERNAL_ANSWERS)} where `external_answers` join it, "
                f"but got {self.vote}; an answer sheet has no probabilities."
            )
        if self.external_answers and self.weights == "logistic":
            raise ValueError(
                "Expected `weights` to be another than logistic where `external_answers` join the vote, for the "
                "logistic stacker adds up logarithms and no ballots; take stacked."
            )
        return self
