import numpy as np
import pytest
from drawn_job import SIDE
from PIL import Image

from docsort.augmentation import sheets
from docsort.augmentation.rendering import render_training
from docsort.augmentation.shards import Page
from docsort.augmentation.sheets import (
    SEEDS,
    SHOWN_SIDE,
    examples,
    kept_operations_sheet,
    operations_sheet,
    renders_sheet,
)
from docsort.images.page_format import PageFormat
from docsort.stores import Store


def test_examples_show_each_operation_each_recipe_and_the_damage(page, parameters):
    images, captions = examples(page, parameters, ("fade", "dihedral"), seed=0)
    rows = ["fade", "dihedral", *parameters.complete_recipes(), "test-like"]
    assert [caption.split()[0] for caption in captions] == [name for name in rows for _ in range(SEEDS)]
    assert {image.shape for image in images} == {(SHOWN_SIDE, SHOWN_SIDE, 3)}
    assert len({image.tobytes() for image in images[:SEEDS]}) == SEEDS


def test_the_sheet_of_operations_is_a_picture(page, parameters, monkeypatch):
    monkeypatch.setattr(sheets, "run", lambda function, *args: function(*args))
    assert np.asarray(operations_sheet(page, parameters, ("fade",)).convert("RGB")).std() > 5


def test_the_sheet_of_operations_is_drawn_once_for_a_page_and_what_is_done_to_it(
    data, parameters, tmp_path, monkeypatch
):
    drawn, source = [], data.clean_images.iloc[0]

    def draw(page, parameters, seed):
        drawn.append(seed)
        return Image.fromarray(page)

    monkeypatch.setattr(sheets, "operations_sheet", draw)
    page, store = Page(source["path"], source["sha256"]), Store(tmp_path / "fits")
    first, again = (kept_operations_sheet(page, parameters, 0, store) for _ in range(2))
    assert drawn == [0]
    np.testing.assert_array_equal(np.asarray(first), np.asarray(again))
    kept_operations_sheet(page, parameters, 1, store)
    kept_operations_sheet(page, parameters.model_copy(update={"jpeg_quality": 33}), 0, store)
    assert drawn == [0, 1, 0]


@pytest.mark.usefixtures("in_process")
def test_the_sheet_of_renders_is_a_picture(data, parameters, tmp_path):
    store = Store(tmp_path / "renders")
    manifest = render_training(
        data.clean_images, data.folds, data.classes, parameters, {PageFormat(SIDE, False): None}, 5, store
    )
    assert np.asarray(renders_sheet(manifest).convert("RGB")).std() > 5
    assert renders_sheet(manifest.iloc[:0]) is not None
