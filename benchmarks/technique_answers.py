"""What training techniques answer: every variant trained on the same folds, out of fold and on test images; kept.

Needs no Kedro: the tables of a run up to the renders are given.
"""

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from technique_scores import ANSWERS, BASE, Answers, score

from docsort.ensembling.assembly import assemble
from docsort.ensembling.decisions import Decisions
from docsort.ensembling.novelty import NoveltyIndex
from docsort.ensembling.votes import VotePlan
from docsort.errors import DocsortError
from docsort.files import write_atomically
from docsort.member_kinds import MAIN, task_name
from docsort.members.checkpoints import Checkpoint
from docsort.members.fitting import fit
from docsort.members.member import Task
from docsort.members.prediction import predict
from docsort.members.splits import Split, join_judged, pages_to_judge, split_fold
from docsort.members.views import all_views, members_of
from docsort.metrics import mean_over_members
from docsort.specialists.routing import top_targets
from docsort.stores import Store, fingerprint
from docsort.training.kind import NetworkKind
from docsort.training.parameters import TrainingParameters
from docsort.work.executor import executor, stop_work

KIND = NetworkKind()
ANSWERS_FILE = "answers.csv"
ANSWERS_VERSION = 3
"""Part of the key of kept answers: raise it when the same models would answer otherwise."""
END_INTERVAL_S = 0.2


@dataclass(frozen=True)
class Data:
    """What one seed's run up to the renders left on disk."""

    seed: int
    jpeg_quality: int  # 1 to 100
    folds: pd.DataFrame
    classes: pd.DataFrame
    training_renders: pd.DataFrame
    validation_renders: pd.DataFrame
    images: pd.DataFrame
    photos: pd.DataFrame
    clean_images: pd.DataFrame


def answer_variants(
    data: Data, recipes: Mapping[str, TrainingParameters], folds: int, turns: Sequence[int], work: Path
) -> dict[str, Answers | None]:
    """What every variant answers, trained where it is not kept; None where the training diverged.

    Trainings run side by side, one a worker.
    """
    kept = Store(work / "answers")
    tables = (data.folds, data.training_renders, data.validation_renders)
    splits = [split_fold(fold, *tables, data.classes["target"].tolist()) for fold in range(folds)]
    tasks = {name: [_task(split, recipe, data.seed) for split in splits] for name, recipe in recipes.items()}
    keys = {name: _answers_key(data, tasks[name], turns) for name in recipes}
    found: dict[str, Answers | None] = {}
    running: dict[str, list[Future[tuple[Checkpoint, pd.DataFrame]]]] = {}
    threads = ThreadPoolExecutor(executor().workers, thread_name_prefix="fold")
    try:
        for name, key in keys.items():
            # Variants that come to the same recipe are trained once.
            if kept.record(key) is None and key not in running:
                running[key] = [threads.submit(_answer, data, task, turns, work) for task in tasks[name]]
        for name, key in keys.items():
            is_new = kept.record(key) is None
            found[name] = _finish(data, running[key], turns, work, key) if is_new else read_kept(kept, key)
            print(_progress(data.seed, name, found, is_new), flush=True)
    except BaseException:
        _end([future for futures in running.values() for future in futures])
        raise
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
    return found


def _task(split: Split, recipe: TrainingParameters, seed: int) -> Task:
    """As the pipeline makes it, whose random numbers go by this name."""
    return KIND.task(task_name(MAIN, split.fold), split, recipe, seed)


def _answers_key(data: Data, tasks: Sequence[Task], turns: Sequence[int]) -> str:
    test = data.images.loc[data.images["split"] == "test", ["image_id", "sha256"]]
    return fingerprint(ANSWERS_VERSION, [task.key() for task in tasks], list(turns), test, data.jpeg_quality)


def _answer(data: Data, task: Task, turns: Sequence[int], work: Path) -> tuple[Checkpoint, pd.DataFrame]:
    """The trained network, and its predictions of what the fold holds out."""
    checkpoint, parameters, fold = fit(task, Store(work / "checkpoints")), task.parameters, task.split.fold
    pages = pages_to_judge(checkpoint, task.name, fold, data.folds, data.validation_renders)
    store = Store(work / "predictions")
    return checkpoint, predict(KIND, checkpoint, pages, all_views(tuple(turns)), MAIN, store, parameters.device)


