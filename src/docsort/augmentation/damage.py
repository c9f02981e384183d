"""Test-like damage: the corruptions of the unlabelled test images, drawn and applied to a page.

Written with numpy and OpenCV alone, apart from the operations of the training recipes, so that the validation pages are
not made by the very code that the training pages are. What happens to a page is drawn first, as plain numbers
(`draw_damage`), and done afterwards (`apply_damage`).

It does not know real crumpling, shadows or lens blur; a smooth warp stands for what bends.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from docsort.augmentation.context import Image, unit_of
from docsort.augmentation.geometric import crop_side, stretch_page
from docsort.augmentation.mixing import mix_pages, paste_piece
from docsort.augmentation.parameters import DamageParameters, Range
from docsort.augmentation.photometric import fade_page, scale_saturation
from docsort.images.letterbox import WHITE

WARP_CELLS = 4
"""The smooth warp has this many control cells along each side: wide bends, as paper has, not ripples."""


@dataclass(frozen=True)
class Damage:
    """What happens to one page, in this order; the neutral value leaves the page as it is."""

    mix_weight: float = 0.0  # weight of the partner
    paste_size: float = 0.0  # side of the partner's piece, share of the page's
    crop_amount: float = 0.0  # share of the side that goes
    crop_side: int = 0  # 0 top, 1 right, 2 bottom, 3 left
    stretch_ratio: float = 1.0
    warp_amount: float = 0.0  # sd of the shift, share of the longer side
    mirror: bool = False
    flip: bool = False
    degrees: float = 0.0  # counter-clockwise
    loses_corners: bool = False  # where it is turned, the picture does not grow
    saturation: float = 1.0
    fade: float = 0.0  # share of the way to white
    darken: float = 0.0  # share of the way to black
    blur_sigma: float = 0.0  # px of the reference page
    noise_sd: float = 0.0  # grey levels on the reference page
    noise_coloured: bool = False  # each channel by itself; else grey
    jpeg_quality: float = 100.0  # that the reference page is stored with
    seed: int = 0  # of the noise, the warp and the place of the piece

    @property
    def needs_partner(self) -> bool:
        """Whether a second page is mixed in or pasted on."""
        return self.mix_weight > 0 or self.paste_size > 0


def draw_damage(parameters: DamageParameters, rng: np.random.Generator) -> Damage:
    """One page's damage.

    Each kind takes the same number of draws, done or not, so that changing the share of one kind leaves the others as
    they were.
    """

    def amount(share: float, span: Range, neutral: float) -> float:
        happens, value = rng.random() < share, float(rng.uniform(*span))
        return value if happens else neutral

    p = parameters
    at_top, side = rng.random() < 0.5, int(rng.integers(0, 4))
    drained = amount(p.drain_share, p.drain_saturation, 1.0)
    return Damage(
        mix_weight=amount(p.mix_share, p.mix_weight, 0.0),
        paste_size=amount(p.paste_share, p.paste_size, 0.0),
        crop_amount=amount(p.crop_share, p.crop_amount, 0.0),
        crop_side=0 if at_top else side,
        stretch_ratio=amount(p.stretch_share, p.stretch_ratio, 1.0),
        warp_amount=amount(p.warp_share, p.warp_amount, 0.0),
        mirror=bool(rng.random() < p.mirror_share),
        flip=bool(rng.random() < p.flip_share),
        degrees=_draw_degrees(p, rng),
        saturation=0.0 if rng.random() < p.grey_share else drained,
        fade=amount(p.fade_share, p.fade_amount, 0.0),
        darken=amount(p.darken_share, p.darken_amount, 0.0),
        blur_sigma=amount(p.blur_share, p.blur_sigma, 0.0),
        noise_sd=amount(p.noise_share, p.noise_sd, 0.0),
        noise_coloured=bool(rng.random() < p.coloured_noise_share),
        jpeg_quality=amount(p.jpeg_share, p.jpeg_quality, 100.0),
        seed=int(rng.integers(2**63)),
        loses_corners=bool(rng.random() < p.lost_corners_share),
    )


def _draw_degrees(parameters: DamageParameters, rng: np.random.Generator) -> float:
    """In [-180, 180): anywhere, near a quarter-turn, or near upright, by the rotation mix."""
    kind, anywhere, turns, spread = rng.random(), rng.uniform(0, 360), rng.integers(1, 4), rng.standard_normal()
    if kind < parameters.uniform_rotation_share:
        degrees = anywhere
    else:
        near_turn = kind < parameters.uniform_rotation_share + parameters.quarter_rotation_share
        degrees = (90 * turns if near_turn else 0) + parameters.rotation_sd * spread
    return float((degrees + 180) % 360 - 180)


def apply_damage(page: Image, partner: Image | None, drawn: Damage) -> Image:
    """(H, W, 3) to (H', W', 3): a turned page gets a larger white canvas. Without a partner nothing is mixed in."""
    rng = np.random.default_rng(drawn.seed)
    unit = unit_of(page)
    # relit before it is turned: the fill around a turned page stays white
    page = _move(_relight(_join(page, partner, drawn, rng), drawn), drawn, rng)
    if drawn.blur_sigma > 0:
        page = np.asarray(cv2.GaussianBlur(page, (0, 0), max(0.05, drawn.blur_sigma * unit)), dtype=np.uint8)
    if drawn.noise_sd > 0:
        # area averaging to this resolution would have thinned white noise of the reference page by this much
        page = add_noise(page, drawn.noise_sd * min(1.0, unit), drawn.noise_coloured, rng)
    if drawn.jpeg_quality < 100:
        page = store_as_jpeg(page, drawn.jpeg_quality, unit)
    return np.ascontiguousarray(page)


def _join(page: Image, partner: Image | None, drawn: Damage, rng: np.random.Generator) -> Image:
    if partner is None:
        return page
    if drawn.mix_weight > 0:
        page = mix_pages(page, partner, drawn.mix_weight)
    return paste_piece(page, partner, drawn.paste_size, rng) if drawn.paste_size > 0 else page


def _move(page: Image, drawn: Damage, rng: np.random.Generator) -> Image:
    if drawn.crop_amount > 0:
        page = crop_side(page, drawn.crop_amount, drawn.crop_side)
    if drawn.stretch_ratio != 1:
        page = stretch_page(page, drawn.stretch_ratio)
    if drawn.warp_amount > 0:
        page = warp(page, drawn.warp_amount, rng)
    page = page[:, ::-1] if drawn.mirror else page
    page = page[::-1] if drawn.flip else page
    return turn_on_white(np.ascontiguousarray(page), drawn.degrees, not drawn.loses_corners)


def _relight(page: Image, drawn: Damage) -> Image:
    if drawn.saturation != 1:
        page = scale_saturation(page, drawn.saturation)
    if drawn.fade > 0:
        page = fade_page(page, drawn.fade, float(WHITE))
    return fade_page(page, drawn.darken, 0.0) if drawn.darken > 0 else page


def damage(page: Image, partner: Image | None, parameters: DamageParameters, rng: np.random.Generator) -> Image:
    """Draws and applies in one."""
    return apply_damage(page, partner, draw_damage(parameters, rng))


def turn_on_white(page: Image, degrees: float, grows: bool = True) -> Image:
    """Counter-clockwise around the centre, on a white canvas just large enough, or as large as the page was where it
    does not grow; exact for quarter-turns, if nothing is lost.
    """
    quarters = degrees / 90
    if quarters == int(quarters) and (grows or int(quarters) % 2 == 0):
        return np.ascontiguousarray(np.rot90(page, int(quarters) % 4))
    height, width = page.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    new_width, new_height = round(width * cosine + height * sine), round(width * sine + height * cosine)
    if not grows:
        new_width, new_height = width, height
    matrix[:, 2] += (new_width - width) / 2, (new_height - height) / 2
    turned = cv2.warpAffine(page, matrix, (new_width, new_height), borderValue=(WHITE, WHITE, WHITE))
    return np.asarray(turned, dtype=np.uint8)


def warp(page: Image, amount: float, rng: np.random.Generator) -> Image:
    """Bends the page smoothly; `amount` is the sd of the shift, as a share of the longer side."""
    height, width = page.shape[:2]
    grid = rng.standard_normal((2, WARP_CELLS + 1, WARP_CELLS + 1)).astype(np.float32) * amount * max(height, width)
    shift_x, shift_y = (cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in grid)
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    white = (WHITE, WHITE, WHITE)
    bent = cv2.remap(page, columns + shift_x, rows + shift_y, cv2.INTER_LINEAR, None, cv2.BORDER_CONSTANT, white)
    return np.asarray(bent, dtype=np.uint8)


def add_noise(page: Image, sd: float, coloured: bool, rng: np.random.Generator) -> Image:
    """White Gaussian noise, each channel by itself or the same in all; sd in grey levels."""
    noise = rng.standard_normal(page.shape if coloured else (*page.shape[:2], 1), dtype=np.float32) * np.float32(sd)
    return np.asarray(np.clip(page + noise + 0.5, 0, 255), dtype=np.uint8)


def store_as_jpeg(page: Image, quality: float, unit: float) -> Image:
    """Written and read again at the resolution of the reference page, where a block is 8 pixels wide."""
    height, width = page.shape[:2]
    whole = page
    if unit < 1:
        size = max(1, round(width / unit)), max(1, round(height / unit))
        whole = np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    data = cv2.imencode(".jpg", whole[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, round(quality)))[1]
    stored = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)[..., ::-1]
    if unit < 1:
        stored = np.asarray(cv2.resize(stored, (width, height), interpolation=cv2.INTER_AREA))
    return np.ascontiguousarray(stored, dtype=np.uint8)
