"""Parameters of the report on label issues."""

from pydantic import Field

from docsort.parameters import Parameters


class LabelReviewParameters(Parameters):
    """The static report; the page for judging shows every suspect."""

    cards: int = Field(100, ge=1, le=2000, description="suspects shown with their photos, the most suspicious first")
    neighbours: int = Field(3, ge=0, le=10, description="neighbours shown of either class")
    side: int = Field(360, ge=64, le=2000, description="longer side of a suspect's photo, pixels")
