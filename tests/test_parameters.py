"""Whatever a user gives for a parameter is accepted or refused in plain words, for every field of every model.

The models are found, not listed: those that the nodes of the pipelines ask for, those of every kind of member, and all
that stand inside of them.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kedro.config import OmegaConfigLoader
from kedro.validation import TypeExtractor
from pydantic import BaseModel, Field

from docsort.errors import InputError
from docsort.hooks.parameter_hooks import RunSettings
from docsort.member_kinds import KINDS, Members
from docsort.parameters import Parameters, PathText, read
from docsort.pipeline_registry import register_pipelines
from docsort.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).parents[1]
RAW = (
    "Input should",
    "[type=",
    "pydantic",
    "validation error",
    "Value error",
    "Traceback",
    "constrained",
    "Extra inputs",
)
"""Words of pydantic's that no user should see."""

TEXTS = ("abc", "", "inf", "nan", "9" * 30, "9" * 5000, "~nobody/x")
NUMBERS = (-1, 0, 3, 1.5, -1e308, 1e308, math.inf, -math.inf, math.nan, 10**400, -(10**5000))
GROUPED: tuple[Any, ...] = (
    [],
    [1, 2, 3],
    ["a"],
    [math.inf],
    [1, math.nan],
    {},
    {"a": 1},
    {1: None},
    {"x": math.inf},
    {3: math.nan},
    {"x": True},
)
WRONG: tuple[Any, ...] = (*TEXTS, *NUMBERS, *GROUPED, None, True, False)


def annotated_models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from annotated_models(each)


def all_models() -> list[type[BaseModel]]:
    """Every model that a parameter is checked by."""
    asked = TypeExtractor(register_pipelines()).extract_types_from_pipelines().values()
    rest = [RunSettings, *asked, *(kind.Parameters for kind in KINDS.values())]
    found: list[type[BaseModel]] = []
    while rest:
        model = rest.pop()
        if model not in found and model is not Members:
            found.append(model)
            rest += [inner for field in model.model_fields.values() for inner in annotated_models(field.annotation)]
    return found


MODELS = all_models()
FIELDS = [(model, name) for model in MODELS for name in model.model_fields]


def written() -> dict[str, Any]:
    """The parameters of the project, as they stand in conf/."""
    return dict(OmegaConfigLoader(str(ROOT / "conf"), env="smoke", **CONFIG_LOADER_ARGS)["parameters"])


PARAMETERS = written()
GROUPS: dict[str, Any] = TypeExtractor(register_pipelines()).extract_types_from_pipelines()


def verdict(model: type[BaseModel], values: Any) -> str:
    """ "accepted" or what is told; fails for words that no user understands, and for values that are no number."""
    try:
        result = read(model, values, "group")
    except InputError as error:
        told = str(error)
        assert [word for word in RAW if word in told] == [], told
        assert told.startswith(("Expected ", "In `")), told
        assert max(map(len, told.splitlines())) < 1500, told
        return told
    assert finite(result.model_dump()), result
    return "accepted"


def finite(value: Any) -> bool:
    """No infinity inside, nothing that is no number, no whole number of hundreds of digits."""
    if isinstance(value, Mapping):
        return all(finite(each) for each in value.values())
    if isinstance(value, list | tuple):
        return all(finite(each) for each in value)
    return not isinstance(value, float | int) or abs(value) < 2**1024


def test_all_models_are_found_and_all_of_ours_share_the_base() -> None:
    names = {model.__name__ for model in MODELS}
    assert {"RunSettings", "TrainingParameters", "LossTerms", "Step", "DamageParameters", "SampleParameters"} <= names
    assert [model for model in MODELS if not issubclass(model, Parameters)] == [GROUPS["sample"]]
    assert len(FIELDS) > 150


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=lambda each: getattr(each, "__name__", each))
def test_a_field_takes_a_value_or_says_in_plain_words_what_it_wants(model: type[BaseModel], name: str) -> None:
    for value in WRONG:
        told = verdict(model, {name: value})
        assert told == "accepted" or f".{name}" in told or "missing" in told or "In `group`" in told, told


