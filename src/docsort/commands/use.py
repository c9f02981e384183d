"""`docsort use`."""

import click

from docsort.console import one_sentence_errors


@click.command()
@click.argument("model")
def use(model: str) -> None:
    """Make MODEL, models:/NAME/VERSION or models:/NAME@alias of MLflow, the one in use: models:/NAME@in_use."""
    with one_sentence_errors():
        from docsort.serving.registry import IN_USE, put_in_use

        name, before, now = put_in_use(model)
        was = f"it was version {before}" if before else "none was in use"
        click.echo(f"models:/{name}@{IN_USE} is version {now}; {was}")
