import pytest
from pydantic import ValidationError

from docsort_sample.parameters import SampleParameters


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": 0},
        {"scale": -1},
        {"scale": 21},
        {"label_noise": -0.1},
        {"label_noise": 0.5},
        {"near_duplicates": 0.31},
    ],
)
def test_a_value_out_of_range_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        SampleParameters(**wrong)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="sclae"):
        SampleParameters.model_validate({"sclae": 1.0})
