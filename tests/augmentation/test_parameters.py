import pytest
from pydantic import ValidationError

from docsort.augmentation.operations import OPERATIONS
from docsort.augmentation.parameters import DamageParameters, Step


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"operation": "solarise"}, "Expected an operation, one of dihedral, .*, but got 'solarise'"),
        ({"operation": "rotate", "ranges": {"angle": [0, 1]}}, "rotate to be given degrees, but got 'angle'"),
        ({"operation": "grey", "ranges": {"amount": [0, 1]}}, "given no range at all, but got 'amount'"),
        ({"operation": "rotate", "ranges": {"degrees": [10, -10]}}, r"low ≤ high ≤ 180, but got \[10.0, -10.0\]"),
        ({"operation": "fade", "ranges": {"amount": [0.1, 3]}}, r"amount of operation fade .*≤ 0.9, but got"),
        ({"operation": "dihedral", "ranges": {"turn": [0, 2.5]}}, "whole numbers"),
        ({"operation": "grey", "include": "turns"}, "exactly one of operation, one_of and include"),
        ({}, "exactly one of .* but got none"),
        ({"include": "turns", "ranges": {"degrees": [0, 1]}}, "ranges only beside operation"),
        ({"one_of": [{"operation": "grey", "p": 0}]}, "p above 0"),
        ({"operation": "grey", "p": 1.2}, "less than or equal to 1"),
        ({"operation": "grey", "chance": 1}, "Extra inputs"),
    ],
)
def test_a_step_that_means_nothing_is_refused_by_name(step, message):
    with pytest.raises(ValidationError, match=message):
        Step.model_validate(step)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": "nowhere"}, "name one of the recipes turns, document, own, but got 'nowhere'"),
        ({"recipes": {"own": [{"include": "other"}]}}, "recipe 'own' to include .*'other'"),
        (
            {"recipes": {"own": [{"one_of": [{"include": "b"}]}], "b": [{"include": "own"}]}},
            "own → b → own",
        ),
        ({"per_class": 0}, "greater than or equal to 1"),
        ({"oversample": {"kind_0": 0}}, "greater than 0"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(make, changes, message):
    with pytest.raises(ValidationError, match=message):
        make(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uniform_rotation_share": 0.7, "quarter_rotation_share": 0.5}, r"at most 1, but got 0.7 \+ 0.5"),
        ({"blur_sigma": (2.0, 1.0)}, "blur_sigma to be"),
        ({"mix_weight": (0.1, 0.9)}, "mix_weight to be .*high ≤ 0.5"),
        ({"mirror_share": 1.5}, "less than or equal to 1"),
    ],
)
def test_damage_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        DamageParameters(**changes)


def test_usual_ranges_lie_within_their_bounds():
    for name, spans in OPERATIONS.items():
        for key, span in spans.items():
            assert span.low <= span.usual[0] <= span.usual[1] <= span.high, (name, key)
