import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from docsort.parameters import Parameters
from docsort.stores import RECORD, Store, fingerprint, write_atomically


class Size(Parameters):
    width: int
    height: int


def test_equal_content_has_the_same_fingerprint_whatever_the_order_of_keys() -> None:
    assert fingerprint({"a": 1, "b": [2, 3]}) == fingerprint({"b": [2, 3], "a": 1})
    assert fingerprint(Size(width=1, height=2)) == fingerprint({"height": 2, "width": 1})
    table = pd.DataFrame({"image_id": ["a", "b"], "label": [0, 1]})
    assert fingerprint(table) == fingerprint(table.set_index(pd.Index([7, 8])))


def test_any_change_changes_the_fingerprint() -> None:
    table = pd.DataFrame({"image_id": ["a", "b"], "label": [0, 1]})
    parts = [
        (1,),
        ("1",),
        (1, 2),
        (12,),
        ([1, 2],),
        (b"a", b"b"),
        (b"ab",),
        (table,),
        (table[::-1],),
        (table.rename(columns={"label": "fold"}),),
        (table.assign(label=[0, 2]),),
        (Size(width=1, height=2),),
        (Size(width=2, height=1),),
        (None,),
        (),
    ]
    assert len({fingerprint(*part) for part in parts}) == len(parts)


def test_a_fingerprint_is_20_hexadecimal_digits() -> None:
    assert len(fingerprint("x")) == 20
    int(fingerprint("x"), 16)


def test_a_piece_counts_only_once_it_is_declared_complete(tmp_path: Path) -> None:
    store = Store(tmp_path / "renders")
    assert store.record("abc") is None
    assert not store.folder("abc").exists()
    store.folder("abc").mkdir(parents=True)
    (store.folder("abc") / "shard.bin").write_bytes(b"half")
    assert store.record("abc") is None
    store.complete("abc", {"rows": 3, "version": "1"})
    assert store.record("abc") == {"rows": 3, "version": "1"}


def test_a_record_that_was_being_written_when_the_run_died_does_not_count(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.folder("abc").mkdir()
    (store.folder("abc") / f".{RECORD}.123.partial").write_text('{"rows": ')
    assert store.record("abc") is None


def test_writing_makes_folders_replaces_whole_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file.json"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [file.name for file in path.parent.iterdir()] == ["file.json"]


KILLED = """
import os, signal, sys
from pathlib import Path
from docsort.stores import write_atomically

os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
write_atomically(Path(sys.argv[1]), b"new")
"""


def test_a_process_that_is_killed_while_it_writes_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_atomically(path, b"old")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, env={**os.environ})
    assert ended.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    (partial,) = (file for file in tmp_path.iterdir() if file != path)  # it died in the middle, not before
    assert partial.name.endswith(".partial")


def test_a_reader_meanwhile_finds_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = tmp_path / "file.json", []
    write_atomically(path, b"old")
    monkeypatch.setattr("docsort.stores.os.fsync", lambda _: seen.append(path.read_bytes()))
    write_atomically(path, b"new")
    assert (seen, path.read_bytes()) == ([b"old"], b"new")


def test_a_failed_write_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    write_atomically(path, b"old")

    def fail(_: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("docsort.stores.os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.json"]


def test_a_record_can_be_read_by_a_person(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.complete("k", {"b": 1, "a": Path("x")})
    text = (store.folder("k") / RECORD).read_text()
    assert json.loads(text) == {"a": "x", "b": 1}
    assert text.index('"a"') < text.index('"b"')
