"""`docsort inspect`."""

from pathlib import Path

import click

from docsort.commands.classifier import load_classifier
from docsort.console import one_sentence_errors


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def inspect(folder: Path | None) -> None:
    """Say what an ensemble is, what it was forecast to score, and on what."""
    with one_sentence_errors():
        from docsort.serving.description import describe

        click.echo(describe(load_classifier(folder).ensemble))
