"""`docsort export`."""

from pathlib import Path

import click

from docsort.commands.classifier import ensemble_option, load_classifier
from docsort.console import one_sentence_errors


@click.command()
@click.argument("pages", nargs=-1)
@click.option("--onnx", required=True, type=click.Path(path_type=Path), help="Folder for the graphs, empty.")
@ensemble_option
def export(pages: tuple[str, ...], onnx: Path, ensemble: str | None) -> None:
    """Write an ensemble as ONNX, for programs without Docsort.

    PAGES are what the graphs and torch are compared on; a few drawn ones if none are given.
    """
    with one_sentence_errors():
        from docsort.serving.export import README, export_onnx
        from docsort.serving.listing import list_files

        note = export_onnx(load_classifier(ensemble).ensemble, onnx, list_files(pages) if pages else ())
        for name, why in note["left_out"].items():
            click.echo(f"left out of the graph of the whole: {name}: {why}", err=True)
        whole = note["ensemble"]
        if whole is not None:
            same = whole["same_answers_as_the_validated_ensemble"]
            click.echo(f"{whole['file']} answers {same} as the ensemble does", err=True)
        click.echo(f"{len(note['members'])} members are in {onnx}; {onnx / README} says what to know", err=True)
