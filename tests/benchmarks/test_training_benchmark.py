"""The benchmark of training wants little, and reads the rates of timm as timm tells them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "training.py"
ABSENT = ("kedro", "kedro_datasets", "omegaconf", "mlflow", "albumentations", "augraphy", "numba", "sklearn", "plotly")
LOADED = """
import runpy, sys
for name in {absent}:
    sys.modules[name] = None
import docsort.training.engine
runpy.run_path({script!r}, run_name="benchmark")
"""
TIMM = """
import sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert options["--model"] == "test_resnet", options
for epoch, rate in ((0, 5.0), (1, 40.0)):
    for step in (0, 1):
        print(f"Train: {epoch} [   {step}/2 (  0%)]  Loss: 2.8 (2.8)  Time: 0.1s,   99.00/s  "
              f"(0.1s, {rate + step:>7.2f}/s)  LR: 1.000e-03  Data: 0.1 (0.1)", file=sys.stderr)
"""


def test_neither_benchmark_nor_engine_wants_more_than_the_libraries_that_train(tmp_path: Path) -> None:
    code = LOADED.format(absent=ABSENT, script=str(SCRIPT))
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=120)


def test_the_rate_of_timm_is_what_its_log_tells_at_the_end_of_the_epochs_after_the_first(
    tmp_path: Path, load_benchmark: Callable[[str], ModuleType]
) -> None:
    bench, script = load_benchmark("training"), tmp_path / "train.py"
    script.write_text(TIMM)
    job = bench.Job("test_resnet", 32, 4, "cpu", 2, "32")
    assert bench.run_timm(job, script, tmp_path, bench.QUICK, tmp_path / "out", workers=1, threads=1) == 41
    # alone, or two of them side by side
    assert bench.timm_rate(job, script, tmp_path, bench.QUICK, tmp_path / "out") == 82


def test_a_timm_that_trains_too_little_is_no_yardstick(
    tmp_path: Path, load_benchmark: Callable[[str], ModuleType]
) -> None:
    bench, script = load_benchmark("training"), tmp_path / "train.py"
    script.write_text(TIMM.replace("(1, 40.0)", "(0, 40.0)"))
    job = bench.Job("test_resnet", 32, 4, "cpu", 1, "32")
    with pytest.raises(RuntimeError, match="to train, but it ended with 0"):
        bench.run_timm(job, script, tmp_path, bench.QUICK, tmp_path / "out", workers=1, threads=1)
