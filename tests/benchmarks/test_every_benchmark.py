"""Every script in benchmarks/ runs whole in its quick form; what it measures is for a person to judge.

Some read a finished run. Alone their quick form makes one, in the environment `smoke`; here it is handed to them.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from kedro_command import ROOT, Run

from docsort.reporting.label_gains import LABEL_GAINS

Figures = dict[str, Any]

SOURCES = {path.stem: path.read_text() for path in (ROOT / "benchmarks").glob("*.py")}
SCRIPTS = sorted(name for name, text in SOURCES.items() if "__main__" in text and "# /// script" not in text)
"""Without those that have an environment of their own: another script calls them."""


def of_class_counts(figures: Figures) -> None:
    (row,) = figures["rows"]
    assert (row["classes"], row["way"]) == (2, "quick")
    assert 0 <= row["true"] <= 1
    assert row["page_steps"] > 0


def of_duplicates(figures: Figures) -> None:
    assert set(figures["recall"]) == {"stored again", "turned", "cropped", "cropped and turned"}
    assert (figures["images"], figures["copies_a_kind"]) == (2 * 6 * 17 + 4 * 3, 3)
    assert set(figures["seconds"]) == {"measuring", "searching"}


def of_experiments(figures: Figures) -> None:
    assert [row["workers"] for row in figures["rounds"]] == [1, 2]
    assert figures["speed_up"] > 0
    killed = figures["killed"]
    assert killed["kept"] == killed["finished"] >= 1
    assert (killed["all"], killed["again"], killed["orphans"]) == (3, 0, 0)


def of_executors(figures: Figures) -> None:
    assert set(figures) == {"local", "ray"}
    for found in figures.values():
        assert found["rounds"] == [found["median"]]
        assert set(found["median"]) == {"one_by_one_ms", "at_once_ms", "training_s"}
        assert all(value > 0 for value in (found["start_s"], *found["median"].values()))


def of_faults(figures: Figures) -> None:
    assert figures["noticed"] == figures["damages"]
    assert [(row["fault"], row["tried"], row["equal"]) for row in figures["faults"]] == [
        ("kill", 1, 1),
        ("data_root is a file", 1, 1),
    ]
    assert all(row[name] == 0 for row in figures["faults"] for name in ("hang", "silent", "left"))


def of_forecast(figures: Figures) -> None:
    (run,) = figures["runs"]
    assert run["gap"] == pytest.approx(run["forecast"] - run["test"]) == figures["largest_gap"] == figures["mean_gap"]
    tried = figures["relabelled"]
    assert [(row["kind"], row["wrong"], len(row["trials"])) for row in tried] == [
        ("uniform", 0.1, 1),
        ("alike", 0.1, 1),
    ]
    assert all(row["told"] == pytest.approx(row["given"] + row["label_noise"]) for row in tried)


def of_hostile_requests(figures: Figures) -> None:
    assert sum(figures["by_status"].values()) == figures["requests"] == 38
    assert figures["leaks"] == figures["failures"] == []
    assert figures["tracebacks_in_log"] == 0
    assert figures["by_kind"]["other page 403"] == figures["by_kind"]["other host 400"] == 2


def of_inference(figures: Figures) -> None:
    (model,) = figures["models"].values()
    assert figures["pages_over_forwards"] == model["pages_over_forwards"] > 0
    assert len(model["rounds"]) == 1
    assert 1 <= figures["test"]["chosen_forwards"] <= figures["test"]["all_forwards"]


def of_label_fixes(figures: Figures) -> None:
    (run,) = figures["runs"]
    assert run["fixed"] >= 1
    assert (run["test_gain"], run["test_before"]) == ([0, 0, 0], run["test_after"])


def of_label_issues(figures: Figures) -> None:
    (row,) = figures["sets"]
    assert (row["images"], row["planted"]) == (6 * 17, 10)
    (mean,) = figures["means"]
    assert mean["average_precision"] == row["average_precision"] == mean["lowest"] == mean["highest"]


def of_ladder(figures: Figures) -> None:
    ((ladder,),) = figures.values()
    names = list(ladder)
    assert (names[0], names[-1]) == ("one fold", "the old way")


def of_leaky_validation(figures: Figures) -> None:
    assert all(0 <= figures[name] <= 1 for name in ("validation", "test", "test_tta", "shared_sources"))
    assert figures["overstated"] == pytest.approx(figures["validation"] - figures["test"])
    assert figures["best_epoch"] == 1


def of_many_pages(figures: Figures) -> None:
    assert figures["same"] == {"1 actors": True, "killed": True}
    assert figures["killed"]["anew"] == 0
    assert all(row["pages"] == 24 and row["peak_mb"] > 0 for row in figures["rows"].values())


def of_page_costs(figures: Figures) -> None:
    costs = figures["ms_per_page"]
    assert costs["all, here"] > costs["answer"] > costs["decode"] > 0
    assert costs["all, bucket"] > costs["fetch bucket"] > 0


def of_queueing(figures: Figures) -> None:
    assert [row["servers"] for row in figures["plan"]] == [1, 5]
    for row in figures["check"]:
        assert row["there"] == pytest.approx(row["little"], rel=0.05)
        assert row["mean_wait"] == pytest.approx(row["theory_mean_wait"], rel=0.6)


def of_peers(figures: Figures) -> None:
    assert figures["peer"] == "probe"
    assert all(0 <= figures[name] <= 1 for name in ("told", "true"))
    assert (figures["train_photos"], figures["test_photos"]) == (6 * 17, 6 * 17)


def of_reading(figures: Figures) -> None:
    (run,) = figures.values()
    (nothing, *rows), alone = run["rows"], run["alone"]
    assert len(rows) == 5 * 6
    assert (
        (nothing["share"], nothing["told"]["delta"]) == (nothing["true"]["mended"], nothing["true"]["broken"]) == (0, 0)
    )
    assert alone["told"]["delta"] == pytest.approx(alone["told"]["macro_f1"] - nothing["told"]["macro_f1"])
    assert all(0 <= row["true"][name] <= 1 for row in rows for name in ("macro_f1", "certificates"))


def of_rendering(figures: Figures) -> None:
    ratios = ("efficiency_per_core", "speedup_2_cores", "machine_speedup_2_cores", "speedup_over_machine")
    assert all(figures[name] > 0 for name in (*ratios, "rss_ratio_50k_over_5k", "over_plain_loop"))
    assert set(figures["renders_per_second"]) == {"one_worker", "two_workers", "all_workers", "bare", "plain_loop"}
    assert figures["memory"]["many"]["renders"] == 3 * figures["memory"]["few"]["renders"]


def of_streaming(figures: Figures) -> None:
    (row,) = figures["rows"]
    assert row["pages"] == 8
    assert row["peak_mb"] > row["peak_main_mb"] > 0
    assert figures["growth"] == 0


def of_search(figures: Figures) -> None:
    grid, search = figures["rows"]
    assert (grid["way"], grid["finished"], grid["ended"]) == ("grid", 3, 0)
    assert search["way"] == "search"
    assert 0 < search["seconds"] <= grid["seconds"]
    assert all(0 < row[name] < 1 for row in (grid, search) for name in ("chosen", "judged", "chosen_true"))


def of_servers(figures: Figures) -> None:
    assert [(row["server"], row["clients"]) for row in figures["servers"]] == [
        ("loop", 1),
        ("at once", 1),
        ("docsort", 2),
    ]
    assert all(row["pages_per_s"] > 0 for row in figures["servers"])


def of_runtimes(figures: Figures) -> None:
    names = {"torch", "fp32", "int8 dynamic", "int8 static"}
    assert {name.partition(", ")[0] for name in figures["speed"]} == set(figures["loss"]) == names
    assert all(row["per_cpu_second"] > 0 for row in figures["speed"].values())
    assert figures["loss"]["fp32"]["largest_difference"] < 1e-4
    assert figures["loss"]["fp32"]["same_answers"] == figures["speed"]["torch, 1"]["over_torch"] == 1


def of_techniques(figures: Figures) -> None:
    variants = figures["variants"]
    assert set(variants) == {"base", "label_smoothing"}
    assert set(variants["base"]["scores"]) == {"test_like", "clean", "test"}
    assert variants["label_smoothing"]["verdict"] in {"helps", "hurts", "noise"}


def of_training(figures: Figures) -> None:
    (model,) = figures["models"].values()
    assert all(model[f"engine_over_{name}"] > 0 for name in ("ceiling", "plain_loop"))
    assert model["engine_over_timm"] is None
    assert model["images_per_s"]["engine_whole"] > 0


def of_watch(figures: Figures) -> None:
    still, moved = figures["rows"]
    assert (still["move"], moved["move"], still["pages"]) == (0.0, 2.0, 30)
    assert still["told"] < moved["told"] == 1.0


WRITTEN: dict[str, Callable[[Figures], None]] = {
    "class_counts": of_class_counts,
    "duplicates": of_duplicates,
    "experiments": of_experiments,
    "executors": of_executors,
    "faults": of_faults,
    "forecast": of_forecast,
    "hostile_requests": of_hostile_requests,
    "inference": of_inference,
    "label_fixes": of_label_fixes,
    "label_issues": of_label_issues,
    "ladder": of_ladder,
    "leaky_validation": of_leaky_validation,
    "many_pages": of_many_pages,
    "page_costs": of_page_costs,
    "peers": of_peers,
    "queueing": of_queueing,
    "reading": of_reading,
    "rendering": of_rendering,
    "search": of_search,
    "servers": of_servers,
    "streaming": of_streaming,
    "runtimes": of_runtimes,
    "techniques": of_techniques,
    "training": of_training,
    "watch": of_watch,
}
"""What the file of a benchmark's figures must hold."""

