"""Says at the end of a run what it came to."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.hooks import hook_impl

from docsort.hooks.saved_files import saved_path
from docsort.hooks.watching import only_watches

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol

HEAVY = ("report", "ensemble")
"""Of these only the place is told."""


@only_watches
class SummaryHooks:
    """Keeps what the last screen tells of, as it is saved."""

    def __init__(self) -> None:
        self._catalog: CatalogProtocol | None = None
        self._results: dict[str, Any] = {}

    @hook_impl
    def before_pipeline_run(self, catalog: "CatalogProtocol") -> None:
        """Begins anew."""
        self._catalog, self._results = catalog, {}

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Remembers the tables and scores that are told of."""
        from docsort.reporting.run_summary import READ

        if dataset_name in READ:
            self._results[dataset_name] = None if dataset_name in HEAVY else data

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Tells."""
        from docsort.reporting.run_summary import tell_run

        if self._catalog is not None:
            found = {name: saved_path(self._catalog, name) for name in self._results}
            lines = tell_run(self._results, {name: _shown(path) for name, path in found.items() if path is not None})
            click.echo("\n".join(["", *lines, ""]) if lines else "", nl=False)
        self._forget()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Tells nothing."""
        self._forget()

    def _forget(self) -> None:
        self._catalog, self._results = None, {}


def _shown(path: Path) -> str:
    """From here where it lies below."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
