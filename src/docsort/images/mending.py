"""Pictures whose pixels are whole though the file around them is not.

What is handed back decodes to the same pixels as the whole file would; where pixels are missing there is nothing to
mend. Costs nothing for sound files, which are decoded before anybody asks.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
SCAN, COMMENT, EXIF, ADOBE = 0xDA, 0xFE, 0xE1, 0xEE
WHOLE_ADOBE = 12
"""Bytes of the note of Adobe, which says how colours are stored."""

PNG_START = b"\x89PNG\r\n\x1a\n"
PADDINGS = (b"\x00" * 64, b"\xaa" * 64)
NEEDED = (b"tRNS", b"eXIf")
"""Chunks of a PNG that change how it is seen though they are not critical."""

_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def mended(data: bytes, decode: Callable[[bytes], NDArray[np.uint8]]) -> bytes | None:
    """The file made whole, or None where that cannot be. decode: pixels of a file; its errors are passed on."""
    if data.startswith(PNG_START):
        return lean_png(data)
    if not data.startswith(JPEG_START):
        return None
    lean = lean_jpeg(data)
    if lean != data and _decodes(lean, decode):
        return lean
    if _has_all_scans(lean):
        lean = lean.rstrip(b"\xff")  # half of the marker may be there
        return lean + JPEG_END if _pads_change_nothing(lean, decode) else None
    return None


def lean_jpeg(data: bytes) -> bytes:
    """Without what programs noted about the picture, EXIF excepted, and a whole note of Adobe on its colours."""
    kept, place = [data[:2]], 2
    for marker, body, start, end in _segments(data):
        if marker == SCAN:
            break
        is_note = (0xE0 <= marker <= 0xEF or marker == COMMENT) and marker != EXIF
        if not is_note or (marker == ADOBE and len(body) >= WHOLE_ADOBE):
            kept.append(data[start:end])
        place = end
    return b"".join(kept) + data[place:]


def _decodes(data: bytes, decode: Callable[[bytes], NDArray[np.uint8]]) -> bool:
    try:
        decode(data)
    except Exception:
        return False
    return True


def lean_png(data: bytes) -> bytes:
    """Without the chunks that say something about the picture, and without damaged ones that can be spared."""
    kept = [chunk for kind, chunk in _png_chunks(data) if _is_critical(kind) or (kind in NEEDED and _is_sound(chunk))]
    return PNG_START + b"".join(kept)


def check_png(data: bytes) -> None:
    """Raises ValueError where the checksum of pixels is wrong, which Pillow does not look at; passes other formats."""
    if data.startswith(PNG_START):
        for kind, chunk in _png_chunks(data):
            if _is_critical(kind) and kind != b"IEND" and not _is_sound(chunk):
                raise ValueError("the checksum of its pixels is wrong")
            if kind == b"IEND":
                return


def _is_critical(kind: bytes) -> bool:
    return not kind[0] & 0x20


def _is_sound(chunk: bytes) -> bool:
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind, and the whole of each chunk, the last one as long as it is there."""
    place = len(PNG_START)
    while place + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        yield kind, data[place : place + 12 + length]
        place += 12 + length


def _pads_change_nothing(data: bytes, decode: Callable[[bytes], NDArray[np.uint8]]) -> bool:
    """Whether no pixel is read from behind the end of the data.

    A decoder fills what is missing with grey and says nothing. So bytes are put behind the data that would be decoded
    to something else: they change no pixel only where all of them are there. Behind a restart marker as well, since a
    file that ends between two of its intervals has nothing read up to the next marker.
    """
    last = _RESTART.findall(data)
    restart = bytes([0xFF, 0xD0 + (last[-1][0] - 0xD0 + 1) % 8 if last else 0xD0])
    tries = (decode(data + lead + padding + JPEG_END) for lead in (b"", restart) for padding in PADDINGS)
    return all(np.array_equal(one, other) for one, other in pairwise(tries))


def _has_all_scans(data: bytes) -> bool:
    """Whether every component of a JPEG has been scanned, a progressive one to the last bit of every coefficient."""
    missing: dict[int, list[int]] = {}
    for marker, body, *_ in _segments(data):
        if marker in (0xC0, 0xC1, 0xC2):
            missing = {body[6 + 3 * number]: [1] * 64 for number in range(body[5])}
        elif marker == SCAN:
            first, last, low_bit = body[-3], body[-2], body[-1] & 15
            for number in range(body[0]):
                bits = missing.get(body[1 + 2 * number], [])
                bits[first : last + 1] = [low_bit] * len(bits[first : last + 1])
    return bool(missing) and not any(map(any, missing.values()))


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    """Marker, body and place, from and to, of the segments of a JPEG that are whole."""
    end = 2
    while (found := _MARKER.search(data, end)) is not None:
        end = found.end() + int.from_bytes(data[found.end() : found.end() + 2])
        if end > len(data):
            return
        yield data[found.end() - 1], data[found.end() + 2 : end], found.start(), end
