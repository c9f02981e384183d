"""Who works on a queue: every job is made once, whoever works; what fails is told and the rest goes on."""

import threading
import time
from pathlib import Path

import pytest
from tiny_runs import TinyPlace, planned

from docsort.errors import WorkerError
from docsort.experiments import driver as driver_module
from docsort.experiments.driver import Driver
from docsort.experiments.queue import Job, Queue, Standing


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Queue:
    monkeypatch.setattr(driver_module, "WAIT_S", 0.02)
    return Queue(tmp_path / "queue")


def add(queue: Queue, *names: str, retries: int = 1) -> list[Job]:
    return queue.add([planned(name, retries=retries) for name in names])


def by_name(queue: Queue) -> dict[str, Standing]:
    return {each.job.name: each for each in queue.standings()}


def work(queue: Queue, place: TinyPlace, workers: int = 1) -> None:
    Driver(queue, Path(), place).work(workers)


def test_two_drivers_share_the_work_and_none_does_what_the_other_has_done(queue: Queue) -> None:
    names = [f"job {number}" for number in range(12)]
    add(queue, *names)
    met = threading.Barrier(2, timeout=60)
    first, second = TinyPlace(), TinyPlace()
    for place in (first, second):  # each has one when the rest is shared out
        place.while_running = lambda root, job, own=place: len(own.begun) == 1 and met.wait()
    other = threading.Thread(target=work, args=(queue, second))
    other.start()
    work(Queue(queue.folder), first)
    other.join()
    assert sorted(first.begun + second.begun) == sorted(names)
    assert first.begun
    assert second.begun
    assert {each.state for each in queue.standings()} == {"finished"}


def test_no_more_run_at_a_time_than_there_are_workers(queue: Queue) -> None:
    add(queue, *"abcdef")
    together = threading.Barrier(3, timeout=60)
    place = TinyPlace(while_running=lambda *_: together.wait())
    work(queue, place, workers=3)
    assert (sorted(place.begun), place.most) == (list("abcdef"), 3)


def test_what_is_finished_is_not_made_again(queue: Queue) -> None:
    add(queue, "a", "b")
    work(queue, TinyPlace())
    add(queue, "a", "b", "c")
    again = TinyPlace()
    work(queue, again)
    assert again.begun == ["c"]


def test_one_that_fails_is_tried_again_then_told_and_the_rest_goes_on(queue: Queue) -> None:
    add(queue, "once", "always", "fine", retries=2)
    place = TinyPlace(fails={"once": 1, "always": 9})
    work(queue, place)
    assert {name: place.begun.count(name) for name in ("once", "always", "fine")} == {"once": 2, "always": 3, "fine": 1}
    found = by_name(queue)
    assert (found["once"].state, found["fine"].state) == ("finished", "finished")
    assert (found["always"].state, found["always"].why) == ("failed", "always has no memory.")
    assert queue.spent_s() == 4 * 2.0 + 2 * 10.0


def test_an_error_of_the_place_fails_the_job_and_a_bug_ends_the_work_with_nothing_claimed(queue: Queue) -> None:
    def refuse(root: Path, job: Job) -> None:
        raise WorkerError("the system gives no process") if job.name == "a" else RuntimeError("a bug")

    add(queue, "a", retries=0)
    work(queue, TinyPlace(while_running=refuse))
    assert by_name(queue)["a"].why == "the system gives no process"
    add(queue, "b")
    with pytest.raises(RuntimeError, match="a bug"):
        work(queue, TinyPlace(while_running=refuse))
    assert by_name(queue)["b"].state == "waiting"


def test_a_run_without_scores_has_failed(queue: Queue) -> None:
    add(queue, "a", retries=0)
    work(queue, TinyPlace(while_running=lambda root, job: (root / "08_reporting").mkdir(parents=True)))
    assert by_name(queue)["a"].state == "failed"
    assert "scores.json, but it has not" in by_name(queue)["a"].why


def test_cancelling_ends_what_runs_and_what_waits_begins_never(queue: Queue) -> None:
    first, second = add(queue, "a", "b")
    place = TinyPlace(
        polls=10**6, while_running=lambda root, job: [queue.cancel(each, "gone") for each in (first, second)]
    )
    work(queue, place)
    assert place.begun == ["a"]
    assert {name: each.state for name, each in by_name(queue).items()} == {"a": "cancelled", "b": "cancelled"}
    assert queue.spent_s() == 1.0


def test_a_driver_that_is_stopped_ends_its_run_which_waits_for_the_next(queue: Queue) -> None:
    add(queue, "a")
    place = TinyPlace(polls=10**6)
    driver = Driver(queue, Path(), place)
    threading.Thread(target=lambda: [time.sleep(0.1), driver.stop()]).start()
    driver.work(1)
    assert by_name(queue)["a"].state == "waiting"
    after = TinyPlace()
    work(queue, after)
    assert (after.begun, by_name(queue)["a"].state) == (["a"], "finished")


def test_nothing_begins_that_would_take_more_than_the_hours_of_the_queue(queue: Queue) -> None:
    add(queue, *"abcde")
    queue.set_budget(35 / 3600)
    place = TinyPlace()
    work(queue, place)
    assert place.begun == ["a", "b", "c"]
    queue.set_budget(None)
    work(queue, place)
    assert len(place.begun) == 5


def test_only_the_named_jobs_are_worked_on(queue: Queue) -> None:
    _, second = add(queue, "a", "b")
    place = TinyPlace()
    Driver(queue, Path(), place).work(2, [second.key])
    assert place.begun == ["b"]
