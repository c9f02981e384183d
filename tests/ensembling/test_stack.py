"""The stack of members is the table, page by page, and who spoils it is named."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from docsort.ensembling.stack import stack_members
from docsort.errors import InputError
from docsort.members.views import members_of
from docsort.metrics import PAGE_KEYS

COLUMNS = [f"p_{target}" for target in range(5)]
Make = Callable[..., pd.DataFrame]


@pytest.fixture
def members(make_predictions: Make) -> pd.DataFrame:
    return members_of(pd.concat([make_predictions(model, fold) for model in ("b", "a") for fold in range(3)]))


def test_the_stack_says_what_the_table_says_in_any_order_of_rows(members: pd.DataFrame) -> None:
    stack = stack_members(members.sample(frac=1, random_state=0))
    assert stack.names == ("a", "b")
    assert stack.owners.tolist() == [0, 0, 0, 1, 1, 1]
    assert stack.held_out is None
    for page, own in members.groupby("render_id"):
        row = stack.pages.index[stack.pages["render_id"] == page][0]
        assert (stack.probabilities[row] == own.sort_values(["model", "fold"])[COLUMNS].to_numpy()).all()


def test_the_table_of_a_stack_goes_back_into_it(members: pd.DataFrame) -> None:
    stack = stack_members(members)
    table = stack.table()
    assert table.columns.tolist() == [*PAGE_KEYS, *COLUMNS]
    assert (stack.with_table(table).probabilities == stack.probabilities).all()
    changed = stack.with_table(table.assign(p_0=1.0, p_1=0.0, p_2=0.0, p_3=0.0, p_4=0.0))
    assert (changed.probabilities == np.eye(5)[0]).all()


def test_a_model_is_the_mean_of_its_folds(members: pd.DataFrame) -> None:
    models = stack_members(members).by_model()
    expected = members.groupby(["render_id", "model"])[COLUMNS].mean().to_numpy().reshape(40, 2, 5)
    assert models.probabilities == pytest.approx(expected)
    assert models.by_model() is models


def test_out_of_fold_a_member_is_a_model_and_the_fold_is_the_pages(oof: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    one, _ = oof
    stack = stack_members(members_of(pd.concat([one, one.assign(model="second")])))
    assert stack.probabilities.shape == (80, 2, 5)
    assert stack.held_out is not None
    assert (stack.held_out == stack.pages["image_id"].str[:4].astype(int) % 5).all()


def test_an_empty_member_is_named(members: pd.DataFrame) -> None:
    gone = members[(members["model"] != "b") | (members["fold"] != 2)]
    with pytest.raises(InputError, match=r"model b fold 2 has predicted none: 0000\.jpg, .* and 37 more; run"):
        stack_members(gone)


def test_a_model_that_lacks_a_fold_is_named_out_of_fold(oof: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    one, _ = oof
    second = one[one["fold"] != 3].assign(model="second")
    with pytest.raises(InputError, match=r"all 80 pages, but model second lacks 16: 0003"):
        stack_members(members_of(pd.concat([one, second])))


@pytest.mark.parametrize("values", [[np.nan] * 5, [0.0] * 5, [1.2, -0.2, 0, 0, 0], [0.5] * 5])
def test_a_broken_member_is_named(values: list[float], members: pd.DataFrame) -> None:
    own = (members["model"] == "a") & (members["fold"] == 1)
    members.loc[own, COLUMNS] = values
    with pytest.raises(InputError, match="40 rows of model a fold 1 do not; that member is broken"):
        stack_members(members)


def test_a_member_that_is_there_twice_is_named(members: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"40 are there twice, such as test 0000\.jpg of model a fold 0"):
        stack_members(pd.concat([members, members[(members["model"] == "a") & (members["fold"] == 0)]]))


def test_test_pages_and_validation_pages_do_not_mix(members: pd.DataFrame) -> None:
    for table in (members.iloc[:0], pd.concat([members, members.assign(condition="clean")])):
        with pytest.raises(InputError, match="but got none or both"):
            stack_members(table)


def test_each_member_is_calibrated_by_the_temperature_of_its_model_and_rows_stay_together(
    members: pd.DataFrame,
) -> None:
    stack = stack_members(members)
    warm = stack.tempered(np.array([1.0, 2.0]))
    assert warm.probabilities[:, :3] == pytest.approx(stack.probabilities[:, :3])
    roots = np.sqrt(stack.probabilities[:, 3:])
    assert warm.probabilities[:, 3:] == pytest.approx(roots / roots.sum(axis=2, keepdims=True))
    chosen = np.arange(len(stack.pages)) % 3 == 1
    some, expected = stack.rows(chosen).table(), stack.table()[np.repeat(chosen, 6)].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, expected)
