"""What happens around a run: settings given on the command line are checked, and the run is recorded in MLflow.

Hooks only look. Without TrackingHooks every score is the same.
"""

import getpass
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from difflib import get_close_matches
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.io import AbstractVersionedDataset

from docsort import tracking
from docsort.errors import InputError, listing

if TYPE_CHECKING:
    import pandas as pd
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol

RUNTIME_NAMES = ("raw_dir", "layout", "data_root", "backbone", "pretrained", "image_size", "seed", "answer_key")
"""Names that --params takes besides the groups of the parameters files; they are read where they are used."""

FIGURES = "figures"
"""The artifact folder."""
HISTORY = re.compile(r"fold_(\d+)_history")
SPECIALIST_HISTORIES = re.compile(r"fold_(\d+)_specialist_histories")
PICTURE_WRITERS = {"PIL": "save", "matplotlib": "savefig"}
"""The method that writes a picture to a path, by the package of its class."""


class ParameterHooks:
    """Refuses settings on the command line that nothing would read."""

    @hook_impl
    def after_context_created(self, context: "KedroContext") -> None:
        """Raises InputError for names given with --params that are neither a group of parameters nor a runtime name."""
        loader = context.config_loader
        given = dict(loader.runtime_params or {})
        suspects = [name for name in given if name not in RUNTIME_NAMES]
        if not suspects:
            return
        loader.runtime_params = {name: value for name, value in given.items() if name in RUNTIME_NAMES}
        try:
            known = {*loader["parameters"], *RUNTIME_NAMES}
        finally:
            loader.runtime_params = given
        check_names(suspects, known)


def check_names(names: list[str], known: set[str]) -> None:
    """Raises one InputError for all names that are not known, with the nearest that are."""
    unknown = [name for name in names if name not in known]
    if not unknown:
        return
    near = [match for name in unknown for match in get_close_matches(name, known, n=2)]
    hint = f"did you mean {listing(near)}?" if near else f"known are {listing(sorted(known), limit=40)}."
    raise InputError(f"Expected --params to name settings that exist, but got {listing(unknown)}; {hint}")


