"""Reading the tables that people hand in, as their spreadsheets saved them.

One reader for all of them: commas, semicolons or tabs, whatever encoding is sure, blanks around names and cells, empty
rows. What could be read in two ways is refused with a sentence rather than guessed at.
"""

import csv
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path

import pandas as pd

from docsort.errors import InputError, listing

log = logging.getLogger(__name__)

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
MARKED_ENCODINGS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""What a file begins with where it says its encoding; the longer marks first."""

COMMON_HANGUL = frozenset(
    "가각간값강같개거건걷검것게겨견결경계고공과관교구국군권규균그글금급기길김깊끄나날남납낮내네년노놀높는늘능니닝다단닫달대더데델도동되된됩두뒤드득든듣들등딩따땅때또뛰라래러레려력련로록료루류르른를름리링마"
    "만많말망매맹머먹메며면명모목무문물미민및바박밖반받발방배백버번법벨변별병보복본볼부분불블비빌쁘사산살상새샘생서석선설성세셋션소속손송수술숨쉬스습시식신실심쓰씀아안않앙앞애액야약양어엄업없었에여역연열염"
    "였영예옛오옥와왕외요용우운워원월위유육윤으은을음의이인일읽임입있자작잔잘장재저적전점접정제젝조족존졸종좋좌주죽준줄중즈증지직진질집짧차착찰참채처천청체초최추축출측층치카컨켜코크클키타탁태택터테텍토통퇴"
    "투트특팀파판팔펀편평포폰표프플피필하학한할함합해했행향허험현형호혼홍화확환활황회효후훈휴히"
)
"""Syllables that nearly all Korean text is made of. Chinese in GBK is valid CP949 too, but only a sixth of what it
turns into is among them."""

SURE_SHARE, SURE_SYLLABLES = 0.8, 4
"""Text is Korean where so much of what is not ASCII is common, and in so many different syllables."""

SHOWN = 60
"""Characters of a first line in a sentence."""


@dataclass(frozen=True)
class _Row:
    line: int  # in the file, from 1, where the row begins
    cells: list[str]


def read_user_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """These columns of a CSV file as text, without blanks around it: an empty cell is "", never missing.

    Further columns are left out, rows without any content are passed over. Raises InputError, in one sentence, where
    the file cannot be read, its encoding is not sure, a column is missing or there twice, or a row does not have as
    many cells as there are columns.
    """
    text = _decode(_bytes_of(path), path)
    if not text.strip():
        raise InputError(f"Expected {path} to be a table with the columns {', '.join(columns)}, but it is empty.")
    separator = next((each for each in SEPARATORS if set(columns) <= set(_header(text, each))), None)
    if separator is None:
        raise InputError(_wrong_header(text, columns, path))
    header, *rows = _parse(text, separator, path)
    twice = [column for column in columns if header.cells.count(column) > 1]
    if twice:
        raise InputError(f"Expected {path} to name each column once, but {listing(twice)} is there twice; rename one.")
    _check_lengths(header, rows, SEPARATORS[separator], path)
    places = {column: header.cells.index(column) for column in columns}
    return pd.DataFrame({column: [row.cells[at] for row in rows] for column, at in places.items()}, dtype=object)


def _bytes_of(path: Path) -> bytes:
    try:
        if path.is_file():
            return path.read_bytes()
        what = "it is a folder" if path.is_dir() else "it is no file" if path.exists() else "there is none"
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        what = f"it cannot be read ({getattr(error, 'strerror', None) or error})"
    raise InputError(f"Expected a CSV file at {path}, but {what}; correct the path or the file.")


def _decode(data: bytes, path: Path) -> str:
    """The text, in the encoding that the file's mark names, in UTF-8, or in CP949 where that is sure."""
    encoding = next((name for mark, name in MARKED_ENCODINGS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = _korean(data) if encoding == "utf-8" else ""
        if not text:
            raise InputError(
                f"Expected {path} to be text in UTF-8, but it is not; open it in a spreadsheet and save it as "
                '"CSV UTF-8".'
            ) from None
        _warn_of_guess(path)
    if "\0" in text:
        raise InputError(
            f'Expected {path} to be text, but it has zero bytes; save it from a spreadsheet as "CSV UTF-8".'
        )
    return text


@cache
def _warn_of_guess(path: Path) -> None:
    """Once, however often the table is read."""
    log.warning("%s is not UTF-8 and is read as Korean text in CP949; save it as CSV UTF-8 to be sure.", path)


def _korean(data: bytes) -> str:
    """The text in CP949; empty where it is not sure to be that."""
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError:
        return ""
    foreign = [character for character in text if not character.isascii()]
    common = [character for character in foreign if character in COMMON_HANGUL]
    sure = len(common) >= SURE_SHARE * len(foreign) and len(set(common)) >= SURE_SYLLABLES
    return text if sure else ""


def _header(text: str, separator: str) -> list[str]:
    """The cells of the first row that has any content; none where it is no CSV with this separator."""
    try:
        return next((row.cells for row in _rows(text, separator)), [])
    except csv.Error:
        return []


def _parse(text: str, separator: str, path: Path) -> list[_Row]:
    """The rows that have any content, the first of them naming the columns."""
    try:
        return list(_rows(text, separator))
    except csv.Error as error:
        raise InputError(
            f"Expected {path} to be CSV, but a quotation mark is open or out of place in the row that begins in "
            f"{error}; correct it."
        ) from error


def _rows(text: str, separator: str) -> Iterator[_Row]:
    # Python's reader takes no blanks behind a closing quotation mark, spreadsheets and people do.
    tight = re.sub(rf'(?<!")"[^\S\t\r\n]+(?=[{separator}\r\n]|\Z)', '"', text)
    reader = csv.reader(StringIO(tight, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    line = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield _Row(line, stripped)
            line = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(f"line {line} ({error})") from error


def _wrong_header(text: str, columns: tuple[str, ...], path: Path) -> str:
    first = next(line for line in text.splitlines() if line.strip()).strip()
    shown = first if len(first) <= SHOWN else first[:SHOWN] + "…"
    return (
        f"Expected the first line of {path} to name the columns {', '.join(columns)}, separated by commas, but it is "
        f"{shown!r}; correct it."
    )


def _check_lengths(header: _Row, rows: list[_Row], separators: str, path: Path) -> None:
    """Raises InputError naming the rows with more or fewer cells than the header; empty ones at the end do no harm."""
    width = max(at for at, name in enumerate(header.cells, start=1) if name)
    longer = [row.line for row in rows if any(row.cells[width:])]
    shorter = [row.line for row in rows if len(row.cells) < width]
    said = [
        f"{what} {listing(lines)}" for what, lines in (("more in line", longer), ("fewer in line", shorter)) if lines
    ]
    if said:
        raise InputError(
            f"Expected every row of {path} to have {width} cells, as its first line has, but there are "
            f"{' and '.join(said)}; look for {separators} or quotation marks that are too many or missing."
        )
