"""Many files are answered in parts; a run that was killed goes on, and its result is the same byte for byte."""

from pathlib import Path

import pandas as pd
import pytest
from stopped_prediction import StopError, run

from docsort.ensembling.ensemble import Ensemble
from docsort.errors import InputError
from docsort.serving import prediction
from docsort.serving.classifier import Classifier
from docsort.serving.listing import list_files
from docsort.serving.prediction import answer_files, parts_folder
from docsort.serving.results import check_result
from docsort.tables import ANSWERS


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "PART", 4)


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pages each call of the classifier was given."""
    counts: list[int] = []
    predict = Classifier.predict

    def count(self: Classifier, images: list[str], names: list[str], in_workers: bool) -> pd.DataFrame:
        counts.append(len(images))
        return predict(self, images, names, in_workers=False)

    monkeypatch.setattr(Classifier, "predict", count)
    return counts


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_run_that_was_stopped_goes_on_and_leaves_the_same_file(
    suffix: str, classifier: Classifier, pages: Path, tmp_path: Path, answered: list[int]
) -> None:
    files = list_files([str(pages)])
    whole, resumed = tmp_path / f"whole{suffix}", tmp_path / f"resumed{suffix}"
    run(classifier, files, whole)
    assert answered == [4, 4, 4]  # the last part is a TIFF of three pages and a photo
    answered.clear()
    with pytest.raises(StopError):
        run(classifier, files, resumed, most=2)
    assert not resumed.exists()
    before = list(answered)
    run(classifier, files, resumed)
    assert answered == before  # nothing was asked twice
    assert whole.read_bytes() == resumed.read_bytes()
    assert not parts_folder(resumed).exists()


def test_a_file_that_was_changed_meanwhile_is_answered_again(
    classifier: Classifier, pages: Path, tmp_path: Path, answered: list[int]
) -> None:
    files = [tmp_path / f"{number}.png" for number in range(5)]
    for number, file in enumerate(files):
        file.write_bytes((pages / f"{number}.png").read_bytes())
    with pytest.raises(StopError):
        run(classifier, files, tmp_path / "a.csv", most=1)
    files[1].write_bytes((pages / "6.png").read_bytes())
    answered.clear()
    run(classifier, files, tmp_path / "a.csv")
    assert answered == [4]
    table = pd.read_csv(tmp_path / "a.csv")
    fresh = classifier.ensemble.answer([pages / "6.png"])
    assert table["confidence"][1] == pytest.approx(fresh["confidence"][0])


def test_another_ensemble_or_threshold_uses_no_part_of_this_one(
    classifier: Classifier, pages: Path, tmp_path: Path, answered: list[int]
) -> None:
    files = list_files([str(pages / "0.png")])
    list(answer_files(classifier, files, tmp_path))
    list(answer_files(classifier, files, tmp_path))
    assert answered == [1]
    list(answer_files(classifier.with_threshold(0.123), files, tmp_path))
    assert answered == [1, 1]


def test_every_page_is_a_row_also_of_a_file_of_several_and_of_one_that_is_broken(
    classifier: Classifier, pages: Path, tmp_path: Path
) -> None:
    files = list_files([str(pages)])
    table = pd.concat([part for _, _, part in answer_files(classifier, files, tmp_path)], ignore_index=True)
    assert len(table) == 12
    several = table[table["file"] == str(pages / "three.tif")]
    assert several["page"].tolist() == [f"{pages / 'three.tif'}#{number}" for number in (1, 2, 3)]
    broken = table[table["file"] == str(pages / "broken.jpg")].iloc[0]
    assert broken["why"].startswith("unreadable")
    assert broken["confidence"] == 0
    assert set(ANSWERS) - {"image_id"} < set(table.columns)


def test_what_is_answered_is_what_the_ensemble_answers(classifier: Classifier, pages: Path, tmp_path: Path) -> None:
    files = [file for file in list_files([str(pages)]) if file.suffix == ".png"]
    run(classifier, files, tmp_path / "a.parquet")
    table = pd.read_parquet(tmp_path / "a.parquet")
    folder = classifier.ensemble.folder
    assert folder is not None
    own = Ensemble.load(folder).answer(files, in_workers=False)
    columns = [column for column in own if column != "image_id"]
    pd.testing.assert_frame_equal(table[columns], own[columns], check_exact=True, check_dtype=False)


def test_a_result_of_no_known_format_or_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--to to end in \.csv, \.jsonl, \.parquet, but got .*answers\.xlsx"):
        check_result(tmp_path / "answers.xlsx")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=r"--to to be a file, but .*folder\.csv is a folder; name a file in it"):
        check_result(tmp_path / "folder.csv")
    with pytest.raises(InputError, match=r"--to to be a file in a folder that is there, but got .*; make the folder"):
        check_result(tmp_path / "none" / "a.csv")


def test_rows_are_the_same_in_every_format(classifier: Classifier, pages: Path, tmp_path: Path) -> None:
    files = list_files([str(pages)])
    for suffix in (".csv", ".jsonl", ".parquet"):
        run(classifier, files, tmp_path / f"a{suffix}")
    parquet = pd.read_parquet(tmp_path / "a.parquet")
    for other in (pd.read_csv(tmp_path / "a.csv"), pd.read_json(tmp_path / "a.jsonl", lines=True)):
        assert other.columns.tolist() == parquet.columns.tolist()
        assert other["target"].tolist() == parquet["target"].tolist()
        assert other["page"].tolist() == parquet["page"].tolist()
        assert other["p_2"].tolist() == pytest.approx(parquet["p_2"].tolist(), nan_ok=True)
