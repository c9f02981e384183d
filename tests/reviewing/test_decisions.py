"""The ledger file under several writers, hand edits, kills and undoing."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from docsort.cleaning.ledger import ACTIONS, resolve_ledger
from docsort.errors import InputError, StorageError
from docsort.reviewing.decisions import NO_ROW, SEVERAL, LedgerFile, StaleDecisionError
from docsort.tables import LEDGER

HEADER = ",".join(LEDGER) + "\n"
CLASSES = pd.DataFrame({"target": [3, 7], "class_name": ["admission", "outpatient"]})


def in_order(ledger: pd.DataFrame) -> str:
    """The CSV of a ledger, its rows sorted."""
    return ledger.sort_values(list(LEDGER)).to_csv(index=False, lineterminator="\n")


CELLS = {
    "action": "relabel",
    "old_label": "3",
    "new_label": "7",
    "reason": "title, in full",
    "evidence": 'a "near" duplicate',
    "decided_by": "Ann",
    "decided_on": "2026-11-20",
}

WRITER = """
import json, sys
from pathlib import Path
from docsort.reviewing.decisions import NO_ROW, LedgerFile

path, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
cells = json.loads(sys.argv[4])
ledger = LedgerFile(path, {})
for number in range(first, last):
    ledger.write(f"i{number:04}", cells, NO_ROW)
    print(f"i{number:04}", flush=True)
