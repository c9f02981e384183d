import os
import re
import unicodedata
from pathlib import Path

import pytest

from docsort.errors import InputError
from docsort.ingestion.competition import read_competition
from docsort.tables import CLASSES, PHOTOS


def test_photos_come_in_the_order_of_their_lists(competition: Path) -> None:
    photos, classes = read_competition(competition)
    assert tuple(photos.columns) == PHOTOS
    assert tuple(classes.columns) == CLASSES
    assert photos["image_id"].tolist() == ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "z.jpg", "y.jpg"]
    assert photos["split"].tolist() == ["train"] * 4 + ["test"] * 2
    assert photos["target"].tolist()[:4] == [1, 0, 1, 0]
    assert photos["target"].isna().tolist() == [False] * 4 + [True] * 2
    assert photos["position"].tolist() == [0, 1, 2, 3, 0, 1]
    assert photos["path"].iloc[4] == str(competition / "test" / "z.jpg")
    assert classes.to_dict("list") == {"target": [0, 1], "class_name": ["resume", "passport"]}


def test_byte_order_marks_blanks_and_extra_columns_do_no_harm(competition: Path) -> None:
    plain = read_competition(competition)
    text = "\ufeffID , source,target\r\n a.jpg ,x, 1\r\nb.jpg,x,0 \r\nc.jpg,x,1\r\nd.jpg,,0\r\n"
    (competition / "train.csv").write_text(text, encoding="utf-8")
    photos, classes = read_competition(competition)
    assert photos.equals(plain[0])
    assert classes.equals(plain[1])


def test_what_operating_systems_leave_behind_is_ignored(competition: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._a.jpg"):
        (competition / "train" / name).write_bytes(b"")
    assert len(read_competition(competition)[0]) == 6


def test_ids_that_look_like_numbers_stay_text(competition: Path) -> None:
    (competition / "train" / "0012e5").write_bytes(b"photo")
    (competition / "train.csv").write_text((competition / "train.csv").read_text() + "0012e5,0\n")
    assert "0012e5" in read_competition(competition)[0]["image_id"].tolist()


def test_class_numbers_are_read_as_any_program_writes_them(competition: Path) -> None:
    plain = read_competition(competition)
    (competition / "train.csv").write_text("ID;target\na.jpg;1.0\nb.jpg;00\n;\nc.jpg;+1\nd.jpg;0.00\n;\n")
    (competition / "meta.csv").write_text("class_name\ttarget\npassport\t01\nresume\t0.0\n\t\n", encoding="utf-16")
    photos, classes = read_competition(competition)
    assert photos.equals(plain[0])
    assert classes.equals(plain[1])


def test_names_that_a_disk_keeps_in_another_unicode_form_are_found(competition: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "문서é.jpg") for form in ("NFC", "NFD"))
    for listed, on_disk in ((composed, decomposed), (decomposed, composed)):
        (competition / "test" / on_disk).write_bytes(b"photo")
        (competition / "sample_submission.csv").write_text(f"ID\nz.jpg\ny.jpg\n{listed}\n", encoding="utf-8")
        row = read_competition(competition)[0].iloc[-1]
        assert row["image_id"] == listed
        assert row["path"] == str(competition / "test" / on_disk)
        (competition / "test" / on_disk).unlink()


