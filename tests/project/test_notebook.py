"""The notebooks run on what a run left on disk, define nothing, and are committed without outputs."""

import ast
from pathlib import Path

import nbformat
import pytest
from kedro_command import Run
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def outputs(smoke_run: Run) -> dict[str, list[nbformat.NotebookNode]]:
    """What every notebook shows of the run, by its name. One kernel, emptied in between, for torch takes seconds."""
    together, ends = nbformat.v4.new_notebook(), []
    for path in NOTEBOOKS:
        notebook = read(path)
        (settings,) = [cell for cell in code_cells(notebook) if "parameters" in cell.metadata.get("tags", [])]
        if "runtime_params" in settings.source:
            settings.source = f'env = "smoke"\nruntime_params = {{"data_root": {str(smoke_run.data_root)!r}}}'
        together.cells += [nbformat.v4.new_code_cell("%reset -f"), *notebook.cells]
        ends.append(len(together.cells))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", smoke_run.tracking_uri)
        NotebookClient(together, timeout=300, resources={"metadata": {"path": str(ROOT / "notebooks")}}).execute()
    shown = {}
    for path, begin, end in zip(NOTEBOOKS, [0, *ends], ends, strict=False):
        cells = [cell for cell in together.cells[begin:end] if cell.cell_type == "code"]
        shown[path.stem] = [output for cell in cells for output in cell.outputs]
    return shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_without_outputs(path: Path) -> None:
    assert [cell.source for cell in code_cells(read(path)) if cell.outputs or cell.execution_count is not None] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_looks_and_never_defines(path: Path) -> None:
    definitions = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
    nodes = [node for cell in code_cells(read(path)) for node in ast.walk(ast.parse(cell.source))]

    assert [ast.unparse(node) for node in nodes if isinstance(node, definitions)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_shows_pictures_and_tables_of_a_run_and_no_log(
    path: Path, outputs: dict[str, list[nbformat.NotebookNode]]
) -> None:
    shown = outputs[path.stem]
    assert sum("image/png" in output.get("data", {}) for output in shown) >= 2
    assert sum("text/html" in output.get("data", {}) for output in shown) >= 2
    assert [output for output in shown if output.output_type in ("error", "stream")] == []
