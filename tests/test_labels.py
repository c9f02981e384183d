import pandas as pd
import pytest

from docsort.errors import InputError
from docsort.labels import find_target, find_targets, require_target

CLASSES = pd.DataFrame({"target": [0, 3, 7], "class_name": ["resume", "7", "passport"]})


@pytest.mark.parametrize(
    ("wanted", "target"), [("resume", 0), (3, 3), ("3", 3), ("7", 3), (7, 7), ("passport", 7), ("0", 0)]
)
def test_a_class_is_found_by_name_first_then_by_number(wanted: str | int, target: int) -> None:
    assert find_target(CLASSES, wanted) == target


@pytest.mark.parametrize("wanted", ["Resume", "", "5", 5, "-1", "3.0", "resume "])
def test_what_names_no_class_is_not_found(wanted: str | int) -> None:
    assert find_target(CLASSES, wanted) is None


def test_many_classes_are_found_sorted_and_once_with_the_missing_named() -> None:
    assert find_targets(CLASSES, ["passport", "nothing", 0, "resume", 99]) == ([0, 7], ["nothing", "99"])


def test_a_required_class_that_is_not_there_is_an_error_that_lists_the_classes() -> None:
    assert require_target(CLASSES, "passport", "group") == 7
    with pytest.raises(InputError, match=r"Expected group to name a class of the data, but got 'visa'.*7 passport"):
        require_target(CLASSES, "visa", "group")
