import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's default threads collapse on a busy machine

from collections.abc import Iterator

import pytest
from coloured_pages import Tables, make_tables

from docsort.work.executor import stop_work


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Folds, training renders and validation renders of coloured pages."""
    return make_tables(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="session", autouse=True)
def _workers_end_with_the_tests() -> Iterator[None]:
    yield
    stop_work()
