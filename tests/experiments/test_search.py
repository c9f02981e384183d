"""The search: seeded, ended early where a trial is behind, never making twice what it has, and judged afresh."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tiny_runs import FOLDS, TinyPlace, TinyProject, votes

from docsort.errors import InputError
from docsort.experiments import driver as driver_module
from docsort.experiments.driver import Driver
from docsort.experiments.fold_scores import fold_score
from docsort.experiments.queue import Job, Queue
from docsort.experiments.search import Search, count_trials, open_study, study_file
from docsort.experiments.space import SearchParameters, read_space
from docsort.experiments.verdict import judge, write_verdict

SPACE = """
trials: 9
startup_trials: 3
seed: 3
space:
  members.main.ema_decay: {float: [0.1, 0.9]}
  members.main.epochs: {int: [1, 3]}
"""


def decay_of(job: Job) -> float:
    return float(job.given.get("members", {}).get("main", {}).get("ema_decay", 0.2))


def score_of(job: Job) -> float:
    """Best at a decay of 0.7, and of what is not the seed of the search a little less."""
    luck = 0.0 if "seed" in job.given else 0.03
    return 0.9 + luck - 0.5 * abs(decay_of(job) - 0.7)


def write_folds(root: Path, job: Job) -> None:
    (root / "06_models").mkdir(parents=True, exist_ok=True)
    for fold in range(FOLDS):
        score = score_of(job) - 0.05 + 0.01 * fold
        text = f"model,epoch,test_like_macro_f1\nmain,1,{score}\nmain,2,{score - 0.1}\n"
        (root / "06_models" / f"fold_{fold}_history.csv").write_text(text)


Make = Callable[..., Search]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr(driver_module, "WAIT_S", 0.02)

    def make_search(place: TinyPlace | None = None, text: str = SPACE, folder: str = "queue") -> Search:
        file = tmp_path / "space.yml"
        file.write_text(text)
        queue = Queue(tmp_path / folder)
        return Search(read_space(file), queue, TinyProject(), Driver(queue, Path(), place or TinyPlace(score_of)))

    return make_search


def tried(study: Any) -> list[dict[str, Any]]:
    return [trial.params for trial in study.get_trials()]


def test_the_same_seed_proposes_the_same_and_another_does_not(make: Make) -> None:
    first, second = make(folder="a").run(1), make(folder="b").run(1)
    assert tried(first) == tried(second)
    assert len(tried(first)) == 9
    other = make(text=SPACE.replace("seed: 3", "seed: 4").replace("trials: 9", "trials: 1"), folder="c").run(1)
    assert tried(other) != tried(first)[:1]
    assert first.best_params["members.main.ema_decay"] == pytest.approx(0.7, abs=0.2)


def test_a_search_that_was_ended_goes_on_as_if_it_had_not_been(make: Make) -> None:
    whole = make(folder="whole").run(1)
    make(text=SPACE.replace("trials: 9", "trials: 5"), folder="parts").run(1)
    place = TinyPlace(score_of)
    rest = make(place, folder="parts").run(1)
    assert tried(rest) == tried(whole)
    assert rest.metric_names == ["forecast"]
    assert len(place.begun) == 4


def test_a_trial_that_is_behind_after_two_folds_ends_and_costs_what_it_did(make: Make) -> None:
    place = TinyPlace(score_of, polls=FOLDS, while_running=write_folds)
    search = make(place, SPACE + "prune_after: 2\n")
    study = search.run(1)
    behind = [trial for trial in study.get_trials() if trial.state.name == "PRUNED"]
    assert behind
    for trial in behind:
        before = [each for each in study.get_trials() if each.number < trial.number and each.state.name == "COMPLETE"]
        step, own = max(trial.intermediate_values), trial.intermediate_values
        assert min(own) == 2
        assert max(own.values()) < np.median([each.intermediate_values[step] for each in before])
        (job,) = search.queue.named([f"search/{trial.number}"])
        standing = search.queue.standing(job)
        assert (standing.state, standing.why[:16]) == ("cancelled", "it was behind af")
    never = make(TinyPlace(score_of, polls=FOLDS, while_running=write_folds), SPACE + "prune_after: 0\n", "never").run(
        1
    )
    assert all(trial.state.name == "COMPLETE" for trial in never.get_trials())


def test_several_workers_share_one_search_and_make_no_trial_twice(make: Make) -> None:
    together = threading.Barrier(3, timeout=60)
    place = TinyPlace(score_of, while_running=lambda *_: together.wait())
    study = make(place).run(3)
    assert place.most == 3
    assert count_trials(study) == 9
    assert len(place.begun) == len(set(place.begun)) <= 9


def test_one_that_fails_is_told_and_the_search_goes_on(make: Make) -> None:
    place = TinyPlace(score_of, fails={"search/1": 9})
    study = make(place, SPACE.replace("trials: 9", "trials: 4\nretries: 1")).run(1)
    failed = study.get_trials()[1]
    assert (failed.state.name, failed.user_attrs["why"]) == ("FAIL", "search/1 has no memory.")
    assert place.begun.count("search/1") == 2
    assert count_trials(study) == 4


def ask_and_die(described: SearchParameters, folder: Path) -> None:
    """As a search that is killed in the middle of a trial."""
    from docsort.experiments.search import MACHINE, PROCESS
    from docsort.experiments.space import suggested
    from docsort.process_names import machine_name, process_name

    trial = open_study(described, folder).ask()
    suggested(described.space, trial)
    trial.set_user_attr(MACHINE, machine_name())
    trial.set_user_attr(PROCESS, process_name())
    os._exit(9)


def test_a_trial_whose_process_was_killed_is_proposed_again(make: Make) -> None:
    search = make(text=SPACE.replace("trials: 9", "trials: 3"))
    other = multiprocessing.get_context("fork").Process(
        target=ask_and_die, args=(search.described, search.queue.folder)
    )
    other.start()
    other.join()
    study = search.run(1)
    lost, *rest = study.get_trials()
    assert lost.state.name == "FAIL"
    assert rest[0].params == lost.params
    assert [trial.state.name for trial in rest] == ["COMPLETE"] * 3


def test_the_winner_is_told_by_the_figure_that_had_no_say_beside_the_one_that_chose_it(
    make: Make, tmp_path: Path
) -> None:
    search = make()
    verdict = judge(search, search.run(1), 2)
    assert verdict.best["forecast"] - verdict.judged["forecast"] == pytest.approx(0.03)
    assert verdict.before["forecast"] == pytest.approx(0.68)
    text = "\n".join(verdict.lines())
    assert f"chosen              {verdict.best['forecast']:.3f}" in text
    assert f"no say          {verdict.judged['forecast']:.3f}" in text
    assert "It is really better: by" in text
    assert f"docsort experiments submit '{verdict.name}'" in text
    (job,) = search.queue.named([verdict.name])
    assert (decay_of(job), job.given["seed"] != 3) == (verdict.changes["members.main.ema_decay"], True)
    write_verdict(verdict, tmp_path / "verdict.json")
    assert '"name": "search/' in (tmp_path / "verdict.json").read_text()


def test_a_value_that_the_project_refuses_is_refused_before_any_work(make: Make) -> None:
    make().check()
    search = make(text=SPACE.replace("int: [1, 3]", "int: [-1, 3]"))
    with pytest.raises(InputError, match="Expected `members.main.epochs` to be a whole number of at least 0"):
        search.check()
    assert not search.queue.exists()


def test_a_storage_that_cannot_be_opened_is_one_sentence_and_a_database_serves_as_well(
    make: Make, tmp_path: Path
) -> None:
    pytest.importorskip("sqlalchemy")
    named = make(text=f"{SPACE}storage: sqlite:///{tmp_path}/study.db\n".replace("trials: 9", "trials: 2"))
    assert len(tried(named.run(1))) == 2
    assert not study_file(named.described, named.queue.folder).exists()
    wrong = make(text=f"{SPACE}storage: nonsense://x\n")
    with pytest.raises(InputError, match="Expected a storage that Optuna can open, but it says: .*; correct"):
        wrong.run(1)


def test_the_score_of_a_fold_is_of_its_networks_and_without_one_of_all_members(tmp_path: Path) -> None:
    assert fold_score(tmp_path, 0) is None
    history, predictions = tmp_path / "06_models/fold_0_history.csv", tmp_path / "07_model_output"
    history.parent.mkdir()
    history.write_text("model,epoch,test_like_macro_f1\na,1,0.4\na,2,0.6\na,3,0.5\nb,1,0.8\n")
    assert fold_score(tmp_path, 0) == pytest.approx(0.7)
    history.write_text("model,epoch,test_like_macro_f1\n")
    assert fold_score(tmp_path, 0) is None
    pages = [
        table.assign(render_id=table["image_id"] + "~" + table["copy"].astype(str), model=name)
        for name, table in (("a", votes(1.0)), ("b", votes(1.0)), ("c", votes(0.0)))
    ]
    predictions.mkdir()
    pd.concat(pages).to_parquet(predictions / "fold_0_oof_predictions.parquet")
    assert fold_score(tmp_path, 0) == 1.0


def test_a_search_of_another_space_wants_another_name(make: Make) -> None:
    make(text=SPACE.replace("trials: 9", "trials: 1")).run(1)
    assert len(tried(make(text=SPACE.replace("trials: 9", "trials: 2")).run(1))) == 2
    with pytest.raises(InputError, match="Expected the search `search` to go on with the space, .* another `name`"):
        make(text=SPACE.replace("[1, 3]", "[1, 4]")).run(1)