def test_names_that_differ_in_their_unicode_form_only_are_refused(competition: Path) -> None:
    forms = [unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD")]
    for name in forms:
        (competition / "test" / name).write_bytes(b"photo")
    (competition / "sample_submission.csv").write_text("\n".join(["ID", "z.jpg", "y.jpg", *forms]), encoding="utf-8")
    with pytest.raises(InputError, match="file names in test/ that look the same .*: é.jpg") as error:
        read_competition(competition)
    assert "IDs listed twice in sample_submission.csv: é.jpg" in str(error.value)


def test_a_link_out_of_the_folder_is_refused_in_whatever_unicode_form(competition: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (competition / "test" / unicodedata.normalize("NFD", "é.jpg")).symlink_to(tmp_path / "secret.jpg")
    (competition / "sample_submission.csv").write_text("ID\nz.jpg\ny.jpg\né.jpg\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"IDs in sample_submission.csv that lead out of test/"):
        read_competition(competition)


def test_a_file_name_that_is_not_utf8_is_named_readably(competition: Path) -> None:
    (competition / "test" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"photo")
    with pytest.raises(InputError, match=r"file names in test/ that are not UTF-8; rename them: caf\\xe9.jpg") as error:
        read_competition(competition)
    str(error.value).encode()


@pytest.mark.parametrize("name", ["None", "NA", "null", "nan", "007", "=1+1", "1e5"])
def test_names_that_a_reader_might_take_for_something_else_stay_names(competition: Path, name: str) -> None:
    (competition / "meta.csv").write_text(f"target,class_name\n0,{name}\n1,passport\n")
    assert read_competition(competition)[1]["class_name"].tolist() == [name, "passport"]


CASES = [
    ("train.csv", "ID,target\na.jpg,1\nb.jpg,0\nc.jpg,1\n", "files in train/ without an ID in train.csv: d.jpg"),
    ("train.csv", "ID,target\na.jpg,1\nb.jpg,0\nc.jpg,1\nd.jpg,0\nq.jpg,0\n", "IDs in train.csv without a file.*q.jpg"),
    ("train.csv", "ID,target\na.jpg,1\nb.jpg,0\nc.jpg,1\nd.jpg,0\na.jpg,1\n", "IDs listed twice in train.csv: a.jpg"),
    ("train.csv", "ID,target\na.jpg,1\nb.jpg,5\nc.jpg,1\nd.jpg,0\n", r"that meta.csv does not list: 5 \(b.jpg\)"),
    ("train.csv", "ID,target\na.jpg,1\nb.jpg,0\nc.jpg,1\nD.JPG,0\n", r"only the case differs: .* is called\): D.JPG"),
    ("train.csv", "ID,target\na.jpg,1\nb.jpg,0\nc.jpg,1\nd,0\n", r"only the ending differs: .*: d\n"),
    ("train.csv", "ID,target\na.jpg,1\nb.jpg,0\nc.jpg,1\ntrain/d.jpg,0\n", "only the folder differs: .*: train/d.jpg"),
    ("train.csv", "ID,target\na.jpg,1\nb.jpg,0\nc.jpg,1\nq.jpg,0\n", "IDs in train.csv without a file in train/: q"),
    (
        "train.csv",
        "ID,target\na.jpg,1\nb.jpg,passport\nc.jpg,1\nd.jpg,0\n",
        r"does not list \(a target is the number of a class, not its name\): passport \(b.jpg\)",
    ),
    ("train.csv", "ID,target\na.jpg,1\nb.jpg,one\nc.jpg,1\nd.jpg,0\n", r"does not list: one \(b.jpg\)"),
    ("train.csv", "ID,target\na.jpg,1\nb.jpg,\nc.jpg,1\nd.jpg,0\n", r"does not list:  \(b.jpg\)"),
    ("train.csv", "ID,target\na.jpg,1\nb.jpg,0.5\nc.jpg,1\nd.jpg,0\n", r"does not list: 0.5 \(b.jpg\)"),
    ("train.csv", "ID,target\na.jpg,1\nb.jpg,1\nc.jpg,1\nd.jpg,0\n", r"fewer than two photos.*: 0 resume \(1\)"),
    (
        "train.csv",
        "ID,label\na.jpg,1\n",
        "first line of .*train.csv to name the columns ID, target, .* it is 'ID,label'",
    ),
    ("train.csv", "", "train.csv to be a table with the columns ID, target, but it is empty"),
    ("train.csv", "ID,target\n", "train.csv lists no photo"),
    ("train.csv", "ID,target\na.jpg,1\n../b.jpg,0\n", r"IDs in train.csv that lead out of train/: '\.\./b.jpg'"),
    ("train.csv", "ID,target\na.jpg,1\n/etc/passwd,0\n", "lead out of train/: '/etc/passwd'"),
    ("train.csv", "ID,target\na.jpg,1\nC:\\b.jpg,0\n", r"lead out of train/: 'C:"),
    ("train.csv", "ID,target\na.jpg,1\nx/../../b.jpg,0\n", "lead out of train/: 'x/"),
    ("train.csv", "ID,target\na.jpg,1\n,0\n", "lead out of train/: ''"),
    ("train.csv", "ID,target,target\na.jpg,1,0\n", "train.csv to name each column once, but target is there twice"),
    ("train.csv", "ID,target\na.jpg,1,0\n", "train.csv to have 2 cells, .* more in line 2"),
    ("train.csv", "ID,target\na.jpg,²\n", r"that meta.csv does not list: ² \(a.jpg\)"),
    ("meta.csv", "target,class_name\n0,resume\n0.0,passport\n1,x\n", "targets listed twice in meta.csv: 0"),
    ("meta.csv", "target,class_name\n0,resume\n", "at least two classes in meta.csv, but found 1"),
    ("meta.csv", 'target,class_name\n0,resume\n1,"pass\nport"\n', r"class names with control characters.*'pass.nport'"),
    ("meta.csv", "target,class_name\n0,resume\n1,resume\n", "class names listed twice in meta.csv: resume"),
    ("meta.csv", "target,class_name\n0,resume\n0,passport\n1,x\n", "targets listed twice in meta.csv: 0"),
    ("meta.csv", "target,class_name\n0,resume\n1,passport\n-2,x\n", "not whole numbers from 0: -2"),
    ("meta.csv", "target,class_name\n0,resume\n1,passport\n2,\n", "targets without a class name in meta.csv: 2"),
    ("meta.csv", "target\n0\n", "meta.csv to name the columns target, class_name"),
    ("sample_submission.csv", "ID,target\nz.jpg,0\n", "files in test/ without an ID in sample_submission.csv: y.jpg"),
    ("sample_submission.csv", "ID\nz.jpg\ny.jpg\n../train/a.jpg\n", "sample_submission.csv that lead out of test/"),
    ("sample_submission.csv", "name\nz.jpg\n", "sample_submission.csv to name the columns ID"),
]


@pytest.mark.parametrize(("name", "text", "message"), CASES)
def test_what_is_wrong_is_named(competition: Path, name: str, text: str, message: str) -> None:
    (competition / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_competition(competition)


@pytest.mark.parametrize("name", ["train.csv", "sample_submission.csv", "meta.csv"])
def test_a_missing_list_is_named(competition: Path, name: str) -> None:
    (competition / name).unlink()
    with pytest.raises(InputError, match=f"the file {name} is missing"):
        read_competition(competition)


def test_a_missing_folder_is_named(competition: Path) -> None:
    for photo in (competition / "test").iterdir():
        photo.unlink()
    (competition / "test").rmdir()
    with pytest.raises(InputError, match="the folder test/ is missing"):
        read_competition(competition)


def test_an_id_in_both_splits_is_named(competition: Path) -> None:
    (competition / "test" / "a.jpg").write_bytes(b"photo")
    (competition / "sample_submission.csv").write_text("ID,target\nz.jpg,0\ny.jpg,0\na.jpg,0\n")
    with pytest.raises(InputError, match=r"IDs both in train.csv and in sample_submission.csv: a.jpg"):
        read_competition(competition)


def test_a_link_that_leads_out_of_the_folder_is_refused(competition: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    (competition / "train" / "a.jpg").unlink()
    (competition / "train" / "a.jpg").symlink_to(secret)
    with pytest.raises(InputError, match=r"IDs in train.csv that lead out of train/: 'a.jpg'"):
        read_competition(competition)


def test_all_kinds_of_problem_come_in_one_error_a_line_each(competition: Path) -> None:
    (competition / "train.csv").write_text("ID,target\na.jpg,1\na.jpg,1\nb.jpg,7\nq.jpg,0\n")
    (competition / "test" / "stray.jpg").write_bytes(b"photo")
    with pytest.raises(InputError, match=re.escape(str(competition))) as error:
        read_competition(competition)
    lines = [line for line in str(error.value).splitlines() if line.startswith("  - ")]
    expected = ("files in test/ without", "listed twice", "without a file", "files in train/ without", "does not list")
    for part in expected:
        assert sum(part in line for line in lines) == 1, part


def test_many_culprits_are_counted_rather_than_all_named(competition: Path) -> None:
    for number in range(30):
        (competition / "train" / f"stray{number:02d}.jpg").write_bytes(b"photo")
    with pytest.raises(InputError, match=r"stray00.jpg, .* and 20 more"):
        read_competition(competition)


def test_photos_that_lie_deeper_or_lead_nowhere_are_refused(competition: Path) -> None:
    (competition / "train" / "more").mkdir()
    (competition / "train" / "__MACOSX").mkdir()
    (competition / "test" / "gone.jpg").symlink_to("nowhere")
    with pytest.raises(InputError, match="is not as expected") as caught:
        read_competition(competition)
    assert "folders inside train/, whose files have no ID: more" in str(caught.value)
    assert "links that lead nowhere, pipes and the like in test/: gone.jpg" in str(caught.value)
    assert "__MACOSX" not in str(caught.value)


def test_a_link_to_itself_is_an_id_without_a_file(competition: Path) -> None:
    (competition / "train" / "a.jpg").unlink()
    (competition / "train" / "a.jpg").symlink_to("a.jpg")
    with pytest.raises(InputError, match=r"run again.\n  - IDs in train.csv without a file in train/: a.jpg$"):
        read_competition(competition)


def test_folders_and_pictures_that_are_not_read_are_named(competition: Path, caplog: pytest.LogCaptureFixture) -> None:
    (competition / "val").mkdir()
    (competition / "cover.jpg").write_bytes(b"photo")
    (competition / "notes.md").write_text("harmless")
    read_competition(competition)
    assert f"Not read in {competition}: val/, cover.jpg" in caplog.text
