"""What one run reads and writes, told to MLflow; of what was read on pages not a word."""

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractVersionedDataset
from omegaconf import OmegaConf

from docsort import tracking
from docsort.errors import listing
from docsort.experiment_page import BACKBONE, CHANGES, DATASET
from docsort.hooks.charts import write_charts
from docsort.hooks.child_runs import history_of, task_tags
from docsort.hooks.headlines import LOOK_AT, conditions_of, describe, interval_of, metrics_of
from docsort.hooks.provenance import data_fingerprint, uncommitted_texts
from docsort.hooks.run_names import RunTitle
from docsort.hooks.saved_files import saved_path
from docsort.member_kinds import MAIN, task_name
from docsort.reporting.read_pages import find_readers, keeps_text

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from kedro.io import CatalogProtocol

    from docsort.ensembling.ensemble import Ensemble

FIGURES, RESULTS = "figures", "results"
"""Folders of artifacts."""
FILES = (
    "scores",
    "model_card",
    "report",
    "submission",
    "needs_review",
    "validation_metrics",
    "fitted_damage",
    "label_gains",
    "ensemble_selection",
    "specialist_verdicts",
    "candidates",
)
"""Datasets whose files are artifacts."""
HISTORY = re.compile(r"fold_(\d+)_history")
PICTURE_WRITERS = {"PIL": "save", "matplotlib": "savefig"}
"""The method that writes a picture to a path, by the package of its class."""

logger = logging.getLogger(__name__)