class TrackingHooks:
    """Writes the run to MLflow: one run at a time, called from several threads."""

    def __init__(self) -> None:
        self._context: KedroContext | None = None
        self._record: RunRecord | None = None

    @hook_impl
    def after_context_created(self, context: "KedroContext") -> None:
        """Remembers the context, which knows where the project is and what its parameters are."""
        self._context = context

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: "CatalogProtocol") -> None:
        """Opens the parent run, named after the pipeline."""
        self._record = None
        if self._context is None or not tracking.tracking_is_on():
            return
        project_path = Path(self._context.project_path)
        parameters = tracking.flatten(self._context.config_loader["parameters"])
        name = " + ".join(sorted(run_params.get("pipeline_names") or ["__default__"]))
        tracker = tracking.Tracker(project_path)
        tracker.start(name, program_tags() | git_tags(project_path), parameters | run_settings(run_params))
        self._record = RunRecord(tracker, catalog)

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
            self._record.close(tracking.FINISHED)

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Logs what was read and written so far and why it ended, and closes the run as failed."""
        if self._record is not None:
            self._record.close(tracking.FAILED, {"error": f"{type(error).__name__}: {error}"})


class RunRecord:
    """What one run reads and writes, told to its tracker; nothing it meets can end the run."""

    def __init__(self, tracker: tracking.Tracker, catalog: "CatalogProtocol") -> None:
        self._tracker = tracker
        self._catalog = catalog
        self._versions: dict[str, dict[str, str]] = {"load": {}, "save": {}}
        self._has_fingerprint = threading.Event()

    def read(self, name: str, data: Any) -> None:
        """A dataset was loaded."""
        with self._tracker.guard():
            self._note_version("load", name)
            self._log_fingerprint(name, data)

    def written(self, name: str, data: Any) -> None:
        """A dataset was saved."""
        with self._tracker.guard():
            self._note_version("save", name)
            self._log_fingerprint(name, data)
            if name == "scores":
                self._tracker.log_metrics(tracking.numbers_in(data))
            elif name == "validation_metrics":  # of the general model, before specialists
                self._tracker.log_metrics(tracking.numbers_in({"before_specialists": data}))
            elif name == "fitted_damage":
                damage = {key: data[key] for key in ("auc", "parameters", "test_images")}
                self._tracker.log_metrics(tracking.numbers_in({"damage": damage}))
            elif match := HISTORY.fullmatch(name):
                self._log_history(f"fold_{match[1]}", data, {"fold": match[1]})
            elif match := SPECIALIST_HISTORIES.fullmatch(name):
                for group, history in data.groupby("group"):
                    tags = {"fold": match[1], "specialist": group}
                    self._log_history(f"specialist_{group}_fold_{match[1]}", history, tags)
            else:
                self._log_figure(name, data)

    def close(self, status: str, tags: Mapping[str, object] | None = None) -> None:
        """Logs the versions, also as the text that --load-versions takes, and ends the run."""
        told = {f"version.{way}.{name}": text for way in self._versions for name, text in self._versions[way].items()}
        pinned = self._versions["load"] | self._versions["save"]
        if pinned:
            told["load_versions"] = ",".join(f"{name}:{text}" for name, text in sorted(pinned.items()))
        self._tracker.set_tags(told | dict(tags or {}))
        self._tracker.end(status)

    def _note_version(self, way: str, name: str) -> None:
        dataset = self._catalog.get(name)
        # An optional dataset may have been read although there is none: it has no version then.
        if isinstance(dataset, AbstractVersionedDataset) and (way == "save" or dataset.exists()):
            found = dataset.resolve_save_version() if way == "save" else dataset.resolve_load_version()
            if found is not None:
                self._versions[way][name] = found

    def _log_fingerprint(self, name: str, data: Any) -> None:
        if name == "images" and not self._has_fingerprint.is_set():
            self._has_fingerprint.set()
            self._tracker.set_tags({"data_fingerprint": data_fingerprint(data), "data_images": len(data)})

    def _log_history(self, run_name: str, history: "pd.DataFrame", tags: Mapping[str, object]) -> None:
        numbers = history.select_dtypes("number").drop(columns="epoch")
        epochs = [int(epoch) for epoch in history["epoch"]]
        seconds = float(history["seconds"].sum()) if "seconds" in history else 0.0
        rows = [{str(key): float(value) for key, value in row.items()} for row in numbers.to_dict("records")]
        self._tracker.log_child(run_name, list(zip(epochs, rows, strict=True)), tags, seconds)

    def _log_figure(self, name: str, data: Any) -> None:
        package = type(data).__module__.partition(".")[0]
        if package == "plotly":  # as a page: MLflow makes no picture of the JSON on disk
            self._tracker.log_written(f"{name}.html", FIGURES, lambda to: data.write_html(to, include_plotlyjs="cdn"))
        elif package in PICTURE_WRITERS:
            path = self._saved_path(name)
            if path is not None:
                self._tracker.log_file(path, FIGURES)
            else:
                self._tracker.log_written(f"{name}.png", FIGURES, getattr(data, PICTURE_WRITERS[package]))

    def _saved_path(self, name: str) -> Path | None:
        """The local file that a dataset has just written, or None when it keeps none."""
        dataset = self._catalog.get(name)
        filepath = getattr(dataset, "_filepath", None)
        if filepath is None:
            return None
        if isinstance(dataset, AbstractVersionedDataset) and (saved := dataset.resolve_save_version()) is not None:
            filepath = filepath / saved / filepath.name
        path = Path(str(filepath))
        return path if path.is_file() else None


def data_fingerprint(images: "pd.DataFrame") -> str:
    """64 hexadecimal digits that depend on the files' contents only, not on their names, labels or order."""
    return sha256("\n".join(sorted(images["sha256"])).encode()).hexdigest()


def git_tags(project_path: Path) -> dict[str, str]:
    """The commit the code was at, and whether it was changed since; empty outside a git checkout."""
    try:
        commit = _git(project_path, "rev-parse", "HEAD")
        dirty = bool(_git(project_path, "status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"mlflow.source.git.commit": commit, "git_commit": commit, "git_dirty": str(dirty).lower()}


def _git(project_path: Path, *arguments: str) -> str:
    command = ["git", "-C", str(project_path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def program_tags() -> dict[str, str]:
    """Who ran what, with which versions of the packages that decide about scores."""
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
    versions = {f"version_of.{name}": version(name) for name in ("docsort", "torch", "timm", "kedro")}
    try:
        user = {"mlflow.user": getpass.getuser()}
    except (OSError, KeyError):  # a container's user without a name
        user = {}
    return {"mlflow.source.name": command, "mlflow.source.type": "LOCAL", **user, **versions}


def run_settings(run_params: Mapping[str, Any]) -> dict[str, Any]:
    """What `kedro run` was told, as `kedro.<name>`, without what was left open or is told elsewhere."""
    elsewhere = {"project_path", "runtime_params", "pipeline_names", "runner"}
    return {f"kedro.{name}": value for name, value in run_params.items() if value and name not in elsewhere}
