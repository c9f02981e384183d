import numpy as np
import pytest
from drawn_job import SIDE

from docsort.augmentation import sheets
from docsort.augmentation.rendering import render_training
from docsort.augmentation.sheets import SEEDS, SHOWN_SIDE, examples, operations_sheet, renders_sheet
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


@pytest.mark.usefixtures("in_process")
def test_the_sheet_of_renders_is_a_picture(data, parameters, tmp_path):
    store = Store(tmp_path / "renders")
    manifest = render_training(
        data.clean_images, data.folds, data.classes, parameters, {PageFormat(SIDE, False): None}, 5, store
    )
    assert np.asarray(renders_sheet(manifest).convert("RGB")).std() > 5
    assert renders_sheet(manifest.iloc[:0]) is not None
