"""`docsort search`."""

from pathlib import Path

import click

from docsort.commands.experiments import work_options
from docsort.console import one_sentence_errors, plain_logs
from docsort.work.signals import ended_by_signals


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@work_options
def search(file: Path, workers: int, place: str) -> None:
    """Search for the settings with the best forecast in the space that FILE describes, a YAML file.

    Ended or killed, the same command goes on. Several at once work on one search.
    """
    with one_sentence_errors():
        from docsort.experiments.driver import Driver
        from docsort.experiments.places import place_named
        from docsort.experiments.queue import Queue
        from docsort.experiments.search import Search, study_file
        from docsort.experiments.space import read_space
        from docsort.experiments.verdict import judge, write_verdict
        from docsort.hooks.project_settings import Project
        from docsort.tracking import prepare_tracking

        described = read_space(file)
        project, queue = Project(Path.cwd(), described.env), Queue(Path(described.folder))
        with plain_logs(), ended_by_signals():
            found = Search(described, queue, project, Driver(queue, project.root, place_named(place, workers)))
            found.check()
            queue.set_budget(described.budget_hours)
            prepare_tracking(project.root)
            verdict = judge(found, found.run(workers), workers)
        write_verdict(verdict, study_file(described, queue.folder).with_suffix(".json"))
        click.echo("\n".join(verdict.lines()))
