"""The command `docsort`: what was trained, used on new pages, wherever the package is installed."""

import click

from docsort import __version__
from docsort.commands.inspect import inspect
from docsort.commands.predict import predict

COMMANDS = (predict, inspect)
"""A table of contents. What a command needs it imports when it runs."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def docsort() -> None:
    """Sort photographed documents with what was trained and validated."""


for _command in COMMANDS:
    docsort.add_command(_command)
