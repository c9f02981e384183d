"""`docsort watch`."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docsort.commands.classifier import ensemble_option, load_classifier
from docsort.console import one_sentence_errors, work_ended
from docsort.errors import InputError
from docsort.work.signals import ended_by_signals

if TYPE_CHECKING:
    import pandas as pd

    from docsort.serving.classifier import Classifier
    from docsort.watching.watch import Watch

DRIFTED = 3
"""Exit status with --fail-on-drift; 1 and 2 are mistakes."""

FORMATS = (".html", ".json")

Dated = Iterator[tuple["pd.DataFrame", list[date | None]]]


@click.command()
@click.argument("paths", nargs=-1)
@ensemble_option
@click.option("--answers", type=click.Path(path_type=Path), help="Answers of `docsort predict`, in place of paths.")
@click.option("--by", type=click.Choice(["day", "week"]), default="day", show_default=True, help="What is compared.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Leave out the pages of before this day.")
@click.option(
    "--dates",
    default="modified",
    show_default=True,
    help="Day of a page: `modified` or `exif` of its file, or a column of the answers.",
)
@click.option("--to", type=click.Path(path_type=Path), help="File for the report: .html or .json.")
@click.option("--fail-on-drift", is_flag=True, help=f"End with status {DRIFTED} where a change lasts.")
def watch(
    paths: tuple[str, ...],
    ensemble: str | None,
    answers: Path | None,
    by: str,
    since: datetime | None,
    dates: str,
    to: Path | None,
    fail_on_drift: bool,
) -> None:
    """Say whether new pages still look like those that the ensemble was validated on.

    PATHS are answered as by `docsort predict`; with --answers pages are taken as they were answered before.
    """
    with one_sentence_errors(), ended_by_signals(), work_ended():
        if bool(paths) == (answers is not None):
            raise InputError("Expected paths of pages, or --answers, one of the two; name one.")
        if to is not None:
            _check_report(to)
        found = _watch(load_classifier(ensemble), paths, answers, by, since.date() if since else None, dates, to)
    if fail_on_drift and found.drifted:
        raise click.exceptions.Exit(DRIFTED)


def _watch(
    classifier: "Classifier",
    paths: tuple[str, ...],
    answers: Path | None,
    by: str,
    since: date | None,
    dates: str,
    to: Path | None,
) -> "Watch":
    from tempfile import TemporaryDirectory

    from docsort.images.appearance import measure_appearance
    from docsort.watching.pages import WatchedPages
    from docsort.watching.watch import in_words, reference_of, watch

    reference_of(classifier.ensemble)  # before any work
    pages = WatchedPages()
    with TemporaryDirectory(prefix="docsort-") as temporary:
        place = Path(temporary)
        parts = (
            _answered(classifier, answers, dates, place) if answers else _asked(classifier, paths, dates, since, place)
        )
        for part, days in parts:
            kept = [since is None or day is None or day >= since for day in days]
            own = part[kept]
            pages.add(
                own,
                measure_appearance(own["picture"].tolist()),
                [d for d, keep in zip(days, kept, strict=False) if keep],
            )
    found = watch(classifier.ensemble, pages, by)
    lines = in_words(found, classifier.forecast)
    click.echo(lines)
    if to is not None:
        _write(found, classifier, lines, to)
    return found


def _asked(classifier: "Classifier", paths: tuple[str, ...], dates: str, since: date | None, place: Path) -> Dated:
    """Pages that are answered now, part by part."""
    from rich.console import Console

    from docsort.serving.listing import list_files
    from docsort.serving.prediction import answer_files
    from docsort.serving.progress import PagesAnswered
    from docsort.watching.days import MODIFIED, TAKEN, days_of_files

    if dates not in (MODIFIED, TAKEN):
        raise InputError(f"Expected --dates to be {MODIFIED} or {TAKEN} where no --answers are given, but got {dates}.")
    days = days_of_files(map(str, list_files(paths)), dates)
    files = [Path(name) for name, day in days.items() if since is None or day is None or day >= since]
    with PagesAnswered(len(files), Console(stderr=True)) as progress:
        for _, count, part in answer_files(classifier, files, place):
            progress.finished(count, len(part))
            yield part, [days[file] for file in part["file"]]


def _answered(classifier: "Classifier", answers: Path, dates: str, place: Path) -> Dated:
    """Pages that have been answered before, part by part."""
    from docsort.serving.answers_file import read_answers, with_pictures
    from docsort.watching.days import days_of_answers

    for part in read_answers(answers, classifier.ensemble.targets):
        yield with_pictures(part, place), days_of_answers(part, dates)


def _check_report(to: Path) -> None:
    if to.suffix.lower() not in FORMATS:
        raise InputError(f"Expected --to to end in {' or '.join(FORMATS)}, but got {to}.")
    if not to.absolute().parent.is_dir():
        raise InputError(f"Expected --to to be a file in a folder that is there, but got {to}; make the folder.")


def _write(found: "Watch", classifier: "Classifier", lines: str, to: Path) -> None:
    import json

    from docsort.files import write_atomically
    from docsort.watching.report import write_report
    from docsort.watching.watch import record_of

    record = record_of(found, classifier.ensemble)
    if to.suffix.lower() == ".json":
        text = json.dumps({"lines": lines.splitlines(), **record}, indent=1)
    else:
        text = write_report(record, lines.splitlines())
    write_atomically(to, text.encode())
