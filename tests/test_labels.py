import unicodedata

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docsort.errors import InputError
from docsort.labels import find_target, find_targets, parse_target, require_target

CLASSES = pd.DataFrame({"target": [0, 3, 7], "class_name": ["resume", "7", "passport"]})


@pytest.mark.parametrize(
    ("wanted", "target"),
    [("resume", 0), (3, 3), ("3", 3), ("7", 3), (7, 7), ("passport", 7), ("0", 0), ("3.0", 3), ("03", 3), (" +3 ", 3)],
)
def test_a_class_is_found_by_name_first_then_by_number(wanted: str | int, target: int) -> None:
    assert find_target(CLASSES, wanted) == target


@pytest.mark.parametrize("wanted", ["Resume", "", "5", 5, "-1", "3.5", "--3", "²", "３", "9" * 5000, "resume "])
def test_what_names_no_class_is_not_found(wanted: str | int) -> None:
    assert find_target(CLASSES, wanted) is None


def test_many_classes_are_found_sorted_and_once_with_the_missing_named() -> None:
    assert find_targets(CLASSES, ["passport", "nothing", 0, "resume", 99]) == ([0, 7], ["nothing", "99"])


def test_a_required_class_that_is_not_there_is_an_error_that_lists_the_classes() -> None:
    assert require_target(CLASSES, "passport", "group") == 7
    with pytest.raises(InputError, match=r"Expected group to name a class of the data, but got 'visa'.*7 passport"):
        require_target(CLASSES, "visa", "group")


def test_names_in_another_unicode_form_are_the_same() -> None:
    composed, decomposed = "이력서 é", unicodedata.normalize("NFD", "이력서 é")
    assert composed != decomposed
    assert find_target(pd.DataFrame({"target": [4], "class_name": [decomposed]}), composed) == 4
    assert find_target(pd.DataFrame({"target": [4], "class_name": [composed]}), decomposed) == 4


@given(st.text())
@example("0\x1f")
def test_any_text_is_a_whole_number_or_none(text: str) -> None:
    number = parse_target(text)
    assert number is None or (number >= 0 and float(text) == number)


@given(st.integers(0, 10**18 - 1), st.integers(0, 3), st.sampled_from(["", ".", ".0", ".000"]))
def test_a_class_number_is_read_as_any_program_writes_it(number: int, zeros: int, fraction: str) -> None:
    assert parse_target(f" {'0' * zeros}{number}{fraction}\t") == number
