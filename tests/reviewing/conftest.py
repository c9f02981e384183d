"""A job to review, drawn anew for every test but for its photos."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from reviewed_answers import AnswerJob, draw_answers
from reviewed_job import CLASSES, HAND_WRITTEN, Job, draw_neighbours, draw_photos, draw_suspects

from docsort.reviewing.answer_cards import AnswerReview, find_pictures, make_answer_cards, open_ledger
from docsort.reviewing.cards import make_cards
from docsort.stores import Store


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return draw_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def drawn_answers(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return draw_answers(tmp_path_factory.mktemp("answered"))


@pytest.fixture
def answer_job(drawn_answers: pd.DataFrame, tmp_path: Path) -> AnswerJob:
    pictures, _ = find_pictures(drawn_answers, Store(tmp_path / "pages"))
    return AnswerJob(drawn_answers, pictures, tmp_path / "answer_fixes.csv")


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


@pytest.fixture
def answers(drawn_answers: pd.DataFrame) -> pd.DataFrame:
    return drawn_answers.copy()


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "fixes.csv"


@pytest.fixture
def review(answers: pd.DataFrame, ledger: Path) -> AnswerReview:
    return AnswerReview(make_answer_cards(answers), CLASSES, open_ledger(ledger), "Ann")


@pytest.fixture
def digests(answers: pd.DataFrame) -> dict[str, str]:
    return dict(zip(answers["page"], answers["sha256"], strict=True))
