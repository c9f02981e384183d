import numpy as np
import pandas as pd
import pytest

from docsort.metrics import macro_f1
from docsort.reporting.label_gains import BASELINE, LABEL_GAINS, add_label_gain, baseline_of
from docsort.reporting.parameters import ReportingParameters

PARAMETERS = ReportingParameters(draws=200)
NONE = pd.DataFrame(columns=list(LABEL_GAINS))


def state(labels: np.ndarray, predicted: np.ndarray, recipe: str = "same") -> pd.DataFrame:
    names = [f"{number:03}.jpg" for number in range(len(labels))]
    values = {"render_id": names, "image_id": names, "group": names, "label": labels, "predicted": predicted}
    return pd.DataFrame({**values, "recipe": recipe})[list(BASELINE)]


def ledger(*ids: str, by: str = "kim") -> pd.DataFrame:
    return pd.DataFrame({"image_id": list(ids), "decided_by": by})


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4, 400)


def wrong(values: np.ndarray, rows: range) -> np.ndarray:
    changed = values.copy()
    changed[rows] = (changed[rows] + 1) % 4
    return changed


def test_what_the_models_gained_stands_apart_from_what_judging_did(truth: np.ndarray) -> None:
    """Forty wrong labels, which the old model learnt by heart. It errs elsewhere too, where the new one hardly does."""
    earlier = state(wrong(truth, range(40)), wrong(truth, range(120)))
    now = state(truth, wrong(truth, range(60, 70)))
    (row,) = add_label_gain(NONE, earlier, now, ledger("000", "001.jpg"), PARAMETERS, 0).to_dict("records")
    assert (row["batch"], row["images"], row["pages"], row["decided_by"]) == (1, 40, 400, "kim")
    assert row["before"] == pytest.approx(macro_f1(earlier["label"], earlier["predicted"]))
    assert row["judged_anew"] == pytest.approx(macro_f1(truth, earlier["predicted"]))
    assert row["after"] == pytest.approx(macro_f1(truth, now["predicted"]))
    assert row["gain"] == pytest.approx(row["after"] - row["judged_anew"])
    assert row["before"] > row["judged_anew"]
    assert 0 < row["low"] < row["gain"] < row["high"]
    assert row["verdict"].startswith("helped: the 95 % interval of the gain in macro-F1, ")


def test_no_change_of_labels_and_a_first_run_add_nothing(truth: np.ndarray) -> None:
    now = state(truth, truth)
    assert add_label_gain(NONE, now.iloc[:0], now, ledger(), PARAMETERS, 0).empty
    assert add_label_gain(NONE, state(truth, wrong(truth, range(9))), now, ledger(), PARAMETERS, 0).empty


def test_a_run_before_that_was_about_other_data_is_compared_with_nothing(truth: np.ndarray) -> None:
    earlier, now = state(truth, wrong(truth, range(10))), state(truth, wrong(truth, range(8)))
    gains = add_label_gain(NONE, earlier, now[5:], ledger(), PARAMETERS, 0)
    assert len(gains) == 1
    other = now.assign(**{name: "a class/" + now[name] for name in ("render_id", "image_id", "group")})
    assert add_label_gain(gains, earlier, other, ledger(), PARAMETERS, 0).empty
    one_in_common = pd.concat([other[1:], now[:1]], ignore_index=True)
    assert len(add_label_gain(gains, earlier, one_in_common, ledger(), PARAMETERS, 0)) == 2


def test_dropped_images_are_a_change_and_only_common_pages_are_compared(truth: np.ndarray) -> None:
    earlier, now = state(truth, wrong(truth, range(10))), state(truth, wrong(truth, range(8)))[5:]
    (row,) = add_label_gain(NONE, earlier, now, ledger("000"), PARAMETERS, 0).to_dict("records")
    assert (row["images"], row["pages"]) == (5, 395)
    assert row["gain"] > 0 >= row["low"]
    assert row["verdict"].startswith("may be luck: the 95 % interval")


def test_another_recipe_makes_a_gain_nobodys(truth: np.ndarray) -> None:
    earlier, now = state(wrong(truth, range(40)), wrong(truth, range(40))), state(truth, truth, recipe="another")
    gains = add_label_gain(NONE, earlier, now, ledger(), PARAMETERS, 0)
    assert gains["verdict"].tolist() == ["cannot be told: the recipe changed too"]
    back = state(wrong(truth, range(30)), wrong(truth, range(200)), recipe="another")
    twice = add_label_gain(gains, now, back, ledger(), PARAMETERS, 0)
    assert twice["batch"].tolist() == [1, 2]
    assert twice["verdict"].tolist()[1].startswith("harmed")


def test_the_baseline_is_what_was_answered_on_test_like_pages(truth: np.ndarray) -> None:
    votes = state(truth, truth).drop(columns="recipe").assign(condition=["clean", "test_like"] * 200, fold=0)
    found = baseline_of(votes, "abc")
    assert tuple(found.columns) == BASELINE
    assert len(found) == 200
    assert set(found["recipe"]) == {"abc"}
