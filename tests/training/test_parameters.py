import pytest
from pydantic import ValidationError

from docsort.training.parameters import TrainingParameters

RECIPE = {
    "backbone": "lcnet_035",
    "pretrained": False,
    "image_size": 32,
    "epochs": 3,
    "patience": 3,
    "batch_size": 16,
    "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
}


@pytest.mark.parametrize(
    ("given", "meant"), [("true", True), ("False", False), (True, True), (" w/x.pth ", "w/x.pth"), (False, False)]
)
def test_pretrained_reads_words_of_the_command_line(given: object, meant: object) -> None:
    assert TrainingParameters.model_validate({**RECIPE, "pretrained": given}).pretrained is meant or meant == "w/x.pth"


@pytest.mark.parametrize(("pretrained", "rate"), [(False, 0.003), (True, 0.001), ("weights.pth", 0.001)])
def test_learning_rate_follows_where_the_weights_begin(pretrained: object, rate: float) -> None:
    parameters = TrainingParameters.model_validate({**RECIPE, "pretrained": pretrained})
    assert parameters.highest_learning_rate == rate


def test_precision_may_be_a_number() -> None:
    assert TrainingParameters.model_validate({**RECIPE, "precision": 32}).precision == "32"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 3}, "Extra inputs are not permitted"),
        ({"batch_size": 1}, "greater than or equal to 2"),
        ({"device": "gpu"}, "String should match pattern"),
        ({"warmup_epochs": 3}, r"warmup_epochs to be less than epochs \(3\), but got 3"),
        ({"progressive_resizing": {"scale": 0}}, "greater than 0"),
        ({"progressive_resizing": {"share": 1}}, "less than 1"),
        ({"precision": "8"}, "Input should be '32', 'bf16' or '16-mixed'"),
        ({"head": {"kind": "cosface"}}, "Input should be 'linear', 'mlp' or 'arcface'"),
        ({"head": {"kind": "mlp", "hidden": []}}, "Expected head.hidden to name at least one width for the head mlp"),
        ({"head": {"kind": "mlp", "hidden": [0]}}, "greater than or equal to 1"),
        ({"head": {"kind": "arcface", "scale": 0}}, "greater than 0"),
        ({"head": {"kind": "arcface", "margin": 2}}, "less than 1.5"),
        ({"head": {"widths": [8]}}, "Extra inputs are not permitted"),
        ({"drop_path_rate": 1}, "less than 1"),
        ({"mean": [0.5, 0.5]}, "Field required"),
        ({"mean": [0.5, 0.5, 128]}, "less than or equal to 1"),
        ({"std": [0.2, 0.2, 0]}, "greater than 0"),
    ],
)
def test_impossible_recipe_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TrainingParameters.model_validate({**RECIPE, **changes})


def test_early_epochs_are_smaller() -> None:
    early = TrainingParameters.model_validate({**RECIPE, "progressive_resizing": {"scale": 0.5, "share": 0.7}})
    assert [early.size_in(epoch) for epoch in range(3)] == [16, 16, 32]
    assert TrainingParameters.model_validate(RECIPE).size_in(0) == 32


@pytest.mark.parametrize(
    ("given", "record"),
    [
        ({}, {"kind": "linear"}),
        ({"kind": "mlp", "hidden": [64]}, {"kind": "mlp", "hidden": [64]}),
        ({"kind": "arcface", "scale": 20, "margin": 0.4}, {"kind": "arcface", "scale": 20.0}),
    ],
)
def test_record_of_a_head_is_what_its_shape_depends_on(given: dict[str, object], record: dict[str, object]) -> None:
    assert TrainingParameters.model_validate({**RECIPE, "head": given}).head.record() == record
