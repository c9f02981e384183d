"""Small data sets on disk, in both layouts. Listing reads names only, so the files hold a few bytes."""

from pathlib import Path

import pytest

META = "target,class_name\n0,resume\n1,passport\n"
TRAIN = "ID,target\na.jpg,1\nb.jpg,0\nc.jpg,1\nd.jpg,0\n"
SUBMISSION = "ID,target\nz.jpg,0\ny.jpg,0\n"


@pytest.fixture
def competition(tmp_path: Path) -> Path:
    folder = tmp_path / "competition"
    for split, names in (("train", "abcd"), ("test", "yz")):
        (folder / split).mkdir(parents=True)
        for name in names:
            (folder / split / f"{name}.jpg").write_bytes(b"photo")
    (folder / "meta.csv").write_text(META)
    (folder / "train.csv").write_text(TRAIN)
    (folder / "sample_submission.csv").write_text(SUBMISSION)
    return folder


@pytest.fixture
def class_folders(tmp_path: Path) -> Path:
    folder = tmp_path / "classes"
    for name in ("resume", "passport"):
        (folder / name).mkdir(parents=True)
        for photo in ("2.jpg", "1.png"):
            (folder / name / photo).write_bytes(b"photo")
    return folder
