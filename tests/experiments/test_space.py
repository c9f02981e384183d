"""The space of a search: strict, conditional, and asked about at its corners."""

from pathlib import Path
from typing import Any

import pytest

from docsort.errors import InputError
from docsort.experiments.space import SearchParameters, corners, read_space, suggested

SPACE = """
space:
  backbone: {choice: [small, large]}
  rate: {float: [1e-4, 1e-2], log: true, when: {backbone: [large]}}
  epochs: {int: [1, 9]}
"""


class Lowest:
    """Suggests the lowest of a range, and of a choice what it was told."""

    def __init__(self, **chosen: Any) -> None:
        self.chosen, self.asked = chosen, list[tuple[Any, ...]]()

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        self.asked.append((name, low, high, log))
        return low

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        self.asked.append((name, low, high, log))
        return low

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.asked.append((name, tuple(choices)))
        return self.chosen[name]


def read(tmp_path: Path, text: str) -> SearchParameters:
    file = tmp_path / "space.yml"
    file.write_text(text)
    return read_space(file)


def test_what_depends_on_another_is_asked_for_only_where_that_has_such_a_value(tmp_path: Path) -> None:
    space = read(tmp_path, SPACE).space
    large, small = Lowest(backbone="large"), Lowest(backbone="small")
    assert suggested(space, large) == {"backbone": "large", "rate": 1e-4, "epochs": 1}
    assert suggested(space, small) == {"backbone": "small", "epochs": 1}
    assert large.asked == [("backbone", ("small", "large")), ("rate", 1e-4, 1e-2, True), ("epochs", 1, 9, False)]


def test_the_corners_have_every_choice_and_both_ends_of_every_range(tmp_path: Path) -> None:
    found = list(corners(read(tmp_path, SPACE).space))
    for name, values in (("backbone", {"small", "large"}), ("rate", {1e-4, 1e-2}), ("epochs", {1, 9})):
        assert {each[name] for each in found if name in each} == values
    assert all(("rate" in each) == (each["backbone"] == "large") for each in found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("space: {a: {}}", "Expected one of `float`, `int` and `choice`; give one"),
        ("space: {a: {int: [1, 2], choice: [1]}}", "Expected one of `float`, `int` and `choice`; give one"),
        ("space: {a: {int: [3, 1]}}", r"a range from a lower to a higher number, but got \[3, 1\]"),
        ("space: {a: {float: [0, 1], log: true}}", "Expected `log` with a range of numbers above 0"),
        ("space: {a: {choice: []}}", "Expected `space.a.choice` to be"),
        ("space: {a: {int: [0.5, 1]}}", "Expected `space.a.int"),
        ("space: {a: {int: [1, 2], when: {b: [1]}}, b: {choice: [1]}}", "to name parameters that stand above it"),
        ("space: {}", "Expected `space` to be"),
        ("space: {a: {int: [1, 2]}}\ntrails: 3", "there is no `trails`; did you mean trials"),
    ],
)
def test_what_is_wrong_with_the_space_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read(tmp_path, text)
