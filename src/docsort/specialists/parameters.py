"""Which classes get a specialist, how it is trained, where it may be asked, and how sure the judge must be."""

from typing import Any, Literal

from pydantic import Field, model_validator

from docsort.parameters import Parameters

Routing = Literal["soft", "hard"]
Trigger = Literal["top1", "mass", "margin", "entropy"]

FOUND = "found"
"""What the names of found groups begin with, and the name that a recipe for all of them goes by."""

CERTIFICATES: tuple[str | int, ...] = (
    "confirmation_of_admission_and_discharge",
    "diagnosis",
    "medical_outpatient_certificate",
    "statement_of_opinion",
)
"""The four that share one form. By name, not number: on other data 3, 4, 7, 14 would be four classes by accident."""


class SpecialistParameters(Parameters):
    """The groups of confusable classes, given or found, and the gate that a specialist must pass to be accepted."""

    groups: dict[str, tuple[str | int, ...]] = Field(
        default={"certificates": CERTIFICATES},
        description="group name: classes by name or number; none: turned off; those of other data are skipped",
    )
    find: bool = Field(default=False, description="propose more groups, from what the general models confuse")
    find_confusion_ratio: float = Field(
        default=2.5, gt=1, description="how many times the usual rate the classes of a found group are confused at"
    )
    find_gain: float = Field(
        default=0.01, ge=0, le=1, description="macro-F1 that a faultless specialist of a found group would gain, least"
    )
    find_most: int = Field(default=3, ge=1, description="found groups at most, those with most to gain")
    recipes: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description=f"group name, or `{FOUND}` for all found ones: what is other than in the recipe of the main model",
    )
    start: Literal["recipe", "main"] = Field(
        default="recipe",
        description="what specialists begin with: the weights of their recipe, or those of their fold's main model",
    )
    early_stop: bool = Field(
        default=True,
        description="train a group's specialist on two folds first, on the others only where it may help there; see "
        "specialists.trial",
    )
    routings: tuple[Routing, ...] = Field(
        default=("soft", "hard"),
        min_length=1,
        description="soft: the specialist shares out the group's probability; hard: its answer replaces the whole one",
    )
    triggers: tuple[Trigger, ...] = Field(
        default=("top1", "mass", "margin", "entropy"),
        min_length=1,
        description="when it is asked: first guess in the group; and, or, unsure of which class of the group",
    )
    confidence: float = Field(
        default=0.95, gt=0.5, lt=1, description="of all groups together: the gain's interval must lie above zero"
    )
    draws: int = Field(default=1000, ge=100, description="bootstrap draws of source groups")

    @model_validator(mode="after")
    def _check_names(self) -> "SpecialistParameters":
        taken = sorted(name for name in self.groups if name.startswith(FOUND))
        strangers = sorted(set(self.recipes) - {*self.groups, FOUND})
        if taken:
            raise ValueError(f"Expected names of groups that do not begin with {FOUND}, but got {', '.join(taken)}.")
        if strangers:
            raise ValueError(
                f"Expected `recipes` to be of groups that are given, or `{FOUND}`, but {', '.join(strangers)} is "
                "neither; correct its name."
            )
        if FOUND in self.recipes and not self.find:
            raise ValueError(f"Expected no recipe `{FOUND}` while `find` is false; set it to true or drop the recipe.")
        return self

    def changes(self, group_name: str) -> dict[str, Any]:
        """What the recipe of one group's specialist has other than the main model's."""
        return self.recipes.get(FOUND if group_name.startswith(FOUND) else group_name, {})
