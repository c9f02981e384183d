"""The command `docsort`: what was trained, used on new pages, wherever the package is installed."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docsort import __version__
from docsort.console import one_sentence_errors, work_ended
from docsort.work.signals import ended_by_signals

if TYPE_CHECKING:
    from docsort.serving.classifier import Classifier

ENSEMBLE = "DOCSORT_ENSEMBLE"
"""Environment variable: folder of the ensemble where none is named."""

USUAL_PLACE = Path("data/06_models/ensemble")
"""Where `kedro run` leaves the ensemble."""

ensemble_option = click.option(
    "--ensemble",
    type=click.Path(path_type=Path),
    help=f"Folder of the ensemble. Defaults to {ENSEMBLE}, else to {USUAL_PLACE}.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def docsort() -> None:
    """Sort photographed documents with what was trained and validated."""


@docsort.command()
@click.argument("paths", nargs=-1, required=True)
@ensemble_option
@click.option("--to", type=click.Path(path_type=Path), help="File for the answers: .csv, .jsonl or .parquet.")
@click.option("--sort-into", type=click.Path(path_type=Path), help="Copy the pages into a folder per class below this.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Confidence below which a page needs review.")
def predict(
    paths: tuple[str, ...], ensemble: Path | None, to: Path | None, sort_into: Path | None, threshold: float | None
) -> None:
    """Answer pages: files, folders, globs; of PDF and TIFF files every page.

    Without --to the answers are printed as CSV. A run that was killed goes on where it was.
    """
    with one_sentence_errors(), ended_by_signals(), work_ended():
        from docsort.serving.listing import list_files
        from docsort.serving.results import check_result
        from docsort.serving.sorting import check_folder

        files = list_files(paths)
        if to is not None:
            check_result(to)
        if sort_into is not None:
            check_folder(sort_into, files)
        _predict(_load(ensemble, threshold), files, to, sort_into)


@docsort.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def inspect(folder: Path | None) -> None:
    """Say what an ensemble is, what it was forecast to score, and on what."""
    with one_sentence_errors():
        from docsort.serving.description import describe

        click.echo(describe(_load(folder, None).ensemble))


def _load(folder: Path | None, threshold: float | None) -> "Classifier":
    from docsort.serving.classifier import load

    classifier = load(folder or Path(os.environ.get(ENSEMBLE, USUAL_PLACE)))
    return classifier if threshold is None else classifier.with_threshold(threshold)


def _predict(classifier: "Classifier", files: list[Path], to: Path | None, sort_into: Path | None) -> None:
    from tempfile import TemporaryDirectory

    from rich.console import Console

    from docsort.serving.prediction import answer_files, parts_folder, remove_parts
    from docsort.serving.progress import PagesAnswered
    from docsort.serving.results import CsvWriter, join_parts
    from docsort.serving.sorting import sort_pages

    pages = unsure = lost = 0
    printed = CsvWriter(sys.stdout.buffer) if to is None else None
    with (
        TemporaryDirectory(prefix="docsort-") as temporary,
        PagesAnswered(len(files), Console(stderr=True)) as answered,
    ):
        place, parts = Path(temporary) if to is None else parts_folder(to), []
        for path, count, part in answer_files(classifier, files, place):
            parts.append(path)
            pages, unsure = pages + len(part), unsure + int(part["needs_review"].sum())
            lost += sort_pages(part, sort_into) if sort_into is not None else 0
            if printed is not None:
                printed.write(part.drop(columns="picture"))
            answered.finished(count, len(part))
        if to is not None:
            join_parts(parts, to)
            remove_parts(place)
    uncopied = f"; {lost} could not be copied" if lost else ""
    where = f"; the answers are in {to}" if to is not None else ""
    click.echo(f"{pages} pages answered, {unsure} of them need review{uncopied}{where}", err=True)
