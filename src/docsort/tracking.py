"""The MLflow record of a run: a parent run, and a child run a training, written to while it trains.

The server is the one that MLFLOW_TRACKING_URI names; without it, `mlflow.db` at the project root with the artifacts
under `mlruns/`, which is where a bare `mlflow ui` looks. DOCSORT_TRACKING=off switches it all off.

Tracking only watches: the first thing that goes wrong is told in one sentence, then the run goes on untracked. A server
that hangs is waited for once, for LIMIT_S. Runs that this machine has left open, because their process was killed, are
closed by the next.
"""

import atexit
import logging
import math
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Literal, ParamSpec

from pydantic import Field

from docsort.errors import InputError
from docsort.mlflow_client import artifact_root, open_client, tracking_uri, without_password
from docsort.parameters import Parameters
from docsort.process_names import is_running, machine_name, process_name

if TYPE_CHECKING:
    from docsort.ensembling.ensemble import Ensemble

EXPERIMENT = "docsort"
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Without it the user interface of MLflow 3 opens the experiment as one of language models, with no table of runs."""
KEY_LENGTH = 250
VALUE_LENGTH = 500
"""Characters. MLflow before 1.28 takes no more, and nobody reads more in its table."""
TEXT_LENGTH = 5000
"""Characters of a tag."""
REASON_LENGTH = 300
"""Characters of an error in the warning."""
BATCH = {"metrics": 1000, "params": 100, "tags": 100}
"""Most entries MLflow takes in one call."""

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


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Leaves of nested mappings under dotted keys: {"a": {"b": 1}} gives {"a.b": 1}. Lists stay leaves."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def numbers_in(nested: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among the leaves, list items under their index; truth values and texts are left out."""
    numbers: dict[str, float] = {}
    for key, value in flatten(nested).items():
        if isinstance(value, list | tuple):
            numbers |= numbers_in({f"{key}.{index}": item for index, item in enumerate(value)})
        elif isinstance(value, Real) and not isinstance(value, bool):
            numbers[key] = float(value)
    return numbers


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
    """One parent run at a time, written to from any thread. A child run is known by its name."""

    def __init__(self, project_path: Path) -> None:
        self.uri = tracking_uri(project_path)
        self._artifacts = artifact_root(self.uri, project_path)
        self._lock = threading.RLock()
        self._client: Any = None
        self._experiment_id = ""
        self._run_id: str | None = None
        self._model_id: str | None = None
        self._children: dict[str, _Child] = {}

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

    def start(self, name: str, tags: Mapping[str, object], params: Mapping[str, object]) -> None:
        """Opens the parent run; creates the database and the experiment where they are missing."""
        self.end(KILLED)
        with self._lock:
            try:
                self._client = open_client(self.uri)
                self._experiment_id = self._find_experiment()
                self._close_left_runs()
                run = self._client.create_run(self._experiment_id, run_name=name, tags=_texts({**_owner(), **tags}))
            except Exception as error:
                self._give_up(error)
                return
            self._run_id, self._model_id = run.info.run_id, None
            self._children = {}
            atexit.register(self.end, KILLED)
        self.log_params(params)

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
    def open_child(
        self, name: str, tags: Mapping[str, object], params: Mapping[str, object], seconds: float = 0
    ) -> None:
        """A child run that is written to from now on, unless there is one of this name; seconds ago it began."""
        if name in self._children:
            return
        tags = {**_owner(), "mlflow.parentRunId": self._run_id, **tags}
        began = int((time.time() - seconds) * 1000)
        child = self._client.create_run(self._experiment_id, start_time=began, tags=_texts(tags), run_name=name)
        self._children[name] = _Child(child.info.run_id)
        self._log_params(child.info.run_id, params)

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
        told = _texts({**registry.tags_of(ensemble), **tags})
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
        for name in self._children:
            self.end_child(name, KILLED)
        self._client.set_terminated(self._run_id, status)
        self._run_id = None

    def _log_metrics(
        self, run_id: str, history: Sequence[tuple[int, Mapping[str, float]]], model_id: str | None = None
    ) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        numbers = [(step, key, value) for step, metrics in history for key, value in metrics.items()]
        # NaN stands for nothing measured; MLflow would take it and keep a 0 with a mark.
        entries = (
            Metric(_key(key), value, now, step, model_id) for step, key, value in numbers if not math.isnan(value)
        )
        while batch := list(islice(entries, BATCH["metrics"])):
            self._client.log_batch(run_id, metrics=batch)

    def _log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        from mlflow.entities import Param

        for batch in _batches(params, BATCH["params"]):
            entries = [Param(_key(key), _cut(value, VALUE_LENGTH)) for key, value in batch.items()]
            self._client.log_batch(run_id, params=entries)

    def _set_tags(self, run_id: str, tags: Mapping[str, object]) -> None:
        from mlflow.entities import RunTag

        for batch in _batches(_texts(tags), BATCH["tags"]):
            self._client.log_batch(run_id, tags=[RunTag(key, value) for key, value in batch.items()])

    def _find_experiment(self) -> str:
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        if experiment is not None:
            return str(experiment.experiment_id)
        artifacts = self._artifacts and (self._artifacts / EXPERIMENT).as_uri()
        return str(self._client.create_experiment(EXPERIMENT, artifacts, EXPERIMENT_TAGS))

    def _close_left_runs(self) -> None:
        """Marks as killed what runs for ever as far as MLflow knows, because its process was killed on this machine."""
        mine = f"attributes.status = 'RUNNING' and tags.`{MACHINE}` = '{machine_name()}'"
        for run in self._client.search_runs([self._experiment_id], mine):
            if not is_running(run.data.tags.get(PROCESS, "")):
                self._client.set_terminated(run.info.run_id, KILLED)

    def _give_up(self, error: Exception) -> None:
        self._run_id = None
        atexit.unregister(self.end)
        where = without_password(self.uri)
        lines = [line for line in str(error).replace(self.uri, where).splitlines() if not line.startswith("(raised as")]
        reason = lines[0].strip() if lines else ""  # SQLAlchemy puts before it in which of its own steps it was
        logger.warning(
            "MLflow at %s failed (%s: %s); this run goes on without being tracked. Set MLFLOW_TRACKING_URI to a server "
            "that answers, or DOCSORT_TRACKING=off to do without.",
            where,
            type(error).__name__,
            _cut(reason, REASON_LENGTH),
        )


def _owner() -> dict[str, str]:
    return {MACHINE: machine_name(), PROCESS: process_name()}


def _texts(tags: Mapping[str, object]) -> dict[str, str]:
    return {_key(key): _cut(value, TEXT_LENGTH) for key, value in tags.items()}


def _key(text: str) -> str:
    """The key with all that MLflow refuses replaced."""
    return re.sub(r"[^\w\-. /]", "_", text)[:KEY_LENGTH]


def _cut(value: object, length: int) -> str:
    text = str(value)
    return text if len(text) <= length else text[: length - 1] + "…"


def _batches(entries: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
    rest = iter(entries.items())
    while batch := dict(islice(rest, size)):
        yield batch
