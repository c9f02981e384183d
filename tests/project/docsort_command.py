"""The command `docsort`, called as from a shell, with an ensemble where it looks for one."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from docsort.commands.classifier import ENSEMBLE
from docsort.commands.main import docsort
from docsort.serving.classifier import Classifier

Invoke = Callable[..., Result]


def command_for(classifier: Classifier, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Called in the folder, with what would be typed after `docsort`."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv(ENSEMBLE, str(classifier.ensemble.folder))

    def invoke(*arguments: object) -> Result:
        before = logging.root.manager.disable
        logging.disable(logging.INFO)  # other tests may have set it up, as Kedro does, to be written to stdout
        try:
            return CliRunner().invoke(docsort, [str(argument) for argument in arguments])
        finally:
            logging.disable(before)

    return invoke
