from pathlib import Path

import pandas as pd
import pytest

from docsort.errors import InputError
from docsort.ingestion.problems import Problems, too_small


def test_without_problems_nothing_is_raised() -> None:
    problems = Problems(Path("raw"))
    problems.add("bad ids", [])
    problems.raise_if_any()


def test_each_kind_is_one_line_of_one_error() -> None:
    problems = Problems(Path("raw"))
    problems.add("bad ids", ["a", "b"])
    problems.add("meta.csv is missing")
    with pytest.raises(InputError, match=r"The data in raw is not .*\n  - bad ids: a, b\n  - meta.csv is missing$"):
        problems.raise_if_any()


def test_classes_with_one_photo_or_none_are_too_small() -> None:
    classes = pd.DataFrame({"target": [0, 1, 2], "class_name": ["a", "b", "c"]})
    assert too_small(classes, pd.Series([0, 0, 2])) == ["1 b (0)", "2 c (1)"]
