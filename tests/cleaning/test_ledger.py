import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from docsort.cleaning.ledger import ACTIONS, apply_ledger, resolve_answers
from docsort.errors import InputError
from docsort.tables import ANSWER_LEDGER, LEDGER

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def images() -> pd.DataFrame:
    ids = ["a.jpg", "b.jpg", "c.png", "d.jpg", "same.jpg", "same.png"]
    return pd.DataFrame({"image_id": ids, "split": "train", "target": pd.array([3, 3, 7, 14, 3, 7], dtype="Int64")})


def decide(*rows: tuple[object, ...]) -> pd.DataFrame:
    """Rows (image_id, action, old_label, new_label) with the rest filled in."""
    full = [(*row, "looks so", "photo", "kim", "2024-11-30") for row in rows]
    return pd.DataFrame(full, columns=list(LEDGER))


def test_an_empty_ledger_changes_nothing(images: pd.DataFrame, classes: pd.DataFrame) -> None:
    labelled = apply_ledger(images, decide(), classes)
    assert labelled["label"].tolist() == labelled["given_label"].tolist() == [3, 3, 7, 14, 3, 7]
    assert labelled[images.columns].equals(images)


def test_only_relabel_and_drop_change_anything(images: pd.DataFrame, classes: pd.DataFrame) -> None:
    ledger = decide(
        ("a.jpg", "relabel", "3", "7"),
        ("b.jpg", "drop", "3", ""),
        ("c.png", "keep", "7", ""),
        ("d.jpg", "undecided", "14", "7"),
    )
    labelled = apply_ledger(images, ledger, classes)
    assert labelled["image_id"].tolist() == ["a.jpg", "c.png", "d.jpg", "same.jpg", "same.png"]
    assert labelled["given_label"].tolist() == [3, 7, 14, 3, 7]
    assert labelled["label"].tolist() == [7, 7, 14, 3, 7]
    assert labelled["label"].dtype == "int64"


def test_applying_leaves_the_tables_given_as_they_are(images: pd.DataFrame, classes: pd.DataFrame) -> None:
    ledger = decide(("a.jpg", "relabel", "3", "7"))
    before = images.copy(), ledger.copy()
    apply_ledger(images, ledger, classes)
    assert images.equals(before[0])
    assert ledger.equals(before[1])


def test_classes_go_by_name_or_number_and_images_with_or_without_extension(
    images: pd.DataFrame, classes: pd.DataFrame
) -> None:
    ledger = decide(("a", "relabel", "admission", "outpatient"), ("c.png", "relabel", 7, 14))
    assert apply_ledger(images, ledger, classes)["label"].tolist() == [7, 3, 14, 14, 3, 7]


def test_a_name_in_another_unicode_form_is_the_same_image(classes: pd.DataFrame) -> None:
    composed, decomposed = (unicodedata.normalize(form, "한é.jpg") for form in ("NFC", "NFD"))
    for listed, written in ((composed, decomposed), (decomposed, composed)):
        images = pd.DataFrame({"image_id": [listed], "split": "train", "target": pd.array([3], dtype="Int64")})
        for name in (written, written.removesuffix(".jpg")):
            labelled = apply_ledger(images, decide((name, "relabel", "3.0", "07")), classes)
            assert labelled[["image_id", "label"]].to_numpy().tolist() == [[listed, 7]]


def test_numbers_that_a_reader_took_for_decimals_are_understood(images: pd.DataFrame, classes: pd.DataFrame) -> None:
    ledger = decide(("a.jpg", "relabel", 3.0, 7.0), ("b.jpg", "drop", 3.0, float("nan")))
    assert apply_ledger(images, ledger, classes)["label"].tolist() == [7, 7, 14, 3, 7]


