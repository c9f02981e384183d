from pathlib import Path

import pytest
from deadly import compute_for_ever, die_once, double

from docsort.errors import StoppedError
from docsort.work import survival
from docsort.work.survival import map_surviving


def test_the_item_that_kills_its_worker_is_found_and_costs_no_other() -> None:
    items = [(number,) for number in range(20)]
    done: list[int] = []
    results = map_surviving(double, items, 6, lambda number: -number, done.append)
    assert results == [-13 if number == 13 else 2 * number for number in range(20)]
    assert done[-1] == 20


def test_a_worker_that_dies_by_bad_luck_costs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "died"
    items = [(str(mark), number) for number in range(8)]
    assert map_surviving(die_once, items, 4, lambda *_: pytest.fail("it would have worked")) == list(range(8))
    assert mark.exists()


def test_what_computes_without_end_is_ended() -> None:
    assert map_surviving(compute_for_ever, [(1,), (2,), (3,)], 3, lambda number: -number) == [1, -2, 3]


def test_work_that_was_stopped_on_purpose_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped:
        def submit(self, *_: object) -> object:
            raise StoppedError("stopped in its middle")

    monkeypatch.setattr(survival, "executor", Stopped)
    with pytest.raises(StoppedError, match="stopped in its middle"):
        map_surviving(double, [(1,)], 1, lambda number: number)
