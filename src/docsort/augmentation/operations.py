"""The augmentation operations: a table of names, parameter ranges, units and bounds.

A table only, so that parameters are checked before any heavy import; the functions are in `geometric`, `photometric`,
`paper` and `mixing`, bound to these names in `recipes`. Lengths are in pixels of a page whose longer side is
REFERENCE_SIDE, so a recipe means the same at every stored size; amounts of white noise likewise. Which operations of
the two libraries stayed out, and why, is in docs/augmentation_operations.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

REFERENCE_SIDE = 512
"""Longer side, in pixels, of the page that lengths and noise are stated for."""


@dataclass(frozen=True)
class Span:
    """What one drawn number may be: bounds it must lie in, and the range it is drawn from when a recipe is silent."""

    low: float
    high: float
    usual: tuple[float, float]
    meaning: str
    whole: bool = False


OPERATIONS: Mapping[str, Mapping[str, Span]] = {
    # geometry
    "dihedral": {"turn": Span(0, 7, (0, 7), "number of the turn, see images.dihedral", whole=True)},
    "rotate": {"degrees": Span(-180, 180, (-180, 180), "counter-clockwise degrees")},
    "shift_scale": {
        "shift_x": Span(-0.4, 0.4, (-0.06, 0.06), "share of the width, positive to the right"),
        "shift_y": Span(-0.4, 0.4, (-0.06, 0.06), "share of the height, positive downwards"),
        "scale": Span(0.4, 1.6, (0.85, 1.1), "factor"),
    },
    "stretch": {"ratio": Span(0.6, 1.7, (0.88, 1.14), "factor on width over height")},
    "perspective": {"amount": Span(0, 0.25, (0.02, 0.08), "sd of the shift of the corners, share of the side")},
    "grid_distortion": {"amount": Span(0, 0.6, (0.05, 0.25), "largest shift of a grid line, share of a cell")},
    "optical_distortion": {"amount": Span(-0.6, 0.6, (-0.2, 0.2), "distortion coefficient, negative is a barrel")},
    "crop": {
        "share": Span(0, 0.5, (0.03, 0.2), "share of the height or width that goes"),
        "side": Span(0, 3, (0, 3), "0 top, 1 right, 2 bottom, 3 left", whole=True),
    },
    # light, sharpness, noise
    "gaussian_blur": {"sigma": Span(0, 8, (0.6, 2.2), "px")},
    "motion_blur": {"length": Span(3, 31, (4, 11), "px")},
    "median_blur": {"width": Span(3, 15, (3, 4.6), "px")},
    "gaussian_noise": {"sd": Span(0, 100, (8, 35), "grey levels of 255")},
    "brightness_contrast": {
        "brightness": Span(-0.6, 0.6, (-0.15, 0.2), "share of 255 that is added"),
        "contrast": Span(-0.8, 0.8, (-0.2, 0.2), "share by which the spread around black changes"),
    },
    "fade": {"amount": Span(0, 0.9, (0.05, 0.4), "share of the way to white")},
    "saturation": {"factor": Span(0, 2, (0.1, 1.3), "factor, 0 is grey")},
    "grey": {},
    # ink and paper
    "ink_bleed": {
        "intensity": Span(0, 1, (0.3, 0.7), "weight of the bled page"),
        "severity": Span(0, 1, (0.2, 0.5), "share of the edge pixels that bleed"),
    },
    "brightness_texture": {
        "level": Span(0.6, 1, (0.85, 0.98), "brightness the grain is around"),
        "deviation": Span(0, 0.4, (0.04, 0.12), "half width of the grain, share of the level"),
    },
    "noise_texture": {"sigma": Span(1, 30, (2, 5), "sd of each layer, grey levels", whole=True)},
    "paper_colour": {
        "hue": Span(0, 179, (20, 40), "OpenCV hue, half degrees", whole=True),
        "saturation": Span(0, 120, (8, 35), "of 255", whole=True),
    },
    "roller_stripes": {"width": Span(4, 40, (8, 20), "px")},
    "drum_dirt": {
        "concentration": Span(0, 0.4, (0.03, 0.12), "share of the lines that are dirty"),
        "intensity": Span(0, 1, (0.2, 0.6), "density of the specks"),
    },
    "lighting_gradient": {
        "darkness": Span(0, 200, (20, 110), "grey levels by which the dark band is darker", whole=True),
        "transparency": Span(0, 1, (0.4, 0.7), "weight of the page under the light"),
    },
    "folding": {
        "folds": Span(1, 6, (1, 3), "number of creases", whole=True),
        "depth": Span(0.002, 0.05, (0.005, 0.015), "shift at the crease, share of the height"),
    },
    # a second page of the same fold
    "page_mix": {"weight": Span(0, 0.5, (0.1, 0.35), "weight of the other page")},
    "cut_paste": {"share": Span(0.05, 0.6, (0.15, 0.35), "side of the piece, share of the page's")},
}
"""The numbers that each operation draws. What they do is said where they are done, in the modules named above."""

NEED_PARTNER = ("page_mix", "cut_paste")
"""Operations on two pages."""
