"""What explains can be turned off by parameters: nothing is embedded, no page is odd, pictures are empty."""

from pathlib import Path

import pandas as pd
import pytest

from docsort.datasets.tables import TableDataset
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.pipelines.ensembling.nodes import embed_pages, rate_oddity
from docsort.pipelines.reporting.nodes import (
    draw_projection,
    explain_pages,
    pair_confused,
    project_pages,
    show_odd_pages,
)
from docsort.reporting.parameters import ReportingParameters
from docsort.tables import EMBEDDING_KEYS, PAGE_ODDITY, VALIDATION_RENDERS
from docsort.training.checkpoints import Checkpoint
from docsort.training.plan import MAIN

CLASSES = pd.DataFrame({"target": [0, 1], "class_name": ["passport", "resume"]})
WHITE = ((255, 255),) * 3


@pytest.fixture
def nothing(tmp_path: Path) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
    """Embeddings and distances of three folds that were turned off, as they come back from disk."""
    checkpoint = {MAIN: Checkpoint(tmp_path / "missing", "missing")}
    parameters, back = EnsemblingParameters(embedded_pages=0), []
    for table in embed_pages(checkpoint, pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), 0, parameters, 0):
        dataset = TableDataset(filepath=str(tmp_path / f"{len(back)}.parquet"))
        dataset.save(table)
        back.append([dataset.load()] * 3)
    return back[0], back[1]


@pytest.fixture
def votes() -> pd.DataFrame:
    row = ("a.jpg", "a.jpg~0", "test_like", 0, 1, 0.9, 0)
    return pd.DataFrame([row], columns=["image_id", "render_id", "view", "label", "predicted", "confidence", "fold"])


@pytest.fixture
def renders() -> pd.DataFrame:
    row = ("a.jpg~0", "a.jpg", "a.jpg", 0, 0, 0, "a.png", "test_like")
    return pd.DataFrame([row], columns=list(VALIDATION_RENDERS))


def test_nothing_is_embedded_and_no_page_is_odd(nothing: tuple[list[pd.DataFrame], list[pd.DataFrame]]) -> None:
    embeddings, distances = nothing
    assert list(embeddings[0].columns) == list(EMBEDDING_KEYS)
    rated = rate_oddity(*distances)
    assert list(rated.columns) == list(PAGE_ODDITY)
    assert rated.empty
    picture = show_odd_pages(rated, pd.DataFrame(columns=["image_id", "path"]), ReportingParameters())
    assert picture.getextrema() == WHITE


def test_the_pictures_are_empty_and_the_plane_says_why(
    nothing: tuple[list[pd.DataFrame], list[pd.DataFrame]], votes: pd.DataFrame, renders: pd.DataFrame
) -> None:
    embeddings, parameters = nothing[0], ReportingParameters()
    projection = project_pages(votes, parameters, 0, *embeddings)
    assert "no pages were embedded" in draw_projection(projection, CLASSES).to_json()
    assert pair_confused(votes, renders, CLASSES, parameters, *embeddings).getextrema() == WHITE


def test_no_page_is_explained_where_none_is_wanted(votes: pd.DataFrame, renders: pd.DataFrame) -> None:
    off = ReportingParameters(explained_pages=0)
    checkpoint = {MAIN: Checkpoint(Path("missing"), "missing")}
    for picture in explain_pages(votes, renders, CLASSES, off, *[checkpoint] * 5):
        assert picture.getextrema() == WHITE
