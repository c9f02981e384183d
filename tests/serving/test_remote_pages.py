"""Pages of an object store are answered as local ones are, into a result there, and a stopped run goes on."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docsort_command import command_for
from object_store import bucket_of_moto
from s3fs import S3FileSystem
from stopped_prediction import StopError, run
from upath import UPath

from docsort import remote
from docsort.errors import InputError, StorageError
from docsort.remote import RemoteFile, list_remote, remote_path
from docsort.serving import prediction
from docsort.serving.classifier import Classifier
from docsort.serving.listing import list_all
from docsort.serving.prediction import answer_files, parts_folder
from docsort.serving.results import read_result


@pytest.fixture(scope="module")
def bucket(pages: Path) -> Iterator[UPath]:
    """With the pages in the folder `in`."""
    with bucket_of_moto("bucket") as bucket:
        bucket.fs.put(f"{pages}/", "bucket/in/", recursive=True)
        yield bucket


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "PART", 4)


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker imports torch for these few pages."""
    predict = Classifier.predict
    monkeypatch.setattr(Classifier, "predict", lambda own, pages, names, in_workers: predict(own, pages, names, False))


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was fetched of the store."""
    urls: list[str] = []
    fetch = remote._fetch

    def note(file: RemoteFile, place: Path) -> None:
        urls.append(file.url)
        fetch(file, place)

    monkeypatch.setattr(remote, "_fetch", note)
    return urls


def test_a_bucket_gets_the_answers_of_a_folder_byte_for_byte_but_for_the_names(
    classifier: Classifier, pages: Path, bucket: UPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = command_for(classifier, tmp_path, monkeypatch)
    for source, result in ((pages, "here.csv"), ("s3://bucket/in", "s3://bucket/out/there.csv")):
        told = call("predict", source, "--to", result)
        assert told.exit_code == 0, told.output
        assert "12 pages answered, " in told.stderr
    here = (tmp_path / "here.csv").read_text()
    assert "broken.jpg: " in here
    assert "three.tif#2" in here
    assert (bucket / "out/there.csv").read_text() == here.replace(str(pages), "s3://bucket/in")
    assert [path.name for path in (bucket / "out").iterdir()] == ["there.csv"]


def test_a_stopped_run_goes_on_in_the_store_and_only_what_changed_is_fetched_again(
    classifier: Classifier, pages: Path, bucket: UPath, fetched: list[str]
) -> None:
    bucket.fs.put(f"{pages}/", "bucket/again/", recursive=True)
    files, result = list_all(["s3://bucket/again"]), bucket / "whole.parquet"
    with pytest.raises(StopError):
        run(classifier, files, result, most=2)
    assert not result.exists()
    assert len(list(parts_folder(result).iterdir())) >= 2
    (bucket / "again/1.png").write_bytes((pages / "6.png").read_bytes())
    fetched.clear()
    changed = list_all(["s3://bucket/again"])
    run(classifier, changed, result)
    assert sorted(fetched[:4]) == [file.url for file in changed[:4]]  # the part of 1.png
    assert {file.url for file in changed[4:8]}.isdisjoint(fetched)  # kept
    table = read_result(result)
    assert (
        table.loc[table["page"].str.endswith("/1.png"), "sha256"].tolist()
        == table.loc[table["page"].str.endswith("/6.png"), "sha256"].tolist()
    )
    once = result.read_bytes()
    run(classifier, changed, bucket / "once.parquet")
    assert once == (bucket / "once.parquet").read_bytes()


def test_an_object_that_vanished_or_is_broken_is_a_row_with_its_name(
    classifier: Classifier, pages: Path, bucket: UPath, tmp_path: Path
) -> None:
    for name in ("0.png", "1.png", "broken.jpg"):
        (bucket / "few" / name).write_bytes((pages / name).read_bytes())
    files = list_all(["s3://bucket/few/*.png", "s3://bucket/few/broken.jpg"])
    (bucket / "few/1.png").unlink()
    ((_, _, table),) = answer_files(classifier, files, tmp_path)
    assert table["why"].str.startswith("unreadable").tolist() == [False, True, True]
    assert "s3://bucket/few/1.png: cannot be opened (No such file" in table["why"][1]
    assert "s3://bucket/few/broken.jpg: " in table["why"][2]
    assert table["sha256"].str.len().tolist() == [64, 0, 64]
    assert str(tmp_path) not in json.dumps(table["why"].tolist())


def test_objects_come_in_the_order_of_files(pages: Path, bucket: UPath) -> None:
    local = [str(file).replace(str(pages), "s3://bucket/in") for file in list_all([str(pages)])]
    assert list(map(str, list_all(["s3://bucket/in/"]))) == local
    assert local != sorted(local)  # a walk tells the files of a folder before the folders in it
    assert list(map(str, list_all(["s3://bucket/in/notes.txt"]))) == ["s3://bucket/in/notes.txt"]
    assert [file.url for file in list_remote("s3://bucket/in/**/7.png")] == ["s3://bucket/in/below/7.png"]


def test_objects_are_fetched_whatever_signs_their_names_have(bucket: UPath, tmp_path: Path) -> None:
    names = ["a#1.png", "b?x=1.png", "c%20.png", "d e.png", "f[1].png", "g*.png", "h+.png", "한글.png"]
    for name in names:
        bucket.fs.pipe_file(f"bucket/odd/{name}", name.encode())
    listed = list_remote("s3://bucket/odd")
    assert [file.url.removeprefix("s3://bucket/odd/") for file in listed] == names
    assert [place.read_bytes().decode() for place in remote.fetch(listed, tmp_path)] == names
    assert [str(file) for name in names for file in list_all([f"s3://bucket/odd/{name}"])] == list(map(str, listed))


def test_places_that_are_not_there_are_named_together(tmp_path: Path, bucket: UPath) -> None:
    (bucket / "texts/notes.txt").write_text("no picture")
    with pytest.raises(InputError) as told:
        list_all(["s3://bucket/none", "s3://nobody/in", "s3://bucket/texts", str(tmp_path / "none.png")])
    first, second, third, fourth = str(told.value).splitlines()
    assert first.startswith("Expected s3://bucket/none to be an object, a folder of objects or a glob, but nothing")
    assert second.startswith("Expected s3://nobody/in to be")
    assert third.startswith("Expected pictures in s3://bucket/texts (")
    assert "none.png to be a file or a folder" in fourth


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--to", "s3://nobody/a.csv"), "Expected --to to be in a bucket that is there, but got s3://nobody/a.csv"),
        (("--to", "s3://bucket/a.xlsx"), "Expected --to to end in .csv, .jsonl, .parquet, but got s3://bucket/a.xlsx"),
        (("--sort-into", "sorted"), "Expected pages and answers on this machine, to sort them into sorted, but got s3"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: tuple[str, ...],
    sentence: str,
    classifier: Classifier,
    bucket: UPath,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = command_for(classifier, tmp_path, monkeypatch)("predict", "s3://bucket/in", *arguments)
    assert told.output.startswith(f"Error: {sentence}")
    assert told.exit_code == 1


def test_a_store_that_does_not_answer_is_one_sentence(
    classifier: Classifier, bucket: UPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = list_all(["s3://bucket/in"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(S3FileSystem, "retries", 1)
    S3FileSystem.clear_instance_cache()
    with pytest.raises(StorageError, match=r"Expected to reach s3://bucket/in/.*, but got: Could not connect"):
        next(answer_files(classifier, files, tmp_path))
    assert list(tmp_path.iterdir()) == []
    S3FileSystem.clear_instance_cache()


@pytest.mark.parametrize("missing", ["upath", "s3fs"])
def test_a_missing_package_is_named_with_its_extra(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    S3FileSystem.clear_instance_cache()
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(InputError, match=rf"reached by s3://bucket/in, but .*{missing}.*`uv sync --extra s3`"):
        remote_path("s3://bucket/in")


def test_a_store_that_nobody_knows_is_named() -> None:
    with pytest.raises(InputError, match="Expected a store that can be reached by nowhere://x, but .*nowhere"):
        remote_path("nowhere://x")
