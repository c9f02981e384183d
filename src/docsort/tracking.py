"""The MLflow record of a run: a parent run, and a child run a training, written to while it trains.

The server is the one that MLFLOW_TRACKING_URI names; without it, `mlflow.db` at the project root with the artifacts
under `mlruns/`, which is where a bare `mlflow ui` looks. DOCSORT_TRACKING=off switches it all off.

Tracking only watches: the first thing that goes wrong is told in one sentence, then the run goes on untracked. A server
that hangs is waited for once, for LIMIT_S. Runs that this machine has left open, because their process was killed, are
closed by the next.
"""

import atexit
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Literal, ParamSpec

from pydantic import Field

from docsort import mlflow_entries
from docsort.errors import InputError
from docsort.experiment_page import SECONDS, compare_address, experiment_name, page_tags
from docsort.mlflow_client import artifact_root, open_client, system_monitor, tracking_uri, without_password
from docsort.parameters import Parameters
from docsort.process_names import is_running, machine_name, process_name

if TYPE_CHECKING:
    from docsort.ensembling.ensemble import Ensemble

REASON_LENGTH = 300
"""Characters of an error in the warning."""
KEPT = "kept_trainings"
"""Tag of a run: the trainings that earlier runs have done."""

MACHINE, PROCESS = "docsort.machine", "docsort.process"
"""Tags of every run, by which the next one knows those that a killed process has left open."""

FINISHED, FAILED, KILLED = "FINISHED", "FAILED", "KILLED"


ModelName = Annotated[str, Field(pattern=r"^[^/:@]*[^/:@ ][^/:@]*$", description="a name without /, : and @")]


class TrackingParameters(Parameters):
    """What of a run goes to MLflow beside its record."""

    log_model: bool | Literal["auto"] = Field(
        default="auto", description="whether the ensemble is logged as a model; auto: where it holds no words of pages"
    )
    registered_model: ModelName | None = Field(
        default="docsort", description="name that it is registered by; null: it is not"
    )


P = ParamSpec("P")
logger = logging.getLogger(__name__)


def tracking_is_on() -> bool:
    """Whether DOCSORT_TRACKING allows tracking; unset means on."""
    text = os.environ.get("DOCSORT_TRACKING", "on").lower()
    if text not in ("on", "off"):
        raise InputError(f"Expected DOCSORT_TRACKING to be on or off, but got {text!r}.")
    return text == "on"


def prepare_tracking(project_path: Path) -> None:
    """For runs that begin together: they would create the database at once, and all but one fail."""
    if tracking_is_on():
        Tracker(project_path).prepare()


def _guarded(method: "Callable[Concatenate[Tracker, P], None]") -> "Callable[Concatenate[Tracker, P], None]":
    """Makes a method do nothing unless a run is open, and let no error out."""

    @wraps(method)
    def call(self: "Tracker", *args: P.args, **kwargs: P.kwargs) -> None:
        with self.guard():
            if self._run_id is not None:
                method(self, *args, **kwargs)

    return call


@dataclass
class _Child:
    """A child run, and the steps it has metrics of."""

    run_id: str
    is_open: bool = True
    steps: set[int] = field(default_factory=set)


