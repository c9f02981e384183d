"""Ink and paper operations, by Augraphy; each keeps the size of the page."""

from docsort.augmentation.context import Context, Image
from docsort.augmentation.libraries import apply_augraphy, augraphy
from docsort.augmentation.mixing import fit_over
from docsort.augmentation.photometric import odd_width


def ink_bleed(page: Image, context: Context, intensity: float, severity: float) -> Image:
    """The edges of strokes run out over about 5 px of the reference page."""
    kernel = odd_width(5 * context.unit)
    bleed = augraphy().InkBleed(
        intensity_range=(intensity, intensity), kernel_size=(kernel, kernel), severity=(severity, severity)
    )
    return apply_augraphy(bleed, page, context)


def brightness_texture(page: Image, context: Context, level: float, deviation: float) -> Image:
    """Fine grain; its width follows the resolution as noise does."""
    grain = augraphy().BrightnessTexturize(texturize_range=(level, level), deviation=context.noise_sd(deviation))
    return apply_augraphy(grain, page, context)


def noise_texture(page: Image, context: Context, sigma: int) -> Image:
    """Layers of smooth noise with 20 to 100 blots a side, so that the cost follows the page's size."""
    blots = (20, 100)
    texture = augraphy().NoiseTexturize(
        sigma_range=(int(sigma), int(sigma)), texture_width_range=blots, texture_height_range=blots
    )
    return apply_augraphy(texture, page, context)


def paper_colour(page: Image, context: Context, hue: int, saturation: int) -> Image:
    """Every pixel takes the hue and saturation, its brightness stays."""
    hues, saturations = (int(hue), int(hue) + 3), (int(saturation), int(saturation) + 6)
    return apply_augraphy(augraphy().ColorPaper(hue_range=hues, saturation_range=saturations), page, context)


def roller_stripes(page: Image, context: Context, width: float) -> Image:
    """Grey stripes across or along the page; width in px of the reference page."""
    line = max(2, round(width * context.unit))
    return apply_augraphy(augraphy().DirtyRollers(line_width_range=(line, line + 2)), page, context)


def drum_dirt(page: Image, context: Context, concentration: float, intensity: float) -> Image:
    """Dark specks along lines."""
    dirt = augraphy().DirtyDrum(
        line_width_range=(1, max(2, round(4 * context.unit))),
        line_concentration=concentration,
        noise_intensity=intensity,
    )
    return apply_augraphy(dirt, page, context)


def lighting_gradient(page: Image, context: Context, darkness: int, transparency: float) -> Image:
    """A smooth band, up to `darkness` levels darker than the white light around it."""
    light = augraphy().LightingGradient(
        max_brightness=int(darkness), min_brightness=0, mode="gaussian", transparency=transparency
    )
    return apply_augraphy(light, page, context)


def folding(page: Image, context: Context, folds: int, depth: float) -> Image:
    """Creases with a shaded flank; what comes in from behind the page is white."""
    crease = augraphy().Folding(
        fold_count=int(folds), gradient_height=(depth, depth), gradient_width=(0.1, 0.2), backdrop_color=(255, 255, 255)
    )
    folded = apply_augraphy(crease, page, context)
    return fit_over(folded, page.shape[1], page.shape[0])
