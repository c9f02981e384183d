"""A job to review, drawn anew for every test but for its photos."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from reviewed_job import HAND_WRITTEN, Job, draw_neighbours, draw_photos, draw_suspects

from docsort.reviewing.cards import make_cards


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return draw_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture
def job(photos: pd.DataFrame, tmp_path: Path) -> Job:
    ledger = tmp_path / "label_fixes.csv"
    ledger.write_text(HAND_WRITTEN)
    return Job(make_cards(draw_suspects(), draw_neighbours(), photos), photos, ledger)


@pytest.fixture
def suspects() -> Callable[[], pd.DataFrame]:
    return draw_suspects


@pytest.fixture
def neighbours() -> Callable[[], pd.DataFrame]:
    return draw_neighbours
