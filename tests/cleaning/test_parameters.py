import pytest
from pydantic import ValidationError

from docsort.cleaning.parameters import CleaningParameters, DuplicateParameters


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        CleaningParameters.model_validate({"duplicates": {}, "duplicate": {}})


@pytest.mark.parametrize(("field", "value"), [("hash_distance", 40), ("agreement", 1.5)])
def test_senseless_limits_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValidationError, match=field):
        DuplicateParameters.model_validate({field: value})
