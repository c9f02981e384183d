"""What the cleaning stage takes for near-duplicates and for odd images, and how it looks for wrong labels."""

from pydantic import Field

from docsort.parameters import Parameters


class DuplicateParameters(Parameters):
    """When two images are held for copies of one photo; figures in `docsort.cleaning.likeness`."""

    hash_distance: int = Field(16, ge=0, le=24, description="pairs further apart are not looked at, in bits of 64")
    agreement: float = Field(0.75, gt=0, le=1, description="least agreement of the aligned pages, 1 being the same")
    largest_group: float = Field(0.05, gt=0, le=1, description="a group above this share of the images is warned about")


class SuspectParameters(Parameters):
    """How labels that look wrong are looked for."""

    first_look: bool = Field(True, description="judge every label from simple features, without any training")
    neighbours: int = Field(4, ge=1, le=50, description="pages shown for each suspect and class")


class OddityParameters(Parameters):
    """Which readable images are odd."""

    blank_contrast: float = Field(6.0, ge=0, le=128, description="less is blank, standard deviation in grey levels")
    tiny_side: int = Field(100, ge=1, description="a shorter side below this is tiny, pixels")
    longest_shape: float = Field(3.0, gt=1, description="a longer over shorter side above this is odd")
    outlier_distance: float = Field(6.0, gt=0, description="from the median of the split, robust standard deviations")


class CleaningParameters(Parameters):
    """All of the cleaning stage."""

    duplicates: DuplicateParameters = DuplicateParameters()
    suspects: SuspectParameters = SuspectParameters()
    oddities: OddityParameters = OddityParameters()
