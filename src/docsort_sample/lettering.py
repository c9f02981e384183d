"""Lines of type for the drawn pages, in fonts that come as Python packages: those of matplotlib and Pillow, and for
Hangul Noto (noto-cjk-sans-jp-regular).

Letters are kept once rendered and lines are put together from them, without kerning: hinting by FreeType would
otherwise be a third of the time a page takes.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FAMILIES = {
    "sans": ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    "serif": ("DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf"),
    "mono": ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf"),
    "stix": ("STIXGeneral.ttf", "STIXGeneralBol.ttf"),
    "roman": ("cmr10.ttf", "cmb10.ttf"),
    "plain": ("cmss10.ttf", "DejaVuSans-Bold.ttf"),
    "slanted": ("DejaVuSans-Oblique.ttf", "DejaVuSans-BoldOblique.ttf"),
    "aileron": (None, "DejaVuSans-Bold.ttf"),
}
"""Family to (regular, bold) file; None is the font built into Pillow."""

HANGUL, HANGUL_PACKAGE, HANGUL_FILE = "hangul", "noto_cjk_sans_jp_regular", "NotoSansCJKjp-Regular.otf"
"""The family for words in Hangul, in one weight; no page is set in it as a whole."""

LEGIBLE = {
    **{"sans": 7, "mono": 7, "slanted": 7, "serif": 8, "aileron": 9, "plain": 9, "stix": 9, "roman": 9},
    HANGUL: 11,
}
"""Pixels at which nine in ten labels can be read by an engine on a photo of the page; narrow letters want more."""

SMALLEST, LARGEST = 5, 200


@lru_cache(maxsize=1)
def _font_folder() -> Path:
    import matplotlib as mpl

    return Path(mpl.get_data_path()) / "fonts" / "ttf"


@lru_cache(maxsize=1)
def _hangul_file() -> Path:
    spec = find_spec(HANGUL_PACKAGE)
    if spec is None or spec.origin is None:
        name = HANGUL_PACKAGE.replace("_", "-")
        raise ModuleNotFoundError(f"Expected the package {name}, which has the font for Hangul; install it.")
    return Path(spec.origin).parent / HANGUL_FILE


@lru_cache(maxsize=512)
def face(family: str, bold: bool, size: int) -> ImageFont.FreeTypeFont:
    """A font of `size` pixels, kept for the life of the process; sizes outside 5 to 200 are brought inside."""
    size = min(max(size, SMALLEST), LARGEST)
    # The basic layout needs no system library, so that every platform sets the same lines.
    basic = ImageFont.Layout.BASIC
    if family == HANGUL:
        return ImageFont.truetype(str(_hangul_file()), size, layout_engine=basic)
    name = FAMILIES[family][bold]
    if name is None:
        font = ImageFont.load_default(size)
        if isinstance(font, ImageFont.FreeTypeFont):
            return font
        name = FAMILIES["sans"][bold]
    return ImageFont.truetype(str(_font_folder() / str(name)), size, layout_engine=basic)


@lru_cache(maxsize=20_000)
def _letter(family: str, bold: bool, size: int, letter: str) -> NDArray[np.uint8]:
    """The coverage of one letter in a cell as wide as its advance and as high as the font."""
    font = face(family, bold, size)
    ascent, descent = font.getmetrics()
    cell = Image.new("L", (max(1, round(font.getlength(letter))), ascent + descent), 0)
    ImageDraw.Draw(cell).text((0, ascent), letter, 255, font, "ls")
    return np.asarray(cell)


def line_width(words: str, family: str, bold: bool, size: int) -> int:
    """How many pixels wide `set_line` makes the line."""
    return sum(_letter(family, bold, size, letter).shape[1] for letter in words)


def set_line(words: str, family: str, bold: bool, size: int) -> Image.Image:
    """A line of type as coverage (mode L): 255 where the ink is; `words` must not be empty."""
    return Image.fromarray(np.concatenate([_letter(family, bold, size, letter) for letter in words], axis=1))
