"""Sequences in chunks, and functions mapped over them: in worker processes, or one step ahead."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

S = TypeVar("S")
T = TypeVar("T")


class Sliceable(Protocol):
    """A list, an array, a tensor."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Any: ...


Items = TypeVar("Items", bound=Sliceable)


def chunks(items: Items, size: int) -> Iterator[Items]:
    """Consecutive slices of `size` items, the last one as long as it comes."""
    return (items[start : start + size] for start in range(0, len(items), size))


def filled(part: NDArray[Any], size: int) -> NDArray[Any]:
    """The rows (n, ...) of an array, and its first one again until there are `size`.

    Libraries choose their way to compute by the shape of a batch, and what comes of a row must not depend on how many
    stand beside it.
    """
    return np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])


def each_alone(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The rows (n, ...) of an array, as n arrays (1, ...), to be multiplied one at a time.

    How BLAS adds up a row of a product depends on the shape of the matrix and, on some processors, on the place of the
    row in it.
    """
    return (rows[row : row + 1] for row in range(len(rows)))


def one_ahead(make: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """What `make` gives for each item, the next being made in a thread while the last is used."""
    with ThreadPoolExecutor(1) as thread:
        coming: Future[T] | None = None
        for item in items:
            following = thread.submit(make, item)
            if coming is not None:
                yield coming.result()
            coming = following
        if coming is not None:
            yield coming.result()


def map_chunks(
    run: Callable[..., Iterable[tuple[int, list[T]]]],
    function: Callable[..., T],
    items: Sequence[Any],
    size: int,
    on_done: Callable[[int], None] = lambda count: None,
) -> list[T]:
    """function(*item) of every item, in their order; a task holds `size` items, so that it is worth being sent.

    run: yields the results of (function, tasks) in any order, as `Executor.map` does; on_done: called with
    the number of items finished so far. The function's own errors arrive as they are.
    """
    found: dict[int, list[T]] = {}
    done = 0
    for number, results in run(_each, [(number, function, part) for number, part in enumerate(chunks(items, size))]):
        found[number] = results
        done += len(results)
        on_done(done)
    return [result for number in sorted(found) for result in found[number]]


def _each(number: int, function: Callable[..., T], items: Sequence[Any]) -> tuple[int, list[T]]:
    """One task, in a worker."""
    return number, [function(*item) for item in items]
