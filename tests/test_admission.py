"""Who is let into a folder of results, and that nothing of a dead run keeps anybody out."""

import json
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import filelock
import pytest

from docsort import admission
from docsort.admission import Admission, Claim, NoLocksError
from docsort.errors import InUseError

RUN = Claim(
    who="`kedro run` (process 7 on there, since noon)",
    settings={"seed": "0", "members.main.epochs": "8", "source.photos": "null"},
    uses=["seed", "members", "source"],
    reads=["images"],
    writes=["folds", "members"],
)


def other(uses: list[str] | None = None, reads: str = "images", writes: str = "scores", **settings: str) -> Claim:
    changed = {**RUN.settings, **{name.replace("__", "."): value for name, value in settings.items()}}
    return Claim("another", changed, uses or list(RUN.uses), reads.split(), writes.split())


def test_a_run_that_writes_the_same_waits_also_with_the_same_settings() -> None:
    assert other(writes="folds scores").obstacle(RUN) == "it writes folds too"


def test_runs_with_the_same_settings_share_out_what_is_to_be_written() -> None:
    assert other().obstacle(RUN) is None
    assert other(reads="images folds").obstacle(RUN) is None


def test_a_setting_that_both_read_must_be_the_same() -> None:
    assert other(seed="1").obstacle(RUN) == "it has other settings: seed is 0 there and 1 here"
    assert other(members__main__epochs="9").obstacle(RUN) is not None
    assert other(["seed"], members__main__epochs="9").obstacle(RUN) is None


@pytest.mark.parametrize("flow", [{"reads": "folds"}, {"writes": "images"}])
def test_where_one_reads_what_the_other_writes_a_setting_counts_that_one_of_them_reads(flow: dict[str, str]) -> None:
    assert other(["seed"], **flow, members__main__epochs="9").obstacle(RUN) is not None
    assert other(["seed"], **flow).obstacle(RUN) is None


def test_new_photos_are_answered_beside_a_training() -> None:
    assert other(reads="folds", writes="new_answers", source__photos="new").obstacle(RUN) is None


def test_a_run_in_the_way_is_named_and_another_is_let_in_when_it_has_left(tmp_path: Path) -> None:
    first = Admission(tmp_path, RUN)
    with pytest.raises(
        InUseError,
        match=r"Expected no other run .*`kedro run` \(process 7 on there, since noon\) is at work there, and it has "
        r"other settings: seed is 0 there and 1 here. Wait until .*data_root=",
    ):
        Admission(tmp_path, other(seed="1"))
    beside = Admission(tmp_path, other())
    first.leave()
    with pytest.raises(InUseError, match="another is at work there"):
        Admission(tmp_path, other(seed="1"))
    beside.leave()
    beside.leave()
    Admission(tmp_path, other(seed="1")).leave()
    assert [file.name for file in (tmp_path / ".docsort/runs").iterdir()] == ["door.lock"]


HOLDER = """
import json, sys, time
from pathlib import Path
from docsort.admission import Admission, Claim
held = Admission(Path(sys.argv[1]), Claim(**json.loads(sys.argv[2])))
print("in", flush=True)
time.sleep(60)
"""


def test_a_run_keeps_others_out_while_it_lives_and_not_when_it_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path), json.dumps(asdict(RUN))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "in\n"
        with pytest.raises(InUseError, match="seed is 0 there and 1 here"):
            Admission(tmp_path, replace(other(seed="1")))
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert len(list((tmp_path / ".docsort/runs").glob("*.json"))) == 1
        Admission(tmp_path, other(seed="1")).leave()
    assert not list((tmp_path / ".docsort/runs").glob("*.json"))


def test_a_damaged_note_of_a_run_at_work_keeps_out_and_names_the_file(tmp_path: Path) -> None:
    first = Admission(tmp_path, RUN)
    (note,) = (tmp_path / ".docsort/runs").glob("*.json")
    note.write_text("{")
    with pytest.raises(InUseError, match=f"{note.name} is damaged"):
        Admission(tmp_path, other())
    first.leave()


def test_where_there_are_no_locks_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NoLocksError, match="Not a directory"):
        Admission(tmp_path / "file", RUN)
    monkeypatch.setattr(admission, "FileLock", filelock.SoftFileLock)  # what filelock falls back to
    with pytest.raises(NoLocksError, match="no locks here"):
        Admission(tmp_path, RUN)
