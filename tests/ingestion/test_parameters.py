import pytest
from pydantic import ValidationError

from docsort.ingestion.parameters import SourceParameters


def test_the_sample_needs_no_folder() -> None:
    assert SourceParameters(layout="sample", raw_dir=None, answer_key=None).raw_dir is None


def test_a_folder_with_the_layout_left_at_sample_is_never_silently_ignored() -> None:
    with pytest.raises(ValidationError, match=r"'../photos', but layout is sample; set layout to competition or class"):
        SourceParameters(layout="sample", raw_dir="../photos", answer_key=None)


@pytest.mark.parametrize("layout", ["competition", "class_folders"])
def test_data_of_ones_own_needs_a_folder(layout: str) -> None:
    with pytest.raises(ValidationError, match=f"raw_dir to name the folder with the photos for layout {layout}"):
        SourceParameters.model_validate({"layout": layout, "raw_dir": None, "answer_key": None})


def test_unknown_layouts_and_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="'sample', 'competition' or 'class_folders'"):
        SourceParameters.model_validate({"layout": "coco", "raw_dir": "x", "answer_key": None})
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        SourceParameters.model_validate({"layout": "sample", "raw_dir": None, "answer_key": None, "dir": "x"})
