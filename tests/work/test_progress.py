"""Jobs are followed from outside, and do not notice. Most of them are played here: their events are told by hand."""

import logging
from collections.abc import Iterator

import pytest
from notes import Clumsy, Notes

from docsort.errors import InputError, StoppedError
from docsort.work import progress as module
from docsort.work.progress import (
    Began,
    EpochRow,
    Job,
    PagesPredicted,
    Progress,
    followed,
    listening,
    predicting,
    tell_kept,
)

JOB = Job("fold_0", "network", {"epochs": 3}, seed=1)
HALF = Progress(1, 5, 5, 10, 100.0, 0.5)


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    yield
    assert module._listeners == []


def test_all_is_told_as_it_comes() -> None:
    notes = Notes()
    with listening(notes), followed(JOB) as on_event:
        assert notes.heard == []  # it may wait long for a worker
        for event in (Began(("cuda:0", "cuda:1")), HALF, EpochRow({"epoch": 1, "train_loss": 0.75}), "of another kind"):
            on_event(event)
    begun = Job("fold_0", "network", {"epochs": 3}, seed=1, device="cuda:0, cuda:1")
    row = {"epoch": 1, "train_loss": 0.75}
    assert notes.heard == [("began", begun), ("progressed", HALF), ("epoch_ended", row), ("finished", None)]


def test_of_a_job_that_never_began_nothing_is_told() -> None:
    notes = Notes()
    with pytest.raises(StoppedError, match="before it began"), listening(notes), followed(JOB):
        raise StoppedError("It was stopped before it began.")
    assert notes.heard == []


def test_a_listener_that_fails_is_named_once_and_the_others_hear_on(caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    with listening(Clumsy()), listening(notes), followed(JOB) as on_event:
        on_event(Began())
        for _ in range(3):
            on_event(HALF)
    assert [record.getMessage() for record in caplog.records] == [
        "Clumsy failed and hears no more of this run; work goes on:"
    ]
    assert "no screen" in caplog.text
    assert notes.of("progressed") == [HALF] * 3
    assert notes.heard[-1] == ("finished", None)


def fail(error: BaseException) -> None:
    with followed(JOB) as on_event:
        on_event(Began())
        raise error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (InputError("Expected pages, but got none."), "failed"),
        (StoppedError("fit was stopped in its middle."), "stopped"),
        (KeyboardInterrupt("Ctrl-C"), "stopped"),
    ],
)
def test_an_error_is_told_and_goes_its_way(error: BaseException, outcome: str) -> None:
    notes = Notes()
    with listening(notes), pytest.raises(type(error), match=str(error)):
        fail(error)
    assert notes.heard[-1] == (outcome, error)


def test_what_an_earlier_run_finished_is_told_with_its_history() -> None:
    notes = Notes()
    with listening(notes):
        tell_kept(JOB, [{"epoch": 1, "train_loss": 0.75}])
    assert notes.heard == [("kept", [{"epoch": 1, "train_loss": 0.75}])]


def test_pages_are_counted_over_all_that_predict_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    notes = Notes()
    monkeypatch.setattr(module, "LINE_INTERVAL_S", 0)
    with listening(notes), caplog.at_level(logging.INFO), predicting("main", pages=10, known=4) as part:
        first, second = part(), part()
        for on_event in (first, second):
            on_event(Began())
        first(PagesPredicted(2, 8))
        second(PagesPredicted(4, 4))
    assert notes.of("main") == [(6, 10), (10, 10), (10, 10)]
    lines = [line.rpartition(" (")[0] for line in caplog.messages]
    assert lines == ["main: predicted 6/10 pages, 4.0 views each", "main: predicted 10/10 pages, 2.0 views each"]


def test_pages_of_a_call_that_begins_again_count_once() -> None:
    """Its worker died; what the other calls have done stays."""
    notes = Notes()
    with listening(notes), predicting("main", pages=10) as part:
        dying, other = part(), part()
        for event in (Began(), PagesPredicted(3, 3)):
            dying(event)
        for event in (Began(), PagesPredicted(4, 4)):
            other(event)
        for event in (Began(), PagesPredicted(6, 6)):
            dying(event)
    assert [done for done, _ in notes.of("main")] == [3, 7, 4, 10, 10]


def test_a_prediction_that_fails_is_over_too_and_no_page_is_told_that_was_not_done() -> None:
    notes = Notes()

    def fail() -> None:
        with listening(notes), predicting("main", 10) as part:
            part()(PagesPredicted(3, 3))
            raise InputError("Got an unreadable page.")

    with pytest.raises(InputError, match="an unreadable page"):
        fail()
    assert notes.of("main") == [(3, 10), (3, 3)]
