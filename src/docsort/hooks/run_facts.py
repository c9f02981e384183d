"""Notes for the report when its run began, how it was called, and of which commit the code is."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from docsort.hooks.provenance import command_line, git_tags
from docsort.hooks.watching import only_watches

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline

FACTS = "run_facts"
"""The dataset."""
COMMIT_LENGTH = 10


@only_watches
class RunFactsHooks:
    """Writes the dataset FACTS before a run that reads it."""

    def __init__(self) -> None:
        self._project_path = Path()

    @hook_impl
    def after_context_created(self, context: "KedroContext") -> None:
        """Remembers where the project is."""
        self._project_path = Path(context.project_path)

    @hook_impl
    def before_pipeline_run(self, pipeline: "Pipeline", catalog: "CatalogProtocol") -> None:
        """Notes."""
        if FACTS in pipeline.inputs():
            catalog.save(FACTS, run_facts(self._project_path))


def run_facts(project_path: Path) -> dict[str, Any]:
    """`began`: local time with its zone; `began_unix`: seconds; `command`; `commit`: shortened, "" outside of git."""
    now, git = datetime.now().astimezone(), git_tags(project_path)
    changed = ", with changes" if git.get("git_dirty") == "true" else ""
    return {
        "began": now.strftime("%Y-%m-%d %H:%M %Z"),
        "began_unix": now.timestamp(),
        "command": command_line(),
        "commit": git["git_commit"][:COMMIT_LENGTH] + changed if git else "",
    }
