"""What each node of the last run came to, for the Workflow tab of kedro-viz.

kedro-viz itself notes this of full runs with the sequential runner only, as it takes the dataset at hand for the one
that failed, which threads make wrong. So that is left out here, and events are added one at a time.
"""

import threading
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro_viz.integrations.kedro.run_hooks import PipelineRunStatusHook

from docsort.hooks.watching import only_watches

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline


@only_watches
class RunEventHooks(PipelineRunStatusHook):
    """kedro-viz's own hook for every run, whatever its runner and its pipeline: `.viz/kedro_pipeline_events.json`."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: "Pipeline") -> None:
        """Begins anew: the file tells of the last run."""
        self._events.clear()
        self._node_start.clear()
        super().before_pipeline_run({}, pipeline)

    def _add_event(self, event: dict[str, Any], flush: bool = False) -> None:
        with self._lock:
            super()._add_event(event, flush)

    def _set_event_context(self, *_: Any) -> None:
        """Nothing: several datasets are at hand at once."""
