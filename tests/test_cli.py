"""`kedro run` as Docsort has it: Kedro's options, our runner, one sentence for a mistake."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import psutil
import pytest
from click.testing import CliRunner, Result
from kedro.framework.cli.project import run as kedro_run
from kedro.io import DataCatalog
from kedro.io.core import DatasetError
from kedro.pipeline import Pipeline

from docsort.cli import DEFAULT_RUNNER, check_runner, cli, run, sentence_of
from docsort.errors import InputError

HEAVY = (
    "torch",
    "timm",
    "lightning",
    "mlflow",
    "scipy",
    "sklearn",
    "matplotlib",
    "plotly",
    "albumentations",
    "augraphy",
    "starlette",
    "uvicorn",
)


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What reaches Kedro's own `run`."""
    options: dict[str, Any] = {}
    monkeypatch.setattr(kedro_run, "callback", lambda **given: options.update(given))
    return options


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["run", *arguments])


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Result:
    def fail(**_: Any) -> None:
        raise error

    monkeypatch.setattr(kedro_run, "callback", fail)
    return ask()


def test_run_has_the_options_of_kedros_run() -> None:
    assert [param.opts for param in run.params] == [param.opts for param in kedro_run.params]


def test_the_default_runner_is_ours_and_kedros_command_is_left_as_it_was(received: dict[str, Any]) -> None:
    assert ask().exit_code == 0
    assert received["runner"] == DEFAULT_RUNNER
    assert {param.name: param.default for param in kedro_run.params}["runner"] != DEFAULT_RUNNER


def test_another_runner_may_be_asked_for(received: dict[str, Any]) -> None:
    ask("--runner", "SequentialRunner", "--runner-params", "max_workers=2")
    assert received["runner"] == "SequentialRunner"
    assert received["runner_params"] == {"max_workers": 2}


@pytest.mark.parametrize("option", ["--pipeline", "-p", "--pipelines"])
def test_all_spellings_of_pipeline_mean_the_same(received: dict[str, Any], option: str) -> None:
    ask(option, "train")
    assert (received["pipeline"], received["pipelines"]) == (None, ["train"])


def test_both_spellings_at_once_are_refused_as_kedro_does() -> None:
    result = ask("--pipeline", "train", "--pipelines", "predict")
    assert (result.exit_code, result.output) == (
        1,
        "Error: Options '--pipeline' and '--pipelines' cannot be used together\n",
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "raw_dir=/a,b/c",
            "Error: Expected --params to be name=value, parted by commas, but got 'b/c'; a value with a ",
        ),
        ("raw_dir=/a, =3", "Error: Expected --params to be name=value, parted by commas, but got ' =3'; "),
        ("data_root={a", "Error: Expected --params that YAML can read, but got 'data_root={a' ("),
        ("seed=" + "9" * 5000, "Error: Expected --params that YAML can read, but got '"),
    ],
    ids=lambda text: text[:20],
)
def test_params_that_cannot_be_read_are_one_sentence(text: str, sentence: str) -> None:
    result = ask("--params", text)
    assert result.exit_code == 1
    assert result.output.startswith(sentence)
    assert "conf/local/" in result.output


def test_a_path_may_have_an_equals_sign_braces_and_blanks_in_it(received: dict[str, Any]) -> None:
    ask("--params", "raw_dir=/a=b/c d,data_root=/x{y}")
    assert received["params"] == {"raw_dir": "/a=b/c d", "data_root": "/x{y}"}


def test_an_error_of_ours_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    result = fail_with(monkeypatch, InputError("Expected a folder, but got a file."))
    assert (result.exit_code, result.output) == (1, "Error: Expected a folder, but got a file.\n")


def test_an_unexpected_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ZeroDivisionError("division by zero")
    result = fail_with(monkeypatch, error)
    assert result.exception is error
    assert result.output == ""


def test_ctrl_c_has_the_exit_status_that_shells_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    result = fail_with(monkeypatch, KeyboardInterrupt())
    assert (result.exit_code, result.output) == (130, "Stopped.\n")


