import logging

import pytest

from docsort.augmentation.plan import copies_per_source, sources, targets_per_class
from docsort.errors import InputError


def by_class(data, parameters) -> dict[int, int]:
    table = copies_per_source(data.clean_images, data.folds, data.classes, parameters)
    labels = data.clean_images.set_index("image_id")["label"]
    return table.groupby(table["source_id"].map(labels))["copies"].sum().to_dict()


def test_every_class_reaches_its_target_and_sources_share_evenly(data, make):
    parameters = make(per_class=13)
    assert by_class(data, parameters) == {0: 13, 1: 13, 2: 13}
    copies = copies_per_source(data.clean_images, data.folds, data.classes, parameters)["copies"]
    labels = data.clean_images.set_index("image_id")["label"].to_numpy()
    assert copies.groupby(labels).agg(lambda part: part.max() - part.min()).max() <= 1


def test_oversampling_multiplies_by_name_or_number(data, make):
    assert by_class(data, make(oversample={"kind_1": 2.5, 2: 0.5})) == {0: 12, 1: 30, 2: 6}


def test_a_table_gives_each_class_its_own_target(data, make):
    assert by_class(data, make(per_class={"kind_0": 8, 1: 4, "2": 20})) == {0: 8, 1: 4, 2: 20}


def test_every_source_gives_at_least_one(data, make):
    assert by_class(data, make(per_class=2)) == {0: 6, 1: 4, 2: 2}


def test_dropping_a_source_moves_few_others(data, make):
    parameters = make(per_class=15)
    before = copies_per_source(data.clean_images, data.folds, data.classes, parameters).set_index("source_id")["copies"]
    kept = data.clean_images["image_id"] != "page00"
    after = copies_per_source(data.clean_images[kept], data.folds[kept], data.classes, parameters)
    after = after.set_index("source_id")["copies"]
    others = after.drop([f"page{n:02d}" for n in range(1, 6)])
    assert (before[others.index] == others).all()


def test_the_table_is_shown_before_work_starts(data, parameters, caplog):
    with caplog.at_level(logging.INFO, "docsort.augmentation.plan"):
        copies_per_source(data.clean_images, data.folds, data.classes, parameters)
    assert "kind_2" in caplog.text
    assert "wanted" in caplog.text


def test_names_that_are_no_class_are_refused(data, make):
    with pytest.raises(InputError, match="oversample to name a class of the data, but got 'diagnosis'"):
        targets_per_class(data.classes, make(oversample={"diagnosis": 2}))
    with pytest.raises(InputError, match="a number for every class, but 1, 2 has none"):
        targets_per_class(data.classes, make(per_class={"kind_0": 3}))


def test_tables_that_disagree_are_refused(data):
    with pytest.raises(InputError, match="same images, but page00 is in only one"):
        sources(data.clean_images, data.folds.iloc[1:])
    relabelled = data.folds.assign(label=[9, *data.folds["label"].iloc[1:]])
    with pytest.raises(InputError, match="same label and group, but page00 differs"):
        sources(data.clean_images, relabelled)


def test_a_label_that_is_no_class_is_refused(data, parameters):
    labels = [9, *data.folds["label"].iloc[1:]]
    clean, folds = data.clean_images.assign(label=labels), data.folds.assign(label=labels)
    with pytest.raises(InputError, match="labels to be classes of the data, but clean_images also has 9"):
        copies_per_source(clean, folds, data.classes, parameters)