READS_A_RUN = (
    *("class_counts", "forecast", "hostile_requests", "inference", "label_fixes", "ladder", "reading", "servers"),
    "techniques",
)


SLOW = ("executors", "many_pages", "page_costs")
"""These start servers and a cluster of their own, which takes longer than what they measure."""


def hand_over(root: Path, name: str, bench: ModuleType) -> list[str]:
    """The options by which a benchmark takes the finished run `root`, whose seed is 0."""
    if name == "techniques":
        note = {"params": f"{bench.QUICK['params']},seed=0", "env": "smoke"}
        (root / "prepared.json").write_text(json.dumps(note))
    if name == "class_counts":
        folder = root.parent / name
        folder.mkdir()
        for link in ("sample_0.05", "2_of_24_0_quick"):
            (folder / link).symlink_to(root)
    if name == "label_fixes":
        repeat(root, root.parent / name / "seed_0")
    return {
        "class_counts": ["--data-root", str(root.parent / name)],
        "forecast": ["--data-root", str(root.parent)],
        "hostile_requests": ["--ensemble", str(root / "06_models/ensemble")],
        "inference": ["--data-root", str(root)],
        "label_fixes": ["--data-root", str(root.parent / name)],
        "ladder": ["--runs", str(root)],
        "reading": ["--runs", str(root)],
        "servers": ["--ensemble", str(root / "06_models/ensemble")],
        "techniques": ["--work", str(root.parent)],
    }[name]