class Tracker:
    """One parent run at a time, written to from any thread. A child run is known by its name.

    has_ended: whether the last run was written to its end.
    """

    def __init__(self, project_path: Path) -> None:
        self.uri = tracking_uri(project_path)
        self._artifacts = artifact_root(self.uri, project_path)
        self._lock = threading.RLock()
        self._client: Any = None
        self._experiment_id = ""
        self._run_id: str | None = None
        self._model_id: str | None = None
        self._children: dict[str, _Child] = {}
        self._kept: set[str] = set()
        self._monitor: Any = None
        self._began = 0.0
        self.has_ended = False

    @property
    def run_id(self) -> str | None:
        """The id of the open parent run; None before, after, and once tracking has failed."""
        return self._run_id

    @contextmanager
    def guard(self) -> Iterator[None]:
        """One thread at a time inside; an error inside ends the tracking, not the run."""
        with self._lock:
            try:
                yield
            except Exception as error:
                if self._run_id is not None:
                    self._give_up(error)

    @property
    def address(self) -> str:
        """Where a browser shows the runs side by side."""
        return compare_address(without_password(self.uri), self._experiment_id)

    def prepare(self) -> None:
        """Creates the database and the experiment where they are missing."""
        with self._lock:
            try:
                self._client = open_client(self.uri)
                self._find_experiment()
            except Exception as error:
                self._give_up(error)

    def start(self, name: str, tags: Mapping[str, object], params: Mapping[str, object]) -> None:
        """Opens the parent run; creates the database and the experiment where they are missing."""
        self.end(KILLED)
        with self._lock:
            try:
                self._client = open_client(self.uri)
                self._experiment_id = self._find_experiment()
                self._close_left_runs()
                run = self._client.create_run(
                    self._experiment_id, run_name=name, tags=mlflow_entries.texts({**_owner(), **tags})
                )
            except Exception as error:
                self._give_up(error)
                return
            self._run_id, self._model_id, self._began = run.info.run_id, None, time.monotonic()
            self._children, self._kept, self.has_ended = {}, set(), False
            atexit.register(self.end, KILLED)
        self.log_params(params)
        self._watch_machine()

    @_guarded
    def log_params(self, params: Mapping[str, object]) -> None:
        """Parameters of the run, those that are too long cut short."""
        self._log_params(str(self._run_id), params)

    @_guarded
    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Numbers that describe the whole run, and its model, where it is logged by then."""
        self._log_metrics(str(self._run_id), [(0, metrics)], self._model_id)

    @_guarded
    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Texts the run can be searched by."""
        self._set_tags(str(self._run_id), tags)

    @_guarded
    def describe(self, markdown: str) -> None:
        """What stands above all else on the page of the run."""
        self._set_tags(str(self._run_id), {"mlflow.note.content": markdown})

    @_guarded
    def log_dataset(self, name: str, fingerprint: str, source: str, profile: Mapping[str, int]) -> None:
        """The data that the run is of, known by its fingerprint. source: where it is; profile: how many of what."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        data = Dataset(name, fingerprint[:8], "local", json.dumps({"uri": source}), profile=json.dumps(dict(profile)))
        context = InputTag("mlflow.data.context", "training")
        self._client.log_inputs(self._run_id, [DatasetInput(data, [context])])

    @_guarded
    def open_child(
        self, name: str, tags: Mapping[str, object], params: Mapping[str, object], seconds: float = 0
    ) -> None:
        """A child run that is written to from now on, unless there is one of this name; seconds ago it began."""
        if name in self._children or name in self._kept:
            return
        tags = {**_owner(), "mlflow.parentRunId": self._run_id, **tags}
        began = int((time.time() - seconds) * 1000)
        child = self._client.create_run(
            self._experiment_id, start_time=began, tags=mlflow_entries.texts(tags), run_name=name
        )
        self._children[name] = _Child(child.info.run_id)
        self._log_params(child.info.run_id, params)

    @_guarded
    def keep(self, name: str) -> None:
        """A training that an earlier run has done: it is noted, and has no child run, whatever is told of it."""
        self._kept.add(name)
        self._set_tags(str(self._run_id), {KEPT: ", ".join(sorted(self._kept))})

    @_guarded
    def log_child_epochs(self, name: str, history: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Metrics of an open or ended child run as (epoch, metrics) pairs; epochs that it has stay as they are."""
        child = self._children[name]
        news = [(epoch, metrics) for epoch, metrics in history if epoch not in child.steps]
        self._log_metrics(child.run_id, news)
        child.steps |= {epoch for epoch, _ in news}

    @_guarded
    def end_child(self, name: str, status: str, tags: Mapping[str, object] | None = None) -> None:
        """Closes a child run, unless it is closed."""
        child = self._children[name]
        if child.is_open:
            child.is_open = False
            self._set_tags(child.run_id, tags or {})
            self._client.set_terminated(child.run_id, status)

    @_guarded
    def log_child(
        self, name: str, history: Sequence[tuple[int, Mapping[str, float]]], tags: Mapping[str, object], seconds: float
    ) -> None:
        """A finished child run: history is (epoch, metrics) pairs, seconds what it took, up to now.

        Where there is one of this name, what it lacks of the history is added.
        """
        if name in self._kept:
            return
        self.open_child(name, tags, {}, seconds)
        self.log_child_epochs(name, history)
        self.end_child(name, FINISHED)

    @_guarded
    def log_file(self, path: Path, folder: str) -> None:
        """A file as an artifact below the folder."""
        self._client.log_artifact(self._run_id, str(path), folder)

    @_guarded
    def log_written(self, name: str, folder: str | None, write: Callable[[Path], object]) -> None:
        """An artifact that has no file yet: `write` is given the path to write. folder: None is the top."""
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / name
            write(path)
            self._client.log_artifact(self._run_id, str(path), folder)

    @_guarded
    def log_ensemble(self, ensemble: "Ensemble", name: str | None, tags: Mapping[str, object]) -> None:
        """The ensemble as a model of the run, and as the newest version of the registered model of this name."""
        from docsort.serving import registry

        run = registry.Run(self._client, self._experiment_id, str(self._run_id))
        told = mlflow_entries.texts({**registry.tags_of(ensemble), **tags})
        model = registry.log_ensemble(run, ensemble, told)
        self._model_id = model.model_id
        if name is not None:
            registry.register(run, model, name, ensemble, told)

    @_guarded
    def end(self, status: str) -> None:
        """Closes the parent run. A run that nobody closes is marked as killed when the process ends.

        Children that are still open are those of trainings that were ended in their middle.
        """
        atexit.unregister(self.end)
        if self._monitor is not None:
            self._monitor.finish()
        for name in self._children:
            self.end_child(name, KILLED)
        self._log_metrics(str(self._run_id), [(0, {SECONDS: round(time.monotonic() - self._began, 1)})])
        self._client.set_terminated(self._run_id, status)
        self._run_id, self.has_ended = None, True

    @_guarded
    def _watch_machine(self) -> None:
        self._monitor = system_monitor(self.uri, str(self._run_id))

    def _log_metrics(
        self, run_id: str, history: Sequence[tuple[int, Mapping[str, float]]], model_id: str | None = None
    ) -> None:
        for batch in mlflow_entries.metrics(history, model_id):
            self._client.log_batch(run_id, metrics=batch)

    def _log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        for batch in mlflow_entries.params(params):
            self._client.log_batch(run_id, params=batch)

    def _set_tags(self, run_id: str, tags: Mapping[str, object]) -> None:
        for batch in mlflow_entries.run_tags(tags):
            self._client.log_batch(run_id, tags=batch)

    def _find_experiment(self) -> str:
        """The id of the experiment; it is made where it is missing, and described where it is not yet."""
        name = experiment_name()
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            artifacts = self._artifacts and (self._artifacts / name).as_uri()
            number, there = str(self._client.create_experiment(name, artifacts)), {}
        else:
            number, there = str(experiment.experiment_id), experiment.tags
        for key, text in page_tags(number).items():
            # A person's own description stays.
            if there.get(key) != text and not (key == "mlflow.note.content" and key in there):
                self._client.set_experiment_tag(number, key, text)
        return number

    def _close_left_runs(self) -> None:
        """Marks as killed what runs for ever as far as MLflow knows, because its process was killed on this machine."""
        mine = f"attributes.status = 'RUNNING' and tags.`{MACHINE}` = '{machine_name()}'"
        for run in self._client.search_runs([self._experiment_id], mine):
            if not is_running(run.data.tags.get(PROCESS, "")):
                self._client.set_terminated(run.info.run_id, KILLED)

    def _give_up(self, error: Exception) -> None:
        self._run_id = None
        atexit.unregister(self.end)
        if self._monitor is not None:  # it may hang at the server
            threading.Thread(target=self._monitor.finish, daemon=True).start()
        where = without_password(self.uri)
        lines = [line for line in str(error).replace(self.uri, where).splitlines() if not line.startswith("(raised as")]
        reason = lines[0].strip() if lines else ""  # SQLAlchemy puts before it in which of its own steps it was
        logger.warning(
            "MLflow at %s failed (%s: %s); this run goes on without being tracked. Set MLFLOW_TRACKING_URI to a server "
            "that answers, or DOCSORT_TRACKING=off to do without.",
            where,
            type(error).__name__,
            mlflow_entries.cut(reason, REASON_LENGTH),
        )


def _owner() -> dict[str, str]:
    return {MACHINE: machine_name(), PROCESS: process_name()}
