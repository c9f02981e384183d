"""The answer key: true labels of the test images, read by scoring alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.errors import InputError
from docsort.tables import check_columns

ANSWER_KEY = ("ID", "target")


def read_answer_key(location: Mapping[str, Any]) -> pd.DataFrame | None:
    """Columns ANSWER_KEY from the CSV that `raw_location` names; None where it names none.

    Raises InputError when the file is not there or is no answer key.
    """
    path = location.get("answer_key")
    if path is None:
        return None
    if not Path(path).is_file():
        raise InputError(f"Expected `answer_key` to be a CSV file with the columns ID,target, but {path} is not there.")
    table = pd.read_csv(path, dtype={"ID": str}, encoding="utf-8-sig")
    check_columns(table, ANSWER_KEY, str(path))
    if not pd.api.types.is_integer_dtype(table["target"]):
        raise InputError(f"Expected whole class numbers in the column target of {path}, but some are not; correct it.")
    return table[list(ANSWER_KEY)]
