"""Processes that do one piece of work together, each knowing its rank: what data-parallel training needs."""

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any

from docsort.errors import DocsortError, WorkerError
from docsort.work.channel import report
from docsort.work.worker import Worker, name_of


class ProcessGroupError(DocsortError):
    """One of several processes that do one piece of work together has failed."""


def run_together(function: Callable[..., Any], args: tuple[Any, ...], count: int) -> Any:
    """function(rank, *args) in as many new processes, rank from 0; the result of rank 0, when all have ended.

    What they log and report goes the way of the calling process. Raises ProcessGroupError when one fails, with what
    went wrong, and WorkerError when one dies; the others are ended.
    """
    workers = [Worker() for _ in range(count)]
    with ThreadPoolExecutor(count) as threads:
        try:
            asked = [(rank, *args) for rank in range(count)]
            calls = [
                threads.submit(worker.call, function, each, report) for worker, each in zip(workers, asked, strict=True)
            ]
            done = wait(calls, return_when=FIRST_EXCEPTION).done
        finally:
            for worker in workers:
                worker.kill()
    for worker in workers:
        worker.end()
    for rank, call in enumerate(calls):
        if call in done and (error := call.exception()) is not None:
            kind = WorkerError if isinstance(error, WorkerError) else ProcessGroupError
            raise kind(
                f"Expected {count} processes to run {name_of(function)} together, but number {rank} failed: {error}"
            ) from error
    return calls[0].result()
