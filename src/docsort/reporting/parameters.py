"""Parameters of reporting: intervals, sizes of the galleries."""

from pydantic import Field

from docsort.parameters import Parameters


class ReportingParameters(Parameters):
    """Intervals, and how much the galleries show."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="level of the intervals")
    draws: int = Field(default=1000, ge=100, description="bootstrap draws of source groups")
    gallery_pages: int = Field(
        default=40, ge=1, le=400, description="misclassified pages shown, the surest mistakes first"
    )
    class_pages: int = Field(default=4, ge=0, le=50, description="training photos shown of each class; 0: none")
    explained_pages: int = Field(
        default=18, ge=0, le=100, description="mistakes, and right answers, shown with Grad-CAM; 0: none"
    )
    projected_pages: int = Field(
        default=1500, ge=0, le=10_000, description="held-out pages on the plane of embeddings; 0: none"
    )
    confused_pairs: int = Field(
        default=12, ge=0, le=100, description="most confused pairs of classes shown by a page and its nearest; 0: none"
    )
    read_pages: int = Field(
        default=12, ge=0, le=200, description="pages shown with what was read of them, where text is kept; 0: none"
    )
    novel_pages: int = Field(default=18, ge=0, le=200, description="most novel test pages shown; 0: none")
