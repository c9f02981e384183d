"""`docsort experiments`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from docsort.console import one_sentence_errors, plain_logs
from docsort.errors import InputError
from docsort.work.signals import ended_by_signals

if TYPE_CHECKING:
    from docsort.experiments.queue import Job, Queue
    from docsort.hooks.project_settings import Project

F = TypeVar("F", bound=Callable[..., None])

USUAL_FOLDER = "data/experiments"
HERE, RAY = "here", "ray"

queue_option = click.option(
    "--queue",
    "folder",
    default=USUAL_FOLDER,
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of the queue.",
)


def work_options(command: F) -> F:
    """How many runs at a time, and where."""
    place = click.option(
        "--on", "place", type=click.Choice([HERE, RAY]), default=HERE, show_default=True, help="Where runs are made."
    )
    count = click.option(
        "--workers", type=click.IntRange(1), default=1, show_default=True, help="How many runs at a time."
    )
    return place(count(command))


@click.group()
def experiments() -> None:
    """Make many runs, and say which of them is really better."""


@experiments.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--only-add", is_flag=True, help="Add them to the queue, and leave the work to others.")
@work_options
def run(file: Path, only_add: bool, workers: int, place: str) -> None:
    """Make the experiments that FILE describes, a YAML file; those that have been made are not made again.

    Ended or killed, the same command goes on. Two at once share the work.
    """
    with one_sentence_errors():
        from docsort.experiments.description import expand, read_description
        from docsort.experiments.planning import plan
        from docsort.experiments.queue import Queue
        from docsort.hooks.project_settings import Project

        described = read_description(file)
        project = Project(Path.cwd(), described.env)
        queue = Queue(Path(described.folder))
        planned = plan(expand(described), project)
        jobs = queue.add(planned)
        queue.set_budget(described.budget_hours)
        for (_, one), job in zip(planned, jobs, strict=True):
            if one.name != job.name:
                click.echo(f"{one.name} is called {job.name} in the queue", err=True)
        click.echo(f"{len({job.key for job in jobs})} experiments are in {queue.folder}", err=True)
        if not only_add:
            _work(queue, project, workers, place, jobs)


@experiments.command()
@queue_option
def status(folder: Path) -> None:
    """Say how far the experiments are."""
    with one_sentence_errors():
        from docsort.experiments.queue import Queue
        from docsort.experiments.status import tell_status

        click.echo("\n".join(tell_status(Queue(folder))))


@experiments.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that have not finished.")
@queue_option
def cancel(names: tuple[str, ...], everything: bool, folder: Path) -> None:
    """End experiments that run, and begin none of these NAMES."""
    with one_sentence_errors():
        from docsort.experiments.queue import Queue

        if bool(names) == everything:
            raise InputError("Expected names of experiments, or --all, one of the two; name one.")
        queue = Queue(folder).require()
        jobs = queue.jobs() if everything else queue.named(names)
        wanted = [job for job in jobs if queue.standing(job).state != "finished"]
        for job in wanted:
            queue.cancel(job, "it was cancelled")
        click.echo(f"{len(wanted)} are cancelled; what they have trained is kept, and `resume` goes on from there")


@experiments.command()
@click.argument("names", nargs=-1)
@queue_option
@work_options
def resume(names: tuple[str, ...], folder: Path, workers: int, place: str) -> None:
    """Go on, also with what was cancelled or has failed: of these NAMES, or of all."""
    with one_sentence_errors():
        from docsort.experiments.queue import Queue
        from docsort.hooks.project_settings import Project

        project = Project(Path.cwd())
        queue = Queue(folder).require()
        jobs = queue.named(names) if names else queue.jobs()
        for job in jobs:
            if queue.standing(job).state in ("cancelled", "failed"):
                queue.resume(job)
        _work(queue, project, workers, place, jobs)


@experiments.command()
@queue_option
def leaderboard(folder: Path) -> None:
    """Say what the finished experiments scored and which are really better; write it as CSV, JSON and a page."""
    with one_sentence_errors():
        from docsort.experiments.leaderboard import make_leaderboard, tell_table, write_leaderboard
        from docsort.experiments.queue import Queue

        queue = Queue(folder).require()
        board = make_leaderboard(queue)
        page = write_leaderboard(board, queue.folder)
        click.echo("\n".join([*tell_table(board), "", *board.lines(), "", str(page)]))


@experiments.command()
@click.argument("name")
@click.option("--to", type=click.Path(path_type=Path), default="submission.csv", show_default=True, help="File for it.")
@queue_option
def submit(name: str, to: Path, folder: Path) -> None:
    """Copy the submission of the experiment NAME, or of `best`, the simplest that is not worse."""
    with one_sentence_errors():
        from docsort.experiments.leaderboard import chosen, make_leaderboard, submission_of, tell_forecast
        from docsort.experiments.queue import Queue
        from docsort.files import read_file, write_atomically

        queue = Queue(folder).require()
        board = make_leaderboard(queue)
        job = chosen(board, queue, name)
        write_atomically(to, read_file(submission_of(queue, job)))
        row = board.table[board.table["experiment"] == job.name].iloc[0]
        click.echo(f"{to} has the answers of {job.name}; {tell_forecast(row)}")


def _work(queue: "Queue", project: "Project", workers: int, place: str, jobs: "list[Job]") -> None:
    from docsort.commands.leaderboard import keep_leaderboard
    from docsort.experiments.driver import Driver
    from docsort.experiments.places import place_named
    from docsort.tracking import prepare_tracking

    finished = _finished(queue)
    with plain_logs(), ended_by_signals():
        driver = Driver(queue, project.root, place_named(place, workers))
        prepare_tracking(project.root)
        driver.work(workers, [job.key for job in jobs])
    if _finished(queue) - finished:
        keep_leaderboard(queue, project.root)
    ended = [queue.standing(job) for job in {job.key: job for job in jobs}.values()]
    done = sum(each.state == "finished" for each in ended)
    said = f"{done} of {len(ended)} have finished"
    click.echo(f"{said}; `docsort experiments leaderboard` says what that came to" if done else said, err=True)
    for each in ended:
        if each.state == "failed":
            click.echo(f"{each.job.name} failed: {each.why}", err=True)


def _finished(queue: "Queue") -> set[str]:
    return {each.job.key for each in queue.standings() if each.state == "finished"}
