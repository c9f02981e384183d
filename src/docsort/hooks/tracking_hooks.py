"""Records a run in MLflow."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from docsort import tracking
from docsort.hooks.child_runs import ChildRuns
from docsort.hooks.provenance import command_line, git_tags, program_tags, run_settings
from docsort.hooks.run_names import given_tags, title_of
from docsort.hooks.run_record import RunRecord
from docsort.hooks.watching import only_watches
from docsort.mlflow_entries import flatten
from docsort.parameters import read
from docsort.work.progress import add_listener, remove_listener

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol
    from kedro.pipeline.node import Node

logger = logging.getLogger(__name__)


@only_watches
class TrackingHooks:
    """Writes the run to MLflow: one run at a time, called from several threads."""

    def __init__(self) -> None:
        self._context: KedroContext | None = None
        self._record: RunRecord | None = None
        self._children: ChildRuns | None = None
        self._tracker: tracking.Tracker | None = None
        self._began: dict[str, float] = {}

    @hook_impl
    def after_context_created(self, context: "KedroContext") -> None:
        """Remembers the context, which knows where the project is and what its parameters are."""
        self._context = context

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: "CatalogProtocol") -> None:
        """Opens the parent run, named after the pipeline, and listens to trainings."""
        self._forget()
        if self._context is None or not tracking.tracking_is_on():
            return
        project_path = Path(self._context.project_path)
        parameters = self._context.config_loader["parameters"]
        title = title_of(self._context, list(run_params.get("pipeline_names") or []))
        wished = read(tracking.TrackingParameters, parameters.get("tracking", {}), "tracking")
        tags = program_tags() | git_tags(project_path) | given_tags()
        logger.info("This run is in MLflow as: %s", title.name)  # before it is opened, which takes seconds
        self._tracker = tracking.Tracker(project_path)
        self._tracker.start(title.name, tags, flatten(parameters) | run_settings(run_params))
        self._record, self._children = RunRecord(self._tracker, catalog, wished, title), ChildRuns(self._tracker)
        self._record.begin(project_path, parameters)
        add_listener(self._children)

    @hook_impl
    def before_node_run(self, node: "Node") -> None:
        """Notes when it begins."""
        self._began[node.name] = time.perf_counter()

    @hook_impl
    def after_node_run(self, node: "Node") -> None:
        """Notes how long it took."""
        if self._record is not None:
            self._record.node_ended(node.name, time.perf_counter() - self._began[node.name])

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        """Notes the version that was read; the fingerprint of the images counts also when they are only read."""
        if self._record is not None:
            self._record.read(dataset_name, data)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Logs scores, learning histories and figures as they are written."""
        if self._record is not None:
            self._record.written(dataset_name, data)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Logs the versions and closes the run."""
        if self._record is not None:
            self._record.close(tracking.FINISHED, command_line())
            if self._tracker is not None and self._tracker.has_ended:
                logger.info("Compare this run with others: `mlflow ui`, then %s", self._tracker.address)
        self._forget()

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Logs what was read and written so far and why it ended, and closes the run as failed."""
        if self._record is not None:
            self._record.close(tracking.FAILED, command_line(), {"error": f"{type(error).__name__}: {error}"})
        self._forget()

    def _forget(self) -> None:
        if self._children is not None:
            remove_listener(self._children)
        self._record = self._children = None
