import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from docsort.errors import StorageError
from docsort.files import write_atomically
from docsort.parameters import Parameters
from docsort.stores import (
    CONTENT,
    LOCK,
    RECORD,
    Store,
    checked_digest,
    fingerprint,
    is_whole,
    noted_digests,
    read_checked,
    sha256,
    unsealed,
)


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
from docsort.files import write_atomically

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
    monkeypatch.setattr("docsort.files.os.fsync", lambda _: seen.append(path.read_bytes()))
    write_atomically(path, b"new")
    assert (seen, path.read_bytes()) == ([b"old"], b"new")


def test_a_failed_write_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    write_atomically(path, b"old")

    def fail(_: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("docsort.files.os.fsync", fail)
    with pytest.raises(StorageError, match=r"file\.json, but No space left on device: put that right, then run"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.json"]


def test_a_record_can_be_read_by_a_person(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.complete("k", {"b": 1, "a": Path("x")})
    text = (store.folder("k") / RECORD).read_text()
    assert json.loads(text) | {"digest": ""} == {"a": "x", "b": 1, "files": {}, "digest": ""}
    assert text.index('"a"') < text.index('"b"')


def finished(folder: Path) -> Store:
    store = Store(folder)
    write_atomically(store.folder("k") / "a.bin", b"one")
    write_atomically(store.folder("k") / "deep" / "b.bin", b"two")
    (store.folder("k") / ".a.bin.partial").touch()
    store.complete("k", {"score": 0.75, "digits": [1, 2]})
    return store


def test_a_record_has_the_sum_of_every_file_but_hidden_ones(tmp_path: Path) -> None:
    store = finished(tmp_path)
    assert noted_digests(str(store.folder("k") / RECORD)) == {"a.bin": sha256(b"one"), "deep/b.bin": sha256(b"two")}
    assert store.finished("k") == store.record("k") == {"score": 0.75, "digits": [1, 2]}


@pytest.mark.parametrize("name", ["a.bin", "deep/b.bin"])
def test_a_piece_with_a_changed_or_lost_file_is_named_and_not_finished(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = finished(tmp_path)
    path = store.folder("k") / name
    path.write_bytes(b"twin")
    assert store.finished("k") is None
    assert caplog.messages == [f"Damaged in {store.folder('k')}, so it counts as not finished: {name}"]
    path.unlink()
    assert store.finished("k") is None
    write_atomically(path, {"a.bin": b"one", "deep/b.bin": b"two"}[name])
    assert store.finished("k") is not None


def test_any_bit_of_a_record_that_means_something_is_noticed(tmp_path: Path) -> None:
    """Also one in the names of the sums themselves, without which it would be a record of before there were any."""
    store = finished(tmp_path)
    path, right = store.folder("k") / RECORD, store.record("k")
    content = path.read_bytes()
    for place in range(len(content)):
        harmed = bytearray(content)
        harmed[place] ^= 1 << place % 8
        assert (unsealed(bytes(harmed)) or (right,))[0] == right, harmed[place - 9 : place + 9]
    path.write_bytes(b"")
    assert store.record("k") is None


def test_a_record_of_before_there_were_sums_is_believed(tmp_path: Path) -> None:
    store = finished(tmp_path)
    (store.folder("k") / RECORD).write_text(json.dumps({"score": 0.75}))
    assert store.finished("k") == {"score": 0.75}
    assert read_checked(store.folder("k") / "a.bin") == b"one"


def test_a_reader_compares_wherever_the_piece_was_copied_to(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(finished(tmp_path / "store").folder("k"), tmp_path / "copy"))
    assert read_checked(copy / "a.bin") == b"one"
    assert is_whole(str(copy / "a.bin"))
    (copy / "a.bin").write_bytes(b"ones")
    for read in (read_checked, lambda path: checked_digest(str(path))):
        with pytest.raises(StorageError, match=r"copy/a\.bin to be as it was written, but its bytes have changed"):
            read(copy / "a.bin")
    assert not is_whole(str(copy / "a.bin"))
    (copy / RECORD).write_bytes(b"{")
    with pytest.raises(StorageError, match=r"copy/complete\.json to be as it was written, but its bytes have changed"):
        read_checked(copy / "a.bin")


def test_a_record_of_somebody_else_in_a_folder_of_photos_means_nothing(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text(json.dumps({"albums": {"a.jpg": "summer"}}))
    (tmp_path / "a.jpg").write_bytes(b"photo")
    assert checked_digest(str(tmp_path / "a.jpg")) == sha256(b"photo")


HOLDER = """
import sys, time
from pathlib import Path
from docsort.stores import Store
with Store(Path(sys.argv[1])).making("piece"):
    print("made", flush=True)
    time.sleep(600)
"""


def test_a_piece_is_made_by_one_process_at_a_time_and_a_killed_one_is_not_waited_for(tmp_path: Path) -> None:
    from filelock import FileLock, Timeout

    other = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "made\n"
    with pytest.raises(Timeout, match="piece"):
        FileLock(tmp_path / "piece" / LOCK).acquire(timeout=0)
    with Store(tmp_path).making("another piece"):
        pass
    other.send_signal(signal.SIGKILL)
    other.wait()
    with Store(tmp_path).making("piece"):
        with pytest.raises(Timeout, match="piece"):
            FileLock(tmp_path / "piece" / LOCK).acquire(timeout=0)
        (tmp_path / "piece" / "file").write_text("made")
        Store(tmp_path).complete("piece", {})
    assert sorted(path.name for path in (tmp_path / "piece").iterdir()) == [RECORD, "file"]
    assert set(noted_digests(str(tmp_path / "piece" / RECORD))) == {"file"}


def test_where_no_lock_can_be_had_a_piece_is_made_all_the_same_and_its_errors_come_through(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file")
    with pytest.raises(OSError, match="its own"), Store(tmp_path / "root").making("piece"):
        raise OSError("its own")


def test_what_is_kept_is_made_once_and_again_when_it_is_damaged(tmp_path: Path) -> None:
    store, made = Store(tmp_path), []
    table = pd.DataFrame({"image_id": ["0012e5", ""], "target": pd.array([3, None], dtype="Int64"), "x": [0.1, None]})

    def make() -> pd.DataFrame:
        made.append(len(made))
        return table.set_index(pd.Index([7, 8]))

    for _ in range(2):
        pd.testing.assert_frame_equal(store.kept_table("a", make), table)
    assert made == [0]
    store.kept_table("b", make)
    (tmp_path / "a" / CONTENT).write_bytes(b"lost")
    pd.testing.assert_frame_equal(Store(tmp_path).kept_table("a", make), table)
    assert made == [0, 1, 2]


def test_what_could_not_be_made_is_not_kept(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise StorageError("no space")

    with pytest.raises(StorageError, match="no space"):
        Store(tmp_path).kept("a", fail)
    assert Store(tmp_path).kept("a", lambda: b"made") == b"made"
