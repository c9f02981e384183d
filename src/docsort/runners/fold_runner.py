"""Runs nodes that do not wait for each other side by side, as the folds do not.

Kedro's ThreadRunner with four differences. Ready nodes start in the order of the pipeline, so two runs read alike.
The first error ends the worker processes at once instead of letting the other folds train on, and that error is the
one raised, not what the others die of. What is finished and how to go on is said in one line. Numeric libraries of
this process are held to one thread, as those of the workers beside it are.

The threads only wait: whatever is heavy runs in the processes of `docsort.work.executor`.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import chain
from time import perf_counter
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks.manager import _NullPluginManager
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import ThreadRunner
from kedro.runner.task import Task

from docsort.errors import InputError
from docsort.work.executor import executor
from docsort.work.threads import held_to_one_thread

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol, SharedMemoryCatalogProtocol
    from pluggy import PluginManager


class FoldRunner(ThreadRunner):
    """Kedro's ThreadRunner that starts nodes in order and stops all of them when one fails.

    `--runner-params max_workers=N` sets how many nodes run side by side; without it, as many as there are workers.
    """

    def __init__(self, max_workers: int | None = None, is_async: bool = False) -> None:
        if max_workers is not None and (not isinstance(max_workers, int) or max_workers < 1):
            raise InputError(
                f"Expected max_workers of --runner-params to be a whole number of at least 1, but got {max_workers!r}; "
                "leave it out for as many as there are workers."
            )
        super().__init__(max_workers=executor().workers if max_workers is None else max_workers, is_async=is_async)

    def _run(
        self,
        pipeline: Pipeline,
        catalog: "CatalogProtocol | SharedMemoryCatalogProtocol",
        hook_manager: "PluginManager | None" = None,
        run_id: str | None = None,
    ) -> None:
        dependencies = pipeline.node_dependencies
        load_counts = Counter(chain.from_iterable(node.inputs for node in pipeline.nodes))
        hooks: Any = hook_manager or _NullPluginManager()
        tasks = {node: self._timed(Task(node, catalog, False, hooks, run_id)) for node in pipeline.nodes}
        waiting, done = pipeline.nodes, set[Node]()
        running: dict[Future[float], Node] = {}
        threads = ThreadPoolExecutor(self._get_required_workers_count(pipeline), thread_name_prefix="node")
        executor().open()
        try:
            with held_to_one_thread():
                while waiting or running:
                    ready = [node for node in waiting if dependencies[node] <= done]
                    waiting = [node for node in waiting if node not in ready]
                    for node, outcome in self._outcomes(ready, tasks, running, threads):
                        seconds = self._take(node, outcome)
                        done.add(node)
                        self._logger.info(
                            "Finished %d of %d: %s, %.1f s", len(done), len(pipeline.nodes), node.name, seconds
                        )
                        self._release_datasets(node, catalog, load_counts, pipeline)
        except BaseException:
            executor().close()
            threads.shutdown(cancel_futures=True)
            self._say_how_to_go_on(len(done), len(pipeline.nodes))
            raise
        finally:
            threads.shutdown(wait=False)

    def _timed(self, task: Task) -> Callable[[], float]:
        """The task as a function that returns the seconds it took."""

        def execute() -> float:
            self._logger.info("Running: %s", task.node.name)
            start = perf_counter()
            task.execute()
            return perf_counter() - start

        return execute

    @staticmethod
    def _outcomes(
        ready: list[Node],
        tasks: dict[Node, Callable[[], float]],
        running: "dict[Future[float], Node]",
        threads: ThreadPoolExecutor,
    ) -> list[tuple[Node, Callable[[], float]]]:
        """Starts the ready nodes and waits for the first to end; what ended, with a function that gives its result.

        A single node with nothing beside it runs when that function is called: in the main thread, where Ctrl-C
        reaches it.
        """
        if len(ready) == 1 and not running:
            return [(ready[0], tasks[ready[0]])]
        running.update({threads.submit(tasks[node]): node for node in ready})
        finished = wait(running, return_when=FIRST_COMPLETED).done
        return [(running.pop(future), future.result) for future in list(running) if future in finished]

    def _take(self, node: Node, outcome: Callable[[], float]) -> float:
        try:
            return outcome()
        except Exception:
            self._logger.error("Failed: %s", node.name)
            raise

    def _say_how_to_go_on(self, done: int, total: int) -> None:
        if done:
            self._logger.warning(
                "%d of %d steps are finished; the same command with --only-missing-outputs goes on from there.",
                done,
                total,
            )
