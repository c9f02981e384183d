"""What the offline renderer is told: how many copies, by which recipe, and how the test-like pages are damaged."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from docsort.augmentation.operations import OPERATIONS
from docsort.parameters import Parameters

Share = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Range = tuple[float, float]


class Step(Parameters):
    """One step of a recipe: exactly one of `operation`, `one_of` and `include`."""

    operation: str | None = None  # a name of operations.OPERATIONS
    ranges: dict[str, Range] = Field(default_factory=dict)  # of the numbers it draws; else operations.Span.usual
    one_of: tuple["Step", ...] = ()  # one of these is done, chosen with weights in proportion to their p
    include: str | None = None  # another recipe, done in full
    p: Share = 1.0  # probability that the step is done at all

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [name for name in ("operation", "one_of", "include") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(
                "Expected a recipe step to have exactly one of operation, one_of and include, but got "
                f"{given or 'none'}."
            )
        if self.one_of and sum(step.p for step in self.one_of) <= 0:
            raise ValueError("Expected at least one step of one_of to have p above 0, but all are 0.")
        if self.ranges and self.operation is None:
            raise ValueError("Expected ranges only beside operation; give them to the steps inside.")
        if self.operation is not None:
            _check_ranges(self.operation, self.ranges)
        return self


Recipe = tuple[Step, ...]


class DamageParameters(Parameters):
    """The damage of the test images, in physical terms; lengths are px of a page whose longer side is 512.

    Shares are of the renders, independent of each other; ranges are drawn from uniformly. The defaults are what people
    saw in the real test images: turned anywhere on white, about 70 % mirrored or flipped, half or more blurred or
    noisy, paler, some shining through, few pasted, some without their heading.
    """

    uniform_rotation_share: Share = 0.5  # turned by any angle
    quarter_rotation_share: Share = 0.35  # turned by 90, 180 or 270 degrees, give or take rotation_sd
    rotation_sd: float = Field(default=5.0, ge=0, le=45)  # degrees, around the quarter-turns and around upright
    mirror_share: Share = 0.45  # left to right
    flip_share: Share = 0.45  # upside down
    blur_share: Share = 0.35
    blur_sigma: Range = (0.6, 2.2)  # px
    noise_share: Share = 0.35
    noise_sd: Range = (6.0, 30.0)  # grey levels of 255
    fade_share: Share = 0.45
    fade_amount: Range = (0.05, 0.3)  # share of the way to white
    darken_share: Share = 0.1
    darken_amount: Range = (0.03, 0.2)  # share of the way to black
    drain_share: Share = 0.4
    drain_saturation: Range = (0.2, 0.8)  # factor on saturation
    grey_share: Share = 0.12
    crop_share: Share = 0.12
    crop_amount: Range = (0.05, 0.22)  # share of a side's length that goes, half of the time at the top
    mix_share: Share = 0.2
    mix_weight: Range = (0.12, 0.4)  # weight of the other page
    paste_share: Share = 0.05
    paste_size: Range = (0.15, 0.4)  # side of the piece, share of the page's
    stretch_share: Share = 0.3
    stretch_ratio: Range = (0.88, 1.14)  # factor on width over height
    warp_share: Share = 0.1
    warp_amount: Range = (0.004, 0.014)  # sd of the smooth shift, share of the longer side

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.uniform_rotation_share + self.quarter_rotation_share > 1:
            raise ValueError(
                "Expected uniform_rotation_share + quarter_rotation_share to be at most 1, but got "
                f"{self.uniform_rotation_share} + {self.quarter_rotation_share}; what is left over stays near upright."
            )
        for name, (floor, ceiling) in _DAMAGE_BOUNDS.items():
            low, high = getattr(self, name)
            if not floor <= low <= high <= ceiling:
                raise ValueError(
                    f"Expected {name} to be [low, high] with {floor} ≤ low ≤ high ≤ {ceiling}, but got [{low}, {high}]."
                )
        return self


_DAMAGE_BOUNDS: Mapping[str, Range] = {
    "blur_sigma": (0.05, 10),
    "noise_sd": (0, 120),
    "fade_amount": (0, 0.95),
    "darken_amount": (0, 0.95),
    "drain_saturation": (0, 2),
    "crop_amount": (0, 0.6),
    "mix_weight": (0, 0.5),
    "paste_size": (0.05, 0.6),
    "stretch_ratio": (0.5, 2),
    "warp_amount": (0, 0.05),
}


class AugmentationParameters(Parameters):
    """The key `augmentation` of the parameters."""

    size: int = Field(ge=16, le=2048)  # side of the stored square, px
    per_class: Count | dict[str | int, Count]  # renders a class, the plain page counted; one for all or one for each
    emphasis: dict[str | int, Factor] = Field(default_factory=dict)  # factor on per_class, by class name or number
    recipe: str  # the recipe of the training renders
    recipes: dict[str, Recipe]
    validation_copies: int = Field(ge=1, le=1000)  # test-like renders a source
    jpeg_quality: int = Field(default=90, ge=10, le=100)
    shard_size: int = Field(default=256, ge=1)  # most renders of one source that are written together; changes no pixel
    damage: DamageParameters = DamageParameters()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.recipe not in self.recipes:
            raise ValueError(
                f"Expected recipe to name one of the recipes {', '.join(self.recipes)}, but got {self.recipe!r}."
            )
        for name in self.recipes:
            _check_includes(self.recipes, name, ())
        return self


def included(recipe: Sequence[Step]) -> Iterator[str]:
    """Names of the recipes that these steps include, at any depth of one_of."""
    for step in recipe:
        if step.include is not None:
            yield step.include
        yield from included(step.one_of)


def _check_includes(recipes: Mapping[str, Recipe], name: str, above: tuple[str, ...]) -> None:
    if name not in recipes:
        raise ValueError(
            f"Expected recipe {above[-1]!r} to include one of the recipes {', '.join(recipes)}, but got {name!r}."
        )
    if name in above:
        raise ValueError(f"Expected recipes not to include themselves, but got {' → '.join((*above, name))}.")
    for inner in included(recipes[name]):
        _check_includes(recipes, inner, (*above, name))


def _check_ranges(name: str, ranges: Mapping[str, Range]) -> None:
    operation = OPERATIONS.get(name)
    if operation is None:
        raise ValueError(f"Expected an operation, one of {', '.join(OPERATIONS)}, but got {name!r}.")
    for key, (low, high) in ranges.items():
        span = operation.spans.get(key)
        if span is None:
            known = ", ".join(operation.spans) or "no range at all"
            raise ValueError(f"Expected operation {name} to be given {known}, but got {key!r}.")
        if not span.low <= low <= high <= span.high:
            raise ValueError(
                f"Expected {key} of operation {name} ({span.meaning}) to be [low, high] with "
                f"{span.low} ≤ low ≤ high ≤ {span.high}, but got [{low}, {high}]."
            )
        if span.whole and (low != int(low) or high != int(high)):
            raise ValueError(f"Expected {key} of operation {name} to be whole numbers, but got [{low}, {high}].")
