"""The benchmark of the renderer runs and writes what it promises; what it measures is for a person to judge."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "rendering.py"
FIGURES = (
    "efficiency_per_core",
    "speedup_2_cores",
    "machine_speedup_2_cores",
    "speedup_over_machine",
    "rss_ratio_50k_over_5k",
    "over_plain_loop",
)


@pytest.mark.slow
def test_the_quick_benchmark_writes_every_figure_and_leaves_nothing_behind(tmp_path, monkeypatch):
    temporary, file = tmp_path / "temporary", tmp_path / "rendering.json"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    command = [sys.executable, str(SCRIPT), "--quick", "--json", str(file)]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=600)
    found = json.loads(file.read_text())
    for name in FIGURES:
        assert 0 < found[name] < 100, name
    assert set(found["renders_per_second"]) == {"one_worker", "two_workers", "all_workers", "bare", "plain_loop"}
    assert found["memory"]["many"]["renders"] == 3 * found["memory"]["few"]["renders"]
    assert found["machine"]["cores"] >= 1
    assert list(temporary.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rendering.json", "temporary"]