class RunRecord:
    """What one run reads and writes, told to its tracker; nothing it meets can end the run."""

    def __init__(
        self,
        tracker: tracking.Tracker,
        catalog: "CatalogProtocol",
        settings: tracking.TrackingParameters,
        title: RunTitle,
    ) -> None:
        self._tracker = tracker
        self._catalog = catalog
        self._settings = settings
        self._title = title
        self._versions: dict[str, dict[str, str]] = {"load": {}, "save": {}}
        self._data: dict[str, object] = {}
        self._has_fingerprint, self._has_words = threading.Event(), threading.Event()
        self._seconds: dict[str, float] = {}
        self._charts: dict[str, go.Figure] = {}
        self._scores: Mapping[str, Any] | None = None
        self._rows: dict[str, int] = {}
        self._artifacts: list[str] = []

    def begin(self, project_path: Path, parameters: Mapping[str, Any]) -> None:
        """Keeps the parameters, and how the code differs from the commit."""
        title = self._title
        self._tracker.set_tags(
            {DATASET: title.dataset, "preset": title.preset, BACKBONE: title.backbone, CHANGES: title.told_changes()}
        )
        texts = {"parameters.yml": OmegaConf.to_yaml(OmegaConf.create(dict(parameters)))}
        with self._tracker.guard():
            for name, text in (texts | uncommitted_texts(project_path)).items():
                self._tracker.log_written(name, None, partial(_write, text))

    def read(self, name: str, data: Any) -> None:
        """A dataset was loaded."""
        with self._tracker.guard():
            self._note_version("load", name)
            self._watch(name, data)

    def written(self, name: str, data: Any) -> None:
        """A dataset was saved."""
        with self._tracker.guard():
            self._note_version("save", name)
            self._watch(name, data)
            self._log_numbers(name, data)
            if name in LOOK_AT:
                self._rows[name] = len(data)
            if name in FILES:
                self._log_result(name)
            if name == "ensemble":
                self._log_ensemble(data)
            elif match := HISTORY.fullmatch(name):
                for model, history in data.groupby("model") if "model" in data else [(MAIN, data)]:
                    self._log_history(task_name(str(model), int(match[1])), history)
            else:
                self._log_figure(name, data)

    def node_ended(self, name: str, seconds: float) -> None:
        """A node has run for so long."""
        self._seconds[name] = seconds

    def close(self, status: str, command: str, tags: Mapping[str, object] | None = None) -> None:
        """Logs what is known at the end, describes the run and ends it. What `--load-versions` takes is a tag."""
        with self._tracker.guard():
            if self._charts:
                self._log_written("charts.html", FIGURES, partial(write_charts, self._charts))
            if self._seconds:
                self._log_written("node_seconds.csv", RESULTS, partial(_write, _seconds_table(self._seconds)))
            if any(self._versions.values()):
                versions = json.dumps(self._versions, indent=1, sort_keys=True)
                self._log_written("dataset_versions.json", RESULTS, partial(_write, versions))
        pinned = self._versions["load"] | self._versions["save"]
        told = {"load_versions": ",".join(f"{name}:{text}" for name, text in sorted(pinned.items()))} if pinned else {}
        self._tracker.set_tags(told | dict(tags or {}))
        self._tracker.describe(describe(self._scores, self._rows, self._title.told_changes(), self._artifacts, command))
        self._tracker.end(status)

    def _note_version(self, way: str, name: str) -> None:
        dataset = self._catalog.get(name)
        # An optional dataset may have been read although there is none: it has no version then.
        if isinstance(dataset, AbstractVersionedDataset) and (way == "save" or dataset.exists()):
            found = dataset.resolve_save_version() if way == "save" else dataset.resolve_load_version()
            if found is not None:
                self._versions[way][name] = found

    def _watch(self, name: str, data: Any) -> None:
        """Notes of which images the run is, and whether there are words that were read."""
        if name == "images" and not self._has_fingerprint.is_set():
            self._has_fingerprint.set()
            fingerprint = data_fingerprint(data)
            self._data = {"data_fingerprint": fingerprint, "data_images": len(data)}
            self._tracker.set_tags(self._data)
            pages = data["split"].value_counts().to_dict() if "split" in data else {}
            self._tracker.log_dataset(
                self._title.dataset, fingerprint, self._title.source, {"pages": len(data), **pages}
            )
        if name == "reading_lines" and len(data):
            self._has_words.set()

    def _log_result(self, name: str) -> None:
        """Only the report shows words, where there are any."""
        if name == "report" and self._has_words.is_set():
            self._tracker.set_tags({"report": "not an artifact, for it shows words that were read of pages"})
        elif (path := saved_path(self._catalog, name)) is not None:
            self._tracker.log_file(path, RESULTS)
            self._artifacts.append(f"{RESULTS}/{path.name}")

    def _log_written(self, name: str, folder: str, write: Callable[[Path], object]) -> None:
        self._tracker.log_written(name, folder, write)
        self._artifacts.append(f"{folder}/{name}")

    def _log_numbers(self, name: str, data: Any) -> None:
        """The few that runs are compared by."""
        if name == "scores":
            self._scores = data
            self._tracker.set_tags(interval_of(data))
            self._tracker.log_metrics(metrics_of(data))
        elif name == "validation_metrics":  # before specialists, and before test pages are answered
            self._tracker.log_metrics(conditions_of(data))

    def _log_ensemble(self, ensemble: "Ensemble") -> None:
        """Unless it is not wished, or nobody has said that its words may leave the folder of the run."""
        wished = self._settings.log_model
        checkpoints = {member.name: ensemble.checkpoints[member.key] for member in ensemble.manifest.members}
        readers = [name for name, reader in find_readers([checkpoints]).items() if keeps_text(reader)]
        if wished == "auto" and readers:
            why = f"its member {listing(readers)} holds words that were read of pages"
            self._tracker.set_tags({"model": f"not logged, for {why}"})
            logger.warning(
                "The ensemble is not logged as a model in MLflow, for %s; set its keep_text to false, or "
                "tracking.log_model to true.",
                why,
            )
        elif wished:
            self._tracker.log_ensemble(ensemble, self._settings.registered_model, self._data)

    def _log_history(self, run_name: str, table: "pd.DataFrame") -> None:
        """Adds what the child run of a training that was watched lacks, and makes one for any other."""
        history, seconds = history_of(table)
        self._tracker.log_child(run_name, history, task_tags(run_name), seconds)

    def _log_figure(self, name: str, data: Any) -> None:
        package = type(data).__module__.partition(".")[0]
        if package == "plotly":
            self._charts[name] = data
        elif package in PICTURE_WRITERS:
            path = saved_path(self._catalog, name)
            if path is not None:
                self._tracker.log_file(path, FIGURES)
            else:
                self._tracker.log_written(f"{name}.png", FIGURES, getattr(data, PICTURE_WRITERS[package]))


def _write(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def _seconds_table(seconds: Mapping[str, float]) -> str:
    """Nodes, the longest first; several run at once, so that their sum is more than the run took."""
    rows = sorted(seconds.items(), key=lambda item: -item[1])
    return "\n".join(["node,seconds", *(f"{name},{value:.2f}" for name, value in rows), ""])