def test_a_decision_without_an_old_label_is_allowed_where_it_changes_nothing(
    images: pd.DataFrame, classes: pd.DataFrame
) -> None:
    assert len(apply_ledger(images, decide(("a", "undecided", "", ""), ("b", "keep", "", "")), classes)) == 6


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("a.jpg", "relabel", "7", "14"), "old_label of a.jpg is '7', but the data says 3"),
        (("a.jpg", "keep", "7", ""), "old_label of a.jpg is '7', but the data says 3"),
        (("a.jpg", "drop", "", ""), "old_label of a.jpg is '', but the data says 3"),
        (("a.jpg", "relabel", "3", "99"), "new_label of a.jpg is '99', which is no class"),
        (("a.jpg", "relabel", "3", ""), "new_label of a.jpg is '', which is no class"),
        (("a.jpg", "undecided", "3", "visa"), "new_label of a.jpg is 'visa', which is no class"),
        (("a.jpg", "relabel", "3", "3"), "new_label of a.jpg is the label it has, 3: the action for that is keep"),
        (("a.jpg", "drop", "3", "7"), "drop with a new_label: a.jpg"),
        (("a.jpg", "remove", "3", ""), r"actions other than relabel, drop, keep, undecided: 'remove' \(a.jpg\)"),
        (("nowhere.jpg", "drop", "3", ""), "images that the training data does not have: nowhere.jpg"),
        (("same", "drop", "3", ""), "images that the training data does not have: same"),
    ],
)
def test_a_decision_that_does_not_fit_the_data_is_refused(
    images: pd.DataFrame, classes: pd.DataFrame, row: tuple[object, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        apply_ledger(images, decide(row), classes)


def test_two_decisions_on_one_image_are_an_error_that_names_both(images: pd.DataFrame, classes: pd.DataFrame) -> None:
    ledger = decide(("a.jpg", "relabel", "3", "7"), ("a", "drop", "3", ""))
    with pytest.raises(InputError, match=r"more than one decision on a.jpg: relabel 3→7 by kim, drop 3→ by kim"):
        apply_ledger(images, ledger, classes)


@pytest.mark.parametrize("text", ["30.11.2024", "2024-13-01", "20241130", "soon"])
def test_a_date_that_cannot_be_read_is_refused(images: pd.DataFrame, classes: pd.DataFrame, text: str) -> None:
    ledger = decide(("a.jpg", "drop", "3", "")).assign(decided_on=text)
    with pytest.raises(InputError, match=r"decided_on is not a date like 2024-11-30: a.jpg"):
        apply_ledger(images, ledger, classes)


def test_all_that_is_wrong_is_said_at_once(images: pd.DataFrame, classes: pd.DataFrame) -> None:
    ledger = decide(("a.jpg", "relabel", "7", "99"), ("x.jpg", "drop", "3", ""), ("y.jpg", "erase", "3", ""))
    with pytest.raises(InputError, match=r"does not have: x.jpg, y.jpg") as error:
        apply_ledger(images, ledger, classes)
    assert len([line for line in str(error.value).splitlines() if line.startswith("  - ")]) == 4


def test_a_ledger_with_a_column_missing_is_refused(images: pd.DataFrame, classes: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"Expected table `label_fixes` .* but evidence is missing"):
        apply_ledger(images, decide().drop(columns="evidence"), classes)


@pytest.mark.parametrize("environment", ["base", "competition"])
def test_the_ledgers_that_come_with_the_project_are_sorted(environment: str) -> None:
    text = (CONF / environment / "label_fixes.csv").read_text(encoding="utf-8")
    table = pd.read_csv(CONF / environment / "label_fixes.csv", dtype=str, keep_default_na=False)
    assert tuple(table.columns) == LEDGER
    assert table.sort_values(list(LEDGER)).to_csv(index=False, lineterminator="\n") == text
    assert set(table["action"]) <= set(ACTIONS)
    assert (table["decided_by"] != "").all()


def test_the_competitions_ledger_fits_data_with_the_labels_it_names() -> None:
    ledger = pd.read_csv(CONF / "competition" / "label_fixes.csv", dtype=str, keep_default_na=False)
    assert ledger["action"].value_counts().to_dict() == {"relabel": 6, "undecided": 7}
    classes = pd.DataFrame({"target": range(17), "class_name": [f"class {k}" for k in range(17)]})
    given = pd.array([int(label or 0) for label in ledger["old_label"]], dtype="Int64")
    images = pd.DataFrame({"image_id": ledger["image_id"] + ".jpg", "split": "train", "target": given})
    labelled = apply_ledger(images, ledger, classes).set_index("image_id")["label"]
    assert labelled["8646f2c3280a4f49.jpg"] == 3
    assert labelled["c5182ab809478f12.jpg"] == 14
    assert labelled["38d1796b6ad99ddd.jpg"] == 11


ANSWERED = pd.DataFrame({"target": [3, 7], "class_name": ["bill", "memo"]})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"sha256": "../x"}, "sha256 that is none: '../x'"),
        ({"old_label": "unheard of"}, "old_label that is no class of the data: 'unheard of'"),
        ({"action": "explode"}, "actions other than"),
        ({"new_label": "nothing"}, "which is no class of the data"),
    ],
)
def test_a_ledger_of_answers_that_says_what_cannot_be_is_refused(changes: dict[str, str], problem: str) -> None:
    row = {
        **dict.fromkeys(ANSWER_LEDGER, ""),
        "sha256": "a" * 64,
        "action": "relabel",
        "old_label": "3",
        "new_label": "7",
    }
    assert resolve_answers(pd.DataFrame([row]), ANSWERED)["answer"].tolist() == [7]
    with pytest.raises(InputError, match=problem):
        resolve_answers(pd.DataFrame([row | changes]), ANSWERED)
