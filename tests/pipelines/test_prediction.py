"""New photos, answered by an ensemble that is there: which photos, in which order, and what each gets."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from small_ensemble import FALLBACK, build, draw_pages
from stage import run_stage

from docsort.ensembling.ensemble import Ensemble
from docsort.errors import InputError
from docsort.ingestion.parameters import SourceParameters
from docsort.ingestion.photos import list_new_photos
from docsort.pipelines.prediction import create_pipeline
from docsort.stores import Store
from docsort.tables import ANSWER_LEDGER, ANSWERS


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    return build(tmp_path_factory.mktemp("ensemble"), draw_pages(12, seed=0))


def write_photos(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True)
    for name, photo in zip(names, draw_pages(len(names), seed=5), strict=True):
        Image.fromarray(photo).save(folder / name)
    return folder


def run(
    ensemble: Ensemble, tmp_path: Path, last: Path | None = None, fixes: pd.DataFrame | None = None, **source: Any
) -> dict[str, Any]:
    """last: folder of the raw data of the run that made the ensemble."""
    given = {
        "params:source": SourceParameters(**{"layout": "sample", "raw_dir": None, "answer_key": None} | source),
        "last_raw_location": {"folder": str(last or tmp_path / "last")},
        "ensemble": ensemble,
        "answer_fixes": fixes if fixes is not None else pd.DataFrame(columns=list(ANSWER_LEDGER)),
        "page_store": Store(tmp_path / "pages"),
        "prediction_store": Store(tmp_path / "predictions"),
    }
    return run_stage(create_pipeline(), given)


def test_every_photo_of_the_folder_gets_the_answer_that_the_ensemble_gives(ensemble: Ensemble, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "new", ["b.png", "a.png", "c.png"])
    made = run(ensemble, tmp_path, photos=str(photos))
    answers = made["new_answers"]
    assert answers["image_id"].tolist() == ["a.png", "b.png", "c.png"]
    assert set(ANSWERS) <= set(answers.columns)
    alone = ensemble.answer([photos / "b.png"])
    pd.testing.assert_series_equal(answers.iloc[1].drop("image_id"), alone.iloc[0].drop("image_id"), check_names=False)
    assert made["new_submission"]["ID"].tolist() == answers["image_id"].tolist()
    assert made["new_submission"]["target"].tolist() == answers["target"].tolist()


def test_a_photo_that_cannot_be_read_keeps_its_row_with_the_reason(ensemble: Ensemble, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "new", ["a.png", "b.png"])
    (photos / "broken.jpg").write_bytes(b"no photo")
    row = run(ensemble, tmp_path, photos=str(photos))["new_answers"].set_index("image_id").loc["broken.jpg"]
    assert (row["target"], row["confidence"], bool(row["needs_review"])) == (FALLBACK, 0, True)
    assert "unreadable" in row["why"]


def test_without_a_folder_the_test_images_as_they_are_now_are_answered_in_the_order_asked_for(
    ensemble: Ensemble, tmp_path: Path
) -> None:
    write_photos(tmp_path / "last/test", ["x.png", "y.png"])
    (tmp_path / "last/sample_submission.csv").write_text("ID,target\ny.png,0\nx.png,0\n")
    assert run(ensemble, tmp_path)["new_submission"]["ID"].tolist() == ["y.png", "x.png"]
    write_photos(tmp_path / "other/test", ["z.png"])
    changed = run(ensemble, tmp_path, layout="competition", raw_dir=str(tmp_path / "other"))
    assert changed["new_submission"]["ID"].tolist() == ["z.png"]
    write_photos(tmp_path / "more", ["w.png"])
    for name in ("x.png", "y.png"):
        (tmp_path / "more" / name).write_bytes((tmp_path / "last/test" / name).read_bytes())
    (tmp_path / "last/test/w.png").write_bytes((tmp_path / "more/w.png").read_bytes())
    assert run(ensemble, tmp_path)["new_submission"]["ID"].tolist() == ["w.png", "x.png", "y.png"]


@pytest.mark.parametrize(("make", "problem"), [(False, "is not there"), (True, "is empty")])
def test_a_folder_without_photos_is_one_sentence_that_says_what_to_do(
    ensemble: Ensemble, tmp_path: Path, make: bool, problem: str
) -> None:
    folder = tmp_path / "new"
    if make:
        folder.mkdir()
        (folder / ".hidden").write_text("")
    with pytest.raises(InputError, match=f"Expected new photos in {folder}, but it {problem}; .*--params photos="):
        run(ensemble, tmp_path, photos=str(folder))


def test_without_photos_and_without_a_run_before_it_says_what_to_give(ensemble: Ensemble, tmp_path: Path) -> None:
    """As beside an ensemble that was copied alone."""
    source = SourceParameters(layout="sample", raw_dir=None, answer_key=None)
    with pytest.raises(InputError, match="`photos` names none, and no run has left test images; .*--params photos="):
        list_new_photos(source, {}, Store(tmp_path / "pages"))
    photos = write_photos(tmp_path / "new", ["a.png"])
    named = source.model_copy(update={"photos": str(photos)})
    assert list_new_photos(named, {}, Store(tmp_path / "pages"))["image_id"].tolist() == ["a.png"]