def _finish(
    data: Data, futures: Sequence["Future[tuple[Checkpoint, pd.DataFrame]]"], turns: Sequence[int], work: Path, key: str
) -> Answers | None:
    """Waits for a variant's folds, has the test images answered, and keeps all answers."""
    try:
        parts = [future.result() for future in futures]
    except DocsortError as error:
        from docsort.training.module import TrainingError  # torch is loaded here only where its error came from there

        if not isinstance(error, TrainingError):
            raise
        print(error, file=sys.stderr)
        return None
    checkpoints, store = [checkpoint for checkpoint, _ in parts], Store(work / "answers")
    tables = [answers_out_of_fold(data, [held_out for _, held_out in parts])]
    if (data.photos["split"] == "test").any():
        tables.append(answers_on_test(data, checkpoints, turns, work, store.folder(key) / "ensemble"))
    table = pd.concat([each.astype({"label": "Int64"}) for each in tables], ignore_index=True)
    answers = Answers(table, float(sum(own.read_history()["seconds"].sum() for own in checkpoints)))
    keep(store, key, answers)
    return answers


def answers_out_of_fold(data: Data, held_out: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """ANSWERS of one model to each page, the one that held it out."""
    means = mean_over_members(members_of(join_judged(data.folds, held_out)))
    return means.assign(page=means["render_id"], predicted=top_targets(means))[list(ANSWERS)]


def answers_on_test(
    data: Data, checkpoints: Sequence[Checkpoint], turns: Sequence[int], work: Path, folder: Path
) -> pd.DataFrame:
    """ANSWERS of the ensemble of the folds' models, saved to the folder."""
    decisions = Decisions((MAIN,), all_views(tuple(turns)), VotePlan())
    general = [{MAIN: checkpoint} for checkpoint in checkpoints]
    none: list[Any] = [{}] * len(general)
    pages = (data.jpeg_quality, data.classes, data.clean_images["label"], data.images)
    ensemble = assemble(general, none, decisions, *pages, [NoveltyIndex((), np.zeros(0))] * len(general), 1.0).save(
        folder
    )
    photos = data.photos[data.photos["split"] == "test"]
    names = photos["image_id"].astype(str).tolist()
    answers = ensemble.answer(photos["path"].tolist(), names, Store(work / "predictions"), in_workers=True)
    columns = {"condition": "test", "page": names, "group": names, "label": pd.NA, "predicted": answers["target"]}
    return pd.DataFrame(columns)


def keep(store: Store, key: str, answers: Answers) -> None:
    csv = answers.table.to_csv(index=False, lineterminator="\n").encode()
    write_atomically(store.folder(key) / ANSWERS_FILE, csv)
    store.complete(key, {"seconds": answers.seconds})


def read_kept(store: Store, key: str) -> Answers:
    text: dict[Any, Any] = {"page": str, "group": str, "label": "Int64"}
    table = pd.read_csv(store.folder(key) / ANSWERS_FILE, dtype=text, keep_default_na=False, na_values={"label": [""]})
    return Answers(table, float((store.record(key) or {})["seconds"]))


def _end(futures: Sequence["Future[Any]"]) -> None:
    """Drops what has not begun and ends the workers until the rest is over, as a thread may start new ones."""
    for future in futures:
        future.cancel()
    pending = set(futures)
    while pending:
        stop_work()
        pending = wait(pending, timeout=END_INTERVAL_S).not_done


def _progress(seed: int, name: str, found: Mapping[str, Answers | None], is_new: bool) -> str:
    """The line of one variant; the key is not read for it."""
    answers, base = found[name], found[BASE]
    if answers is None:
        return f"seed {seed}  {name}: diverged"
    scores = {condition: score(answers.table, condition) for condition in ("test_like", "clean")}
    against = "" if base is None or name == BASE else f" ({scores['test_like'] - score(base.table, 'test_like'):+.3f})"
    trained = f"{answers.seconds:.0f} s" if is_new else "kept"
    return f"seed {seed}  {name}: test-like {scores['test_like']:.3f}{against}, clean {scores['clean']:.3f}, {trained}"
