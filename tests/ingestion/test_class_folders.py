from pathlib import Path

import pytest

from docsort.errors import InputError
from docsort.ingestion.class_folders import read_class_folders
from docsort.tables import CLASSES, PHOTOS


def test_a_folder_is_a_class_numbered_by_name(class_folders: Path) -> None:
    photos, classes = read_class_folders(class_folders)
    assert tuple(photos.columns) == PHOTOS
    assert tuple(classes.columns) == CLASSES
    assert classes.to_dict("list") == {"target": [0, 1], "class_name": ["passport", "resume"]}
    assert photos["image_id"].tolist() == ["passport/1.png", "passport/2.jpg", "resume/1.png", "resume/2.jpg"]
    assert photos["target"].tolist() == [0, 0, 1, 1]
    assert photos["position"].tolist() == [0, 1, 2, 3]
    assert all(Path(path).is_file() for path in photos["path"])


def test_without_a_test_folder_there_are_no_test_photos(class_folders: Path) -> None:
    assert set(read_class_folders(class_folders)[0]["split"]) == {"train"}


def test_a_test_folder_is_no_class(class_folders: Path) -> None:
    (class_folders / "test").mkdir()
    (class_folders / "test" / "q.jpg").write_bytes(b"photo")
    photos, classes = read_class_folders(class_folders)
    assert classes["class_name"].tolist() == ["passport", "resume"]
    test = photos[photos["split"] == "test"]
    assert test["image_id"].tolist() == ["q.jpg"]
    assert test["position"].tolist() == [0]
    assert test["target"].isna().all()


def test_classes_may_lie_below_train(class_folders: Path) -> None:
    plain = read_class_folders(class_folders)[0]
    (class_folders / "train").mkdir()
    for name in ("resume", "passport"):
        (class_folders / name).rename(class_folders / "train" / name)
    photos, _ = read_class_folders(class_folders)
    assert photos["image_id"].tolist() == plain["image_id"].tolist()
    assert photos["path"].iloc[0] == str(class_folders / "train" / "passport" / "1.png")


def test_hidden_folders_and_files_are_ignored(class_folders: Path) -> None:
    (class_folders / ".git").mkdir()
    (class_folders / "resume" / ".DS_Store").write_bytes(b"")
    (class_folders / ".DS_Store").write_bytes(b"")
    assert len(read_class_folders(class_folders)[0]) == 4


def test_a_class_of_fewer_than_two_photos_is_named(class_folders: Path) -> None:
    (class_folders / "visa").mkdir()
    (class_folders / "resume" / "1.png").unlink()
    with pytest.raises(InputError, match="class folders with fewer than two photos: resume, visa"):
        read_class_folders(class_folders)


def test_one_class_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"at least two classes .* but found 0"):
        read_class_folders(tmp_path)


def test_files_that_lie_beside_the_classes_are_named(class_folders: Path) -> None:
    (class_folders / "stray.jpg").write_bytes(b"photo")
    with pytest.raises(InputError, match=r"files beside the class folders, so of no class: stray.jpg"):
        read_class_folders(class_folders)


def test_folders_within_a_class_or_test_are_named_rather_than_passed_over(class_folders: Path) -> None:
    (class_folders / "resume" / "old").mkdir()
    (class_folders / "test" / "passport").mkdir(parents=True)
    with pytest.raises(InputError, match="folders inside a class folder or test/: resume/old, test/passport"):
        read_class_folders(class_folders)


def test_a_link_that_leads_out_of_the_folder_is_refused(class_folders: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    (class_folders / "resume" / "3.jpg").symlink_to(secret)
    with pytest.raises(InputError, match=r"link to a file outside the folder: resume/3.jpg"):
        read_class_folders(class_folders)


def test_what_is_harmless_beside_the_classes_is_named_in_one_warning(
    class_folders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (class_folders / "train").mkdir()
    for name in ("resume", "passport"):
        (class_folders / name).rename(class_folders / "train" / name)
    for name in ("val", "__MACOSX"):
        (class_folders / name).mkdir()
    for name in ("README.md", "train/labels.csv"):
        (class_folders / name).write_text("notes")
    assert len(read_class_folders(class_folders)[0]) == 4
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning == f"Not read in {class_folders}: train/labels.csv, README.md, val/"


def test_a_picture_beside_train_is_of_no_class(class_folders: Path) -> None:
    (class_folders / "train").mkdir()
    for name in ("resume", "passport"):
        (class_folders / name).rename(class_folders / "train" / name)
    (class_folders / "stray").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match=r"files beside the class folders, so of no class: stray"):
        read_class_folders(class_folders)


def test_a_link_that_leads_nowhere_is_named(class_folders: Path) -> None:
    (class_folders / "resume" / "gone.jpg").symlink_to("nowhere.jpg")
    with pytest.raises(InputError, match=r"pipes and the like among the photos: resume/gone\.jpg"):
        read_class_folders(class_folders)
