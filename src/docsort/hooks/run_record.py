"""What one run reads and writes, told to MLflow; of what was read on pages not a word."""

import logging
import re
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractVersionedDataset
from omegaconf import OmegaConf

from docsort import tracking
from docsort.errors import listing
from docsort.hooks.child_runs import history_of, task_tags
from docsort.hooks.provenance import data_fingerprint, uncommitted_texts
from docsort.hooks.saved_files import saved_path
from docsort.member_kinds import MAIN, task_name
from docsort.reporting.read_pages import find_readers, keeps_text

if TYPE_CHECKING:
    import pandas as pd
    from kedro.io import CatalogProtocol

    from docsort.ensembling.ensemble import Ensemble

FIGURES, RESULTS = "figures", "results"
"""Folders of artifacts."""
FILES = ("scores", "model_card", "report", "submission", "needs_review")
"""Datasets whose files are artifacts."""
HISTORY = re.compile(r"fold_(\d+)_history")
PICTURE_WRITERS = {"PIL": "save", "matplotlib": "savefig"}
"""The method that writes a picture to a path, by the package of its class."""

logger = logging.getLogger(__name__)


class RunRecord:
    """What one run reads and writes, told to its tracker; nothing it meets can end the run."""

    def __init__(
        self, tracker: tracking.Tracker, catalog: "CatalogProtocol", settings: tracking.TrackingParameters
    ) -> None:
        self._tracker = tracker
        self._catalog = catalog
        self._settings = settings
        self._versions: dict[str, dict[str, str]] = {"load": {}, "save": {}}
        self._data: dict[str, object] = {}
        self._has_fingerprint, self._has_words = threading.Event(), threading.Event()

    def begin(self, project_path: Path, parameters: Mapping[str, Any]) -> None:
        """Keeps the parameters, and how the code differs from the commit."""
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
            if name in FILES:
                self._log_result(name)
            if name == "ensemble":
                self._log_ensemble(data)
            elif name == "scores":
                self._tracker.log_metrics(tracking.numbers_in(data))
            elif name == "validation_metrics":  # of the general model, before specialists
                self._tracker.log_metrics(tracking.numbers_in({"before_specialists": data}))
            elif name == "fitted_damage":
                damage = {key: data[key] for key in ("auc", "parameters", "test_images")}
                self._tracker.log_metrics(tracking.numbers_in({"damage": damage}))
            elif name == "label_gains" and len(data):  # of the last batch
                self._tracker.log_metrics(tracking.numbers_in({"label_gain": data.iloc[-1].to_dict()}))
            elif match := HISTORY.fullmatch(name):
                for model, history in data.groupby("model") if "model" in data else [(MAIN, data)]:
                    self._log_history(task_name(str(model), int(match[1])), history)
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

    def _watch(self, name: str, data: Any) -> None:
        """Notes of which images the run is, and whether there are words that were read."""
        if name == "images" and not self._has_fingerprint.is_set():
            self._has_fingerprint.set()
            self._data = {"data_fingerprint": data_fingerprint(data), "data_images": len(data)}
            self._tracker.set_tags(self._data)
        if name == "reading_lines" and len(data):
            self._has_words.set()

    def _log_result(self, name: str) -> None:
        """Only the report shows words, where there are any."""
        if name == "report" and self._has_words.is_set():
            self._tracker.set_tags({"report": "not an artifact, for it shows words that were read of pages"})
        elif (path := saved_path(self._catalog, name)) is not None:
            self._tracker.log_file(path, RESULTS)

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
        if package == "plotly":  # as a page: MLflow makes no picture of the JSON on disk
            self._tracker.log_written(f"{name}.html", FIGURES, lambda to: data.write_html(to, include_plotlyjs="cdn"))
        elif package in PICTURE_WRITERS:
            path = saved_path(self._catalog, name)
            if path is not None:
                self._tracker.log_file(path, FIGURES)
            else:
                self._tracker.log_written(f"{name}.png", FIGURES, getattr(data, PICTURE_WRITERS[package]))


def _write(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
