"""Keeps two runs from mixing their results in one `data_root`: at once, and one after the other."""

import atexit
import json
import logging
import os
import socket
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from docsort.admission import FOLDER, Admission, Claim, NoLocksError
from docsort.errors import InputError, listing
from docsort.files import write_atomically
from docsort.hooks.provenance import command_line
from docsort.mlflow_entries import flatten
from docsort.parameters import expand_home
from docsort.work.executor import executor

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.pipeline import Node, Pipeline

SHARED = ("seed", "source.layout", "source.raw_dir", "source.reviewed_pages", "sample", "cross_validation")
"""Settings, or groups of them, that all datasets of one `data_root` must agree in."""
NOT_OF = {"ingestion": "cross_validation"}
"""Which of them a stage does not depend on."""
APART = ("prediction", "label_review")
"""Stages on which no other rests."""
MADE_WITH = "made_with"
"""Folder below FOLDER: a file a dataset, with what SHARED came to when it was last made."""

logger = logging.getLogger(__name__)


class AdmissionHooks:
    """One run at a time; the first of the hooks that look at a run, as one that is refused is no run."""

    def __init__(self) -> None:
        self._context: KedroContext | None = None
        self._root: Path | None = None
        self._settings: dict[str, str] = {}
        self._admission: Admission | None = None

    @hook_impl
    def after_context_created(self, context: "KedroContext") -> None:
        """Remembers the context, which knows where results go and what the settings are; takes nothing, as most
        commands only read.
        """
        self._context = context

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: "Pipeline") -> None:
        """Raises InUseError where another run is in the way, InputError where the run would go on with what other
        settings have made, or where a machine of the cluster does not see `data_root`.
        """
        self._leave()
        self._read_settings()
        if self._root is None:
            return
        try:
            self._admission = Admission(self._root, _claim(pipeline, self._settings))
        except NoLocksError as error:
            logger.warning("%s takes no locks (%s): see to it that no other run works there.", self._root, error)
        else:
            atexit.register(self._leave)
        try:
            executor().must_see(self._root)
            self._check_what_is_there(pipeline, bool(run_params.get("only_missing_outputs")))
        except InputError:
            self._leave()
            raise

    @hook_impl
    def after_node_run(self, node: "Node") -> None:
        """Notes with which settings its datasets were made."""
        stage = (node.namespace or "").partition(".")[0]
        if self._root is None or stage in APART:
            return
        made = self._made_with(stage)
        for path in (_path(self._root, name) for name in node.outputs):
            if _read(path) != made:
                write_atomically(path, json.dumps(made, indent=1, sort_keys=True).encode())

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        """Lets others in."""
        self._leave()

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        """Lets others in."""
        self._leave()

    def _read_settings(self) -> None:
        if self._context is None:
            return
        loader = self._context.config_loader
        root = dict(loader.runtime_params or {}).get("data_root", loader["globals"].get("data_root"))
        self._root = Path(self._context.project_path) / expand_home(root) if isinstance(root, str) and root else None
        self._settings = {name: json.dumps(value, default=str) for name, value in flatten(loader["parameters"]).items()}

    def _leave(self) -> None:
        if self._admission is not None:
            self._admission.leave()
            atexit.unregister(self._leave)
        self._admission = None

    def _check_what_is_there(self, pipeline: "Pipeline", only_missing: bool) -> None:
        """What is read and was made before, and with --only-missing-outputs also what would be left as it is."""
        assert self._root is not None
        there = pipeline.inputs() | (pipeline.all_outputs() if only_missing else set())
        changed = {
            name: f"{name} was {before} and is {now}"
            for dataset in sorted(there)
            for name, before in _read(_path(self._root, dataset)).items()
            if (now := self._settings.get(name)) not in (before, None)
        }
        if not changed:
            return
        if only_missing:
            raise InputError(
                f"Expected --only-missing-outputs to go on with the settings that {self._root} was made with, but "
                f"{listing(changed.values(), 3)}. Give the former settings, or another data_root, or leave the option "
                "out to make all anew."
            )
        logger.warning(
            "This run uses what earlier stages made with other settings in %s: %s. Run those stages too, or give "
            "another data_root, unless that is what you want.",
            self._root,
            listing(changed.values(), 3),
        )

    def _made_with(self, stage: str) -> dict[str, str]:
        without = {NOT_OF.get(stage), None if self._is_sample() else "sample"}
        return {name: self._settings[name] for name in _below(self._settings, set(SHARED) - without)}

    def _is_sample(self) -> bool:
        return self._settings.get("source.layout") == '"sample"'


def _below(names: Iterable[str], groups: Iterable[str]) -> list[str]:
    told = tuple(groups)
    return [name for name in names if any(name == group or name.startswith(f"{group}.") for group in told)]


def _claim(pipeline: "Pipeline", settings: Mapping[str, str]) -> Claim:
    since = datetime.now().astimezone().isoformat(" ", timespec="minutes")
    read = {name for node in pipeline.nodes for name in node.inputs}
    return Claim(
        who=f"`{command_line()}` (process {os.getpid()} on {socket.gethostname()}, since {since})",
        settings=settings,
        uses=sorted(name.removeprefix("params:") for name in read if name.startswith("params:")),
        reads=sorted(name for name in read if not name.startswith("param")),
        writes=sorted({name for node in pipeline.nodes for name in node.outputs}),
    )


def _path(root: Path, dataset: str) -> Path:
    return root / FOLDER / MADE_WITH / f"{dataset}.json"


def _read(path: Path) -> dict[str, str]:
    """Empty where nothing was noted; what is no such note counts for nothing, for it only serves a warning."""
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return made if isinstance(made, dict) else {}
