"""Drawing and applying a recipe: the random numbers of the whole chain first, the operations afterwards.

A drawn chain says everything about a render, its inner noise included: applying it again gives the same bytes whatever
ran before or runs beside it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from docsort.augmentation import geometric, mixing, paper, photometric
from docsort.augmentation.context import Apply, Context, Image, unit_of
from docsort.augmentation.operations import NEED_PARTNER, OPERATIONS
from docsort.augmentation.parameters import Recipe, Step, included
from docsort.errors import InputError

FUNCTIONS: Mapping[str, Apply] = {
    name: getattr(module, name)
    for module in (geometric, photometric, paper, mixing)
    for name in OPERATIONS
    if hasattr(module, name)
}
"""The function of every name in `operations.OPERATIONS`: it is called so in its module."""


@dataclass(frozen=True)
class Drawn:
    """One operation of a chain with the numbers it will be done with."""

    operation: str
    numbers: Mapping[str, float]
    seed: int


def recipes_used(recipes: Mapping[str, Recipe], name: str) -> dict[str, Recipe]:
    """The recipe of that name and all it includes: what a render depends on.

    Raises InputError for a name that is not there.
    """
    if name not in recipes:
        raise InputError(f"Expected one of the recipes {', '.join(recipes)}, but got {name!r}.")
    used = {name: recipes[name]}
    for inner in included(recipes[name]):
        used |= recipes_used(recipes, inner)
    return used


def draw_chain(recipes: Mapping[str, Recipe], name: str, rng: np.random.Generator) -> list[Drawn]:
    """Decides which operations of a recipe are done, in order, and with which numbers."""
    return [drawn for step in recipes[name] if rng.random() < step.p for drawn in _draw_step(recipes, step, rng)]


def _draw_step(recipes: Mapping[str, Recipe], step: Step, rng: np.random.Generator) -> list[Drawn]:
    if step.include is not None:
        return draw_chain(recipes, step.include, rng)
    if step.one_of:
        shares = _cumulated(tuple(choice.p for choice in step.one_of))
        return _draw_step(recipes, step.one_of[bisect_right(shares, rng.random())], rng)
    return [draw_operation(str(step.operation), step.ranges, rng)]


@cache
def _cumulated(weights: tuple[float, ...]) -> list[float]:
    """Ascending to 1. Drawing by them is what `Generator.choice` does, at a tenth of its 20 µs."""
    shares = np.cumsum(np.array(weights) / np.sum(weights))
    return [float(share) for share in shares / shares[-1]]


def draw_operation(name: str, ranges: Mapping[str, tuple[float, float]], rng: np.random.Generator) -> Drawn:
    """Every number of the operation, uniform in the given range or else in its usual one."""
    values = {}
    for key, span in OPERATIONS[name].items():
        low, high = ranges.get(key, span.usual)
        # low + width * random() is what `Generator.uniform` does, slower
        values[key] = float(rng.integers(int(low), int(high) + 1)) if span.whole else low + (high - low) * rng.random()
    return Drawn(name, values, int(rng.integers(2**63)))


def apply_chain(page: Image, chain: Sequence[Drawn], partner: Callable[[], Image] | None) -> Image:
    """Does every operation in turn; (H, W, 3) to (H', W', 3). `partner` is called where a second page is needed."""
    unit = unit_of(page)
    for drawn in chain:
        second = partner() if partner is not None and drawn.operation in NEED_PARTNER else None
        page = apply_operation(page, drawn, unit, second)
    return page


def apply_operation(page: Image, drawn: Drawn, unit: float, partner: Image | None = None) -> Image:
    """One drawn operation; the page given stays as it is."""
    context = Context(drawn.seed, unit, partner)
    return FUNCTIONS[drawn.operation](page, context, **drawn.numbers)


def operations_of(recipes: Mapping[str, Recipe]) -> list[str]:
    """The operations that these recipes may do, each once, in order."""
    return list(dict.fromkeys(name for steps in recipes.values() for name in _operations_in(steps)))


def _operations_in(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if step.operation is not None:
            yield step.operation
        yield from _operations_in(step.one_of)
