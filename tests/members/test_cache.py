import errno
from pathlib import Path

import numpy as np
import pytest

from docsort.arrays import read_arrays
from docsort.errors import StorageError
from docsort.members import cache as module
from docsort.members.cache import PageCache, page_keys
from docsort.stores import Store

VIEWS = ((0, 100), (3, 100), (0, 125))


def keys(*names: str) -> np.ndarray:
    return np.array([name * 24 for name in names])


def numbers(pages: int, views: int = 3, width: int = 2) -> np.ndarray:
    return np.random.default_rng(0).random((pages, views, width)).astype(np.float32)


def test_what_was_added_is_found_by_page_and_view_in_any_order(tmp_path: Path) -> None:
    cache, values = PageCache(Store(tmp_path), "member", 2), numbers(2)
    nothing = cache.look_up(keys("a", "b"), VIEWS)
    assert nothing.shape == (2, 3, 2)
    assert np.isnan(nothing).all()
    cache.add(keys("a", "b"), nothing, values, VIEWS)
    found = PageCache(Store(tmp_path), "member", 2).look_up(keys("b", "c", "a"), VIEWS[::-1])
    np.testing.assert_array_equal(found[[0, 2]], values[::-1, ::-1])
    assert np.isnan(found[1]).all()


def test_only_what_is_new_is_written(tmp_path: Path) -> None:
    cache, values = PageCache(Store(tmp_path), "member", 2), numbers(3)
    partly = np.full_like(values, np.nan)
    partly[0], partly[1, 1] = values[0], values[1, 1]
    cache.add(keys("a", "b", "c"), np.full_like(values, np.nan), partly, VIEWS)
    (first,) = tmp_path.glob("*/*.safetensors")
    cache.add(keys("a", "b", "c"), partly, values, VIEWS)
    np.testing.assert_array_equal(cache.look_up(keys("a", "b", "c"), VIEWS), values)
    (second,) = set(tmp_path.glob("*/*.safetensors")) - {first}
    written = [read_arrays(path)["values"] for path in (first, second)]
    assert [len(part) for part in written] == [4, 5]
    cache.add(keys("a", "b", "c"), values, values, VIEWS)
    assert len(list(tmp_path.glob("*/*.safetensors"))) == 2


def test_a_page_that_stands_twice_in_a_list_is_stored_once(tmp_path: Path) -> None:
    cache, values = PageCache(Store(tmp_path), "member", 2), numbers(2)[[0, 1, 0]]
    cache.add(keys("a", "b", "a"), np.full_like(values, np.nan), values, VIEWS)
    (path,) = tmp_path.glob("*/*.safetensors")
    assert len(read_arrays(path)["values"]) == 6
    np.testing.assert_array_equal(cache.look_up(keys("a", "b", "a"), VIEWS), values)


def test_names_and_versions_share_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = numbers(1)
    PageCache(Store(tmp_path), "one", 2).add(keys("a"), np.full_like(values, np.nan), values, VIEWS)
    assert np.isnan(PageCache(Store(tmp_path), "other", 2).look_up(keys("a"), VIEWS)).all()
    monkeypatch.setattr(module, "CACHE_VERSION", 99)
    assert np.isnan(PageCache(Store(tmp_path), "one", 2).look_up(keys("a"), VIEWS)).all()


def test_without_a_store_nothing_is_cached() -> None:
    cache, values = PageCache(None, "member", 2), numbers(1)
    cache.add(keys("a"), np.full_like(values, np.nan), values, VIEWS)
    assert np.isnan(cache.look_up(keys("a"), VIEWS)).all()


def test_pages_are_known_by_what_they_hold(tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).write_bytes(content)
    a, b, c = page_keys([str(tmp_path / name) for name in "abc"])
    assert a == b != c
    assert page_keys([]).shape == (0,)


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("docsort.files.os.fsync", full)
    values = numbers(1)
    with pytest.raises(StorageError, match=r"write .*\.safetensors, but the disk is full: free some space, then run"):
        PageCache(Store(tmp_path), "member", 2).add(keys("a"), np.full_like(values, np.nan), values, VIEWS)


def test_a_damaged_file_is_removed_and_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache, values = PageCache(Store(tmp_path), "member", 2), numbers(2)
    nothing = np.full_like(values, np.nan)
    for page, name in enumerate("ab"):
        cache.add(keys(name), nothing[:1], values[page : page + 1], VIEWS)
    hurt, whole = sorted(tmp_path.glob("*/*.safetensors"))
    foreign = hurt.with_name("weights.safetensors")
    foreign.write_bytes(b"of the user")
    content = hurt.read_bytes()
    hurt.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    found = cache.look_up(keys("a", "b"), VIEWS)
    assert sorted(np.isnan(found).all(axis=(1, 2)).tolist()) == [False, True]
    assert {path.name for path in hurt.parent.iterdir()} == {whole.name, foreign.name}
    assert caplog.messages == [f"{hurt} is damaged: it is removed, and what it held is asked again"]
    cache.add(keys("a", "b"), found, values, VIEWS)
    np.testing.assert_array_equal(cache.look_up(keys("a", "b"), VIEWS), values)


def test_a_file_of_before_there_were_sums_counts_unless_it_cannot_be_read(tmp_path: Path) -> None:
    cache, values = PageCache(Store(tmp_path), "member", 2), numbers(1)
    cache.add(keys("a"), np.full_like(values, np.nan), values, VIEWS)
    (path,) = tmp_path.glob("*/*.safetensors")
    old = path.rename(path.with_name(f"{path.name[:20]}.safetensors"))
    np.testing.assert_array_equal(cache.look_up(keys("a"), VIEWS), values)
    old.write_bytes(old.read_bytes()[:-1])
    assert np.isnan(cache.look_up(keys("a"), VIEWS)).all()
    assert not old.exists()


def test_what_may_not_be_read_is_told_and_stays(tmp_path: Path) -> None:
    folder = Store(tmp_path).folder(f"member-{module.CACHE_VERSION}") / f"{'0' * 20}.safetensors"
    folder.mkdir(parents=True)
    with pytest.raises(StorageError, match=r"read .*0\.safetensors, but got: Is a directory; make it readable, or run"):
        PageCache(Store(tmp_path), "member", 2).look_up(keys("a"))
    assert folder.is_dir()
