import tracemalloc
from io import BytesIO

import numpy as np
import pytest
from drawn_files import drawn, encoded
from PIL import Image, TiffImagePlugin

from docsort.images import conversion
from docsort.images.conversion import to_rgb
from docsort.images.reading import decode

GREY = np.asarray(drawn().convert("L"))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "CMYK", "RGBA", "LA", "I;16", "I", "F"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_bands_and_turns_change_no_pixel(monkeypatch: pytest.MonkeyPatch, mode: str, orientation: int) -> None:
    image = Image.fromarray(GREY.astype(np.uint16) * 257) if mode == "I;16" else drawn().convert(mode)
    whole, _ = to_rgb(image)
    monkeypatch.setattr(conversion, "BAND", 7 * image.width)
    turned, _ = to_rgb(image, orientation)
    methods = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # as EXIF has them, by the numbers of Image.Transpose
    upright = Image.fromarray(whole)
    if orientation in methods:
        upright = upright.transpose(Image.Transpose(methods[orientation]))
    assert np.array_equal(turned, np.asarray(upright))
    assert turned.flags.c_contiguous


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_paper_is_white_whatever_the_depth_and_a_guess_is_told(bits: int, kind: str) -> None:
    deep = (GREY.astype(np.uint32) * (2**bits - 1) // 255).astype(np.uint16)
    decoded = decode(encoded(Image.fromarray(deep), kind))
    assert np.abs(decoded.pixels[..., 0].astype(int) - GREY).max() <= 1
    assert decoded.doubt == (
        "" if bits == 16 else f"the largest value is {2**bits - 1}, so {2**bits - 1} ({bits} bits) is taken for white"
    )


def test_twelve_bits_that_a_file_states_are_no_guess() -> None:
    image = Image.fromarray(np.full((4, 4), 1000, dtype=np.uint16))
    image.tag_v2 = {258: (12,)}
    pixels, doubt = to_rgb(image)
    assert doubt == ""
    assert (pixels == 1000 * 255 // 4095).all()


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_floats_are_scaled_by_what_they_reach(top: float) -> None:
    decoded = decode(encoded(Image.fromarray((GREY / 255 * top).astype(np.float32)), "TIFF"))
    assert np.abs(decoded.pixels[..., 0].astype(int) - GREY).max() <= 1
    assert decoded.doubt == ""


def test_what_is_no_number_is_paper_and_what_cannot_be_known_is_told() -> None:
    values = np.array([[np.nan, np.inf, -np.inf], [-2.0, 0.5, 1.0]], dtype=np.float32)
    pixels, doubt = to_rgb(Image.fromarray(values))
    assert pixels[..., 0].tolist() == [[255, 255, 0], [0, 127, 255]]
    assert doubt == (
        "values go down to -2, below zero, which is taken for black; 3 values are no numbers, which are taken for paper"
    )
    assert to_rgb(Image.fromarray(np.full((2, 2), 30, np.float32)))[1] == (
        "the largest value is 30, and 255 is taken for white"
    )
    assert (to_rgb(Image.fromarray(np.full((2, 2), np.nan, np.float32)))[0] == 255).all()


def test_a_deep_negative_is_seen_as_paper() -> None:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[262] = 0
    data = encoded(Image.fromarray((255 - GREY.astype(np.uint16)) * 257), "TIFF", tiffinfo=info)
    with Image.open(BytesIO(data)) as image:
        assert image.tag_v2[262] == 0
    assert np.abs(decode(data).pixels[..., 0].astype(int) - GREY).max() <= 1


@pytest.mark.parametrize("mode", ["I;16", "RGBA", "F", "RGB"])
def test_a_pixel_takes_three_bytes_beside_the_decoded_picture(mode: str) -> None:
    side = 2000
    image = Image.new(mode, (side, side))
    tracemalloc.start()
    try:
        to_rgb(image)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 3 * side**2 + 40 * conversion.BAND
