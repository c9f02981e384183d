"""Operations of ink, paper and copier, by Augraphy; each keeps the page's size."""

from docsort.augmentation.libraries import apply_augraphy, augraphy
from docsort.augmentation.mixing import fit_over
from docsort.augmentation.photometric import odd_width
from docsort.augmentation.setting import Image, Setting


def ink_bleed(page: Image, setting: Setting, intensity: float, severity: float) -> Image:
    """The edges of strokes run out over about 5 px of the reference page."""
    kernel = odd_width(5 * setting.unit)
    bleed = augraphy().InkBleed(
        intensity_range=(intensity, intensity), kernel_size=(kernel, kernel), severity=(severity, severity)
    )
    return apply_augraphy(bleed, page, setting)


def brightness_texture(page: Image, setting: Setting, level: float, deviation: float) -> Image:
    """Fine grain; its width follows the resolution as noise does."""
    grain = augraphy().BrightnessTexturize(texturize_range=(level, level), deviation=setting.noise_sd(deviation))
    return apply_augraphy(grain, page, setting)


def noise_texture(page: Image, setting: Setting, sigma: int) -> Image:
    """Layers of smooth noise with 20 to 100 blots a side, so that the cost follows the page's size."""
    blots = (20, 100)
    texture = augraphy().NoiseTexturize(
        sigma_range=(int(sigma), int(sigma)), texture_width_range=blots, texture_height_range=blots
    )
    return apply_augraphy(texture, page, setting)


def paper_colour(page: Image, setting: Setting, hue: int, saturation: int) -> Image:
    """Every pixel takes the hue and saturation, its brightness stays."""
    hues, saturations = (int(hue), int(hue) + 3), (int(saturation), int(saturation) + 6)
    return apply_augraphy(augraphy().ColorPaper(hue_range=hues, saturation_range=saturations), page, setting)


def roller_stripes(page: Image, setting: Setting, width: float) -> Image:
    """Grey stripes across or along the page; width in px of the reference page."""
    line = max(2, round(width * setting.unit))
    return apply_augraphy(augraphy().DirtyRollers(line_width_range=(line, line + 2)), page, setting)


def drum_dirt(page: Image, setting: Setting, concentration: float, intensity: float) -> Image:
    """Dark specks along lines."""
    dirt = augraphy().DirtyDrum(
        line_width_range=(1, max(2, round(4 * setting.unit))),
        line_concentration=concentration,
        noise_intensity=intensity,
    )
    return apply_augraphy(dirt, page, setting)


def lighting_gradient(page: Image, setting: Setting, darkness: int, transparency: float) -> Image:
    """A smooth band, up to `darkness` levels darker than the white light around it."""
    light = augraphy().LightingGradient(
        max_brightness=int(darkness), min_brightness=0, mode="gaussian", transparency=transparency
    )
    return apply_augraphy(light, page, setting)


def folding(page: Image, setting: Setting, folds: int, depth: float) -> Image:
    """Creases with a shaded flank; what comes in from behind the page is white."""
    crease = augraphy().Folding(
        fold_count=int(folds), gradient_height=(depth, depth), gradient_width=(0.1, 0.2), backdrop_color=(255, 255, 255)
    )
    folded = apply_augraphy(crease, page, setting)
    return fit_over(folded, page.shape[1], page.shape[0])
