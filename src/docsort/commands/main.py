"""The command `docsort`: what was trained, used on new pages, wherever the package is installed."""

import click

from docsort import __version__
from docsort.commands.experiments import experiments
from docsort.commands.export import export
from docsort.commands.inspect import inspect
from docsort.commands.predict import predict
from docsort.commands.review import review
from docsort.commands.search import search
from docsort.commands.serve import serve
from docsort.commands.use import use
from docsort.commands.watch import watch

COMMANDS = (predict, serve, review, watch, inspect, export, use, experiments, search)
"""A table of contents. What a command needs it imports when it runs."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def docsort() -> None:
    """Sort photographed documents with what was trained and validated."""


for _command in COMMANDS:
    docsort.add_command(_command)
