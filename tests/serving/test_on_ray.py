"""Pages answered by actors of Ray get the answers they get here, byte for byte, also after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from docsort_command import command_for
from object_store import bucket_of_moto
from PIL import Image
from small_ensemble import draw_pages
from upath import UPath

from docsort.errors import InputError, StorageError, WorkerError
from docsort.serving import prediction
from docsort.serving.classifier import Classifier
from docsort.serving.listing import list_all
from docsort.serving.on_ray import AnsweringActor, _row, _share, _told, answer_on_ray
from docsort.serving.prediction import answer_files, parts_folder, parts_of

COMMAND = (
    "from docsort.serving import prediction; prediction.PART = 2; from docsort.commands.main import docsort; docsort()"
)


@pytest.fixture
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an actor sets is its process's."""
    monkeypatch.setenv("DOCSORT_EXECUTOR", "local")
    monkeypatch.setenv("DOCSORT_WORKERS", "2")


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker imports torch for these few pages."""
    predict = Classifier.predict
    monkeypatch.setattr(Classifier, "predict", lambda own, pages, names, in_workers: predict(own, pages, names, False))


@pytest.mark.usefixtures("_own_environment")
def test_an_actor_leaves_the_parts_that_would_be_made_here_and_makes_none_twice(
    classifier: Classifier, pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction, "PART", 4)
    files = list_all([str(pages)])
    here = [(path.name, table) for path, _, table in answer_files(classifier, files, tmp_path / "here")]
    there = tmp_path / "there"
    actor = AnsweringActor(classifier, str(there))
    assert os.environ["DOCSORT_WORKERS"] == "1"
    rows = [_row(part) for part in parts_of(classifier, files, there)]
    assert [actor(row)["pages"] for row in rows] == [len(table) for _, table in here]
    for name, table in here:
        own = pd.read_parquet(there / name)
        pd.testing.assert_frame_equal(own.drop(columns="picture"), table.drop(columns="picture"), check_exact=True)
    assert [actor(row)["pages"] for row in rows] == [0, 0, 0]
    assert list(answer_on_ray(classifier, files, there)) == []  # for what is all there Ray is not even started


@pytest.mark.usefixtures("_own_environment")
def test_a_node_that_does_not_see_the_pages_says_so_and_calls_none_unreadable(
    classifier: Classifier, tmp_path: Path
) -> None:
    actor = AnsweringActor(classifier, str(tmp_path))
    with pytest.raises(StorageError, match="Expected every node of the cluster to see /elsewhere, but .* does not"):
        actor({"name": "part", "names": ["/elsewhere/page.png"], "versions": [""]})
    assert list(tmp_path.iterdir()) == []


def test_actors_share_cores_and_gpus() -> None:
    assert _share({"CPU": 6.0}, None) == {"actors": 6, "num_cpus": 1, "num_gpus": 0}
    assert _share({"CPU": 6.0, "GPU": 2.0}, 4) == {"actors": 4, "num_cpus": 1, "num_gpus": 0.5}
    assert _share({"CPU": 6.0, "GPU": 2.0}, 1)["num_gpus"] == 1
    with pytest.raises(InputError, match="Expected --actors to be at most 6, the cores of the cluster, but got 7"):
        _share({"CPU": 6.0}, 7)


def test_what_an_actor_raised_is_the_sentence_and_what_ray_raised_is_told() -> None:
    class RayError(Exception):
        cause = StorageError("Expected a disk.")

    error = RuntimeError("a traceback of many lines")
    error.__cause__ = RayError()
    assert str(_told(error)) == "Expected a disk."
    told = _told(RuntimeError("the node is gone"))
    assert isinstance(told, WorkerError)
    assert "but it failed: the node is gone; run again" in str(told)


def test_mistakes_are_one_sentence(
    classifier: Classifier, pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = command_for(classifier, tmp_path, monkeypatch)("predict", pages, "--on", "ray")
    assert told.output.startswith("Error: Expected --to with --on ray")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"Expected Ray to be installed, but .*; install .*`uv sync --extra ray`"):
        list(answer_on_ray(classifier, list_all([str(pages)]), tmp_path / "parts"))


def test_a_cluster_that_is_not_there_is_named(
    classifier: Classifier, pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(**_: object) -> None:
        raise ConnectionError("nobody listens")

    for name in ("ray", "ray.data", "ray.exceptions"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(is_initialized=lambda: False, init=init))
    files = list_all([str(pages)])
    monkeypatch.setenv("RAY_ADDRESS", "far:6379")
    with pytest.raises(WorkerError, match=r"a cluster of Ray at far:6379 \(RAY_ADDRESS\), but got: nobody listens"):
        list(answer_on_ray(classifier, files, tmp_path))
    monkeypatch.delenv("RAY_ADDRESS")
    with pytest.raises(WorkerError, match="Expected Ray to start on this machine, but got: nobody listens"):
        list(answer_on_ray(classifier, files, tmp_path))


def start(source: str, to: str, classifier: Classifier, *options: str) -> "subprocess.Popen[bytes]":
    arguments = ["predict", source, "--to", to, "--ensemble", str(classifier.ensemble.folder), *options]
    return subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], env=os.environ | {"OMP_NUM_THREADS": "1"})


@pytest.mark.slow
def test_a_cluster_that_was_killed_goes_on_and_leaves_in_the_bucket_what_one_process_leaves(
    classifier: Classifier, tmp_path: Path
) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    for number, photo in enumerate(draw_pages(60, seed=7)):
        Image.fromarray(photo).save(pages / f"{number:02}.png", compress_level=1)
    (pages / "broken.jpg").write_text("nothing")
    assert start(str(pages), str(tmp_path / "here.csv"), classifier).wait(300) == 0
    here = (tmp_path / "here.csv").read_text()
    with bucket_of_moto("bucket") as bucket:
        bucket.fs.put(f"{pages}/", "bucket/in/", recursive=True)
        result = bucket / "there.csv"
        first = start("s3://bucket/in", str(result), classifier, "--on", "ray", "--actors", "2")
        kept = wait_for_parts(parts_folder(result), 3, first)
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert not result.exists()
        again = start("s3://bucket/in", str(result), classifier, "--on", "ray", "--actors", "2")
        seen = wait_for_parts(parts_folder(result), len(kept) + 1, again)
        assert {name: seen[name] for name in kept} == kept  # made once
        assert again.wait(300) == 0
        assert result.read_text().replace("s3://bucket/in", str(pages)) == here
        assert [path.name for path in bucket.iterdir() if path.name != "in"] == ["there.csv"]


def wait_for_parts(folder: UPath, count: int, run: "subprocess.Popen[bytes]") -> dict[str, str]:
    """When each part was made, by name, once there are so many."""
    deadline = time.monotonic() + 300
    while run.poll() is None and time.monotonic() < deadline:
        folder.fs.invalidate_cache()
        found = folder.fs.find(folder.path, detail=True)
        if len(found) >= count:
            return {name: str(facts["LastModified"]) for name, facts in found.items()}
        time.sleep(0.05)
    raise AssertionError(f"Expected {count} parts, but the run ended with {run.poll()} before.")
