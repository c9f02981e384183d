"""`docsort watch`: pages that are answered now, or were answered before, against those validated on."""

import json
import os
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from docsort_command import Invoke, command_for
from PIL import Image, ImageFilter
from small_ensemble import draw_pages

from docsort.commands.watch import DRIFTED
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.reference import build_reference
from docsort.images.appearance import APPEARANCE, measure_appearance
from docsort.serving.classifier import Classifier, load
from docsort.serving.results import WRITERS

DAYS = ("2026-03-09", "2026-03-10")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty pages of each day, those of the second blurred."""
    folder = tmp_path_factory.mktemp("photos")
    for number, photo in enumerate(draw_pages(30, seed=3)):
        sharp = Image.fromarray(photo)
        for day, picture in zip(DAYS, (sharp, sharp.filter(ImageFilter.GaussianBlur(6))), strict=True):
            path = folder / f"{day}-{number}.png"
            picture.save(path, compress_level=1)
            seconds = datetime.fromisoformat(day).timestamp() + 3600 * 12
            os.utime(path, (seconds, seconds))
    return folder


@pytest.fixture(scope="module")
def answers(classifier: Classifier, photos: Path) -> pd.DataFrame:
    """What `docsort predict` writes of all of them."""
    paths = sorted(map(str, photos.iterdir()))
    table = classifier.predict(paths).drop(columns="image_id")
    return pd.concat([pd.DataFrame({"page": paths, "file": paths}), table], axis=1)


@pytest.fixture(scope="module")
def watched(classifier: Classifier, answers: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    """The small ensemble with a reference to the pages of the first day."""
    answers = answers[answers["page"].str.contains(DAYS[0])].reset_index(drop=True)
    first = answers["page"].tolist()
    table = pd.DataFrame(measure_appearance(first), columns=list(APPEARANCE))
    sets = pd.concat([table.assign(set=name) for name in ("training", "test_like", "test")])
    held = answers.assign(condition="test_like", label=answers["target"])
    ensemble = classifier.ensemble
    facts = {"macro_f1": 0.5, "accuracy": 0.5, "interval": [0.4, 0.6]}
    reference = build_reference(sets, answers, held, seed=0)
    kept = ensemble.finished(ensemble.manifest.decisions, facts, reference).save(tmp_path_factory.mktemp("kept"))
    assert kept.fingerprint() == ensemble.fingerprint()  # it decides no answer
    again = Classifier(kept).predict(first[:3]).drop(columns="image_id")
    pd.testing.assert_frame_equal(again, answers.head(3).drop(columns=["page", "file"]))
    return load(kept.folder or "")


@pytest.fixture
def call(watched: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    return command_for(watched, tmp_path, monkeypatch)


def test_a_change_is_told_with_its_day_the_same_from_pages_and_from_their_answers(  # type: ignore[no-untyped-def]
    call, photos: Path, answers: pd.DataFrame
) -> None:
    now = call("watch", photos, "--to", "now.json", "--fail-on-drift")
    assert now.exit_code == DRIFTED, now.output
    assert f"blurrier than anything learnt, since {DAYS[1]}" in now.stdout
    for kind, make in WRITERS.items():
        with Path(f"answers{kind}").open("wb") as file:
            writer = make(file)
            writer.write(answers)
            writer.close()
        before = call("watch", "--answers", f"answers{kind}", "--to", "before.json")
        assert (before.exit_code, before.stdout) == (0, now.stdout), before.output
        records = [json.loads(Path(name).read_text()) for name in ("now.json", "before.json")]
        assert records[0]["findings"] == records[1]["findings"]


def test_days_may_be_a_column_and_earlier_ones_left_out(call, answers: pd.DataFrame) -> None:  # type: ignore[no-untyped-def]
    answers.assign(came=np.where(answers["page"].str.contains(DAYS[0]), "2026-05-01", "2026-05-02")).to_csv("a.csv")
    assert "since 2026-05-02" in call("watch", "--answers", "a.csv", "--dates", "came").stdout
    late = call("watch", "--answers", "a.csv", "--dates", "came", "--since", "2026-05-02", "--to", "late.json")
    assert [each["first"] for each in json.loads(Path("late.json").read_text())["periods"]] == ["2026-05-02"], late
    wrong = call("watch", "--answers", "a.csv", "--dates", "went")
    assert "Expected --dates to be modified, exif or a column of the answers, but got 'went'." in wrong.output


def test_files_that_are_gone_leave_novelty_confidence_and_classes(call, answers: pd.DataFrame) -> None:  # type: ignore[no-untyped-def]
    gone = "gone/" + answers.index.astype(str)
    answers.assign(came="2026-05-01", page=gone, file=gone).to_csv("a.csv")
    result = call("watch", "--answers", "a.csv", "--dates", "came", "--to", "a.json")
    assert result.exit_code == 0, result.output
    (period,) = json.loads(Path("a.json").read_text())["periods"]
    assert {name for name, values in period["quantiles"].items() if values} == {"novelty", "confidence"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Expected paths of pages, or --answers, one of the two; name one."),
        (("a.png", "--to", "a.xlsx"), "Expected --to to end in .html or .json, but got a.xlsx."),
        (("--answers", "a.txt"), "Expected answers in a file that ends in .csv, .jsonl, .parquet, but got a.txt."),
        (("--answers", "a.csv"), "Expected to read a.csv, but got: No such file"),
    ],
)
def test_a_mistake_is_one_sentence(call, arguments: tuple[str, ...], sentence: str) -> None:  # type: ignore[no-untyped-def]
    result = call("watch", *arguments)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {sentence}")


def test_answers_of_other_classes_are_refused(call) -> None:  # type: ignore[no-untyped-def]
    Path("a.csv").write_text("page,file,confidence,novelty,p_2,p_5,p_9,p_11\nx,x,0.9,0.1,0.9,0,0,0.1\n")
    assert "answers of this ensemble, but p_11 is of no class of it" in call("watch", "--answers", "a.csv").output


def test_an_ensemble_without_a_reference_answers_and_cannot_watch(call, classifier: Classifier, photos: Path) -> None:  # type: ignore[no-untyped-def]
    assert Ensemble.load(classifier.ensemble.folder or "").reference is None
    result = call("watch", photos, "--ensemble", classifier.ensemble.folder)
    assert result.exit_code == 1
    assert "make it anew: run the ensembling pipeline again" in result.output
