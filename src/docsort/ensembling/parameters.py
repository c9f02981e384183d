"""How the members' predictions become one answer a page, and which answers a person should look at."""

from typing import Literal

from pydantic import Field, field_validator

from docsort.parameters import Parameters


class EnsemblingParameters(Parameters):
    """The vote, how its confidences are calibrated, and the threshold of the review list."""

    vote: Literal["soft", "hard"] = Field(
        default="soft", description="soft: mean probability; hard: most first guesses, ties by mean probability"
    )
    turns: tuple[int, ...] = Field(
        default=tuple(range(8)), description="dihedral views that are averaged, 0 to 7, see images"
    )
    review_threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="confidence below which a page needs review; null: chosen for review_precision",
    )
    review_precision: float = Field(
        default=0.99, gt=0, lt=1, description="share of right answers wanted among the pages that need no review"
    )
    review_certainty: float = Field(
        default=0.9, gt=0.5, lt=1, description="how surely the threshold must keep review_precision on other pages"
    )
    review_oddity: float = Field(
        default=0.995, ge=0, le=1, description="share of training pages that a page is odder than, to need review"
    )
    calibration: Literal["none", "temperature", "vector"] = Field(
        default="temperature",
        description="temperature: one for all classes; vector: a scale and shift a class, where they earn it",
    )

    @field_validator("turns")
    @classmethod
    def _check_turns(cls, turns: tuple[int, ...]) -> tuple[int, ...]:
        if not turns or len(set(turns)) != len(turns) or not set(turns) <= set(range(8)):
            raise ValueError(f"Expected `turns` to be different numbers from 0 to 7, at least one, but got {turns}.")
        return turns
