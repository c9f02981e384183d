"""Groups are found by name or number, skipped when foreign, refused when half there."""

import logging
from collections.abc import Callable
from io import StringIO

import pandas as pd
import pytest

from docsort.errors import InputError
from docsort.members.views import members_of
from docsort.specialists.groups import (
    SpecialistGroup,
    group_table,
    groups_of_table,
    join_specialists,
    members_of_group,
    resolve_groups,
)
from docsort.specialists.parameters import CERTIFICATES, SpecialistParameters
from docsort.tables import PREDICTION_KEYS, probability_columns

GROUP = (1, 2, 3)

NAMES = [
    "account_number",
    "application_for_payment_of_pregnancy_medical_expenses",
    "car_dashboard",
    "confirmation_of_admission_and_discharge",
    "diagnosis",
    "driver_lisence",
    "medical_bill_receipts",
    "medical_outpatient_certificate",
    "national_id_card",
    "passport",
    "payment_confirmation",
    "pharmaceutical_receipt",
    "prescription",
    "resume",
    "statement_of_opinion",
    "vehicle_registration_certificate",
    "vehicle_registration_plate",
]


@pytest.fixture
def classes() -> pd.DataFrame:
    return pd.DataFrame({"target": range(17), "class_name": NAMES})


@pytest.fixture
def foreign_classes() -> pd.DataFrame:
    return pd.DataFrame({"target": range(20), "class_name": [f"paper kind {i}" for i in range(20)]})


def test_the_default_is_the_four_certificates(classes: pd.DataFrame) -> None:
    assert resolve_groups(classes, SpecialistParameters().groups) == [SpecialistGroup("certificates", (3, 4, 7, 14))]


def test_names_and_numbers_mean_the_same_and_order_is_of_no_account(classes: pd.DataFrame) -> None:
    mixed = resolve_groups(classes, {"g": [14, "diagnosis", "7", "confirmation_of_admission_and_discharge"]})
    assert mixed == resolve_groups(classes, {"g": CERTIFICATES})


def test_a_foreign_data_set_skips_the_group_with_one_line(
    foreign_classes: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert resolve_groups(foreign_classes, SpecialistParameters().groups) == []
    assert len(caplog.messages) == 1
    assert "certificates is skipped" in caplog.messages[0]


@pytest.mark.parametrize(("kept", "found"), [([3, 4, 7, 14], [(0, 1, 2, 3)]), ([0, 4, 14], [(1, 2)]), ([0, 4], [])])
def test_the_default_group_has_those_of_its_classes_that_there_are(
    kept: list[int], found: list[tuple[int, ...]], classes: pd.DataFrame
) -> None:
    """A user with a class called diagnosis has not asked for it; one who names it asks for all that is named."""
    own = classes.iloc[kept].reset_index(drop=True).assign(target=range(len(kept)))
    assert [group.targets for group in resolve_groups(own, SpecialistParameters().groups)] == found
    if len(kept) < 4:
        with pytest.raises(InputError, match="mine names confirmation_of_admission_and_discharge"):
            resolve_groups(own, {"mine": [*CERTIFICATES, "account_number"]})


def test_a_group_without_classes_is_turned_off(classes: pd.DataFrame) -> None:
    given = SpecialistParameters.model_validate({"groups": {"certificates": [], "plates": [4, 5]}})
    assert [group.name for group in resolve_groups(classes, given.groups)] == ["plates"]


def test_all_problems_are_told_at_once(classes: pd.DataFrame) -> None:
    wanted = {
        "half": ["diagnosis", "tax_return", 99],
        "single": ["passport", 9],
        "one": [0, 2],
        "other": ["car_dashboard", "resume"],
    }
    with pytest.raises(InputError, match="half names tax_return, 99") as caught:
        resolve_groups(classes, wanted)
    assert "group single has 1 class" in str(caught.value)
    assert "groups one and other share class 2" in str(caught.value)


def test_groups_survive_the_table_and_its_csv() -> None:
    groups = [SpecialistGroup("certificates", (3, 4, 7, 14)), SpecialistGroup("5", (0, 2))]
    text = group_table(groups).to_csv(index=False)
    assert groups_of_table(pd.read_csv(StringIO(text))) == groups
    assert groups_of_table(pd.read_csv(StringIO(group_table([]).to_csv(index=False)))) == []


def test_a_specialist_that_did_not_predict_is_named(general: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"specialist certificates .* there are none"):
        members_of_group(general, SpecialistGroup("certificates", (1, 2)))
    with pytest.raises(InputError, match="the columns p_77 are missing"):
        members_of_group(general, SpecialistGroup("main", (1, 77)))


def test_a_class_that_a_specialist_does_not_know_has_probability_zero(
    make_specialist: Callable[..., pd.DataFrame],
) -> None:
    one = make_specialist(1.0, "a").assign(turn=0, scale=100)
    other = one.rename(columns={"p_1": "p_5"}).assign(model="b")
    joined = join_specialists([one, other])
    assert probability_columns(joined) == list(joined.columns[-4:]) == ["p_1", "p_2", "p_3", "p_5"]
    assert joined.groupby("model")[["p_1", "p_5"]].max().eq(0).to_numpy().tolist() == [[False, True], [True, False]]
    members = members_of(joined)
    pd.testing.assert_frame_equal(
        members_of_group(members, SpecialistGroup("a", GROUP)).reset_index(drop=True),
        one.drop(columns=["turn", "scale"]),
    )


def test_no_specialists_are_an_empty_table_of_predictions() -> None:
    assert list(join_specialists([]).columns) == list(PREDICTION_KEYS)
