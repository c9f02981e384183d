from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docsort.errors import DocsortError
from docsort.images import reading
from docsort.images.reading import UnreadableImageError, decode_rgb, read_rgb

CORNERS = np.zeros((20, 30, 3), dtype=np.uint8)
CORNERS[:10, :15] = (255, 0, 0)


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_a_lossless_file_gives_its_pixels_back(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(encode(Image.fromarray(CORNERS)))
    assert np.array_equal(read_rgb(path), CORNERS)


# What each orientation asks for, per the EXIF standard, as numpy operations on the stored pixels.
UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a.swapaxes(0, 1), 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(CORNERS), exif=exif)
    assert np.array_equal(decode_rgb(data), UPRIGHT[orientation](CORNERS))


def test_transparent_pixels_are_white_paper() -> None:
    layer = np.zeros((4, 4, 4), dtype=np.uint8)
    layer[0, 0] = (10, 20, 30, 255)
    page = decode_rgb(encode(Image.fromarray(layer, "RGBA")))
    assert page[0, 0].tolist() == [10, 20, 30]
    assert (page[1:] == 255).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LA", "I", "I;16", "F"])
def test_every_mode_becomes_three_bytes_a_pixel(mode: str) -> None:
    grey = np.linspace(0, 255, 256, dtype=np.uint8).reshape(16, 16)
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    image = wide if mode == "I;16" else Image.fromarray(grey).convert(mode)
    page = decode_rgb(encode(image, "TIFF"))
    assert page.shape == (16, 16, 3)
    assert page.dtype == np.uint8
    if mode != "1":
        assert np.abs(page[..., 0].astype(int) - grey).max() <= 1


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_truncated_file_is_refused_rather_than_filled_with_grey(share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), "JPEG")
    with pytest.raises(UnreadableImageError, match=r"page\.jpg: not a whole image"):
        decode_rgb(data[: int(len(data) * share)], "page.jpg")


def test_what_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match=r"a.jpg: the file is empty"):
        decode_rgb(b"", "a.jpg")
    with pytest.raises(UnreadableImageError, match=r"b.jpg: not a whole image"):
        decode_rgb(b"not an image at all", "b.jpg")
    with pytest.raises(UnreadableImageError, match=r"missing.jpg: cannot be opened"):
        read_rgb(tmp_path / "missing.jpg")
    with pytest.raises(DocsortError, match="cannot be opened"):
        read_rgb(tmp_path)


def test_a_picture_above_the_bound_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_PIXELS", 500)
    with pytest.raises(UnreadableImageError, match="30×20 pixels are more than 500"):
        decode_rgb(encode(Image.fromarray(CORNERS)))
