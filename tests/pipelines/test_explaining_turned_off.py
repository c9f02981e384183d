"""What explains can be turned off by parameters: nothing is embedded, no page is novel, pictures are empty."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_network import SMALL_NETWORK

from docsort.datasets.novelty_dataset import NoveltyDataset
from docsort.datasets.table_dataset import TableDataset
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.ensembling.review_list import NEEDS_REVIEW
from docsort.member_kinds import MAIN, Members
from docsort.members.checkpoints import Checkpoint
from docsort.pipelines.ensembling.nodes import embed_pages, join_embeddings
from docsort.pipelines.reporting.nodes import explain_pages, project_pages
from docsort.reporting.confused_pairs import list_confused_pairs
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.projection_figure import draw_projection
from docsort.reporting.sections import review
from docsort.stores import Store
from docsort.tables import ANSWERS, EMBEDDING_KEYS, VALIDATION_RENDERS

CLASSES = pd.DataFrame({"target": [0, 1], "class_name": ["passport", "resume"]})
WHITE = ((255, 255),) * 3
MEMBERS = Members.model_validate({MAIN: SMALL_NETWORK})


@pytest.fixture
def embeddings(tmp_path: Path) -> pd.DataFrame:
    """Of three folds that were turned off, as they come back from disk."""
    members = [{MAIN: Checkpoint(tmp_path / "missing", "missing")}] * 3
    parameters, tables = EnsemblingParameters(embedded_pages=0), []
    for fold in range(3):
        table, index = embed_pages(members, pd.DataFrame(), pd.DataFrame(), fold, parameters, 0)
        novelty = NoveltyDataset(filepath=str(tmp_path / f"{fold}.safetensors"))
        novelty.save(index)
        assert not len(novelty.load().held)
        dataset = TableDataset(filepath=str(tmp_path / f"{fold}.parquet"))
        dataset.save(table)
        tables.append(dataset.load())
    return join_embeddings(*tables)


@pytest.fixture
def votes() -> pd.DataFrame:
    row = ("a.jpg", "a.jpg~0", "test_like", 0, 1, 0.9, 0)
    return pd.DataFrame(
        [row], columns=["image_id", "render_id", "condition", "label", "predicted", "confidence", "fold"]
    )


@pytest.fixture
def renders() -> pd.DataFrame:
    row = ("a.jpg~0", "a.jpg", "a.jpg", 0, 0, 0, 32, True, True, "a.png", "test_like")
    return pd.DataFrame([row], columns=list(VALIDATION_RENDERS))


def test_nothing_is_embedded_and_no_page_is_novel(embeddings: pd.DataFrame) -> None:
    assert list(embeddings.columns) == list(EMBEDDING_KEYS)
    assert embeddings.empty
    tables = {
        "needs_review": pd.DataFrame(columns=list(NEEDS_REVIEW)),
        "submission": pd.DataFrame({"ID": ["a.jpg"]}),
        "test_probabilities": pd.DataFrame([("a.jpg", 0, "passport", 0.9, False, "", np.nan)], columns=list(ANSWERS)),
        "images": pd.DataFrame(columns=["image_id", "path"]),
        "params:reporting": ReportingParameters(),
    }
    assert [type(part) for part in review.section(tables)] == [str]


def test_no_pair_is_shown_and_the_plane_says_why(embeddings: pd.DataFrame, votes: pd.DataFrame) -> None:
    projection = project_pages(votes, embeddings, ReportingParameters(), 0)
    assert "no pages were embedded" in draw_projection(projection, CLASSES).to_json()
    assert list_confused_pairs(votes, embeddings, 12).empty


def test_no_page_is_explained_where_none_is_wanted(votes: pd.DataFrame, renders: pd.DataFrame, tmp_path: Path) -> None:
    """The member is a record alone: asked, it would fail."""
    Store(tmp_path).complete("key", {"kind": "network", "side": 32, "straighten": True})
    off = ReportingParameters(explained_pages=0)
    members = [{MAIN: Checkpoint(tmp_path / "key", "key")}] * 5
    for picture in explain_pages(votes, renders, CLASSES, off, members):
        assert picture.getextrema() == WHITE
