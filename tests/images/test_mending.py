"""Files that are damaged around their pixels are read; where a pixel is missing they are not."""

import zlib

import numpy as np
import pytest
from drawn_files import drawn, encoded
from PIL import Image

from docsort.images.mending import lean_jpeg, mended
from docsort.images.reading import UnreadableImageError, decode_rgb

END = b"\xff\xd9"
SCANS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 3},
    "optimised": {"optimize": True, "subsampling": 0},
}


@pytest.mark.parametrize("scans", SCANS)
@pytest.mark.parametrize("kept", [b"", b"\xff"])
def test_a_jpeg_without_its_end_marker_is_whole(scans: str, kept: bytes) -> None:
    data = encoded(drawn(), "JPEG", **SCANS[scans])
    assert data.endswith(END)
    assert np.array_equal(decode_rgb(data[:-2] + kept), decode_rgb(data))


@pytest.mark.parametrize("scans", SCANS)
def test_a_jpeg_is_not_mended_wherever_its_last_pixels_are_missing(scans: str) -> None:
    data = encoded(drawn(), "JPEG", **SCANS[scans])
    whole, begin = decode_rgb(data), data.index(b"\xff\xda")
    refused = 0
    for cut in range(begin, len(data) - 2, 3):
        try:
            assert np.array_equal(decode_rgb(data[:cut]), whole), f"cut at {cut}"
        except UnreadableImageError:
            refused += 1
    assert refused > 10


def test_a_decoder_fills_with_grey_what_is_missing_and_says_nothing() -> None:
    data = encoded(drawn(), "JPEG")
    filled = decode_rgb(data[:-200] + END)  # else nothing would have to be found out
    assert not np.array_equal(filled, decode_rgb(data))


def test_a_jpeg_cut_between_two_restart_intervals_is_not_mended() -> None:
    data = encoded(drawn(), "JPEG", restart_marker_blocks=3)
    places = [place for place in range(len(data) - 1) if data[place] == 0xFF and 0xD0 <= data[place + 1] <= 0xD7]
    assert len(places) > 3
    for place in places:
        for cut in (place, place + 1, place + 2):
            with pytest.raises(UnreadableImageError, match="truncated"):
                decode_rgb(data[:cut])


def test_a_progressive_jpeg_that_lacks_its_last_scan_is_not_mended() -> None:
    data = encoded(drawn(), "JPEG", progressive=True)
    scans = [place for place in range(len(data) - 1) if data[place : place + 2] == b"\xff\xda"]
    assert len(scans) > 3
    with pytest.raises(UnreadableImageError, match="truncated"):
        decode_rgb(data[: scans[-1]])


NOTES = [(0xE0, b"JFIF\0"), (0xE2, b"ICC_PROFILE\0"), (0xEE, b"Adobe"), (0xFE, b"\xff\xd9")]


@pytest.mark.parametrize(("marker", "body"), NOTES)
def test_a_jpeg_is_read_without_the_notes_that_are_damaged(marker: int, body: bytes) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(drawn(), "JPEG", exif=exif)
    note = bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2) + body
    noted = data[:2] + note + data[2:]
    assert np.array_equal(decode_rgb(noted), decode_rgb(data))
    assert np.array_equal(decode_rgb(noted[:-2]), decode_rgb(data)), "nor has it an end marker"
    with pytest.raises(UnreadableImageError, match="not a whole image"):
        decode_rgb(noted[:-60])


def test_what_adobe_notes_of_the_colours_is_kept() -> None:
    data = encoded(drawn().convert("CMYK"), "JPEG")
    assert b"Adobe" in data
    assert b"Adobe" in lean_jpeg(data)
    broken = data[:2] + b"\xff\xe2\0\x0eICC_PROFILE\0" + data[2:]
    assert np.array_equal(decode_rgb(broken), decode_rgb(data))


def test_a_png_is_read_without_the_text_that_is_damaged() -> None:
    data = encoded(drawn())
    broken = chunk(b"tEXt", b"Title\0scan")[:-1] + b"!"
    assert np.array_equal(decode_rgb(data[:33] + broken + data[33:]), np.asarray(drawn()))
    huge = chunk(b"zTXt", b"Title\0\0" + zlib.compress(bytes(80_000_000)))
    assert np.array_equal(decode_rgb(data[:33] + huge + data[33:]), np.asarray(drawn()))


def test_damaged_pixels_of_a_png_stay_damaged() -> None:
    data = bytearray(encoded(drawn()))
    data[data.index(b"IDAT") + 40] ^= 1
    with pytest.raises(UnreadableImageError, match="not a whole image"):
        decode_rgb(bytes(data))


def test_what_is_neither_jpeg_nor_png_is_not_mended() -> None:
    assert mended(b"BM whatever", decode_rgb) is None


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)
