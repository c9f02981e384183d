import pytest

from docsort.members.pages import decoding_threads


def test_cores_that_train_do_not_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSORT_WORKERS", "16")
    assert decoding_threads("cpu", concurrent=16) == 1
    assert decoding_threads("cpu", concurrent=1) == 1
    assert decoding_threads("cuda:0", concurrent=2) == 7
    assert decoding_threads("cuda:0", concurrent=16) == 1
