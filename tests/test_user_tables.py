"""One reader for the tables that people hand in: the cells they see come back, or one sentence does."""

import csv
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docsort.errors import InputError
from docsort.user_tables import COMMON_HANGUL, read_user_table

COLUMNS = ("ID", "class_name")
KOREAN = [["0", "이력서"], ["1", "여권"], ["2", "진단서"]]
TEXT = "ID,class_name\n" + "".join(f"{number},{name}\n" for number, name in KOREAN)


def read(path: Path, data: str | bytes, columns: tuple[str, ...] = COLUMNS) -> list[list[str]]:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    table = read_user_table(path, columns)
    assert tuple(table.columns) == columns
    return table.to_numpy().tolist()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "meta.csv"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp949", "euc-kr"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_save_is_read(path: Path, encoding: str, separator: str, line_end: str) -> None:
    text = TEXT.replace(",", separator).replace("\n", line_end)
    assert read(path, text.encode(encoding)) == KOREAN


def test_a_mark_says_that_utf_16_is_big_endian_too(path: Path) -> None:
    assert read(path, b"\xfe\xff" + TEXT.encode("utf-16-be")) == KOREAN


def test_korean_that_is_not_utf8_is_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(path, TEXT)
    assert not caplog.messages
    read(path, TEXT.encode("cp949"))
    assert [f"{path} is not UTF-8 and is read as Korean text in CP949" in line for line in caplog.messages] == [True]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("0,发票\n1,护照\n2,简历\n3,病历本\n4,处方笺和检查报告\n", "gbk"),
        ("0,請求書\n1,診断書\n2,履歴書\n3,パスポート\n", "shift-jis"),
        ("0,Größe\n1,Reçu\n2,Prüfung\n", "cp1252"),
        ("0,АРХИВ\n1,ВЕДОМОСТЬ\n2,Счёт\n", "cp1251"),
        ("0,여권\n", "cp949"),
        (TEXT, "utf-16-le"),
    ],
)
def test_an_encoding_that_is_not_sure_is_refused_with_how_to_save(path: Path, text: str, encoding: str) -> None:
    with pytest.raises(InputError, match='to be text in UTF-8, but it is not; .* save it as "CSV UTF-8"'):
        read(path, ("ID,class_name\n" + text).encode(encoding))


def test_chinese_that_is_valid_korean_is_not_taken_for_it() -> None:
    """What it rests on: Chinese in GBK decodes as CP949, but to syllables that Korean text does not consist of."""
    codes = [bytes([high, low]) for high in range(0xB0, 0xC9) for low in range(0xA1, 0xFF)]
    decoded = [code.decode("cp949") for code in codes]
    assert all("가" <= syllable <= "힣" for syllable in decoded)
    assert all(len(code.decode("gbk")) == 1 for code in codes)
    assert sum(syllable in COMMON_HANGUL for syllable in decoded) < len(decoded) / 6


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (" ID , class_name \n a.jpg ,  resume\t\n", [["a.jpg", "resume"]]),
        ('"ID" , "class_name" \n"a.jpg" , "re, sume" \n', [["a.jpg", "re, sume"]]),
        ("class_name,note,ID\nresume,x,a.jpg\n", [["a.jpg", "resume"]]),
        ("\n\nID,class_name\n\n,\n a,b\n , \n\n", [["a", "b"]]),
        ("ID,class_name,,\na,b,,\nc,d\n", [["a", "b"], ["c", "d"]]),
        ('ID,class_name\na,"two\nlines, ""so"" , "\n', [["a", 'two\nlines, "so" ,']]),
        ("ID;class_name\na;b,c\n", [["a", "b,c"]]),
        ('"x;y";ID;class_name\n1;a;b\n', [["a", "b"]]),
        ("ID,class_name\nNA,None\nnull,nan\n007,\n", [["NA", "None"], ["null", "nan"], ["007", ""]]),
        ("ID,class_name", []),
    ],
)
def test_blanks_empty_rows_and_other_columns_do_no_harm(path: Path, text: str, rows: list[list[str]]) -> None:
    assert read(path, text) == rows


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "the columns ID, class_name, but it is empty"),
        ("\n \r\n", "but it is empty"),
        (",,\n;\n", "name the columns ID, class_name, separated by commas, but it is ',,'"),
        ("\nID;name\na;b\n", "separated by commas, but it is 'ID;name'"),
        ("x" * 100, f"but it is '{'x' * 60}…'"),
        ("ID,class_name,ID\na,b,c\n", "name each column once, but ID is there twice"),
        ("ID,class_name\na,b\nc,d,e\nf\n", "to have 2 cells, .* there are more in line 3 and fewer in line 4"),
        ('ID,class_name\n\na,"b\nc,d\n', "quotation mark is open or out of place in the row that begins in line 3"),
        ('ID,class_name\n"a,b\n"c",d\n', "quotation mark is open or out of place in the row that begins in line 2"),
        (b"ID,class_name\na,\0\n", "it has zero bytes"),
        (b"ID,class_name\na," + b"x" * 200_000, "field larger than field limit"),
        (b"\xff\xfeI\0D", "to be text in UTF-8|name the columns"),
    ],
)
def test_what_cannot_be_read_in_one_way_is_refused(path: Path, data: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(path, data)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"a CSV file at {tmp_path}, but it is a folder"):
        read_user_table(tmp_path, COLUMNS)
    with pytest.raises(InputError, match=r"none\.csv, but there is none"):
        read_user_table(tmp_path / "none.csv", COLUMNS)
    with pytest.raises(InputError, match="/dev/zero, but it is no file"):
        read_user_table(Path("/dev/zero"), COLUMNS)


CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)
TABLES = st.lists(st.tuples(CELLS, CELLS), max_size=5)


def written(rows: list[tuple[str, str]], separator: str, line_end: str) -> str:
    text = StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows([COLUMNS, *rows])
    return text.getvalue()


def check_table(path: Path, rows: list[tuple[str, str]], separator: str, line_end: str, encoding: str) -> None:
    path.write_bytes(written(rows, separator, line_end).encode(encoding))
    stripped = [[cell.strip() for cell in row] for row in rows]
    assert read_user_table(path, COLUMNS).to_numpy().tolist() == [row for row in stripped if any(row)]


def check_bytes(path: Path, data: bytes) -> None:
    """Clean cells or one sentence, of whatever bytes."""
    path.write_bytes(data)
    try:
        table = read_user_table(path, ("ID",))
    except InputError:
        return
    assert all(cell == cell.strip() and "\0" not in cell for cell in table["ID"])


SEPARATORS = st.sampled_from([",", ";", "\t"])
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"])
NOISE = st.lists(st.one_of(st.binary(max_size=6), st.sampled_from([b"ID", b",", b";", b'"', b"\n", b"\r", b" "])))
HEADERS = st.sampled_from([b"", b"ID\n", b"ID,x\n", b"ID;x\r\n", b"\xef\xbb\xbfID\n", b"\xff\xfe", b"\xfe\xff"])


@settings(max_examples=150, deadline=None)
@given(rows=TABLES, separator=SEPARATORS, line_end=LINE_ENDS, encoding=ENCODINGS)
def test_every_table_comes_back_cell_by_cell(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], separator: str, line_end: str, encoding: str
) -> None:
    check_table(tmp_path_factory.getbasetemp() / "table.csv", rows, separator, line_end, encoding)


@settings(max_examples=150, deadline=None)
@given(header=HEADERS, noise=NOISE)
def test_whatever_the_bytes_there_are_cells_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, header: bytes, noise: list[bytes]
) -> None:
    check_bytes(tmp_path_factory.getbasetemp() / "noise.csv", header + b"".join(noise))


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(rows=TABLES, separator=SEPARATORS, line_end=LINE_ENDS, encoding=ENCODINGS)
def test_two_thousand_tables_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], separator: str, line_end: str, encoding: str
) -> None:
    check_table(tmp_path_factory.getbasetemp() / "table.csv", rows, separator, line_end, encoding)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(header=HEADERS, noise=NOISE)
def test_two_thousand_files_of_noise_are_cells_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, header: bytes, noise: list[bytes]
) -> None:
    check_bytes(tmp_path_factory.getbasetemp() / "noise.csv", header + b"".join(noise))