def test_a_terminated_run_ends_like_an_interrupted_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def terminate(**_: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(kedro_run, "callback", terminate)
    result = ask()
    assert (result.exit_code, result.output) == (128 + signal.SIGTERM, "Stopped.\n")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def failure_of(dataset: dict[str, Any]) -> DatasetError:
    """The error that Kedro's catalog raises when it loads the dataset."""
    with pytest.raises(DatasetError, match=r"^pages: ") as caught:
        DataCatalog.from_config({"pages": dataset}).load("pages")
    return caught.value


def test_a_dataset_that_was_never_written_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "pages.csv"
    assert sentence_of(failure_of({"type": "pandas.CSVDataset", "filepath": str(path)})) == (
        f"Expected dataset `pages` to be at {path}, but nothing is there; "
        "run the pipeline that writes it, or name a version that exists."
    )


def test_a_versioned_dataset_without_a_version_is_named(tmp_path: Path) -> None:
    dataset = {"type": "pandas.CSVDataset", "filepath": str(tmp_path / "pages.csv"), "versioned": True}
    assert sentence_of(failure_of(dataset)) == (
        "Expected a version of dataset `pages`, but there is none yet; run the pipeline that writes it."
    )


def test_an_error_of_ours_inside_a_dataset_is_told_as_it_is() -> None:
    inner, outer = DatasetError("Failed while loading"), DatasetError("pages: Failed while loading")
    inner.__cause__, outer.__cause__ = InputError("Expected a page, but got none."), inner
    assert sentence_of(outer) == "Expected a page, but got none."


def test_a_bug_inside_a_dataset_is_not_made_a_sentence() -> None:
    error = DatasetError("pages: Failed while loading")
    error.__cause__ = KeyError("target")
    assert sentence_of(error) is None


def test_a_node_that_does_not_exist_is_a_sentence_but_a_value_error_of_a_node_is_not() -> None:
    with pytest.raises(ValueError, match="does not contain nodes") as caught:
        Pipeline([]).filter(node_names=["nope"])
    told = sentence_of(caught.value)
    assert (
        told == "Expected names of nodes of the pipeline, but there is no nope; `kedro viz` shows all that there are."
    )
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("nope")
    assert sentence_of(caught.value) is None


@pytest.mark.parametrize("name", ["nope.Runner", "NopeRunner", "docsort.runners.Nope"])
def test_a_runner_that_there_is_not_is_one_sentence(name: str) -> None:
    with pytest.raises(InputError, match=f"Expected --runner to be a class of Kedro's runners.* but got '{name}'"):
        check_runner(name)
    check_runner("SequentialRunner")


def test_the_command_line_imports_nothing_heavy() -> None:
    code = "import sys, docsort.cli, docsort.hooks, docsort.runners; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(HEAVY) & set(loaded)


PROJECT = {
    "pyproject.toml": """
[tool.kedro]
package_name = "tiny"
project_name = "Tiny"
kedro_init_version = "1.7.0"
""",
    "src/tiny/__init__.py": "",
    "src/tiny/cli.py": "from docsort.cli import cli, run\n",
    "src/tiny/settings.py": """
from docsort.hooks import ParameterHooks, TrackingHooks

HOOKS = (ParameterHooks(), TrackingHooks())
""",
    "src/tiny/pipeline_registry.py": """
import time

from docsort.errors import InputError
from docsort.work.executor import run
from kedro.pipeline import Pipeline, node


def refuse():
    raise InputError("Expected a folder [of photos], but got a file.")


def divide():
    return 1 / 0


def sleep():
    print("sleeping", flush=True)
    run(time.sleep, 60)


def register_pipelines():
    functions = (refuse, divide, sleep)
    return {f.__name__: Pipeline([node(f, None, "out", name=f.__name__)]) for f in functions}
""",
    "conf/base/parameters.yml": "cross_validation: {folds: 3}\n",
    "conf/base/catalog.yml": "{}\n",
    "conf/local/.gitkeep": "",
    ".telemetry": "consent: false\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    logging = Path(__file__).parents[1] / "conf" / "logging.yml"
    (tmp_path / "conf" / "logging.yml").write_bytes(logging.read_bytes())
    return tmp_path


def kedro(project: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kedro", "run", *arguments],
        cwd=project,
        env={**os.environ, "DOCSORT_TRACKING": "off", "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--pipeline", "refuse"), "Error: Expected a folder [of photos], but got a file."),
        (("--params", "cross_valdation.folds=4"), "but got cross_valdation; did you mean cross_validation?"),
        (
            ("--pipeline", "refus"),
            "Error: Expected the name of a pipeline, one of refuse, divide, sleep, but got 'refus'.",
        ),
        (("--runner", "nope.Runner"), "Error: Expected --runner to be a class of Kedro's runners"),
        (("--runner-params", "max_workers=x"), "Error: Expected max_workers of --runner-params to be a whole number"),
    ],
)
def test_a_mistake_is_answered_with_one_sentence(project: Path, arguments: tuple[str, ...], sentence: str) -> None:
    process = kedro(project, *arguments)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert output.count(sentence) == 1
    assert "Traceback" not in output
    assert "arning" not in output


