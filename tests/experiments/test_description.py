"""The file of experiments: read strictly, expanded in order."""

from pathlib import Path

import pytest

from docsort.errors import InputError
from docsort.experiments.description import Planned, expand, read_description

DATA = """
data:
  cards: {layout: class_folders, raw_dir: cards}
  forms: {layout: competition, raw_dir: /forms, answer_key: key.csv}
"""


def described(tmp_path: Path, text: str) -> list[Planned]:
    file = tmp_path / "many.yml"
    file.write_text(text)
    return expand(read_description(file))


def test_a_list_and_a_grid_make_every_combination_and_each_name_says_what_is_changed(tmp_path: Path) -> None:
    found = described(
        tmp_path,
        """
        parameters: {preset: good}
        experiments:
          plain: {}
          sizes:
            parameters: {members.main.batch_size: 8}
            list: [{}, {holdout: 0.2}]
            grid: {image_size: [96, 128], members.main.ema_decay: [null, 1e-4]}
        """,
    )
    assert [each.name for each in found] == [
        "plain",
        *(f"sizes/image_size={side},ema_decay={decay}" for side in (96, 128) for decay in ("null", "0.0001")),
        *(
            f"sizes/holdout=0.2,image_size={side},ema_decay={decay}"
            for side in (96, 128)
            for decay in ("null", "0.0001")
        ),
    ]
    assert found[0].given == {"preset": "good", "layout": "sample"}
    assert found[-1].given == {
        "preset": "good",
        "members": {"main": {"batch_size": 8, "ema_decay": 1e-4}},
        "holdout": 0.2,
        "image_size": 128,
        "layout": "sample",
    }


def test_dotted_and_nested_names_are_the_same_and_the_later_of_two_holds(tmp_path: Path) -> None:
    dotted, nested = described(
        tmp_path,
        """
        parameters: {members.main.epochs: 1}
        experiments:
          dotted: {parameters: {members.main.epochs: 3, members.main.loss.focal: 1}}
          nested: {parameters: {members: {main: {epochs: 3, loss: {focal: 1}}}}}
        """,
    )
    assert (
        dotted.given == nested.given == {"members": {"main": {"epochs": 3, "loss": {"focal": 1}}}, "layout": "sample"}
    )


def test_each_data_set_is_tried_with_paths_that_mean_the_same_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    both, other, one = described(tmp_path, DATA + "experiments: {a: {}, b: {data: [forms], priority: 3, retries: 0}}")
    assert (both.name, other.name, one.name) == ("a/cards", "a/forms", "b")
    assert both.given == {"layout": "class_folders", "raw_dir": f"{tmp_path}/cards"}
    assert one.given == {"layout": "competition", "raw_dir": "/forms", "answer_key": f"{tmp_path}/key.csv"}
    assert (both.priority, both.retries, one.priority, one.retries) == (0, 1, 3, 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("experiments: {a: {params: {seed: 1}}}", "there is no `experiments.a.params`; did you mean parameters"),
        ("experiments: {a: {priority: high}}", "Expected `experiments.a.priority` to be a whole number"),
        ("budget_hours: 0\nexperiments: {a: {}}", "Expected `budget_hours` to be"),
        ("experiments: {a: {}, a: {}}", "`a` is given twice"),
        ("experiments: {a: {data: [b]}}", "to name data sets of the file, sample, but got b"),
        ("experiments: {a: {grid: {seed: []}}}", "to have at least one value in each list"),
        ("experiments: {a: {parameters: {raw_dir: x}}}", "Expected experiments to leave `raw_dir` to the queue"),
        (
            "experiments: {a: {list: [{seed: 1}, {seed: 1}]}}",
            "of different names, but a/seed=1 is there twice",
        ),
        ("experiments: {a: {parameters: {seed: 1, seed.x: 2}}}", "Expected `seed.x` to lie in a group, but `seed` has"),
        ("- a", "to hold names and values, but got list"),
        ("experiments: [", "Expected .*many.yml to be YAML, but it cannot be read"),
    ],
)
def test_what_is_wrong_with_the_file_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        described(tmp_path, text)