def repeat(root: Path, folder: Path) -> None:
    """In `folder` the run `root`, and after the labels were corrected the same again."""
    (folder / "data/08_reporting").mkdir(parents=True)
    (folder / "data/01_raw").symlink_to(root / "01_raw")
    for when in ("before", "after"):
        (folder / f"submission_{when}.csv").symlink_to(root / "07_model_output/submission.csv")
    pd.DataFrame([dict.fromkeys(LABEL_GAINS, 0.0)]).to_csv(folder / "data/08_reporting/label_gains.csv", index=False)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in SCRIPTS]
)
def test_the_quick_form_writes_its_figures_and_leaves_nothing_behind(
    name: str,
    load_benchmark: Callable[[str], ModuleType],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    bench, file, temporary = load_benchmark(name), tmp_path / "figures.json", tmp_path / "temporary"
    options = []
    if name in READS_A_RUN:
        smoke_run: Run = request.getfixturevalue("smoke_run")
        options = hand_over(smoke_run.data_root, name, bench)
        # A worker that has imported torch serves the next one, too.
        monkeypatch.setattr(bench, "stop_work", lambda: None, raising=False)
    else:
        request.getfixturevalue("own_workers")
        monkeypatch.setenv("DOCSORT_WORKERS", "1")
    if name == "executors":
        request.getfixturevalue("on_ray")  # whose cluster it joins
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--quick", "--json", str(file), *options])
    monkeypatch.chdir(tmp_path)
    bench.main()
    WRITTEN[name](json.loads(file.read_text()))
    assert list(temporary.glob("docsort*")) == []


def test_no_benchmark_is_without_its_quick_form() -> None:
    assert sorted(WRITTEN) == SCRIPTS
