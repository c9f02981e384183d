"""The context of one operation: its random generator, its resolution, its second page."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from docsort.augmentation.operations import REFERENCE_SIDE

Image = NDArray[np.uint8]
"""(H, W, 3) RGB."""


@dataclass(frozen=True)
class Context:
    """One application of one operation.

    own_seed: of what the operation draws, noise for example; unit: pixels of the page at hand for one pixel of the
    reference page, measured before anything was done to the page; partner: another page, in colours and at the
    resolution of the page at hand.
    """

    own_seed: int
    unit: float
    partner: Image | None = None

    @cached_property
    def rng(self) -> np.random.Generator:
        """Made when it is asked for: that takes 16 µs, and many operations draw nothing."""
        return np.random.default_rng(self.own_seed)

    def seed(self) -> int:
        """A seed for a generator that is not numpy's own."""
        return int(self.rng.integers(2**31))

    def noise_sd(self, sd: float) -> float:
        """White noise of the reference page as it looks after shrinking by area averaging to this resolution."""
        return sd * min(1.0, self.unit)


Apply = Callable[..., Image]
"""(page, context, **drawn numbers) -> page; the page given is never changed."""


def unit_of(page: Image) -> float:
    """Pixels of this undamaged page for one pixel of the reference page."""
    return float(max(page.shape[:2])) / REFERENCE_SIDE
