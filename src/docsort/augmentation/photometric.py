"""Photometric operations: brightness, colour, blur, noise."""

import cv2
import numpy as np

from docsort.augmentation.context import Context, Image
from docsort.augmentation.libraries import apply_albumentations, transform_of


def gaussian_blur(page: Image, context: Context, sigma: float) -> Image:
    """sigma in px of the reference page."""
    width = max(0.05, sigma * context.unit)
    return apply_albumentations(transform_of("GaussianBlur", blur_limit=0), page, context, sigma_limit=(width, width))


def motion_blur(page: Image, context: Context, length: float) -> Image:
    """In a random direction; length in px of the reference page."""
    kernel = odd_width(length * context.unit)
    return apply_albumentations(transform_of("MotionBlur"), page, context, blur_limit=(kernel, kernel))


def median_blur(page: Image, context: Context, width: float) -> Image:
    """width in px of the reference page, never below 3 px of the page at hand."""
    kernel = odd_width(width * context.unit)
    return apply_albumentations(transform_of("MedianBlur"), page, context, blur_limit=(kernel, kernel))


def gaussian_noise(page: Image, context: Context, sd: float) -> Image:
    """White, each channel by itself; sd in grey levels on the reference page."""
    share = context.noise_sd(sd) / 255
    noise = transform_of("GaussNoise", per_channel=True, noise_scale_factor=1)
    return apply_albumentations(noise, page, context, std_range=(share, share))


def brightness_contrast(page: Image, context: Context, brightness: float, contrast: float) -> Image:
    """Grey levels times 1 + contrast, plus brightness times 255, clipped."""
    light = transform_of("RandomBrightnessContrast")
    ranges = {"brightness_limit": (brightness, brightness), "contrast_limit": (contrast, contrast)}
    return apply_albumentations(light, page, context, **ranges)


def fade(page: Image, context: Context, amount: float) -> Image:
    """Towards white."""
    return fade_page(page, amount, 255.0)


def fade_page(page: Image, amount: float, to: float) -> Image:
    """`amount` in [0, 1] of the way from each grey level to the level `to`."""
    return np.asarray(cv2.convertScaleAbs(page, alpha=1.0 - amount, beta=amount * to), dtype=np.uint8)


def saturation(page: Image, context: Context, factor: float) -> Image:
    """0 is grey, 1 leaves the page as it is."""
    return scale_saturation(page, factor)


def scale_saturation(page: Image, factor: float) -> Image:
    """Colours move away from (factor above 1) or towards their own grey level, which stays."""
    grey_page = cv2.cvtColor(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(page, factor, grey_page, 1.0 - factor, 0.0), dtype=np.uint8)


def grey(page: Image, context: Context) -> Image:
    """Three equal channels."""
    return apply_albumentations(transform_of("ToGray", num_output_channels=3), page, context)


def odd_width(width: float) -> int:
    """The odd whole number nearest to `width`, at least 3: what kernels need."""
    return max(3, 2 * round((width - 1) / 2) + 1)
