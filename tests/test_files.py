import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docsort import files
from docsort.errors import StorageError
from docsort.files import partial_of, read_file, remove_partials, storing, write_atomically

DEAD = 4194305
"""Above the largest process number that Linux gives."""


def partial_names(folder: Path, name: str = "a.csv") -> dict[str, Path]:
    """What a killed process of this machine left, what a living one has, one of another machine, and a user's file."""
    here = files._machine()
    there = "0" * 8 if here != "0" * 8 else "1" * 8
    names = {
        "dead": f".{name}.{here}.{DEAD}-0.partial",
        "alive": f".{name}.{here}.{os.getpid()}-999.partial",
        "elsewhere": f".{name}.{there}.{DEAD}-0.partial",
        "user": f".{name}.{DEAD}.partial",
    }
    return {whose: folder / name for whose, name in names.items()}


@pytest.mark.parametrize("make", [Path.touch, lambda path: (path / "in it").mkdir(parents=True)])
def test_only_what_a_dead_process_of_this_machine_left_is_removed(tmp_path: Path, make: object) -> None:
    found = partial_names(tmp_path)
    for path in found.values():
        make(path)  # type: ignore[operator]
    remove_partials(tmp_path)
    assert {whose for whose, path in found.items() if path.exists()} == {"alive", "elsewhere", "user"}


def test_no_link_is_followed_out_of_the_folder(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    (outside / "photos").mkdir(parents=True)
    inside.mkdir()
    partial_names(inside)["dead"].symlink_to(outside)
    remove_partials(inside)
    assert (outside / "photos").is_dir()


def test_a_write_cleans_up_after_one_that_was_killed(tmp_path: Path) -> None:
    """The real thing, and from a process that has not written there yet, as a later run."""
    killed = """
import os, signal, sys
from pathlib import Path
from docsort.files import write_atomically
if sys.argv[2] == "killed":
    os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
write_atomically(Path(sys.argv[1]), b"new")
"""
    command = [sys.executable, "-c", killed, str(tmp_path / "a.csv")]
    subprocess.run([*command, "killed"], check=False)
    (left,) = tmp_path.iterdir()
    assert files.PARTIAL.fullmatch(left.name)
    subprocess.run([*command, "whole"], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_two_threads_or_processes_never_share_a_partial(tmp_path: Path) -> None:
    with partial_of(tmp_path / "a") as first, partial_of(tmp_path / "a") as second:
        assert first != second


def test_what_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), partial_of(tmp_path / "a") as partial:  # noqa: PT012
        partial.write_bytes(b"half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full: free some space"),
        (errno.EDQUOT, "your quota on the disk is used up: free some space"),
        (errno.EROFS, "the file system is read-only: choose another `data_root`"),
        (errno.EACCES, "permission is denied: make it writable, or choose another `data_root`"),
        (errno.EIO, "the disk reports an error: check it, or choose another `data_root`"),
        (errno.ESTALE, "Stale file handle: put that right"),
    ],
)
def test_what_the_system_refuses_is_one_sentence_that_says_what_to_do(number: int, words: str) -> None:
    sentence = f"Expected to write data/a.csv, but {words}, then run again; everything finished is kept and used."
    with pytest.raises(StorageError, match=f"^{re.escape(sentence)}$"), storing(Path("data/a.csv")):
        raise OSError(number, os.strerror(number))


def test_a_name_that_is_too_long_or_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="the name is too long: choose a shorter `data_root`"):
        write_atomically(tmp_path / ("a" * 300), b"")
    write_atomically(tmp_path / ("한" * 85), b"")  # 255 bytes, the longest there is
    with pytest.raises(StorageError, match=r"a file stands where a folder is needed: move it away \([^ ]*/file\), "):
        write_atomically(tmp_path / "file" / "a" / "b", b"")
    with pytest.raises(StorageError, match=r"a folder stands where a file is needed: move it away \([^ ]*/folder\), "):
        write_atomically(tmp_path / "folder", b"")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(StorageError, match="permission is denied: make it writable"):
        write_atomically(tmp_path / "closed" / "a", b"")


def test_what_cannot_be_read_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"gone\.csv, but got: No such file or directory; make it readable, or"):
        read_file(tmp_path / "gone.csv")
