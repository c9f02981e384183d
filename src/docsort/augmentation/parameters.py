"""Parameters of augmentation: renders per class, recipes, the test-like damage and how it is fitted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from docsort.augmentation.operations import OPERATIONS
from docsort.parameters import Parameters, read

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

OFTENER = 1.15
WIDER = 1.3
"""Factors on the shares and the widths of the ranges of the damage, in the recipes that are made from it."""


class DamageParameters(Parameters):
    """The damage of the test images, in physical terms; lengths are px of a page whose longer side is 512.

    Shares are of the renders, independent of each other; ranges are drawn from uniformly. The defaults are what people
    saw in the real test images: turned anywhere on white, about 70 % mirrored or flipped, half or more blurred or
    noisy, paler, some shining through, few pasted, some without their heading.
    """

    uniform_rotation_share: Share = 0.5  # turned by any angle
    quarter_rotation_share: Share = 0.35  # turned by 90, 180 or 270 degrees, give or take rotation_sd
    lost_corners_share: Share = 0.2  # of turned pages: the picture keeps its size, and what turns out of it is lost
    rotation_sd: float = Field(default=5.0, ge=0, le=45)  # degrees, around the quarter-turns and around upright
    mirror_share: Share = 0.45  # left to right
    flip_share: Share = 0.45  # upside down
    blur_share: Share = 0.35
    blur_sigma: Range = (0.6, 2.2)  # px
    noise_share: Share = 0.35
    noise_sd: Range = (6.0, 30.0)  # grey levels of 255
    coloured_noise_share: Share = 0.5  # of the noisy pages: noise of each channel by itself; else the same in all
    jpeg_share: Share = 0.9  # stored once more, as a JPEG
    jpeg_quality: Range = (60.0, 95.0)  # 1 to 100
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
        for name, (floor, ceiling) in DAMAGE_BOUNDS.items():
            low, high = getattr(self, name)
            if not floor <= low <= high <= ceiling:
                raise ValueError(
                    f"Expected {name} to be [low, high] with {floor} ≤ low ≤ high ≤ {ceiling}, but got [{low}, {high}]."
                )
        return self


DAMAGE_BOUNDS: Mapping[str, Range] = {
    "blur_sigma": (0.05, 10),
    "noise_sd": (0, 120),
    "jpeg_quality": (10, 100),
    "fade_amount": (0, 0.95),
    "darken_amount": (0, 0.95),
    "drain_saturation": (0, 2),
    "crop_amount": (0, 0.6),
    "mix_weight": (0, 0.5),
    "paste_size": (0.05, 0.6),
    "stretch_ratio": (0.5, 2),
    "warp_amount": (0, 0.05),
}


class FitParameters(Parameters):
    """How the damage is fitted to the unlabelled test images."""

    enabled: bool = True  # false: the pages are damaged as `damage` says
    rounds: int = Field(default=3, ge=1, le=20)
    pages: int = Field(default=500, ge=100, le=100_000)  # damaged pages per round, and of the check
    test_pages: int = Field(default=500, ge=40, le=100_000)  # test images looked at, at most
    insist: dict[str, Share | float | Range] = Field(
        default_factory=dict
    )  # parameters of the damage that are not fitted

    @model_validator(mode="after")
    def _check(self) -> Self:
        read(DamageParameters, self.insist, "augmentation.fit.insist")
        return self


class AugmentationParameters(Parameters):
    """The key `augmentation` of the parameters."""

    renders: Count = 3400  # in all, shared out evenly over the classes, the plain pages counted; at least every page
    per_class: Count | dict[str | int, Count] | None = None  # renders per class instead; one for all or one for each
    oversample: dict[str | int, Factor] = Field(default_factory=dict)  # factor on renders, by class name or number
    recipe: str  # the recipe of the training renders
    recipes: dict[str, Recipe]
    validation_copies: int = Field(ge=1, le=1000)  # test-like renders per source
    jpeg_quality: int = Field(default=90, ge=10, le=100)
    shard_size: int = Field(default=256, ge=1)  # most renders of one source that are written together; changes no pixel
    damage: DamageParameters = (
        DamageParameters()
    )  # where the fit begins, and what is used where there is nothing to fit to
    fit: FitParameters = FitParameters()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.recipe not in (*self.recipes, *MADE_RECIPES):
            raise ValueError(
                f"Expected recipe to name one of the recipes {', '.join(self.recipes)}, but got {self.recipe!r}."
            )
        taken = [name for name in MADE_RECIPES if name in self.recipes]
        if taken:
            raise ValueError(f"Expected no recipe named {taken[0]!r}: that one is made from the damage.")
        for name in self.recipes:
            _check_includes(self.recipes, name, ())
        return self

    def complete_recipes(self) -> dict[str, Recipe]:
        """The recipes, and those that are made from the damage."""
        return {**self.recipes, **{name: make(self.damage) for name, make in MADE_RECIPES.items()}}

    def with_damage(self, damage: DamageParameters) -> Self:
        """The same, with this damage: what was fitted, for example."""
        return self.model_copy(update={"damage": damage})


def fitted_wear(damage: DamageParameters) -> Recipe:
    """Everything of the damage but turns, somewhat broader: every kind a little oftener, every range wider.

    Training on just what validation shows would make validation flatter the model wherever the fit is off.
    """

    def step(operation: str, often: float, /, **ranges: Range) -> Step:
        spans = OPERATIONS[operation]
        wider = {key: widen(span, WIDER, (spans[key].low, spans[key].high)) for key, span in ranges.items()}
        return Step(operation=operation, p=min(0.9, OFTENER * often + 0.03), ranges=wider)

    darkening = (-damage.darken_amount[1], -damage.darken_amount[0])
    return (
        step("page_mix", damage.mix_share, weight=damage.mix_weight),
        step("cut_paste", damage.paste_share, share=damage.paste_size),
        step("fade", damage.fade_share, amount=damage.fade_amount),
        step("brightness_contrast", damage.darken_share, brightness=darkening),
        step("saturation", damage.drain_share, factor=damage.drain_saturation),
        step("grey", damage.grey_share),
        step("crop", damage.crop_share, share=damage.crop_amount),
        step("stretch", damage.stretch_share, ratio=damage.stretch_ratio),
        step("gaussian_blur", damage.blur_share, sigma=damage.blur_sigma),
        step("gaussian_noise", damage.noise_share, sd=damage.noise_sd),
    )


def fitted_turns(damage: DamageParameters) -> Recipe:
    """The turns of the damage, with a wider spread around upright; and any of the exact turns and mirrors."""
    near, anywhere = 2 * damage.rotation_sd + 3, damage.uniform_rotation_share
    angles = (
        Step(operation="rotate", p=max(0.05, anywhere), ranges={"degrees": (-180, 180)}),
        Step(operation="rotate", p=max(0.05, 1 - anywhere), ranges={"degrees": (-near, near)}),
    )
    return Step(operation="dihedral", p=0.9), Step(one_of=angles, p=0.85)


MADE_RECIPES: Mapping[str, Callable[[DamageParameters], Recipe]] = {
    "fitted_wear": fitted_wear,
    "fitted_turns": fitted_turns,
}
"""Recipes that are made from the damage instead of being written down, by name."""


def widen(span: Range, factor: float, bounds: Range) -> Range:
    """Around its middle, within the bounds."""
    middle, half = (span[0] + span[1]) / 2, (span[1] - span[0]) / 2
    half = max(half, 0.1 * abs(middle)) * factor
    return max(bounds[0], middle - half), min(bounds[1], middle + half)


def included(recipe: Sequence[Step]) -> Iterator[str]:
    """Names of the recipes that these steps include, at any depth of one_of."""
    for step in recipe:
        if step.include is not None:
            yield step.include
        yield from included(step.one_of)


def _check_includes(recipes: Mapping[str, Recipe], name: str, above: tuple[str, ...]) -> None:
    if name in MADE_RECIPES:
        return
    if name not in recipes:
        raise ValueError(
            f"Expected recipe {above[-1]!r} to include one of the recipes {', '.join(recipes)}, but got {name!r}."
        )
    if name in above:
        raise ValueError(f"Expected recipes not to include themselves, but got {' → '.join((*above, name))}.")
    for inner in included(recipes[name]):
        _check_includes(recipes, inner, (*above, name))


def _check_ranges(name: str, ranges: Mapping[str, Range]) -> None:
    if name not in OPERATIONS:
        raise ValueError(f"Expected an operation, one of {', '.join(OPERATIONS)}, but got {name!r}.")
    for key, (low, high) in ranges.items():
        span = OPERATIONS[name].get(key)
        if span is None:
            known = ", ".join(OPERATIONS[name]) or "no range at all"
            raise ValueError(f"Expected operation {name} to be given {known}, but got {key!r}.")
        if not span.low <= low <= high <= span.high:
            raise ValueError(
                f"Expected {key} of operation {name} ({span.meaning}) to be [low, high] with "
                f"{span.low} ≤ low ≤ high ≤ {span.high}, but got [{low}, {high}]."
            )
        if span.whole and (low != int(low) or high != int(high)):
            raise ValueError(f"Expected {key} of operation {name} to be whole numbers, but got [{low}, {high}].")
