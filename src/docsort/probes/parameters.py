"""How the members of this room are made."""

from typing import Literal, Self

from pydantic import Field, model_validator

from docsort.members.member import MemberParameters
from docsort.models.origin import BackboneParameters

PROBE, SLIM_RESIDUAL, GREY = "probe", "slim_residual", "grey"
"""The kinds' names."""


class LearntPages(MemberParameters):
    """What is learnt of a fold, and how much each class counts."""

    copies: int = Field(default=5, ge=0, description="augmented renders of each source that are learnt")
    damaged: bool = Field(
        default=True, description="whether the test-like pages of the folds that are learnt are learnt too"
    )
    class_weights: Literal["none", "balanced"] = Field(
        default="none", description="balanced: pages weigh by one over how many their class has"
    )


class FrozenBackbone(LearntPages, BackboneParameters):
    """A network that stays as it is, and so must have learnt before."""

    @model_validator(mode="after")
    def _check_pretrained(self) -> Self:
        if self.pretrained is False:
            raise ValueError(
                f"Expected pretrained weights for a network that stays as it is, but {self.backbone} has none; set "
                "`pretrained` to true, to package or to a weights file."
            )
        return self


class ProbeParameters(FrozenBackbone):
    """A linear classifier on the features of a network that stays as it is."""

    kind: Literal["probe"] = "probe"


class SlimResidualParameters(FrozenBackbone):
    """One hidden layer beside a linear one, on the same features."""

    kind: Literal["slim_residual"] = "slim_residual"
    hidden: int = Field(default=64, ge=1, description="units of the hidden layer")
    drop_rate: float = Field(default=0.05, ge=0, lt=1, description="dropout after it")
    learning_rate: float = Field(default=0.03, gt=0, description="the highest")
    epochs: int = Field(default=8, ge=1, description="passes over the pages")


class GreyParameters(LearntPages):
    """A linear classifier on a few grey pixels: what can be told without reading anything."""

    kind: Literal["grey"] = "grey"
    image_size: int = Field(default=128, ge=16, le=2048, description="side of the renders that are read, pixels")
    pixels: int = Field(default=20, ge=2, le=64, description="side of the grey square that is left of them")

    @property
    def side(self) -> int:
        return self.image_size
