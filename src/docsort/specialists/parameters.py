"""Which classes get a specialist, and how sure the judge must be."""

from pydantic import Field

from docsort.parameters import Parameters

CERTIFICATES: tuple[str | int, ...] = (
    "confirmation_of_admission_and_discharge",
    "diagnosis",
    "medical_outpatient_certificate",
    "statement_of_opinion",
)
"""The four that share one form. By name, not number: on other data 3, 4, 7, 14 would be four classes by accident."""


class SpecialistParameters(Parameters):
    """The groups of confusable classes and the gate that a specialist must pass to be heard."""

    groups: dict[str, tuple[str | int, ...]] = Field(
        default={"certificates": CERTIFICATES},
        description="group name: classes by name or number; a group whose classes the data does not have is skipped",
    )
    confidence: float = Field(
        default=0.95, gt=0.5, lt=1, description="the gain's interval at this level must lie above zero"
    )
    draws: int = Field(default=1000, ge=100, description="bootstrap draws of source groups")