@pytest.mark.slow
def test_a_bug_is_answered_with_its_traceback(project: Path) -> None:
    process = kedro(project, "--pipeline", "divide")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "return 1 / 0" in output
    assert output.rstrip().endswith("ZeroDivisionError: division by zero")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("send", "number"), [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM), (os.killpg, signal.SIGHUP)]
)
def test_ctrl_c_and_the_like_end_a_run_and_its_workers_at_once(
    project: Path, send: Callable[[int, int], None], number: int
) -> None:
    process = kedro(project, "--pipeline", "sleep")
    assert process.stdout is not None
    for line in process.stdout:
        if "sleeping" in line:
            break
    send(process.pid, number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "Stopped." in output
    assert "Traceback" not in output
    assert not [left for left in psutil.process_iter() if group_of(left) == process.pid]


def group_of(process: psutil.Process) -> int | None:
    """None for one that has ended, whether or not anybody has asked how."""
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else os.getpgid(process.pid)
    except (psutil.Error, ProcessLookupError):
        return None


def test_the_group_is_named_as_kedros_so_that_help_lists_one(received: dict[str, Any]) -> None:
    assert isinstance(cli, click.Group)
    assert (cli.name, list(cli.commands)) == ("kedro", ["run", "label-review"])


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What reaches the review and the server behind `kedro label-review`, which says at once that it has started."""
    told: dict[str, Any] = {}

    def load(env: str | None, params: dict[str, Any], name: str) -> tuple[str, dict[str, str]]:
        told.update(env=env, params=params, name=name)
        return "review", {"a.jpg": "photos/a.jpg"}

    def serve(review: str, paths: dict[str, str], port: int, started: Any) -> None:
        told.update(review=review, paths=paths, port=port)
        started(f"http://127.0.0.1:{port}/")

    monkeypatch.setattr("docsort.cli.load_review", load)
    monkeypatch.setattr("docsort.reviewing.server.serve", serve)
    monkeypatch.setattr(click, "launch", lambda url: told.update(opened=url))
    monkeypatch.setattr("getpass.getuser", lambda: "login")
    return told


def test_the_review_says_where_it_is_and_opens_no_browser(served: dict[str, Any]) -> None:
    result = CliRunner().invoke(cli, ["label-review"])
    assert (result.exit_code, result.output.split()[4]) == (0, "http://127.0.0.1:4142/")
    assert served == {
        "env": None,
        "params": {},
        "name": "login",
        "review": "review",
        "paths": {"a.jpg": "photos/a.jpg"},
        "port": 4142,
    }


def test_the_review_takes_where_the_data_is_who_decides_and_a_port(served: dict[str, Any]) -> None:
    arguments = ["--env", "smoke", "--params", "data_root=/x", "--port", "0", "--name", "A. Reader", "--open"]
    assert CliRunner().invoke(cli, ["label-review", *arguments]).exit_code == 0
    assert (served["env"], served["params"], served["name"]) == ("smoke", {"data_root": "/x"}, "A. Reader")
    assert (served["port"], served["opened"]) == (0, "http://127.0.0.1:0/")


def test_answers_are_judged_instead_of_labels_where_that_is_wished(
    served: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docsort.cli.load_answer_review", lambda env, params, name: ("answers", {}))
    assert CliRunner().invoke(cli, ["label-review", "--pages"]).exit_code == 0
    assert served["review"] == "answers"
    assert CliRunner().invoke(cli, ["label-review"]).exit_code == 0
    assert served["review"] == "review"


def test_a_login_without_a_name_is_asked_for_one(served: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", nobody)
    result = CliRunner().invoke(cli, ["label-review"])
    assert (result.exit_code, result.output) == (
        1,
        "Error: Expected a login to name who decides, but the system has none; give --name.\n",
    )
    assert CliRunner().invoke(cli, ["label-review", "--name", "A"]).exit_code == 0
