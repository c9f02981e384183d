"""Two runs in one data_root, at once and one after the other, as the hook sees them."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.pipeline import Pipeline

from docsort import admission
from docsort.errors import InputError, InUseError
from docsort.hooks import AdmissionHooks
from docsort.pipeline_registry import register_pipelines

PARAMETERS: dict[str, Any] = {
    "seed": 0,
    "source": {"layout": "sample", "raw_dir": None, "photos": None},
    "sample": {"scale": 0.1},
    "cross_validation": {"folds": 5, "holdout": 0},
    "members": {"main": {"epochs": 8}},
}


class Loader(dict[str, Any]):
    def __init__(self, root: str, **parameters: Any) -> None:
        super().__init__(globals={"data_root": "data"}, parameters=PARAMETERS | parameters)
        self.runtime_params = {"data_root": root}


class Run:
    """A run of a pipeline by a hook of its own, as in another process."""

    def __init__(self, root: Path, pipeline: Pipeline, only_missing: bool = False, **parameters: Any) -> None:
        self.hooks, self.pipeline = AdmissionHooks(), pipeline
        context: Any = SimpleNamespace(project_path="/project", config_loader=Loader(str(root), **parameters))
        self.hooks.after_context_created(context)
        self.hooks.before_pipeline_run({"only_missing_outputs": only_missing}, pipeline)

    def end(self, done: int | None = None) -> None:
        for node in self.pipeline.nodes[:done]:
            self.hooks.after_node_run(node)
        self.hooks.after_pipeline_run()


@pytest.fixture(scope="module")
def pipelines() -> dict[str, Pipeline]:
    return register_pipelines()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "results"


def test_a_second_run_with_another_seed_is_refused_until_the_first_is_over(
    root: Path, pipelines: dict[str, Pipeline]
) -> None:
    first = Run(root, pipelines["__default__"])
    for name in ("__default__", "ingestion", "training", "reporting"):
        with pytest.raises(InUseError, match="Expected no other run to be in the way"):
            Run(root, pipelines[name], seed=1)
    first.hooks.on_pipeline_error()
    Run(root, pipelines["__default__"], seed=1).end()


def test_machines_share_out_the_folds_of_one_run_and_no_others(root: Path, pipelines: dict[str, Pipeline]) -> None:
    training = pipelines["training"]
    some = [training.filter(node_namespaces=[f"training.fold_{fold}"]) for fold in range(3)]
    runs = [Run(root, pipeline) for pipeline in some[:2]]
    with pytest.raises(InUseError, match="members.main.epochs is 8 there and 9 here"):
        Run(root, some[2], members={"main": {"epochs": 9}})
    with pytest.raises(InUseError, match="it writes fold_1_history, fold_1_members, fold_1_oof_predictions too"):
        Run(root, some[1])
    runs += [Run(root, some[2]), Run(root, pipelines["predict"], source={**PARAMETERS["source"], "photos": "new"})]
    for run in runs:
        run.end()


def test_a_run_that_was_interrupted_is_in_nobodys_way_not_even_its_own(
    root: Path, pipelines: dict[str, Pipeline]
) -> None:
    """After Ctrl-C, of which hooks are not told, a notebook goes on with the same hooks."""
    run = Run(root, pipelines["ingestion"])
    run.hooks.before_pipeline_run({}, run.pipeline)
    run.end()
    assert [path.name for path in root.rglob("*.lock")] == ["door.lock"]


def test_a_later_stage_with_another_seed_is_told_of_and_one_that_makes_all_anew_is_not(
    root: Path, pipelines: dict[str, Pipeline], caplog: pytest.LogCaptureFixture
) -> None:
    Run(root, pipelines["train"]).end()
    Run(root, pipelines["reporting"], members={"main": {"epochs": 9}}).end()
    Run(root, pipelines["ingestion"] + pipelines["cleaning"], seed=0).end()
    assert not caplog.messages
    Run(root, pipelines["training"], seed=1, source={**PARAMETERS["source"], "raw_dir": "photos"}).end()
    (warning,) = caplog.messages
    assert 'seed was 0 and is 1, source.raw_dir was null and is "photos"' in warning
    Run(root, pipelines["train"], seed=1).end()
    Run(root, pipelines["training"], seed=1).end()
    assert len(caplog.messages) == 1


def test_what_is_missing_is_made_with_the_settings_of_what_is_there(
    root: Path, pipelines: dict[str, Pipeline], caplog: pytest.LogCaptureFixture
) -> None:
    Run(root, pipelines["ingestion"]).end()
    Run(root, pipelines["train"], only_missing=True).end()
    for changed in ({"seed": 1}, {"cross_validation": {"folds": 7}}, {"sample": {"scale": 1}}):
        with pytest.raises(InputError, match=r"only-missing-outputs to go on with the settings .* was .* and is"):
            Run(root, pipelines["train"], only_missing=True, **changed)
    Run(root, pipelines["train"], only_missing=True).end()
    assert not caplog.messages


def test_new_answers_leave_nothing_behind_that_was_not_there(root: Path, pipelines: dict[str, Pipeline]) -> None:
    Run(root, pipelines["ingestion"]).end()
    before = sorted(root.rglob("*"))
    for name in ("predict", "label_review"):
        Run(root, pipelines[name]).end()
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("done", [1, 60])
def test_what_another_seed_has_left_is_not_gone_on_with_wherever_a_run_was_killed(
    root: Path, pipelines: dict[str, Pipeline], done: int
) -> None:
    """The second run was killed after so many nodes: the rest is there, from the first."""
    Run(root, pipelines["__default__"]).end()
    Run(root, pipelines["__default__"], seed=1).end(done)
    for seed in (0, 1):
        with pytest.raises(InputError, match=f"seed was {1 - seed} and is {seed}"):
            Run(root, pipelines["__default__"], only_missing=True, seed=seed)
    Run(root, pipelines["__default__"], seed=1).end()
    Run(root, pipelines["__default__"], only_missing=True, seed=1).end()


def test_where_there_are_no_locks_the_run_goes_on_with_a_warning(
    root: Path, pipelines: dict[str, Pipeline], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(admission.FileLock, "acquire", refuse)
    with caplog.at_level(logging.WARNING):
        Run(root, pipelines["ingestion"]).end()
    assert f"{root} takes no locks (No locks available)" in caplog.text


def test_a_command_that_only_reads_takes_nothing(tmp_path: Path) -> None:
    context: Any = SimpleNamespace(project_path=tmp_path, config_loader=Loader("data"))
    AdmissionHooks().after_context_created(context)
    assert not list(tmp_path.iterdir())
