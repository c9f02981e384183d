"""What the cleaning stage takes for near-duplicates."""

from pydantic import Field

from docsort.parameters import Parameters


class DuplicateParameters(Parameters):
    """When two images are held for copies of one photo; figures in `docsort.cleaning.likeness`."""

    hash_distance: int = Field(16, ge=0, le=24, description="pairs further apart are not looked at, in bits of 64")
    agreement: float = Field(0.75, gt=0, le=1, description="least agreement of the aligned pages, 1 being the same")
    largest_group: float = Field(0.05, gt=0, le=1, description="a group above this share of the images is warned about")


class CleaningParameters(Parameters):
    """All of the cleaning stage."""

    duplicates: DuplicateParameters = DuplicateParameters()
