"""Networks that are computed by their ONNX files, through the same ensemble."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from small_ensemble import draw_pages

from docsort.commands.main import docsort
from docsort.errors import InputError, StorageError
from docsort.members.pages import PhotoPages
from docsort.members.views import all_views
from docsort.models.forward import GraphMember, NetworkMember
from docsort.models.graphs import NetworkGraph
from docsort.models.onnx_files import write_graph
from docsort.serving import export
from docsort.serving.classifier import Classifier
from docsort.stores import Store, file_digest


@pytest.fixture(scope="module")
def exported(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One network of the small ensemble as a graph, and the note that belongs to it."""
    ensemble, folder = classifier.ensemble, tmp_path_factory.mktemp("graphs")
    member = next(each for each in ensemble.manifest.members if each.name == "main")
    path = folder / export.file_name(member)
    write_graph(NetworkGraph(ensemble.checkpoints[member.key].folder), 32, ("pages",), path)
    members = {export.file_name(member): {"key": member.key, "sha256": file_digest(str(path))}}
    note = {"fingerprint": ensemble.fingerprint(), "members": members}
    (folder / export.README).write_text(json.dumps(note))
    return folder


def test_the_engine_gives_the_answers_of_torch(classifier: Classifier, exported: Path, tmp_path: Path) -> None:
    photos, cache = draw_pages(20, seed=7), Store(tmp_path / "cache")
    torchs = classifier.ensemble.answer(photos, in_workers=False, cache=cache)
    ensemble = export.with_graphs(classifier.ensemble, exported)
    found = ensemble.answer(photos, in_workers=False, cache=cache)
    columns = [f"p_{target}" for target in classifier.classes]
    difference = np.abs(found[columns].to_numpy() - torchs[columns].to_numpy()).max()
    assert (
        0 < difference < export.TOLERANCE
    )  # other bits, so it was not torch, and not what torch had left in the cache
    assert np.array_equal(found["target"], torchs["target"])
    assert np.abs(found["novelty"] - torchs["novelty"]).max() < 0.1  # a share of few pages
    assert ensemble.fingerprint() != classifier.ensemble.fingerprint()


def test_a_page_has_the_same_bits_alone_and_among_others(classifier: Classifier, exported: Path) -> None:
    key = next(each.key for each in classifier.ensemble.manifest.members if each.name == "main")
    member = GraphMember(classifier.ensemble.checkpoints[key].folder, exported / "members/main_fold_0.onnx")
    photos, policy = draw_pages(5, seed=2), all_views()
    many = member.predict(PhotoPages(photos, True, 90), policy, np.full((5, 8, 3), np.nan, dtype=np.float32))
    for row, photo in enumerate(photos):
        alone = member.predict(PhotoPages([photo], True, 90), policy, np.full((1, 8, 3), np.nan, dtype=np.float32))
        assert np.array_equal(alone[0], many[row])
    network = NetworkMember(classifier.ensemble.checkpoints[key].folder, "cpu")
    blocks = zip(member.embed(PhotoPages(photos, True, 90)), network.embed(PhotoPages(photos, True, 90)), strict=True)
    assert all(np.allclose(own, expected, atol=1e-3) for own, expected in blocks)
    with pytest.raises(InputError, match="Expected views of the member's own scale, .* but got 125 percent"):
        member.predict(PhotoPages(photos, True, 90), all_views(scales=(125,)), many * np.nan)


def test_the_command_answers_by_an_export(classifier: Classifier, exported: Path, pages: Path, tmp_path: Path) -> None:
    arguments = ["predict", str(pages / "0.png"), "--ensemble", str(classifier.ensemble.folder)]
    result = CliRunner().invoke(docsort, [*arguments, "--onnx", str(tmp_path)])
    assert result.exit_code == 1
    assert "Expected an export of the ensemble in" in result.output


def test_what_is_served_by_an_export_answers_as_it_does_in_the_ensemble(
    classifier: Classifier, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from docsort.serving.http import server

    opened: list[Classifier] = []
    monkeypatch.setattr(server, "serve", lambda load, *_: opened.append(load()))
    arguments = ["serve", "--ensemble", str(classifier.ensemble.folder), "--onnx", str(exported)]
    result = CliRunner().invoke(docsort, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    photos = draw_pages(3, seed=8)
    found = opened[0].ensemble.answer(photos, in_workers=False)
    pd.testing.assert_frame_equal(
        found, export.with_graphs(classifier.ensemble, exported).answer(photos, in_workers=False)
    )
    assert not found.equals(classifier.ensemble.answer(photos, in_workers=False))  # torch has other bits


def test_an_export_of_another_ensemble_is_refused(classifier: Classifier, exported: Path, tmp_path: Path) -> None:
    decisions = replace(classifier.ensemble.manifest.decisions, threshold=0.1)
    other = classifier.ensemble.finished(decisions, None).save(tmp_path / "other")
    with pytest.raises(InputError, match="to be an export of this ensemble, but it is of another"):
        export.with_graphs(other, exported)
    louder = classifier.with_threshold(0.2).ensemble  # the same ensemble, asked otherwise
    assert export.with_graphs(louder, exported).graphs


def test_a_graph_that_was_changed_is_refused(classifier: Classifier, exported: Path, tmp_path: Path) -> None:
    (tmp_path / "members").mkdir()
    (tmp_path / "members/main_fold_0.onnx").write_bytes((exported / "members/main_fold_0.onnx").read_bytes() + b"!")
    (tmp_path / export.README).write_text((exported / export.README).read_text())
    with pytest.raises(StorageError, match=r"Expected .*main_fold_0\.onnx as it was written, but it is not"):
        export.with_graphs(classifier.ensemble, tmp_path)
