"""What happened to the test photos: turned anyhow on white, mirrored, mixed with another page, cut, blurred.

This is the sample's own damage. It shares no code with the augmentation, which must not know it: how well training
renders prepare for it is what a run on the sample measures. Drawing the numbers is separate from applying them.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from docsort_sample.photo import MOST_PIXELS, with_noise
from docsort_sample.wording import chance, pick

WHITE = (255, 255, 255)

LEAST_HEIGHT = 0.463
"""Height over width of the flattest real photo, 348 × 753 pixels."""


@dataclass(frozen=True)
class Damage:
    """How one test photo is damaged.

    cut: share cut off the top; mixed: weight of another page, 0 where there is none; patch: (left, top, width, height)
    of a piece pasted from the other page, as shares; angle: degrees counter-clockwise; grow: whether the canvas grows
    so that the corners stay; tone: (brightness, contrast, colour) factors; blur: kind and strength in pixels; noise and
    specks: grey levels and share of pixels.
    """

    cut: float
    mixed: float
    patch: tuple[float, float, float, float] | None
    mirrored: bool
    flipped: bool
    angle: float
    grow: bool
    tone: tuple[float, float, float]
    blur: tuple[str, float]
    noise: float
    specks: float

    @property
    def needs_other(self) -> bool:
        return self.mixed > 0 or self.patch is not None


def draw_damage(rng: np.random.Generator) -> Damage:
    """Damage as it is spread over the real test photos."""
    turn = int(rng.integers(10))  # of ten photos three are not mirrored, the rest along one axis or both
    patch = (rng.uniform(0, 0.6), rng.uniform(0, 0.7), rng.uniform(0.2, 0.4), rng.uniform(0.15, 0.3))
    near_quarter = pick(rng, (-90, 0, 0, 90)) + rng.normal(0, 7)
    return Damage(
        cut=float(rng.uniform(0.12, 0.3)) if chance(rng, 0.08) else 0.0,
        mixed=float(rng.uniform(0.2, 0.4)) if chance(rng, 0.28) else 0.0,
        patch=patch if chance(rng, 0.06) else None,
        mirrored=turn in (3, 4, 5, 6),
        flipped=turn in (6, 7, 8, 9),
        angle=float(near_quarter) if chance(rng, 0.5) else float(rng.uniform(-180, 180)),
        grow=chance(rng, 0.75),
        tone=(float(rng.normal(1.0, 0.08)), float(rng.uniform(0.65, 1.0)), float(rng.uniform(0.65, 1.3))),
        blur=(pick(rng, ("soft", "soft", "coarse", "motion")), float(rng.uniform(0.8, 2.0)))
        if chance(rng, 0.65)
        else ("none", 0.0),
        noise=float(rng.uniform(3, 10)) if chance(rng, 0.4) else 0.0,
        specks=float(rng.uniform(0.0005, 0.003)) if chance(rng, 0.08) else 0.0,
    )


def apply_damage(
    photo: NDArray[np.uint8], other: NDArray[np.uint8] | None, damage: Damage, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The damaged photo, (H, W, 3) of at most 512² pixels; `other` is needed where `damage.needs_other`."""
    image = Image.fromarray(_beheaded(photo, damage.cut))
    if other is not None:
        image = _joined(image, Image.fromarray(other), damage)
    if damage.mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if damage.flipped:
        image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    image = _toned(image, damage.tone)
    image = _turned(image, damage.angle, damage.grow)
    damaged = _blurred(image, *damage.blur, rng)
    if damage.noise:
        damaged = with_noise(damaged, damage.noise, rng)
    return _specked(damaged, damage.specks, rng)


def _beheaded(photo: NDArray[np.uint8], cut: float) -> NDArray[np.uint8]:
    """Without its upper part, but left no flatter than the flattest of the real photos."""
    height, width = photo.shape[:2]
    return photo[min(int(cut * height), max(0, height - int(width * LEAST_HEIGHT))) :]


def _joined(image: Image.Image, other: Image.Image, damage: Damage) -> Image.Image:
    if damage.mixed:
        image = Image.blend(image, other.resize(image.size, Image.Resampling.NEAREST), damage.mixed)
    if damage.patch:
        left, top, width, height = damage.patch
        w, h = other.size
        piece = other.crop((int(left * w), int(top * h), int((left + width) * w), int((top + height) * h)))
        image.paste(piece, (int(top * image.width), int(left * image.height)))
    return image


def _toned(image: Image.Image, tone: tuple[float, float, float]) -> Image.Image:
    brightness, contrast, colour = tone
    image = ImageEnhance.Color(image).enhance(colour)
    # Brightness and contrast in one table: about middle grey, so that contrast alone leaves the mean where it is.
    table = [min(255, max(0, round((level * brightness - 140) * contrast + 140))) for level in range(256)]
    return image.point(table * 3)


def _turned(image: Image.Image, angle: float, grow: bool) -> Image.Image:
    """Turned about the middle on white, and scaled to at most 512² pixels, in one resampling."""
    width, height = float(image.width), float(image.height)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    if grow:
        width, height = abs(width * cos) + abs(height * sin), abs(width * sin) + abs(height * cos)
    scale = math.sqrt(MOST_PIXELS / (width * height))
    size = (int(width * scale), int(height * scale))
    # Pillow wants the way back: where in the source each pixel of the result comes from.
    a, b, d, e = cos / scale, -sin / scale, sin / scale, cos / scale
    c = image.width / 2 - a * size[0] / 2 - b * size[1] / 2
    f = image.height / 2 - d * size[0] / 2 - e * size[1] / 2
    bilinear = Image.Resampling.BILINEAR
    return image.transform(size, Image.Transform.AFFINE, (a, b, c, d, e, f), bilinear, fillcolor=WHITE)


def _blurred(image: Image.Image, kind: str, strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Out of focus (soft), sampled down and up again (coarse), or moved while exposed (motion)."""
    if kind == "soft":
        image = image.filter(ImageFilter.BoxBlur(strength))
    if kind == "coarse":
        small = (int(image.width / (1 + strength)), int(image.height / (1 + strength)))
        image = image.resize(small, Image.Resampling.BOX).resize(image.size, Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return _moved(pixels, 2 + round(strength * 2), rng) if kind == "motion" else pixels


def _moved(pixels: NDArray[np.uint8], steps: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The mean of copies shifted by 0 to steps - 1 pixels across, down or along a diagonal."""
    down, across = pick(rng, ((0, 1), (1, 0), (1, 1)))
    total = np.zeros(pixels.shape, dtype=np.uint16)
    for step in range(steps):
        total += np.roll(pixels, (down * step, across * step), axis=(0, 1))
    return (total // steps).astype(np.uint8)


def _specked(pixels: NDArray[np.uint8], share: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Salt and pepper on this share of the pixels."""
    count = int(share * pixels.shape[0] * pixels.shape[1])
    if not count:
        return pixels
    specked = pixels.copy()
    rows, columns = rng.integers(0, pixels.shape[0], count), rng.integers(0, pixels.shape[1], count)
    specked[rows, columns] = np.where(rng.random(count) < 0.5, 0, 255).astype(np.uint8)[:, None]
    return specked
