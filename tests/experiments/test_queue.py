"""The queue on disk: states follow from files, and names and priorities do what they say."""

import json
from pathlib import Path

import pytest
from tiny_runs import planned

from docsort.errors import InputError
from docsort.experiments.claims import Claim
from docsort.experiments.queue import FAILED, Queue


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "queue")


def states(queue: Queue) -> dict[str, str]:
    return {each.job.name: each.state for each in queue.standings()}


def test_its_folder_is_told_without_a_way_back_and_with_its_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert Queue(tmp_path / "project/../link/queue").folder == tmp_path / "link/queue"


def test_what_is_there_is_not_added_again_and_a_name_of_other_settings_is_numbered(queue: Queue) -> None:
    queue.add([planned("a"), planned("b")])
    (again,) = queue.add([planned("a", priority=5)])
    assert (again.name, again.priority) == ("a", 5)
    (other,) = queue.add([("another key", planned("a")[1])])
    assert other.name == "a.2"
    assert [job.name for job in queue.jobs()] == ["a", "b", "a.2"]


def test_the_same_settings_under_two_names_are_one_job(queue: Queue) -> None:
    first, second = queue.add([planned("a"), (planned("a")[0], planned("b")[1])])
    assert first == second
    assert [job.name for job in queue.jobs()] == ["a"]


def test_the_most_urgent_is_taken_first_and_nothing_twice(queue: Queue) -> None:
    queue.add([planned("a"), planned("b", priority=1), planned("c")])
    taken = [queue.take() for _ in range(4)]
    assert [job and job.name for job in taken] == ["b", "a", "c", None]
    assert set(states(queue).values()) == {"running"}


def test_a_finished_one_is_never_taken_again(queue: Queue) -> None:
    (job,) = queue.add([planned("a")])
    assert queue.take() == job
    queue.finish(job, {"forecast": 0.5})
    queue.claims.give_back(job.key)
    queue.cancel(job, "late")
    assert states(queue) == {"a": "finished"}
    assert queue.take() is None


def test_one_that_another_finishes_while_it_is_looked_at_is_not_taken_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = queue.add([planned("a")])
    other = Queue(queue.folder)
    assert other.take() == job
    held_by = queue.claims.holder

    def finished_meanwhile(key: str) -> Claim | None:
        other.finish(job, {"forecast": 0.5})
        other.claims.give_back(key)
        return held_by(key)

    assert queue.standing(job).state == "running"
    monkeypatch.setattr(queue.claims, "holder", finished_meanwhile)
    assert queue.take() is None


def test_one_that_fails_too_often_waits_until_it_is_resumed_and_its_seconds_stay_counted(queue: Queue) -> None:
    (job,) = queue.add([planned("a", retries=1)])
    for number, state in ((1, "waiting"), (2, "failed")):
        queue.note_try(job, FAILED, 30.0, f"try {number}")
        assert states(queue) == {"a": state}
    assert queue.standing(job).why == "try 2"
    queue.resume(job)
    assert states(queue) == {"a": "waiting"}
    queue.finish(job, {"seconds": 40.0})
    assert queue.spent_s() == 100.0


def test_a_cancelled_one_is_taken_only_after_it_is_resumed(queue: Queue) -> None:
    (job,) = queue.add([planned("a")])
    queue.cancel(job, "not wanted")
    assert (states(queue), queue.take(), queue.is_cancelled(job)) == ({"a": "cancelled"}, None, True)
    queue.resume(job)
    assert queue.take() == job


def test_names_that_look_alike_on_disk_have_folders_of_their_own(queue: Queue) -> None:
    first, second = queue.add([planned("a/b=1"), planned("a b=1")])
    names = [queue.run_folder(job).name for job in (first, second)]
    assert [name.rpartition("-")[0] for name in names] == ["a-b=1", "a-b=1"]
    assert names[0] != names[1]


def test_a_damaged_file_is_named(queue: Queue) -> None:
    (job,) = queue.add([planned("a")])
    (queue.folder / "jobs" / f"{job.key}.json").write_text("{")
    with pytest.raises(InputError, match=r"Expected .*json to be as it was written, but it is damaged; remove it"):
        queue.jobs()


def test_names_and_folders_that_there_are_not_are_told(queue: Queue, tmp_path: Path) -> None:
    queue.add([planned("a")])
    with pytest.raises(InputError, match="there is no b; there are a"):
        queue.named(["b"])
    with pytest.raises(InputError, match="Expected a queue of experiments in .*nothing, but there is none"):
        Queue(tmp_path / "nothing").require()


def test_a_job_comes_back_from_disk_as_it_was(queue: Queue) -> None:
    (job,) = queue.add([planned("a", priority=2, env="smoke")])
    assert queue.jobs() == [job]
    assert json.loads((queue.folder / "jobs" / f"{job.key}.json").read_text())["env"] == "smoke"
