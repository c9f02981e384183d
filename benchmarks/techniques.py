"""What is each training technique worth? Changes one thing of the recipe at a time and puts the scores side by side.

    uv run python benchmarks/techniques.py --seeds 0 1 2 --params "sample.scale=1.0"
    uv run python benchmarks/techniques.py --variants mixup focal --params "raw_dir=../photos,layout=competition"
    uv run python benchmarks/techniques.py --quick

The variants stand in `techniques.yml` beside this file: changes of the parameters of the main member. For each seed the
project is run once up to the renders; then every variant is trained on the same first folds of the five, with the same
random numbers, and answers the pages that these folds hold out and, as an ensemble, the test images. A page's turns are
averaged; on test images so are the folds' models.

Differences are of macro-F1, variant less base, in [-1, 1], with 95 % intervals of a paired bootstrap by source group.
The judge is the test-like condition, out of fold. Over all seeds it is the mean of the seeds' differences. A technique
helps (hurts) when that mean's interval is above (below) zero and every seed's difference has the same sign; all else is
noise. The interval tells the luck of the pages, the seeds that of training: with one seed nothing is known about the
latter, and of forty variants that do nothing, one will look as if it helped. As everywhere in the project, a model's
best epoch is chosen on the pages that judge it, which favours what has more epochs to choose from; the test score is
free of that. Time is by the clock, of all epochs: read it only where nothing ran beside. An answer key is read when all
is trained and answered, for the table alone.

Everything is kept below --work, so a run that was killed goes on, and a second call trains only what is new.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from omegaconf import OmegaConf

from docsort.ensembling.assembly import assemble
from docsort.ensembling.decisions import Decisions
from docsort.ensembling.novelty import NoveltyIndex
from docsort.ensembling.votes import VotePlan
from docsort.errors import DocsortError, InputError, listing
from docsort.files import write_atomically
from docsort.folds import FOLD_COUNT
from docsort.images.dihedral import TURNS
from docsort.member_kinds import MAIN, merged, task_name
from docsort.members.checkpoints import Checkpoint
from docsort.members.fitting import fit
from docsort.members.member import Task
from docsort.members.prediction import predict
from docsort.members.splits import Split, join_judged, pages_to_judge, split_fold
from docsort.members.views import all_views, members_of
from docsort.metrics import macro_f1, mean_over_members, paired_bootstrap
from docsort.parameters import read
from docsort.reporting.answer_key import read_answer_key
from docsort.reporting.scores import join_answer_key
from docsort.specialists.routing import top_targets
from docsort.stores import Store, fingerprint
from docsort.training.kind import NetworkKind
from docsort.training.parameters import TrainingParameters
from docsort.work.executor import executor, stop_work
from project import QUICK_ENV, QUICK_ROOT, ROOT, open_project, run_project

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

VARIANTS_FILE = Path(__file__).with_name("techniques.yml")
BASE = "base"
KIND = NetworkKind()
NEEDS = ("sample", "pretrained")
ANSWERS_FILE = "answers.csv"
ANSWERS_VERSION = 3
"""Part of the key of kept answers: raise it when the same models would answer otherwise."""
ANSWERS = ("condition", "page", "group", "label", "predicted")
"""condition: clean, test_like or test; page: render or image id; label: missing for test until the key is joined."""
CONDITIONS = ("test_like", "clean", "test")
QUICK: dict[str, Any] = {
    "env": QUICK_ENV,
    "params": "members.main.epochs=1,members.main.patience=1",
    "seeds": [0],
    "variants": ["label_smoothing"],
    "folds": 1,
    "views": 1,
    "work": QUICK_ROOT,
}
END_INTERVAL_S = 0.2

Entry = Mapping[str, Any]
Delta = tuple[float, float, float]
"""Difference, and the low and high end of its interval."""


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


@dataclass(frozen=True)
class Answers:
    """table: ANSWERS, one row a page; seconds: of all epochs of all folds."""

    table: pd.DataFrame
    seconds: float


# Variants


def read_entries() -> dict[str, Entry]:
    """The entries of techniques.yml by name, in their order."""
    return as_mapping(OmegaConf.load(VARIANTS_FILE))


def as_mapping(config: Any) -> dict[str, Any]:
    container: Any = OmegaConf.to_container(config)
    return dict(container)


def applies(entry: Entry, sample: bool, pretrained: bool) -> bool:
    """Whether what the entry asks for with `only` is there. Raises InputError for a need that nobody knows."""
    asked = entry.get("only", [])
    needs = [asked] if isinstance(asked, str) else list(asked)
    unknown = [each for each in needs if each not in NEEDS]
    if unknown:
        raise InputError(f"Expected `only` to be of {listing(NEEDS)}, but got {listing(unknown)}; correct it.")
    return (sample or "sample" not in needs) and (pretrained or "pretrained" not in needs)


def multiply(group: Mapping[str, Any], factors: Mapping[str, Any]) -> dict[str, Any]:
    """The group with some of its numbers multiplied; whole ones stay whole. Raises InputError where there is none."""
    multiplied = dict(group)
    for name, factor in factors.items():
        value = multiplied.get(name)
        if isinstance(value, Mapping) and isinstance(factor, Mapping):
            multiplied[name] = multiply(value, factor)
        elif isinstance(value, int | float) and not isinstance(value, bool) and isinstance(factor, int | float):
            multiplied[name] = round(value * factor) if isinstance(value, int) else value * factor
        else:
            raise InputError(f"Expected `times` to name numbers, but {name} is {value!r} and its factor {factor!r}.")
    return multiplied


def make_recipe(name: str, entry: Entry, main: Mapping[str, Any]) -> TrainingParameters:
    """The group `members.main` changed as the entry says. Raises InputError for an entry that makes no recipe."""
    changes = {key: value for key, value in entry.items() if key not in ("only", "times")}
    return read(TrainingParameters, multiply(merged(main, changes), entry.get("times", {})), name)


def choose_recipes(
    entries: Mapping[str, Entry], wanted: Sequence[str] | None, main: Mapping[str, Any], sample: bool
) -> dict[str, TrainingParameters]:
    """The recipes to train by name, the base first: those wanted, or all, that apply to this data and these weights."""
    unknown = [name for name in wanted or () if name not in entries]
    if unknown:
        raise InputError(f"Expected --variants to be of {listing(entries, 99)}, but got {listing(unknown)}.")
    base = make_recipe(BASE, entries[BASE], main)
    fitting = {name: each for name, each in entries.items() if applies(each, sample, base.pretrained is not False)}
    chosen = [name for name in wanted or fitting if name in fitting and name != BASE]
    return {BASE: base} | {name: make_recipe(name, fitting[name], main) for name in chosen}


# Data


def prepare(data_root: Path, params: str, env: str | None) -> None:
    """Runs the project up to the renders, unless this very thing was done before. Exits where the run fails."""
    note, asked = data_root / "prepared.json", {"params": params, "env": env}
    if note.is_file() and json.loads(note.read_text()) == asked:
        return
    run_project(data_root, params, env, "--pipelines", "ingestion,cleaning,augmentation")
    write_atomically(note, json.dumps(asked).encode())


def load_data(context: "KedroContext", seed: int) -> Data:
    quality = context.config_loader["parameters"]["augmentation"]["jpeg_quality"]
    names = [name for name in Data.__annotations__ if name not in ("seed", "jpeg_quality")]
    return Data(seed, quality, *(context.catalog.load(name) for name in names))


# Answers


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


# Scores


def with_truth(answers: Answers, truth: pd.DataFrame | None) -> Answers:
    """The answers with the labels of the test pages, or without the test pages where there is no key."""
    is_test = answers.table["condition"] == "test"
    judged = answers.table[~is_test]
    if truth is not None and is_test.any():
        test = answers.table[is_test]
        submission = pd.DataFrame({"ID": test["page"], "target": test["predicted"]})
        labels = join_answer_key(submission, truth)["label"].astype("Int64")
        judged = pd.concat([judged, test.assign(label=labels.to_numpy())], ignore_index=True)
    return Answers(judged, answers.seconds)


def of_condition(table: pd.DataFrame, condition: str) -> pd.DataFrame:
    return table[table["condition"] == condition]


def score(table: pd.DataFrame, condition: str) -> float:
    own = of_condition(table, condition)
    return macro_f1(own["label"].astype(int), own["predicted"])


def compare(base: pd.DataFrame, variant: pd.DataFrame, condition: str) -> Delta:
    """What the variant scores more than the base on the same pages. Raises InputError where they are not the same."""
    ours, theirs = (of_condition(table, condition).sort_values("page") for table in (base, variant))
    if ours["page"].tolist() != theirs["page"].tolist():
        raise InputError("Expected both variants to have answered the same pages; delete the kept answers.")
    return paired_bootstrap(ours["label"].astype(int), ours["predicted"], theirs["predicted"], ours["group"])


def put_together(tables: Mapping[int, pd.DataFrame], pages_differ: bool) -> pd.DataFrame:
    """The answers of all seeds as one table whose macro-F1 is the mean of the seeds': each seed's classes are classes
    of their own. Groups of one name are drawn together, unless each seed has drawn pages of its own.
    """
    span = 1 + max(int(table[["label", "predicted"]].max().max()) for table in tables.values())
    parts = []
    for place, (seed, table) in enumerate(tables.items()):
        moved = {name: table[name] + place * span for name in ("label", "predicted")}
        group = f"{seed}/" + table["group"] if pages_differ else table["group"]
        parts.append(table.assign(page=f"{seed}/" + table["page"], group=group, **moved))
    return pd.concat(parts, ignore_index=True)


def verdict(deltas: Sequence[float], low: float, high: float) -> str:
    """helps | hurts | noise, from every seed's difference and the interval of their mean, all on test-like pages."""
    if low > 0 and all(delta > 0 for delta in deltas):
        return "helps"
    if high < 0 and all(delta < 0 for delta in deltas):
        return "hurts"
    return "noise"