"""


def accept(cells: Mapping[str, str]) -> None:
    """Takes any row."""


def begin(path: Path, text: str = HEADER, **full_ids: str) -> LedgerFile:
    path.write_bytes(text.encode())
    return LedgerFile(path, full_ids)


def start_writer(path: Path, first: int, last: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(first), str(last), json.dumps(CELLS)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "label_fixes.csv"


def test_what_is_written_is_the_ledgers_own_format_and_is_accepted_by_it(path: Path) -> None:
    ledger = begin(path)
    for image_id, action in zip(("b.jpg", "a.jpg", "c,1.jpg", "a 0.jpg"), ACTIONS, strict=True):
        new = "7" if action == "relabel" else ""
        ledger.write(image_id, {**CELLS, "action": action, "new_label": new}, NO_ROW)
    assert path.read_text() == in_order(read(path))
    images = pd.DataFrame({"image_id": ["b.jpg", "a.jpg", "c,1.jpg", "a 0.jpg"], "target": 3})
    assert resolve_ledger(images, read(path), CLASSES)["image_id"].tolist() == sorted(images["image_id"])


def test_the_same_decisions_in_any_order_are_the_same_bytes(path: Path, tmp_path: Path) -> None:
    forth, back = begin(path), begin(tmp_path / "other.csv")
    for number in range(9):
        forth.write(f"i{number}", CELLS, NO_ROW)
        back.write(f"i{8 - number}", CELLS, NO_ROW)
    assert path.read_bytes() == (tmp_path / "other.csv").read_bytes()


ODD_LINES = [
    'b, relabel ,3,7,"said\nby two",  x,"A ""R"" B",2026-11-02',
    "z,keep,,,,,,",
    "",
    "a,undecided,admission,,cropped,,ü,2026-11-02",
    'm,keep,,,5" wide,,,',
    'n,keep,,, "blank, then quoted",,,',
]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("last_end", [True, False])
def test_rows_of_others_keep_every_byte_and_their_order(path: Path, line_end: str, last_end: bool) -> None:
    lines = [HEADER.strip(), *ODD_LINES]
    text = line_end.join(lines) + (line_end if last_end else "")
    ledger = begin(path, text)
    ledger.write("k.jpg", CELLS, NO_ROW)
    ledger.write("0.jpg", CELLS, NO_ROW)
    ledger.write("zz.jpg", CELLS, NO_ROW)
    after = path.read_bytes().decode()
    mine = [line for line in after.split(line_end) if line.split(",")[0] in ("k.jpg", "0.jpg", "zz.jpg")]
    assert len(mine) == 3
    for line in mine:
        after = after.replace(line + line_end, "")
    assert after == line_end.join(lines) + line_end


def test_a_quotation_mark_after_a_blank_is_one(path: Path) -> None:
    ledger = begin(path, HEADER + 'a,keep,,, "cropped, and dark",,,\n')
    assert ledger.read()["a"].reason == "cropped, and dark"


def test_a_hand_edit_between_two_decisions_is_kept(path: Path) -> None:
    ledger = begin(path)
    ledger.write("a", CELLS, NO_ROW)
    path.write_text(path.read_text() + "b,drop,3,,by hand,,,\n")
    ledger.write("c", CELLS, NO_ROW)
    assert {image_id: decision.reason for image_id, decision in ledger.read().items()} == {
        "a": "title, in full",
        "b": "by hand",
        "c": "title, in full",
    }


def test_a_decision_on_an_older_row_is_refused_and_changes_nothing(path: Path) -> None:
    ledger = begin(path)
    first = ledger.write("a", CELLS, NO_ROW)
    other = ledger.write("a", {**CELLS, "action": "drop", "new_label": ""}, first.version)
    before = path.read_bytes()
    for stale in (NO_ROW, first.version):
        with pytest.raises(StaleDecisionError, match="row of a has changed"):
            ledger.write("a", CELLS, stale)
    with pytest.raises(StaleDecisionError, match="row of a has changed"):
        ledger.restore("a", None, first.version, accept)
    assert path.read_bytes() == before
    assert ledger.read()["a"].version == other.version


def test_a_hand_edit_of_the_row_itself_makes_it_a_newer_one(path: Path) -> None:
    ledger = begin(path)
    done = ledger.write("a", CELLS, NO_ROW)
    path.write_text(path.read_text().replace("in full", "in part"))
    with pytest.raises(StaleDecisionError, match="row of a has changed"):
        ledger.write("a", CELLS, done.version)


def test_undoing_puts_back_every_byte(path: Path) -> None:
    text = HEADER + 'b,  keep,,,"by\nhand",,,\na, undecided ,,,"odd" ,,,\nx,keep,,,,,,\n'
    ledger = begin(path, text, a="a.jpg")
    was = ledger.read()["a.jpg"]
    changed = ledger.write("a.jpg", CELLS, was.version)
    added = ledger.write("c.jpg", CELLS, NO_ROW)
    again = ledger.write("c.jpg", {**CELLS, "reason": ""}, added.version)
    assert ledger.restore("c.jpg", again.before, again.version, accept).version == added.version
    assert ledger.restore("c.jpg", added.before, added.version, accept).decision is None
    back = ledger.restore("a.jpg", changed.before, changed.version, accept)
    assert back.version == was.version
    assert path.read_text() == text


@pytest.mark.parametrize("row", ["b,keep,,,,,,", "a,keep,,,,,,\nb,keep,,,,,,", "", "a,keep,,,,,,,one cell too many"])
def test_undoing_puts_back_rows_of_that_image_only(path: Path, row: str) -> None:
    ledger = begin(path)
    done = ledger.write("a", CELLS, NO_ROW)
    before = path.read_bytes()
    with pytest.raises(InputError, match="one row of a"):
        ledger.restore("a", row, done.version, accept)
    assert path.read_bytes() == before


def test_columns_of_a_persons_own_are_kept_in_their_order(path: Path) -> None:
    ledger = begin(path, "note," + HEADER + "see p. 2,a,keep,,,,,,\n")
    ledger.write("a", CELLS, ledger.read()["a"].version)
    ledger.write("b", CELLS, NO_ROW)
    table = read(path)
    assert table.columns.tolist() == ["note", *LEDGER]
    assert table["note"].tolist() == ["see p. 2", ""]
    assert table["action"].tolist() == ["relabel", "relabel"]


def test_line_breaks_and_quotes_in_a_reason_stay_one_row(path: Path) -> None:
    begin(path).write("a", {**CELLS, "reason": 'one,\r\n"two"\n\x00three\u2028four'.replace("\x00", "")}, NO_ROW)
    (row,) = read(path).to_dict("records")
    assert row["reason"] == 'one, "two" three four'
    assert len(path.read_text().splitlines()) == 2


def test_two_rows_of_one_image_are_shown_as_such_and_left_to_a_person(path: Path) -> None:
    ledger = begin(path, HEADER + "a,keep,,,,,,\na.jpg,drop,3,,,,,\n", a="a.jpg")
    both = ledger.read()["a.jpg"]
    assert both.action == SEVERAL
    with pytest.raises(InputError, match=r"one row of a\.jpg .* got 2"):
        ledger.write("a.jpg", CELLS, both.version)


def test_a_file_whose_end_a_quotation_mark_swallows_is_refused(path: Path) -> None:
    text = HEADER + 'a,keep,,,"never closed,,,\nb,keep,,,,,,\n'
    ledger = begin(path, text)
    with pytest.raises(InputError, match="quotation mark is open"):
        ledger.read()
    with pytest.raises(InputError, match="quotation mark is open"):
        ledger.write("b", CELLS, NO_ROW)
    assert path.read_text() == text


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_ledger_with_the_semicolons_or_tabs_of_a_spreadsheet_keeps_them(path: Path, delimiter: str) -> None:
    text = (HEADER + "b,keep,,,by hand,,,\n").replace(",", delimiter)
    ledger = begin(path, text)
    ledger.write("a", {**CELLS, "reason": f"one{delimiter} two, three"}, NO_ROW)
    assert {name: decision.action for name, decision in ledger.read().items()} == {"a": "relabel", "b": "keep"}
    reason = pd.read_csv(path, sep=delimiter, dtype=str)["reason"][0]
    assert reason == " ".join(f"one{delimiter} two, three".split())
    assert path.read_text().endswith("b,keep,,,by hand,,,\n".replace(",", delimiter))


@pytest.mark.parametrize("encoding", ["cp949", "utf-16"])
def test_a_ledger_that_is_not_utf_8_is_left_as_it_is_and_how_to_save_it_is_said(path: Path, encoding: str) -> None:
    ledger = begin(path)
    path.write_bytes((HEADER + "a,keep,,,한글,,,\n").encode(encoding))
    before = path.read_bytes()
    for attempt in (ledger.read, lambda: ledger.write("b", CELLS, NO_ROW)):
        with pytest.raises(InputError, match=r"to be UTF-8.*save it as UTF-8 \(in Excel: CSV UTF-8\)"):
            attempt()
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "image_id,action\n", "\n" + HEADER])
def test_a_file_without_the_columns_is_no_ledger(path: Path, text: str) -> None:
    with pytest.raises(InputError, match="begin with the line image_id,action"):
        begin(path, text).read()


def test_a_ledger_that_is_gone_is_not_begun_anew(path: Path) -> None:
    ledger = begin(path)
    path.unlink()
    with pytest.raises(StorageError, match="Expected a ledger at"):
        ledger.write("a", CELLS, NO_ROW)
    assert not path.exists()


def test_two_processes_lose_none_of_each_others_decisions(path: Path) -> None:
    begin(path)
    writers = [start_writer(path, first, first + 40) for first in (0, 40)]
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    assert read(path)["image_id"].tolist() == [f"i{number:04}" for number in range(80)]


def test_requests_side_by_side_lose_none_and_one_of_two_on_the_same_image_is_told(path: Path) -> None:
    ledger = begin(path)

    def decide(number: int) -> str:
        try:
            return ledger.write(f"i{number // 2}", {**CELLS, "reason": str(number)}, NO_ROW).version
        except StaleDecisionError:
            return "told"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(decide, range(16)))
    assert answers.count("told") == 8
    assert {decision.version for decision in ledger.read().values()} == set(answers) - {"told"}


def test_a_kill_loses_no_decision_that_was_answered_and_leaves_a_whole_file(path: Path) -> None:
    ledger = begin(path)
    writer = start_writer(path, 0, 5000)
    assert writer.stdout is not None
    answered = [writer.stdout.readline().strip() for _ in range(25)]
    writer.send_signal(signal.SIGKILL)
    answered += writer.stdout.read().split()
    writer.wait(timeout=30)
    table = read(path)
    assert set(answered) <= set(table["image_id"])
    assert len(table) <= len(answered) + 1, "at most the decision that was on its way"
    assert path.read_text() == in_order(table)
    ledger.write("later", CELLS, NO_ROW)
    assert ledger.read()["later"].action == "relabel"


def test_a_thousand_rows_are_rewritten_in_a_moment(path: Path) -> None:
    table = pd.DataFrame([{**CELLS, "image_id": f"i{k:05}"} for k in range(3000)])
    ledger = begin(path, in_order(table[list(LEDGER)]))
    done: Any = ledger.write("i01500x", CELLS, NO_ROW)
    assert done.before is None
    assert path.read_text().splitlines()[1502].startswith("i01500x,")
    assert read(StringIO(path.read_text()))["image_id"].is_monotonic_increasing  # type: ignore[arg-type]
