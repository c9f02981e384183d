"""How scores are reported."""

from pydantic import Field

from docsort.parameters import Parameters


class ReportingParameters(Parameters):
    """Intervals, and how much the galleries show."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="level of the intervals")
    draws: int = Field(default=1000, ge=100, description="bootstrap draws of source groups")
    gallery_pages: int = Field(
        default=40, ge=1, le=400, description="misclassified pages shown, the surest mistakes first"
    )
