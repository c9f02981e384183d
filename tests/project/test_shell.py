"""`kedro ipython`, and the kernel of `kedro jupyter`: both begin with the project's names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kedro_command import ROOT

pytestmark = pytest.mark.slow

LOOK = "print('FOUND', len(pipelines), catalog.load('params:seed'), context.params['seed'])"


def run(*command: str, **environment: str) -> str:
    """The output of a command of this environment, at the root of the project."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    told = {**os.environ, "PATH": path, "DOCSORT_TRACKING": "off", "COLUMNS": "200", **environment}
    done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_shell_has_catalog_pipelines_and_context(tmp_path: Path) -> None:
    assert "FOUND 11 0 0" in run("kedro", "ipython", "-c", LOOK, IPYTHONDIR=str(tmp_path))


def test_a_notebook_has_them_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    places = {"JUPYTER_DATA_DIR": str(tmp_path / "jupyter"), "IPYTHONDIR": str(tmp_path / "ipython")}
    run("kedro", "jupyter", "setup", **places)
    (kernel,) = (tmp_path / "jupyter" / "kernels").iterdir()
    assert "kedro.ipython" in json.dumps(json.loads((kernel / "kernel.json").read_text()))
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    notebook = new_notebook(cells=[new_code_cell(LOOK)])
    client = NotebookClient(notebook, kernel_name=kernel.name, resources={"metadata": {"path": str(ROOT)}}, timeout=300)
    client.execute()
    assert "FOUND 11 0 0" in str(notebook.cells[0].outputs)
