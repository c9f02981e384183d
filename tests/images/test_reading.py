import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from drawn_files import KINDS, drawn, encoded, pdf_of, tiff_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from docsort.errors import DocsortError
from docsort.images import reading
from docsort.images.formats import FORMATS
from docsort.images.reading import REASON, UnreadableImageError, count_pages, decode, decode_rgb, pixels_of, read_rgb

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
    with pytest.raises(UnreadableImageError, match=r"b.jpg: not a picture but text; save it as JPEG, PNG or PDF"):
        decode_rgb(b"not an image at all", "b.jpg")
    with pytest.raises(UnreadableImageError, match=r"missing.jpg: cannot be opened"):
        read_rgb(tmp_path / "missing.jpg")
    with pytest.raises(DocsortError, match="cannot be opened"):
        read_rgb(tmp_path)


def test_a_picture_above_the_bound_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_PIXELS", 500)
    with pytest.raises(UnreadableImageError, match="30×20 pixels are more than 500"):
        decode_rgb(encode(Image.fromarray(CORNERS)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_of_the_list_is_read(kind: str) -> None:
    page = drawn()
    decoded = decode(encoded(page, kind))
    assert np.abs(decoded.pixels.astype(int) - np.asarray(page)).mean() < 4
    assert (decoded.mode if kind != "GIF" else "RGB", decoded.pages, decoded.doubt) == ("RGB", 1, "")


def test_a_page_of_a_pdf_is_as_large_as_a_scan_of_it() -> None:
    data = pdf_of(drawn(0), drawn(1, (90, 30)))
    first, second = decode(data), decode(data, page=1)
    assert (first.pages, second.pages) == (2, 2)
    assert first.pixels.shape[:2] == (234, 167)  # 84 by 60 points, at 200 dots an inch
    assert second.pixels.shape[:2] == (84, 250)
    small = np.asarray(Image.fromarray(first.pixels).resize((60, 84), Image.Resampling.BOX))
    assert np.abs(small.astype(int) - np.asarray(drawn())).mean() < 9


def test_broken_metadata_costs_no_pixels() -> None:
    page = drawn()
    exif = {"exif": b"Exif\0\0no tags at all"}
    for kind in ("PNG", "WEBP", "JPEG"):
        assert np.array_equal(decode_rgb(encoded(page, kind, **exif)), decode_rgb(encoded(page, kind))), kind


@pytest.mark.filterwarnings("ignore:Tag data larger")
@pytest.mark.parametrize("tag", [0x9204, 0xA005, 0x010E])
def test_a_number_that_fits_no_tag_neither_ends_the_reading_nor_hides_the_orientation(tag: int) -> None:
    # orientation 6, then a tag of a type that is not its own, and a place that lies behind the file
    entries = b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + tag.to_bytes(2, "little") + b"\x0a\0\xff\0\0\0\xff\xff\xff\x7f"
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0" + entries + b"\0\0\0\0"
    decoded = decode(encoded(Image.fromarray(CORNERS), "PNG", exif=exif))
    assert decoded.orientation == 6
    assert np.array_equal(decoded.pixels, UPRIGHT[6](CORNERS))


def test_a_picture_that_is_open_already_is_read_alike_and_keeps_its_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "TIFF", "PNG"):
        data = encoded(drawn(), kind, exif=exif)
        with Image.open(BytesIO(data)) as image:
            assert np.array_equal(pixels_of(image), decode_rgb(data)), kind
            assert np.array_equal(pixels_of(image), decode_rgb(data)), f"{kind}, asked again"


def test_postscript_is_refused_by_content_and_never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was started"))
    program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    for data in (program, b"\xc5\xd0\xd3\xc6" + (30).to_bytes(4, "little") * 6 + program):
        with pytest.raises(
            UnreadableImageError, match=r"a.jpg: not a picture but PostScript, which is a program; save"
        ):
            decode(data, "a.jpg")
    with (
        Image.open(BytesIO(program)) as image,
        pytest.raises(UnreadableImageError, match="not a picture of a format that is read but EPS"),
    ):
        pixels_of(image)


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("too deep"), ValueError("zero"), KeyError(1)])
def test_whatever_a_decoder_raises_rejects_the_photo_by_name(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(reading, "to_rgb", fail)
    with pytest.raises(UnreadableImageError, match=r"a.png: not a whole image \((memory|too deep|zero|1)"):
        decode(encoded(drawn()), "a.png")


def test_a_reason_holds_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "open_picture", lambda data: (_ for _ in ()).throw(OSError(f"no {object()} here")))
    with pytest.raises(UnreadableImageError, match=r"not a whole image \(no here\)$"):
        decode(encoded(drawn()))


