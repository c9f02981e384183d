"""`docsort predict`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docsort.commands.classifier import ensemble_option, graphs_option, load_classifier, threshold_option
from docsort.console import one_sentence_errors, work_ended
from docsort.work.signals import ended_by_signals

if TYPE_CHECKING:
    from docsort.serving.classifier import Classifier


@click.command()
@click.argument("paths", nargs=-1, required=True)
@ensemble_option
@click.option("--to", type=click.Path(path_type=Path), help="File for the answers: .csv, .jsonl or .parquet.")
@click.option("--sort-into", type=click.Path(path_type=Path), help="Copy the pages into a folder per class below this.")
@threshold_option
@graphs_option
def predict(
    paths: tuple[str, ...],
    ensemble: str | None,
    to: Path | None,
    sort_into: Path | None,
    threshold: float | None,
    onnx: Path | None,
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
        _predict(load_classifier(ensemble, threshold, onnx), files, to, sort_into)


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
