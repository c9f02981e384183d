"""Requests that wait are answered together; too many are sent away; who gives up is not answered."""

import threading
from typing import Any

import pandas as pd
import pytest

from docsort.ensembling.answering import CHUNK
from docsort.serving.http.batching import Batcher
from docsort.serving.http.limits import Refused

WAIT = 20


class Slow:
    """A classifier that answers when it is let, with the pages as they came."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[list[bytes]] = []
        self.began, self.let, self._error = threading.Semaphore(0), threading.Semaphore(0), error

    def predict(self, pages: list[bytes], names: list[str], in_workers: bool) -> pd.DataFrame:
        assert in_workers
        assert len(set(names)) == len(pages)
        self.asked.append(pages)
        self.began.release()
        assert self.let.acquire(timeout=WAIT)
        if self._error is not None:
            raise self._error
        return pd.DataFrame({"page": pages})


def submit(batcher: Batcher, classifier: Any, *pages: bytes) -> Any:
    return batcher.submit(classifier, list(pages))


@pytest.fixture
def batcher() -> Any:
    own = Batcher(1, 2 * CHUNK)
    yield own
    own.close()


def test_what_waits_is_answered_by_one_call_and_everybody_gets_their_own(batcher: Batcher) -> None:
    slow = Slow()
    first = submit(batcher, slow, b"1")
    assert slow.began.acquire(timeout=WAIT)
    later = [submit(batcher, slow, b"2", b"3"), submit(batcher, slow, b"4")]
    assert batcher.waiting == 3
    slow.let.release(2)
    assert [each.result(WAIT)["page"].tolist() for each in (first, *later)] == [[b"1"], [b"2", b"3"], [b"4"]]
    assert slow.asked == [[b"1"], [b"2", b"3", b"4"]]
    assert later[1].result()["page"].index.tolist() == [0]


def test_requests_for_two_ensembles_are_not_mixed_and_a_call_is_no_larger_than_a_worker_takes(
    batcher: Batcher,
) -> None:
    old, new = Slow(), Slow()
    waiting = [submit(batcher, old, b"0")]
    assert old.began.acquire(timeout=WAIT)
    waiting += [
        submit(batcher, old, *[b"x"] * (CHUNK - 1)),
        submit(batcher, old, b"1", b"2"),
        submit(batcher, new, b"3"),
    ]
    old.let.release(3)
    new.let.release()
    for each in waiting:
        each.result(WAIT)
    assert [len(pages) for pages in old.asked] == [1, CHUNK - 1, 2]
    assert new.asked == [[b"3"]]


def test_more_than_may_wait_is_refused_and_later_taken(batcher: Batcher) -> None:
    slow = Slow()
    submit(batcher, slow, b"0")
    assert slow.began.acquire(timeout=WAIT)
    waiting = submit(batcher, slow, *[b"x"] * 2 * CHUNK)
    with pytest.raises(Refused, match="as much to do as it takes") as refused:
        submit(batcher, slow, b"one more")
    assert (refused.value.status, refused.value.headers) == (503, {"retry-after": "2"})
    slow.let.release(3)
    waiting.result(WAIT)
    assert submit(batcher, slow, b"later").result(WAIT)["page"].tolist() == [b"later"]


def test_who_gives_up_while_waiting_is_not_answered(batcher: Batcher) -> None:
    slow = Slow()
    submit(batcher, slow, b"0")
    assert slow.began.acquire(timeout=WAIT)
    gone, stays = submit(batcher, slow, b"gone"), submit(batcher, slow, b"stays")
    assert gone.cancel()
    slow.let.release(2)
    stays.result(WAIT)
    assert slow.asked[1] == [b"stays"]


def test_an_error_reaches_all_that_were_answered_together_and_the_next_are_answered(batcher: Batcher) -> None:
    bad, good = Slow(ValueError("why")), Slow()
    bad.let.release()
    with pytest.raises(ValueError, match="why"):
        submit(batcher, bad, b"0").result(WAIT)
    good.let.release()
    assert len(submit(batcher, good, b"1").result(WAIT)) == 1


def test_what_waits_at_the_end_is_refused(batcher: Batcher) -> None:
    slow = Slow()
    submit(batcher, slow, b"0")
    assert slow.began.acquire(timeout=WAIT)
    left = submit(batcher, slow, b"1")
    batcher.close()
    with pytest.raises(Refused, match="send the request again"):
        left.result(WAIT)
    with pytest.raises(Refused, match="send the request again"):
        submit(batcher, slow, b"2")
    slow.let.release()