def summarise(found: Mapping[int, Mapping[str, Answers | None]], pages_differ: bool) -> dict[str, dict[str, Any]]:
    """The figures of every variant, JSON-able; found: by seed and variant, with truth. The base has its own scores.

    A variant that diverged at any seed has none: a mean over the lucky seeds would flatter it.
    """
    bases = {seed: answers[BASE] for seed, answers in found.items()}
    good = {seed: base for seed, base in bases.items() if base is not None}
    if len(good) < len(bases):
        raise InputError("Expected the base to be trained at every seed, but it diverged; lower its learning rate.")
    conditions = [each for each in CONDITIONS if all((base.table["condition"] == each).any() for base in good.values())]
    scores = {each: {str(seed): score(base.table, each) for seed, base in good.items()} for each in conditions}
    figures: dict[str, dict[str, Any]] = {BASE: {"scores": scores, "seconds": sum(b.seconds for b in good.values())}}
    for name in next(iter(found.values())):
        if name == BASE:
            continue
        answers = {seed: own for seed in found if (own := found[seed][name]) is not None}
        if len(answers) < len(found):
            diverged = [seed for seed in found if seed not in answers]
            figures[name] = {"verdict": "diverged", "diverged_at": diverged}
        else:
            figures[name] = _against(good, answers, conditions, pages_differ)
    return figures


