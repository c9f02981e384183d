"""The benchmark of training runs and writes what it promises; what it measures is for a person to judge."""

import json
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.slow
def test_the_quick_benchmark_writes_every_figure_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, file, script = tmp_path / "temporary", tmp_path / "training.json", tmp_path / "train.py"
    temporary.mkdir()
    script.write_text(TIMM)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("DOCSORT_TIMM_SCRIPT", str(script))
    command = [sys.executable, str(SCRIPT), "--quick", "--models", "test_resnet@32x4", "--json", str(file)]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=600)
    found = json.loads(file.read_text())
    (model,) = found["models"].values()
    for name in ("engine_over_ceiling", "engine_over_plain_loop", "engine_over_timm"):
        assert 0 < model[name] < 1000, name
    side_by_side = model["job"]["side_by_side"]
    assert model["images_per_s"]["timm"] == max(41, 41 * side_by_side)  # the last line of the second epoch
    assert set(model["images_per_s"]) == {"engine", "engine_whole", "ceiling", "plain_loop", "timm"}
    assert found["machine"]["cores"] >= 1
    # torch keeps an empty folder of its compiler there
    assert list(temporary.glob("docsort*")) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["temporary", "train.py", "training.json"]
