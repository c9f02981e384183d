"""An ensemble as ONNX: the same answers as torch's, and what was left out is said."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from small_ensemble import draw_pages

from docsort.commands.main import docsort
from docsort.errors import InputError, WeightsError
from docsort.members.pages import PhotoPages
from docsort.models import onnx_files
from docsort.serving import export
from docsort.serving.classifier import Classifier
from docsort.serving.graphs import part_of


@pytest.mark.slow
def test_the_graph_of_the_whole_answers_as_the_ensemble(classifier: Classifier, tmp_path: Path) -> None:
    networks = Classifier(part_of(classifier.ensemble, {"main"}, tmp_path / "networks"))
    note = export.export_onnx(networks.ensemble, tmp_path / "export")
    assert note["left_out"] == {}
    assert "NOT THE VALIDATED" not in note["what"]
    photos = draw_pages(40, seed=5)
    answers = networks.predict(photos, in_workers=False)
    squares = PhotoPages(photos, True, networks.ensemble.manifest.jpeg_quality).squares(range(40), 32)
    found = onnx_files.Session(tmp_path / "export" / export.WHOLE)(straight_32=squares)["probabilities"]
    expected = answers[[f"p_{target}" for target in networks.classes]].to_numpy()
    assert np.abs(found - expected).max() < export.TOLERANCE
    assert np.array_equal(np.array(list(networks.classes))[found.argmax(axis=1)], answers["target"])
    example = np.load(tmp_path / "export" / export.EXAMPLE)
    again = onnx_files.Session(tmp_path / "export" / export.WHOLE)(straight_32=example["straight_32"])
    assert np.abs(again["probabilities"] - example["probabilities"]).max() < 1e-6


@pytest.mark.slow
def test_an_export_without_some_members_says_that_it_is_not_what_was_validated(
    classifier: Classifier, pages: Path, tmp_path: Path
) -> None:
    arguments = ["export", str(pages / "*.png"), "--onnx", str(tmp_path / "export")]
    result = CliRunner().invoke(docsort, [*arguments, "--ensemble", str(classifier.ensemble.folder)])
    assert result.exit_code == 0, result.output
    assert "left out of the graph of the whole: kernel: " in result.stderr
    note = json.loads((tmp_path / "export" / export.README).read_text())
    assert set(note["left_out"]) == {"kernel", "pair"}
    assert "NOT THE VALIDATED PATH" in note["what"]
    assert note["fingerprint"] == classifier.ensemble.fingerprint()
    assert note["compared_on"].startswith("7 given pages")
    assert note["ensemble"]["file"] == export.PART
    assert note["ensemble"]["same_answers_as_its_members_in_torch"] == "7 of 7 pages"
    assert len(note["members"]) == 4  # two folds of a network and of a specialist
    assert all(0 <= own["largest_difference"] <= export.TOLERANCE for own in note["members"].values())


def test_a_folder_with_something_in_it_is_refused(classifier: Classifier, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="Expected an empty folder for the export, or none yet, but got"):
        export.export_onnx(classifier.ensemble, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_page_to_compare_on_that_cannot_be_read_is_named(classifier: Classifier, tmp_path: Path, pages: Path) -> None:
    with pytest.raises(InputError, match=r"Expected pages to compare torch and ONNX on, but .*broken.jpg"):
        export.export_onnx(classifier.ensemble, tmp_path / "export", [pages / "broken.jpg"])
    assert not (tmp_path / "export").exists()


def test_a_graph_that_differs_from_torch_is_refused() -> None:
    asked = np.full((2, 3), 1 / 3)
    assert export.largest_difference(Path("g.onnx"), asked + 9e-5, asked) == pytest.approx(9e-5)
    for found in (asked + 2e-4, asked * np.nan):
        with pytest.raises(WeightsError, match="Expected g.onnx to answer as torch does, within 0.0001, but"):
            export.largest_difference(Path("g.onnx"), found, asked)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_files, "PACKAGES", ("onnx", "no-such-package"))
    with pytest.raises(InputError, match="but no-such-package are not installed"):
        onnx_files.require_onnx()


def test_a_file_that_is_no_graph_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "g.onnx").write_text("nothing")
    with pytest.raises(WeightsError, match=r"Expected an ONNX graph at .*g\.onnx, but it cannot be opened"):
        onnx_files.Session(tmp_path / "g.onnx")
