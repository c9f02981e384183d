"""The surest mistakes, one a source, with where their pictures are."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from docsort.errors import InputError
from docsort.reporting.galleries import list_mistakes


@pytest.fixture
def renders(oof_votes: pd.DataFrame, tmp_path: Path) -> pd.DataFrame:
    path = tmp_path / "page.jpg"
    Image.fromarray(np.full((90, 60, 3), 200, dtype=np.uint8)).save(path)
    table = oof_votes[["render_id", "image_id", "group", "label", "fold", "copy", "condition"]]
    return table.rename(columns={"image_id": "source_id"}).assign(
        path=str(path), side=48, straighten=True, letterboxed=True
    )


def test_the_surest_mistakes_come_first_one_a_source(oof_votes: pd.DataFrame, renders: pd.DataFrame) -> None:
    table = list_mistakes(oof_votes, renders, limit=1000)
    wrong = oof_votes[(oof_votes["condition"] == "test_like") & (oof_votes["label"] != oof_votes["predicted"])]
    assert set(table["image_id"]) == set(wrong["image_id"])
    assert table["image_id"].is_unique
    assert table["confidence"].is_monotonic_decreasing
    assert (table["label"] != table["predicted"]).all()
    best = wrong.groupby("image_id")["confidence"].max()
    assert table.set_index("image_id")["confidence"].to_dict() == best.to_dict()


def test_the_limit_keeps_the_surest(oof_votes: pd.DataFrame, renders: pd.DataFrame) -> None:
    whole = list_mistakes(oof_votes, renders, limit=1000)
    pd.testing.assert_frame_equal(list_mistakes(oof_votes, renders, limit=5), whole.head(5))


def test_a_mistake_without_its_picture_is_named(oof_votes: pd.DataFrame, renders: pd.DataFrame) -> None:
    surest = list_mistakes(oof_votes, renders, limit=1)["render_id"].iloc[0]
    with pytest.raises(InputError, match=surest):
        list_mistakes(oof_votes, renders[renders["render_id"] != surest], limit=3)


def test_a_run_without_mistakes_has_none_to_show(oof_votes: pd.DataFrame, renders: pd.DataFrame) -> None:
    assert list_mistakes(oof_votes.assign(predicted=oof_votes["label"]), renders, limit=10).empty
