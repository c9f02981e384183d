"""Settings of specialists are checked against each other."""

from typing import Any

import pytest
from pydantic import ValidationError

from docsort.specialists.parameters import SpecialistParameters


def test_changes_belong_to_one_group_or_to_all_found_ones() -> None:
    recipes = {"plates": {"epochs": 9}, "found": {"image_size": 64}}
    parameters = SpecialistParameters(groups={"plates": (2, 16), "cards": (5, 8)}, find=True, recipes=recipes)
    assert parameters.changes("plates") == {"epochs": 9}
    assert parameters.changes("found_3_4") == {"image_size": 64}
    assert parameters.changes("cards") == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"group": {}}, "Extra inputs"),
        ({"groups": {"found_ones": [1, 2]}}, "do not begin with found, but got found_ones"),
        ({"recipes": {"plate": {"epochs": 1}}}, "but plate is neither"),
        ({"recipes": {"found": {"epochs": 1}}}, "no recipe `found` while `find` is false"),
        ({"routings": []}, "at least 1 item"),
        ({"triggers": ["sure"]}, "'top1', 'mass', 'margin' or 'entropy'"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SpecialistParameters.model_validate(values)