def test_pages_of_a_tiff_are_counted_without_small_copies_and_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [drawn(number) for number in range(3)]
    data = tiff_of(*pages)
    assert count_pages(data) == decode(data).pages == 3
    assert np.array_equal(decode(data, page=2).pixels, np.asarray(pages[2]))
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[254] = 1
    pages[1].encoderinfo = {"tiffinfo": info}
    assert count_pages(tiff_of(*pages)) == 2
    monkeypatch.setattr(reading, "MAX_PAGES", 2)
    for many in (data, pdf_of(*pages)):
        with pytest.raises(UnreadableImageError, match="more than 2 pages are not read; split the file"):
            decode(many)


def test_a_file_that_stands_for_a_page_says_why_it_could_not_be_read() -> None:
    with pytest.raises(UnreadableImageError, match=r"a.png: page 3: it is gone$"):
        decode(REASON + b"page 3: it is gone", "a.png")


FILES = {kind: encoded(drawn(), kind) for kind in KINDS} | {"PDF": pdf_of(drawn()), "pages": tiff_of(drawn(), drawn(1))}


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file with bits flipped, cut, or with junk in it."""
    kind = draw(st.sampled_from(sorted(FILES)))
    data = bytearray(FILES[kind])
    way = draw(st.sampled_from(["flip", "cut", "junk", "repeat"]))
    place = draw(st.integers(0, len(data) - 1))
    if way == "flip":
        for flipped in draw(st.lists(st.integers(0, 8 * min(len(data), 4000) - 1), min_size=1, max_size=6)):
            data[flipped // 8] ^= 1 << flipped % 8
    elif way == "cut":
        del data[place:]
    elif way == "junk":
        data[place : place + draw(st.integers(0, 40))] = draw(st.binary(max_size=40))
    else:
        data[place:place] = data[draw(st.integers(0, place)) : place]
    return kind, bytes(data)


def decodes_or_says_why(data: bytes) -> bool:
    """Whether it was read; any error but the one sentence comes out."""
    try:
        decoded = decode(data, "photo.jpg")
    except UnreadableImageError as error:
        is_sentence = str(error).startswith("photo.jpg: ") and " at 0x" not in str(error)
        return False if is_sentence else pytest.fail(str(error))
    assert decoded.pixels.ndim == 3
    assert decoded.pixels.dtype == np.uint8
    return True


@pytest.mark.filterwarnings("ignore")
@given(damaged())
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_damaged_files_are_read_or_refused_with_a_reason(case: tuple[str, bytes]) -> None:
    decodes_or_says_why(case[1])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@given(damaged())
@settings(max_examples=3000, deadline=10_000, suppress_health_check=list(HealthCheck))
def test_thousands_of_damaged_files_are_read_or_refused_with_a_reason(case: tuple[str, bytes]) -> None:
    decodes_or_says_why(case[1])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("GIF", "HEIF")])
def test_a_cut_file_is_read_in_full_or_not_at_all(kind: str) -> None:
    data, whole = FILES[kind], decode(FILES[kind]).pixels
    cuts = [*range(1, len(data), max(1, len(data) // 25)), *range(len(data) - 12, len(data))]
    read = 0
    for cut in cuts:
        try:
            pixels = decode_rgb(data[:cut])
        except UnreadableImageError:
            continue
        read += 1
        assert np.array_equal(pixels, whole), cut
    assert read < len(cuts) / 2


def test_what_is_on_the_list_is_registered() -> None:
    reading.open_picture(FILES["PNG"])
    Image.init()
    assert set(FORMATS) <= set(Image.OPEN)


def test_a_photo_is_not_blamed_for_a_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    for read in (decode_rgb, count_pages):
        with pytest.raises(ImportError, match="pypdfium2"):
            read(pdf_of(drawn(0)))