class Example(Parameters):
    """Every sort of field."""

    whole: int = Field(default=1, ge=1)
    share: float = Field(default=0.5, gt=0, le=1)
    span: tuple[float, float] = (0, 1)
    kind: str | None = None
    flag: bool | float = 0.5
    weights: dict[int, float] = Field(default_factory=dict)
    sizes: tuple[int, ...] = Field(default=(1,), min_length=1)
    place: PathText = "x"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"whole": "abc"}, "Expected `a.whole` to be a whole number of at least 1, but got 'abc'; correct it in conf/"),
        ({"whole": 1.5}, "Expected `a.whole` to be a whole number of at least 1, but got 1.5; correct it"),
        ({"whole": True}, "Expected `a.whole` to be a whole number of at least 1, but got true; correct it"),
        ({"whole": 10**19}, "Expected `a.whole` to be a whole number of at least 1, but got 10000000000000000000;"),
        (
            {"whole": -(10**5000)},
            "Expected `a.whole` to be a whole number of at least 1, but got a number of thousands",
        ),
        ({"share": math.inf}, "Expected `a.share` to be a finite number above 0 and of at most 1, but got inf;"),
        ({"span": [0, math.nan]}, "Expected `a.span.1` to be a finite number, but got nan;"),
        ({"span": [0]}, "Expected `a.span` to be a list of 2: a number, a number, but got [0];"),
        ({"kind": 3}, "Expected `a.kind` to be text or null, but got 3;"),
        ({"flag": True}, ""),
        ({"flag": "maybe"}, "Expected `a.flag` to be true or false or a number, but got 'maybe';"),
        ({"weights": {3: -math.inf}}, "Expected `a.weights.3` to be a finite number, but got -inf;"),
        ({"weights": {3: False}}, "Expected `a.weights.3` to be a number, but got false;"),
        ({"weights": {"x": 1}}, "Expected the names in `a.weights` to be numbers, but got 'x';"),
        ({"sizes": []}, "Expected `a.sizes` to be a list (at least 1), each a whole number, but got [];"),
        ({"place": None}, "Expected `a.place` to be text that is not empty, but got null;"),
        ({"wohle": 1}, "Expected parameters that exist, but there is no `a.wohle`; did you mean whole?"),
        (None, "Expected `a` to be a group of parameters, but got null;"),
    ],
    ids=lambda each: ascii(each)[:30] if isinstance(each, str) else type(each).__name__,
)
def test_a_sentence_says_the_type_and_the_range_that_are_wanted(values: Any, sentence: str) -> None:
    told = ""
    try:
        read(Example, values, "a")
    except InputError as error:
        told = str(error)
    assert told.startswith(sentence) if sentence else told == ""


def test_several_problems_are_told_together_one_a_line() -> None:
    with pytest.raises(InputError, match=r"^Expected `a\.whole` .*\nExpected `a\.share` [^\n]*$"):
        read(Example, {"whole": 0, "share": 0}, "a")


@pytest.mark.parametrize("value", ["abc", 1.5, -1, True, None, 2**63, [1], {"x": 1}])
def test_a_seed_is_a_whole_number(value: Any) -> None:
    with pytest.raises(InputError, match="Expected `seed(.x)?` to be a whole number"):
        read(RunSettings, {"seed": value}, "")


@pytest.mark.parametrize("value", [None, "", 7, ["a"], {"b": None}, "~nobody-of-this-name/x", "/a/{b}", "/a}"])
def test_a_folder_for_results_is_a_path(value: Any) -> None:
    with pytest.raises(InputError, match="data_root"):
        read(RunSettings, {"data_root": value}, "")


def test_a_path_may_begin_with_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert read(RunSettings, {"data_root": "~/x"}, "").data_root == "/home/someone/x"
    member = {**PARAMETERS["members"]["main"], "pretrained": "~/w.pth"}
    assert read(Members, {"main": member}, "members").main.pretrained == "/home/someone/w.pth"


def leaves(values: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places of nested groups, the groups too."""
    yield place
    parts = values.items() if isinstance(values, Mapping) else enumerate(values) if isinstance(values, list) else ()
    for key, value in parts:
        yield from leaves(value, (*place, key))


def changed_at(values: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    inside = dict(values) if isinstance(values, Mapping) else list(values)
    inside[place[0]] = changed_at(inside[place[0]], place[1:], value)
    return inside


PLACES = [(name, place) for name in GROUPS for place in leaves(PARAMETERS[name])]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from((*TEXTS, *NUMBERS[:-1]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=4,
)


def try_any_value(drawn: tuple[str, tuple[Any, ...]], value: Any) -> None:
    name, place = drawn
    verdict(GROUPS[name], changed_at(PARAMETERS[name], place, value))


@settings(max_examples=60, deadline=None)
@given(drawn=st.sampled_from(PLACES), value=VALUES)
def test_any_value_at_any_place_of_the_parameters_is_accepted_or_refused(drawn: Any, value: Any) -> None:
    try_any_value(drawn, value)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.sampled_from(PLACES), value=VALUES)
def test_thousands_of_values_at_any_place_are_accepted_or_refused(drawn: Any, value: Any) -> None:
    try_any_value(drawn, value)