def _against(
    bases: Mapping[int, Answers], variants: Mapping[int, Answers], conditions: Sequence[str], pages_differ: bool
) -> dict[str, Any]:
    """Of each condition the differences by seed and their mean; times: seconds over the base's; the verdict."""
    figures: dict[str, Any] = {}
    for condition in conditions:
        tables = [{s: of_condition(own.table, condition) for s, own in each.items()} for each in (bases, variants)]
        seeds = {str(seed): compare(tables[0][seed], tables[1][seed], condition) for seed in bases}
        both = [put_together(each, pages_differ) for each in tables]
        figures[condition] = {"seeds": seeds, "mean": compare(both[0], both[1], condition)}
    seconds = [sum(own.seconds for own in each.values()) for each in (bases, variants)]
    judge = figures["test_like"]
    decided = verdict([delta for delta, _, _ in judge["seeds"].values()], *judge["mean"][1:])
    return {**figures, "seconds": seconds[1], "times": seconds[1] / seconds[0], "verdict": decided}


# Table


def table_of(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown: the scores of the base, then what each variant changes of them."""
    base = figures[BASE]["scores"]
    seeds = list(base["test_like"])
    head = ["variant", *(f"test-like, seed {seed}" for seed in seeds), "test-like, mean", "clean", "test", "time"]
    rows = [[*head, "verdict"], ["---"] * (len(head) + 1)]
    others = [f"{_mean(base[each].values()):.3f}" if each in base else "–" for each in CONDITIONS]
    own = [f"{base['test_like'][seed]:.3f}" for seed in seeds]
    rows.append([BASE, *own, *others, f"{figures[BASE]['seconds']:.0f} s", ""])
    for name, row in figures.items():
        if name != BASE:
            rows.append([name, *_cells(row, seeds), row["verdict"]])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cells(row: Mapping[str, Any], seeds: Sequence[str]) -> list[str]:
    if "diverged_at" in row:
        return ["diverged" if int(seed) in row["diverged_at"] else "–" for seed in seeds] + ["–"] * 4
    judge = row["test_like"]
    others = [f"{row[each]['mean'][0]:+.3f}" if each in row else "–" for each in CONDITIONS[1:]]
    return [*(_interval(judge["seeds"][s]) for s in seeds), _interval(judge["mean"]), *others, f"×{row['times']:.2f}"]


def _interval(delta: Sequence[float]) -> str:
    return f"{delta[0]:+.3f} [{delta[1]:+.3f}, {delta[2]:+.3f}]"


def _mean(values: Any) -> float:
    numbers = list(values)
    return float(sum(numbers) / len(numbers))


# The whole


def measure(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Trains what is not kept, seed by seed, and scores all of it."""
    entries = read_entries()
    found: dict[int, dict[str, Answers | None]] = {}
    locations: dict[int, dict[str, Any]] = {}
    sample = False
    for seed in options.seeds:
        data_root = options.work / f"seed_{seed}"
        params = ",".join(part for part in (options.params, f"seed={seed}") if part)
        context = open_project(f"{params},data_root={data_root}", options.env)
        logging.getLogger("docsort").setLevel(logging.WARNING)  # Kedro has just set it lower
        parameters = context.config_loader["parameters"]
        sample = parameters["source"]["layout"] == "sample"
        # Before the data, so that a wrong name costs no time.
        recipes = choose_recipes(entries, options.variants, parameters["members"][MAIN], sample)
        prepare(data_root, params, options.env)
        turns = TURNS[: options.views]
        found[seed] = answer_variants(load_data(context, seed), recipes, options.folds, turns, options.work)
        locations[seed] = context.catalog.load("raw_location")
    # Everything is trained and answered: from here on the key may be known.
    for seed, answers in found.items():
        truth = read_answer_key(locations[seed])
        found[seed] = {name: own and with_truth(own, truth) for name, own in answers.items()}
    return summarise(found, pages_differ=sample)


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", default="", help="for kedro run, apart from seed and data_root")
    parser.add_argument("--env", help="for kedro run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", nargs="+", metavar="NAME", help="of techniques.yml; all that apply by default")
    parser.add_argument("--folds", type=int, default=2, choices=range(1, FOLD_COUNT + 1), help="trained of the five")
    parser.add_argument("--views", type=int, default=len(TURNS), choices=(1, len(TURNS)), help="turns of a page")
    parser.add_argument("--work", type=Path, default=ROOT / "data/techniques", help="folder that all is kept in")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it runs")
    options = parser.parse_args(arguments)
    if options.quick:
        parser.set_defaults(**QUICK)
        options = parser.parse_args(arguments)
    options.seeds = list(dict.fromkeys(options.seeds))
    options.work = options.work.resolve()
    options.json = options.json and options.json.resolve()
    return options


def main() -> None:
    options = read_options()
    os.chdir(ROOT)  # where the paths of --params begin for kedro run too
    try:
        figures = measure(options)
    except DocsortError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit("Stopped; the same command goes on from here.") from None
    print(table_of(figures))
    if options.json:
        asked = {name: getattr(options, name) for name in ("params", "env", "seeds", "folds", "views")}
        options.json.write_text(json.dumps({**asked, "variants": figures}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
elif __name__ == "__mp_main__":  # a worker, whose epochs are not told: one line a variant is enough
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
