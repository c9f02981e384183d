"""Parameters of the cleaning stage: near-duplicates and label issues."""

from pydantic import Field

from docsort.parameters import Parameters


class DuplicateParameters(Parameters):
    """When two images are held for copies of one photo; figures in `docsort.cleaning.alignment`."""

    hash_distance: int = Field(16, ge=0, le=24, description="pairs further apart are not looked at, in bits of 64")
    agreement: float = Field(0.75, gt=0, le=1, description="least agreement of the aligned pages, 1 being the same")


class SuspectParameters(Parameters):
    """How labels that look wrong are looked for."""

    baseline: bool = Field(True, description="judge every label by discriminant analysis on simple features")
    neighbours: int = Field(4, ge=1, le=50, description="pages shown for each suspect and class")


class CleaningParameters(Parameters):
    """All of the cleaning stage."""

    duplicates: DuplicateParameters = DuplicateParameters()
    suspects: SuspectParameters = SuspectParameters()
