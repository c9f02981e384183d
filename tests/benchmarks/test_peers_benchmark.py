"""The peers get the job as it lies in the folder, and are judged by the key alone."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import timm
from PIL import Image


@pytest.fixture(scope="module")
def bench(load_benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return load_benchmark("peers")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos of the classes 3 and 8, and a key by which the second test photo is of class 8; listed out of order."""
    for split, names in (("train", ("b", "a", "f", "e")), ("test", ("d", "c"))):
        (tmp_path / split).mkdir()
        for name in names:
            Image.new("RGB", (30, 40), "white").save(tmp_path / split / f"{name}.png")
    (tmp_path / "train.csv").write_text("ID,target\nb.png,8\na.png,3\nf.png,3\ne.png,8\n")
    (tmp_path / "meta.csv").write_text("target,class_name\n3,letter\n8,bill\n")
    (tmp_path / "sample_submission.csv").write_text("ID,target\nd.png,0\nc.png,0\n")
    (tmp_path / "key.csv").write_text("ID,target\nc.png,8\nd.png,3\n")
    return tmp_path


def test_a_peer_gets_what_train_csv_says_and_its_answers_are_scored_by_the_key(
    bench: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = []

    def ask(job: object) -> object:
        jobs.append(job)
        return bench.Answer(0.25, np.array([3, 8]), 7)

    monkeypatch.setitem(bench.PEERS, "probe", ask)
    options = bench.read_options(["--peer", "probe", "--to", str(folder / "answers.csv"), "--minutes", "2"])
    figures = bench.measure(folder, folder / "key.csv", options)
    (job,) = jobs
    assert [Path(path).name for path in (*job.train, *job.test)] == [f"{name}.png" for name in "bafedc"]
    assert (job.labels.tolist(), job.minutes) == ([8, 3, 3, 8], 2)
    assert (figures["told"], figures["true"], figures["epochs"]) == (0.25, 1, 7)
    assert (folder / "answers.csv").read_text() == "ID,target\nd.png,3\nc.png,8\n"
    assert bench.measure(folder, None, options)["true"] is None


def test_autogluon_is_handed_the_job_and_its_answers_are_taken(
    bench: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: object) -> None:
        *_, place = command
        assert pd.read_csv(place / "train.csv").to_dict("list") == {"path": ["b", "a"], "target": [8, 3]}
        assert pd.read_csv(place / "test.csv").to_dict("list") == {"path": ["d"]}
        assert json.loads((place / "job.json").read_text()) == {"minutes": 2, "seed": 4}
        config = json.loads((place / "checkpoint/config.json").read_text())
        assert (config["input_size"], config["mean"], config["std"]) == ([3, 32, 32], [0.5] * 3, [0.25] * 3)
        weights = str(place / "checkpoint/pytorch_model.bin")
        net = timm.create_model(config["architecture"], num_classes=0, checkpoint_path=weights)  # as AutoGluon does
        assert net.num_features == config["num_features"]
        (place / "told.json").write_text('{"told": 0.25, "epochs": 7}')
        (place / "answers.csv").write_text("target\n8\n")

    monkeypatch.setattr(bench.subprocess, "run", run)
    how = ("mobilenetv3_small_050", None, (0.5, 0.25), 32, 2, 4)
    answer = bench.ask_autogluon(bench.Job(["b", "a"], np.array([8, 3]), ["d"], *how))
    assert (answer.told, answer.answers.tolist(), answer.epochs) == (0.25, [8], 7)


def test_autogluon_that_fails_is_one_sentence(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "AUTOGLUON_JOB", "no_such_script.py")
    how = ("mobilenetv3_small_050", None, None, 32, 2, 0)
    with pytest.raises(SystemExit, match="Expected AutoGluon to answer, .* but it did not .* Mend that"):
        bench.ask_autogluon(bench.Job(["b"], np.array([8]), ["d"], *how))


def test_the_answer_is_the_likeliest_class_in_the_mean_over_the_turns(bench: ModuleType) -> None:
    class Model:
        classes_ = np.array([3, 8])

        def predict_proba(self, turn: np.ndarray) -> np.ndarray:
            return np.column_stack([turn[:, 0], 1 - turn[:, 0]])

    turned = np.array([0.45, 0.45, 0.9])[:, None, None]
    assert bench.answer_turns(Model(), turned[:2]).tolist() == [8]
    assert bench.answer_turns(Model(), turned).tolist() == [3]


def test_a_package_that_is_missing_is_named_with_what_to_run(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bench.PACKAGES, "fastai", "no_such_package")
    monkeypatch.setattr("sys.argv", ["peers.py"])
    with pytest.raises(SystemExit, match="uv run --with no_such_package python benchmarks/peers.py --peer fastai"):
        bench.main()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--truth", "key.csv"], "--truth goes with --raw-dir"),
        (["--mean", "0.5"], "--mean and --std go together"),
        (["--minutes", "0"], "must be above 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    bench: ModuleType, given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench.read_options(given)
    assert said in capsys.readouterr().err


def test_the_probe_learns_photos_of_two_colours(bench: ModuleType, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = []
    for number in range(40):
        page = rng.integers(0, 60, (40, 30, 3), dtype=np.uint8)
        page[..., number % 2] += 190
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(page).save(paths[-1])
    labels = np.arange(40) % 2 * 5
    how = ("mobilenetv3_small_050", None, None, 32, 1, 0)
    answer = bench.ask_probe(bench.Job(paths[:30], labels[:30], paths[30:], *how))
    assert answer.answers.tolist() == labels[30:].tolist()
    assert answer.told == 1
