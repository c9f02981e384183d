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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from technique_answers import Data, answer_variants
from technique_scores import BASE, Answers, summarise, table_of, with_truth

from docsort.errors import DocsortError, InputError, listing
from docsort.files import write_atomically
from docsort.folds import FOLD_COUNT
from docsort.images.dihedral import TURNS
from docsort.member_kinds import MAIN, merged
from docsort.parameters import read
from docsort.reporting.answer_key import read_answer_key
from docsort.training.parameters import TrainingParameters
from project import QUICK_ENV, QUICK_ROOT, ROOT, open_project, run_project

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

VARIANTS_FILE = Path(__file__).with_name("techniques.yml")
NEEDS = ("sample", "pretrained")
QUICK: dict[str, Any] = {
    "env": QUICK_ENV,
    "params": "members.main.epochs=1,members.main.patience=1",
    "seeds": [0],
    "variants": ["label_smoothing"],
    "folds": 1,
    "views": 1,
    "work": QUICK_ROOT,
}

Entry = Mapping[str, Any]


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
