"""`docsort predict`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docsort.commands.classifier import ensemble_option, graphs_option, load_classifier, threshold_option
from docsort.console import one_sentence_errors, work_ended
from docsort.errors import InputError
from docsort.work.signals import ended_by_signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docsort.remote import Place
    from docsort.serving.classifier import Classifier
    from docsort.serving.listing import PhotoFile


@click.command()
@click.argument("paths", nargs=-1, required=True)
@ensemble_option
@click.option("--to", help="File for the answers: .csv, .jsonl or .parquet; here or in a store (s3://bucket/key).")
@click.option("--sort-into", type=click.Path(path_type=Path), help="Copy the pages into a folder per class below this.")
@threshold_option
@graphs_option
@click.option("--on", type=click.Choice(["here", "ray"]), default="here", help="Where: here, or on a cluster of Ray.")
@click.option("--actors", type=click.IntRange(1), help="On Ray: how many answer side by side; by default all cores.")
def predict(
    paths: tuple[str, ...],
    ensemble: str | None,
    to: str | None,
    sort_into: Path | None,
    threshold: float | None,
    onnx: Path | None,
    on: str,
    actors: int | None,
) -> None:
    """Answer pages: files, folders, globs, here or in a store (s3://bucket/folder); of PDF and TIFF files every page.

    Without --to the answers are printed as CSV. A run that was killed goes on where it was.
    """
    with one_sentence_errors(), ended_by_signals(), work_ended():
        from docsort.remote import is_remote, remote_path
        from docsort.serving.listing import list_all
        from docsort.serving.results import check_result
        from docsort.serving.sorting import check_folder

        files = list_all(paths)
        place = None if to is None else remote_path(to) if is_remote(to) else Path(to)
        if place is not None:
            check_result(place)
        if sort_into is not None:
            check_folder(sort_into, files, place)
        if on == "ray" and place is None:
            raise InputError("Expected --to with --on ray, where the nodes leave their parts; name a file or address.")
        _predict(load_classifier(ensemble, threshold, onnx), files, place, sort_into, on == "ray", actors)


def _predict(
    classifier: "Classifier",
    files: "Sequence[PhotoFile]",
    to: "Place | None",
    sort_into: Path | None,
    on_ray: bool,
    actors: int | None,
) -> None:
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
        if on_ray:
            from docsort.serving.on_ray import answer_on_ray

            for files_done, pages_done in answer_on_ray(classifier, files, place, actors):
                answered.finished(files_done, pages_done)
        for path, count, part in answer_files(classifier, files, place):
            parts.append(path)
            pages, unsure = pages + len(part), unsure + int(part["needs_review"].sum())
            lost += sort_pages(part, sort_into) if sort_into is not None else 0
            if printed is not None:
                printed.write(part.drop(columns="picture"))
            if not on_ray:
                answered.finished(count, len(part))
        if to is not None:
            join_parts(parts, to)
            remove_parts(place)
    uncopied = f"; {lost} could not be copied" if lost else ""
    where = f"; the answers are in {to}" if to is not None else ""
    click.echo(f"{pages} pages answered, {unsure} of them need review{uncopied}{where}", err=True)
