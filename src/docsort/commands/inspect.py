"""`docsort inspect`."""

import click

from docsort.commands.classifier import ensemble_argument, load_classifier
from docsort.console import one_sentence_errors


@click.command()
@ensemble_argument
def inspect(ensemble: str | None) -> None:
    """Say what an ensemble is, what it was forecast to score, and on what.

    ENSEMBLE is its folder, or models:/NAME@alias of MLflow.
    """
    with one_sentence_errors():
        from docsort.serving.description import describe

        click.echo(describe(load_classifier(ensemble).ensemble))
