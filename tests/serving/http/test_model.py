"""A newer ensemble takes the place of the old one only when it is whole, and asks of nobody to wait."""

import logging
import shutil
import time
from pathlib import Path

import pytest

from docsort.serving.classifier import Classifier, load
from docsort.serving.http.model import CurrentModel

OLD, NEW = "2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"


@pytest.fixture
def place(classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of versions, with one in it."""
    monkeypatch.setattr("docsort.serving.http.model.warm", lambda classifier: None)
    shutil.copytree(classifier.ensemble.folder or "", tmp_path / OLD / "ensemble")
    return tmp_path


def add_newer(classifier: Classifier, place: Path) -> str:
    """One with another threshold; its fingerprint."""
    newer = classifier.with_threshold(0.123).ensemble
    return newer.save(place / NEW / "ensemble").fingerprint()


def test_a_newer_version_is_used_as_soon_as_it_is_there(classifier: Classifier, place: Path) -> None:
    model = CurrentModel(lambda: load(place), place)
    old = model.now
    model.watch(0.05)
    fingerprint = add_newer(classifier, place)
    deadline = time.monotonic() + 60
    while model.now is old:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    model.close()
    assert model.now.fingerprint == fingerprint != old.fingerprint
    assert model.now.classifier.threshold == 0.123
    assert model.reload() is False
    # who was given the old one is still answered by it
    assert len(old.classifier.predict(b"x", in_workers=False)) == 1


@pytest.mark.parametrize("harm", ["cut", "lost", "changed"])
def test_a_damaged_newer_version_is_refused_with_a_line_in_the_log(
    classifier: Classifier, place: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = CurrentModel(lambda: load(place), place)
    old = model.now
    add_newer(classifier, place)
    folder = place / NEW / "ensemble"
    weights = sorted(folder.rglob("model.safetensors"))[0]
    content = weights.read_bytes()
    weights.unlink()  # it may be a link to the old one's
    if harm != "lost":
        weights.write_bytes(content[:100] if harm == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    with caplog.at_level(logging.ERROR, "docsort.serving.http.model"):
        assert model.reload() is None
    assert model.now is old
    assert f"The ensemble {old.fingerprint} stays in use: Expected" in caplog.text
