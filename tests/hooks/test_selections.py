"""What Kedro says of names that there are not, made one sentence, with Kedro's own errors as they come."""

import pytest
from kedro.pipeline import Pipeline, node

from docsort.hooks.selections import nearest, sentence_of_selection

PARTS = Pipeline(
    [node(lambda: 1, None, "fold_0_members", name="fit_members"), node(lambda: 2, None, "scores", name="score_run")],
    namespace="training",
    prefix_datasets_with_namespace=False,
    tags="cheap",
)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedro.framework.project.pipelines", {"train": PARTS})


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (
            {"node_names": ["fit_members"]},
            "Expected names of nodes of the pipeline, but there is no fit_members; did you mean training.fit_members?",
        ),
        (
            {"from_nodes": ["training.fit_member"]},
            "Expected names of nodes of the pipeline, but there is no training.fit_member; "
            "did you mean training.fit_members?",
        ),
        (
            {"node_namespaces": ["trainnig"]},
            "Expected names of namespaces of the pipeline, but there is no trainnig; did you mean training?",
        ),
        (
            {"to_outputs": ["score"]},
            "Expected names of datasets of the pipeline, but there is no score; did you mean scores?",
        ),
        (
            {"to_outputs": ["xyz"]},
            "Expected names of datasets of the pipeline, but there is no xyz; `kedro viz` shows all that there are.",
        ),
        (
            {"tags": ["dear"]},
            "Expected nodes to run, but none has all that was asked for; correct --tags, or leave an option out.",
        ),
    ],
)
def test_a_name_that_there_is_not_is_told_with_the_nearest(asked: dict[str, list[str]], sentence: str) -> None:
    with pytest.raises(ValueError, match="Pipeline") as caught:
        PARTS.filter(**asked)
    assert sentence_of_selection(str(caught.value)) == sentence


def test_a_part_of_a_name_is_nearer_than_a_misspelling() -> None:
    known = ["training.fold_0.fit_members", "fit_member", "other"]
    assert nearest(["fit_members"], known) == ["training.fold_0.fit_members"]
    assert nearest(["fit_membrs"], known) == ["fit_member"]
