import pytest
from coloured_pages import Tables, make_tables


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Folds, training renders and validation renders of coloured pages."""
    return make_tables(tmp_path_factory.mktemp("pages"))
