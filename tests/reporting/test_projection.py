"""The plane of pages: the folds' spaces laid on each other, and a figure with three colourings."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ortho_group

from docsort.reporting.projection import FEWEST, PROJECTION, aligned, lay_out, project
from docsort.reporting.projection_figure import draw_projection
from docsort.tables import embedding_columns

DIMENSIONS, PAGES, FOLDS = 6, 60, 3


@pytest.fixture
def embeddings() -> pd.DataFrame:
    """The same pages in spaces that are turned copies of each other."""
    rng, parts = np.random.default_rng(0), []
    truth = rng.normal(size=(PAGES, DIMENSIONS)) + 4 * np.eye(DIMENSIONS)[np.arange(PAGES) % 5]
    for fold in range(FOLDS):
        turn = np.eye(DIMENSIONS) if fold == 0 else ortho_group.rvs(DIMENSIONS, random_state=fold)
        names = [f"{i:02}~damaged-0" for i in range(PAGES)]
        table = pd.DataFrame({"fold": fold, "render_id": names, "image_id": [name[:2] for name in names]})
        table = table.assign(group=table["image_id"], label=np.arange(PAGES) % 5)
        table["learnt"] = np.arange(PAGES) % FOLDS != fold
        places = pd.DataFrame(truth @ turn, columns=[f"e_{i}" for i in range(DIMENSIONS)])
        parts.append(pd.concat([table, places], axis=1).sample(frac=1, random_state=fold))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def votes() -> pd.DataFrame:
    rows = [(f"{i:02}~damaged-0", (i + (i % 4 == 0)) % 5, 0.5) for i in range(PAGES)]
    return pd.DataFrame(rows, columns=["render_id", "predicted", "confidence"])


def test_spaces_that_are_turned_copies_of_each_other_become_one(embeddings: pd.DataFrame) -> None:
    columns = embedding_columns(embeddings)
    truth = embeddings[embeddings["fold"] == 0].set_index("render_id")[columns]
    held = aligned(embeddings)
    assert sorted(held["render_id"]) == sorted(truth.index)
    np.testing.assert_allclose(held[columns].to_numpy(), truth.loc[held["render_id"]].to_numpy(), atol=1e-9)


def test_a_fold_of_fewer_components_is_laid_beside_the_others(embeddings: pd.DataFrame) -> None:
    embeddings.loc[embeddings["fold"] == 1, "e_5"] = np.nan
    held = aligned(embeddings)
    assert len(held) == PAGES
    assert held[embedding_columns(held)].notna().all(axis=None)


def test_distances_within_a_fold_stay_as_they_are(embeddings: pd.DataFrame) -> None:
    rng = np.random.default_rng(1)
    columns = embedding_columns(embeddings)
    embeddings[columns] += rng.normal(size=(len(embeddings), DIMENSIONS))  # no turn brings these together
    for fold, own in aligned(embeddings).groupby("fold"):
        before = embeddings[(embeddings["fold"] == fold) & ~embeddings["learnt"]]
        apart, expected = (
            np.linalg.norm(each[:, None] - each[None], axis=2)
            for each in (own[columns].to_numpy(), before[columns].to_numpy())
        )
        np.testing.assert_allclose(apart, expected, atol=1e-9)


def test_neighbours_stay_neighbours_on_the_plane_and_the_same_seed_gives_the_same_plane() -> None:
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.arange(3), 20)
    places = rng.normal(size=(60, 8)) + 12 * np.eye(8)[kinds]
    plane = lay_out(places, seed=3)
    apart = np.linalg.norm(plane[:, None] - plane[None], axis=2) + 1e9 * np.eye(60)
    assert (kinds[apart.argmin(axis=1)] == kinds).all()
    np.testing.assert_array_equal(lay_out(places, seed=3), plane)


def test_the_limit_is_shared_by_the_folds_and_votes_go_along(
    embeddings: pd.DataFrame, votes: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docsort.reporting.projection.run", lambda function, *given: function(*given))
    table = project(embeddings, votes, limit=30, seed=0)
    assert list(table.columns) == list(PROJECTION)
    assert table["fold"].value_counts().to_dict() == {0: 10, 1: 10, 2: 10}
    expected = votes.set_index("render_id")["predicted"].loc[table["render_id"]]
    assert table["predicted"].tolist() == expected.tolist()
    assert np.isfinite(table[["x", "y"]].to_numpy()).all()


@pytest.mark.parametrize("limit", [0, FEWEST - 1])
def test_too_few_pages_make_no_plane_and_the_figure_says_so(
    embeddings: pd.DataFrame, votes: pd.DataFrame, classes: pd.DataFrame, limit: int
) -> None:
    table = project(embeddings, votes, limit, seed=0)
    assert table.empty
    assert "no pages were embedded" in draw_projection(table, classes).to_json()
    assert project(embeddings.iloc[:0], votes, 100, seed=0).empty


@pytest.fixture
def projection(votes: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = votes.assign(image_id=votes["render_id"].str[:2], label=np.arange(PAGES) % 5, fold=np.arange(PAGES) % 3)
    return table.assign(x=rng.normal(size=PAGES), y=rng.normal(size=PAGES))[list(PROJECTION)]


def test_each_button_shows_every_page_once_in_its_own_colours(projection: pd.DataFrame, classes: pd.DataFrame) -> None:
    figure = draw_projection(projection, classes)
    buttons = figure.layout.updatemenus[0].buttons
    assert [button.label for button in buttons] == ["by class", "by error", "by fold"]
    for button in buttons:
        shown = [
            trace
            for trace, seen in zip(figure.data, button.args[0]["visible"], strict=True)
            if seen and trace.mode != "text"
        ]
        assert sorted(x for trace in shown for x in trace.x) == sorted(projection["x"].round(2))
        assert len({trace.marker.color for trace in shown}) == len(shown)
    assert [trace.visible for trace in figure.data] == list(buttons[0].args[0]["visible"])
    right = int((projection["label"] == projection["predicted"]).sum())
    assert {trace.name for trace in figure.data} >= {f"right ({right})", f"wrong ({PAGES - right})"}


def test_hostile_class_names_are_text(projection: pd.DataFrame, classes: pd.DataFrame) -> None:
    drawn = draw_projection(projection, classes).to_json()
    assert "<script>" not in drawn
    assert "\\u003cscript" not in drawn
