"""Chunks join to what they were cut from, and mapped results keep the order of the items."""

import operator
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from docsort.chunks import chunks, map_chunks, one_ahead
from docsort.errors import InputError


def last_first(function: Callable[..., Any], tasks: list[tuple[Any, ...]]) -> Iterator[Any]:
    """As workers may do: the last task is the first to finish."""
    return (function(*task) for task in reversed(tasks))


@pytest.mark.parametrize("count", [0, 1, 5, 6, 7])
def test_chunks_join_to_the_whole_and_only_the_last_is_short(count: int) -> None:
    items = list(range(count))
    found = list(chunks(items, 3))
    assert [item for chunk in found for item in chunk] == items
    assert [len(chunk) for chunk in found[:-1]] == [3] * (len(found) - 1)
    assert all(found)


def test_an_array_gives_views_of_itself() -> None:
    values = np.arange(7)
    assert all(np.shares_memory(chunk, values) for chunk in chunks(values, 4))


def test_results_come_in_the_order_of_the_items_whatever_finishes_first() -> None:
    counts: list[int] = []
    items = [(number, 2) for number in range(7)]
    assert map_chunks(last_first, operator.mul, items, 3, counts.append) == [0, 2, 4, 6, 8, 10, 12]
    assert counts == [1, 4, 7]  # of the last chunk, which has one item, and of the others


def test_an_error_of_the_function_arrives_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError, match="division"):
        map_chunks(last_first, operator.truediv, [(1, 1), (1, 0)], 1)


def test_one_is_made_ahead_while_the_last_is_used() -> None:
    begun: list[int] = []
    second = threading.Event()

    def make(item: int) -> int:
        begun.append(item)
        if item == 2:
            second.set()
        return item * 10

    made = one_ahead(make, range(1, 5))
    assert next(made) == 10
    assert second.wait(timeout=10)
    assert 4 not in begun
    assert list(made) == [20, 30, 40]
    assert list(one_ahead(make, [])) == []


def test_what_fails_ahead_is_raised() -> None:
    def fail(item: int) -> int:
        raise InputError("no such page")

    with pytest.raises(InputError, match="no such page"):
        list(one_ahead(fail, range(2)))
