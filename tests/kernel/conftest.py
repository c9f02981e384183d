"""Drawn pages in memory and on disk, and a task that learns from them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from drawn_pages import FOLDS, SIDE, draw, save_page, split_of, tables

from docsort.images.dihedral import apply_turn
from docsort.kernel import describing
from docsort.kernel.descriptors import describe
from docsort.kernel.kind import KernelKind, KernelTask
from docsort.kernel.learning import Described
from docsort.kernel.model import KernelModel, load_model
from docsort.kernel.parameters import KernelParameters
from docsort.work.executor import Lease

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


@pytest.fixture
def described() -> Callable[..., Described]:
    """Pages of three kinds in three folds; those at `lying` are laid down in the turn 2."""

    def make(lying: tuple[int, ...] = (), first: int = 0, a_kind: int = 6) -> Described:
        rows = [(kind, first + number) for kind in range(3) for number in range(a_kind)]
        pages = [apply_turn(draw(*row), 2 if number in lying else 0) for number, row in enumerate(rows)]
        numbers = np.stack([describe(np.ascontiguousarray(page)) for page in pages])
        kinds, seeds = np.array(rows).T
        return Described(numbers, kinds, seeds % FOLDS)

    return make


@pytest.fixture(scope="session", autouse=True)
def _describe_here() -> Iterator[None]:
    """Pages are described in this process: to start workers would take longer than the work."""
    here = SimpleNamespace(map=lambda function, tasks: (function(*task) for task in tasks))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(describing, "executor", lambda: here)
        yield


@pytest.fixture(scope="session")
def parameters() -> KernelParameters:
    return KernelParameters(image_size=SIDE)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Folds, training renders with three worn copies of each source, validation renders."""
    return tables(tmp_path_factory.mktemp("pages"), copies=3)


@pytest.fixture(scope="session")
def task(drawn: Tables, parameters: KernelParameters) -> KernelTask:
    """Fold 0's, on drawn pages of classes 0 to 2, and of 5, of which there are none."""
    return KernelKind().task("kernel_fold_0", split_of(0, *drawn[1:], (0, 1, 2, 5)), parameters, seed=1)


@pytest.fixture(scope="session")
def model(task: KernelTask, tmp_path_factory: pytest.TempPathFactory) -> KernelModel:
    """What that task learns."""
    folder = tmp_path_factory.mktemp("model")
    task.run(folder, Lease(("cpu",), 1))
    return load_model(folder)


@pytest.fixture
def photos(tmp_path: Path) -> list[str]:
    """Paths of five pages."""
    return [save_page(tmp_path, number % 3, number) for number in range(5)]
