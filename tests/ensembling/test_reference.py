"""What new pages are compared with: numbers of which no page comes out, kept with the ensemble, deciding nothing."""

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.reference import KEPT, Reference, build_reference
from docsort.errors import StorageError

MEASURES = ("noise", "size")


def appearance(pages: int = 50) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(3 * pages, 2)), columns=list(MEASURES))
    table["set"] = np.repeat(["training", "test_like", "test"], pages)
    table.loc[table["set"] == "test_like", "size"] = np.nan
    return table


def votes(pages: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    values = rng.dirichlet((1, 1, 1), pages)
    table = pd.DataFrame(values, columns=["p_2", "p_5", "p_9"])
    return table.assign(confidence=values.max(axis=1), novelty=rng.uniform(size=pages), condition="test_like", label=2)


def test_columns_are_sorted_by_themselves_and_samples_of_large_sets() -> None:
    reference = build_reference(appearance(KEPT + 200), votes(80), votes(30), seed=0)
    assert {len(values) for values in reference.sets["test"].values()} == {KEPT}
    assert all((np.diff(values) >= 0).all() for own in reference.sets.values() for values in own.values())
    assert len(reference.sets["test_like"]["size"]) == 0
    assert reference.answered.sum() == 80


def test_new_pages_are_held_against_the_test_images_where_they_say_something() -> None:
    with_test = build_reference(appearance(), votes(80), votes(30), seed=0)
    np.testing.assert_array_equal(with_test.validated["noise"], with_test.sets["test"]["noise"])
    table = appearance()
    without = build_reference(table[table["set"] != "test"], votes(80).head(0), votes(30), seed=0)
    np.testing.assert_array_equal(without.validated["noise"], without.sets["test_like"]["noise"])
    np.testing.assert_array_equal(without.validated["size"], without.sets["training"]["size"])
    assert len(without.confidence) == without.answered.sum() == 30


def test_it_comes_back_as_it_was_and_nothing_else_does() -> None:
    reference = build_reference(appearance(), votes(80), votes(30), seed=0)
    arrays = reference.to_arrays()
    again = Reference.from_arrays(arrays)
    for name, values in reference.validated.items():
        np.testing.assert_allclose(again.validated[name], values, rtol=1e-6)
    np.testing.assert_array_equal(again.answered, reference.answered)
    with pytest.raises(StorageError, match="they are not whole"):
        Reference.from_arrays({name: array for name, array in arrays.items() if name != "answers/confidence"})
