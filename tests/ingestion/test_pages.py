from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_files import drawn, encoded, pdf_of, tiff_of

from docsort.errors import InputError
from docsort.images.measures import measure_images
from docsort.images.reading import UnreadableImageError, decode_rgb, read_rgb
from docsort.ingestion import pages
from docsort.ingestion.layouts import read_layout
from docsort.ingestion.pages import split_pages
from docsort.ingestion.parameters import SourceParameters
from docsort.ingestion.photos import list_new_photos
from docsort.stores import Store

FAX = tiff_of(drawn(0), drawn(1), drawn(2))


def table(folder: Path, **files: bytes) -> pd.DataFrame:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return pd.DataFrame({"image_id": list(files), "path": [str(folder / name) for name in files]})


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "map_surviving", lambda function, items, *_: [function(*item) for item in items])


def test_every_page_gets_an_id_and_its_own_picture(tmp_path: Path) -> None:
    photos = table(tmp_path, a=encoded(drawn(5)), fax=FAX, letter=pdf_of(drawn(0)), z=tiff_of(drawn(3)))
    split = split_pages(photos, Store(tmp_path / "pages"))
    assert split["image_id"].tolist() == ["a", "fax#1", "fax#2", "fax#3", "letter", "z"]
    for number, path in enumerate(split["path"][1:4]):
        assert np.array_equal(read_rgb(path), np.asarray(drawn(number)))
    assert split["path"].tolist()[::5] == photos["path"].tolist()[::3], "files of one page are read as they are"
    assert np.array_equal(read_rgb(split["path"][4]), decode_rgb((tmp_path / "letter").read_bytes()))


def test_pages_are_taken_apart_once_and_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "pages")
    first = split_pages(table(tmp_path, fax=FAX), store)
    monkeypatch.setattr(pages, "page_picture", lambda *_: pytest.fail("it was taken apart again"))
    (tmp_path / "other").mkdir()
    assert split_pages(table(tmp_path / "other", fax=FAX), store)["path"].tolist() == first["path"].tolist()
    monkeypatch.undo()
    monkeypatch.setattr(pages, "map_surviving", lambda function, items, *_: [function(*item) for item in items])
    changed = split_pages(table(tmp_path, fax=tiff_of(drawn(7), drawn(8))), store)
    assert set(changed["path"]).isdisjoint(first["path"])


def test_a_page_that_cannot_be_read_is_rejected_under_its_own_id(tmp_path: Path) -> None:
    broken = bytearray(tiff_of(drawn(0), drawn(1, (50, 50))))
    place = int.from_bytes(broken[4:8], "little")
    second = int.from_bytes(broken[place + 2 + 12 * broken[place] :][:4], "little")
    broken[second + 2 : second + 2 + 12 * broken[second]] = bytes(12 * broken[second])
    split = split_pages(table(tmp_path, fax=bytes(broken)), Store(tmp_path / "pages"))
    assert split["image_id"].tolist() == ["fax#1", "fax#2"]
    assert np.array_equal(read_rgb(split["path"][0]), np.asarray(drawn(0)))
    with pytest.raises(UnreadableImageError, match="page 2: not a whole image"):
        read_rgb(split["path"][1])


def test_a_document_that_cannot_be_opened_stays_one_photo_that_is_rejected(tmp_path: Path) -> None:
    photos = table(tmp_path, letter=b"%PDF-1.4 and nothing else")
    split = split_pages(photos, Store(tmp_path / "pages"))
    assert split["image_id"].tolist() == ["letter"]
    with pytest.raises(UnreadableImageError, match="the PDF is damaged"):
        read_rgb(split["path"][0])


def test_a_file_named_as_a_page_of_another_is_refused(tmp_path: Path) -> None:
    photos = table(tmp_path, **{"fax": FAX, "fax#2": encoded(drawn())})
    with pytest.raises(InputError, match=r"name of another's page, but got fax#2"):
        split_pages(photos, Store(tmp_path / "pages"))


def test_a_class_may_be_one_document_of_two_pages_but_not_of_one(class_folders: Path, tmp_path: Path) -> None:
    (class_folders / "visa").mkdir()
    (class_folders / "visa" / "a.pdf").write_bytes(pdf_of(drawn(0), drawn(1)))
    photos, _ = read_layout("class_folders", class_folders, Store(tmp_path / "pages"))
    assert photos["image_id"].tolist()[4:] == ["visa/a.pdf#1", "visa/a.pdf#2"]
    assert photos["position"].tolist() == [0, 1, 2, 3, 4, 5]
    assert photos["target"].tolist() == [0, 0, 1, 1, 2, 2]
    (class_folders / "visa" / "a.pdf").write_bytes(pdf_of(drawn(0)))
    with pytest.raises(InputError, match=r"classes with fewer than two pages: 2 visa \(1\)"):
        read_layout("class_folders", class_folders, Store(tmp_path / "pages"))


def test_new_photos_are_pages_but_those_of_a_submission_are_files(competition: Path, tmp_path: Path) -> None:
    (competition / "test" / "z.jpg").write_bytes(FAX)
    store, location = Store(tmp_path / "pages"), {"folder": str(competition)}
    source = SourceParameters(layout="competition", raw_dir=str(competition), answer_key=None)
    assert list_new_photos(source, location, store)["image_id"].tolist() == ["z.jpg", "y.jpg"]
    source = source.model_copy(update={"photos": str(competition / "test")})
    assert list_new_photos(source, location, store)["image_id"].tolist() == ["y.jpg", "z.jpg#1", "z.jpg#2", "z.jpg#3"]


def test_in_a_competition_the_first_page_is_read_and_the_rest_is_told(
    competition: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (competition / "test" / "z.jpg").write_bytes(FAX)
    photos, _ = read_layout("competition", competition, Store(tmp_path / "pages"))
    images, _ = measure_images(photos)
    assert images[["image_id", "pages", "width"]].to_numpy().tolist() == [["z.jpg", 3, 60]]
    assert "Only the first page is read of z.jpg (3 pages); see image_problems" in caplog.text
