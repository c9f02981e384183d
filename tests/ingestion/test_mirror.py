"""Raw data of an object store is copied once, and again what has changed; the store is only read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from object_store import bucket_of_moto
from upath import UPath

from docsort import remote
from docsort.errors import InputError, StorageError
from docsort.ingestion import mirror as mirroring
from docsort.ingestion.layouts import read_layout
from docsort.ingestion.location import locate
from docsort.ingestion.mirror import mirror
from docsort.ingestion.parameters import SourceParameters
from docsort.remote import RemoteFile
from docsort.stores import Store

URL = "s3://raw/classes"


@pytest.fixture(scope="module")
def store_server() -> Iterator[UPath]:
    with bucket_of_moto("raw") as bucket:
        yield bucket


@pytest.fixture
def bucket(store_server: UPath, class_folders: Path) -> UPath:
    """With the folder of classes, what a browser leaves there, and nothing else."""
    for file in store_server.fs.find("raw"):
        store_server.fs.rm_file(file)
    store_server.fs.put(f"{class_folders}/", "raw/classes/", recursive=True)
    for name in ("Thumbs.db", "resume/.hidden", "other/"):
        store_server.fs.pipe_file(f"raw/classes/{name}", b"left behind")
    return store_server


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    urls: list[str] = []
    fetch = remote._fetch

    def note(file: RemoteFile, place: Path) -> None:
        urls.append(file.url.removeprefix(f"{URL}/"))
        fetch(file, place)

    monkeypatch.setattr(remote, "_fetch", note)
    return urls


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_is_what_is_in_the_store_and_is_read_as_a_folder_is(
    bucket: UPath, class_folders: Path, tmp_path: Path
) -> None:
    copy = mirror(URL, Store(tmp_path / "copies"))
    assert contents(copy) == contents(class_folders)
    here, there = (
        read_layout("class_folders", folder, Store(tmp_path / "pages"))[0] for folder in (class_folders, copy)
    )
    assert here.drop(columns="path").equals(there.drop(columns="path"))


def test_only_what_has_changed_is_fetched_again_and_what_has_gone_goes(
    bucket: UPath, tmp_path: Path, fetched: list[str]
) -> None:
    store = Store(tmp_path / "copies")
    copy = mirror(URL, store)
    assert sorted(fetched) == ["passport/1.png", "passport/2.jpg", "resume/1.png", "resume/2.jpg"]
    fetched.clear()
    mirror(f"{URL}", store)
    assert fetched == []
    (bucket / "classes/resume/1.png").write_bytes(b"other")
    (bucket / "classes/passport/2.jpg").unlink()
    (bucket / "classes/passport/1.png").unlink()
    mirror(URL, store)
    assert fetched == ["resume/1.png"]
    assert contents(copy) == {"resume/1.png": b"other", "resume/2.jpg": b"photo"}
    assert not (copy / "passport").exists()


def test_a_run_that_was_killed_fetches_what_is_missing(
    bucket: UPath, tmp_path: Path, fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "TOGETHER", 2)
    store, copy_some, calls = Store(tmp_path / "copies"), mirroring._copy, []

    def stop_later(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) > 1:
            raise KeyboardInterrupt
        copy_some(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(mirroring, "_copy", stop_later)
        with pytest.raises(KeyboardInterrupt):
            mirror(URL, store)
    assert len(fetched) == 2
    assert len(contents(mirror(URL, store))) == 4
    assert len(fetched) == len(set(fetched)) == 4


def test_an_object_that_vanishes_meanwhile_is_named(
    bucket: UPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = mirroring.objects_of(URL)
    (bucket / "classes/resume/1.png").unlink()
    monkeypatch.setattr(mirroring, "objects_of", lambda url: objects)
    with pytest.raises(StorageError, match=r"Expected to read s3://raw/classes/resume/1.png, but it has vanished"):
        mirror(URL, Store(tmp_path / "copies"))


@pytest.mark.parametrize("name", ["../elsewhere.png", "a/../../b.png", "a//b.png"])
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [RemoteFile(f"{URL}/{own}", "1") for own in ("fine.png", name)]
    monkeypatch.setattr(mirroring, "list_remote", lambda url: listed)  # some clients would send no such name
    with pytest.raises(InputError, match="Expected objects with names of files below s3://raw/classes, but got "):
        mirror(URL, Store(tmp_path / "copies"))
    assert not (tmp_path / "copies").exists()


def test_an_address_is_looked_at_before_any_work_and_stays_one(bucket: UPath) -> None:
    source = SourceParameters(layout="class_folders", raw_dir=URL, answer_key=None)
    assert locate(source)["folder"] == URL
    gone = SourceParameters(layout="class_folders", raw_dir="s3://raw/none", answer_key=None)
    with pytest.raises(InputError, match="Expected raw_dir to be a folder of photos, but nothing is at s3://raw/none"):
        locate(gone)
