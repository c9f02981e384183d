"""How the members' predictions become one answer a page, and which answers a person should look at."""

from typing import Literal

from pydantic import Field, field_validator

from docsort.parameters import Parameters


class EnsemblingParameters(Parameters):
    """The vote, and the threshold of the review list."""

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
        default=0.95, gt=0, le=1, description="share of right answers wanted among the pages that need no review"
    )

    embedded_pages: int = Field(
        default=2000,
        ge=0,
        description="validation pages that each fold's model embeds at most, of those it learnt and of those it holds "
        "out, to judge how odd test pages are and to draw them; 0: none, and no page is odd",
    )
    oddity_neighbours: int = Field(
        default=5, ge=1, description="a page is as far as its so-manieth nearest learnt page"
    )

    @field_validator("turns")
    @classmethod
    def _check_turns(cls, turns: tuple[int, ...]) -> tuple[int, ...]:
        if not turns or len(set(turns)) != len(turns) or not set(turns) <= set(range(8)):
            raise ValueError(f"Expected `turns` to be different numbers from 0 to 7, at least one, but got {turns}.")
        return turns
