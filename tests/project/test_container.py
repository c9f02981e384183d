"""The Dockerfile names what there is: files, packages, commands and options. It is not built here."""

import json
import re
import tomllib
from pathlib import Path

import click
import pytest

from docsort.commands.classifier import ENSEMBLE
from docsort.commands.main import docsort
from docsort.serving.model_files import ANSWERING, READERS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """Instructions and what follows them, in their order."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, " ".join(rest.split())) for name, _, rest in (line.partition(" ") for line in lines)]


def values(steps: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for own, rest in steps if own == name]


def test_what_it_copies_is_there_and_is_all_that_the_builder_sees(steps: list[tuple[str, str]]) -> None:
    copied = {path for rest in values(steps, "COPY") if not rest.startswith("--from") for path in rest.split()[:-1]}
    assert all((ROOT / path).exists() for path in copied)
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in rules
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied


def test_what_answers_is_installed_and_what_trains_is_not(steps: list[tuple[str, str]]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    group = set(project["dependency-groups"]["serve"])
    asked = {re.split(r"[><=; \[]", line)[0] for line in project["project"]["dependencies"]}
    assert group <= asked
    assert group >= set(ANSWERING) - {"mlflow"} | set(READERS) & asked
    assert group.isdisjoint({"albumentations", "augraphy", "kedro", "kedro-viz", "lightning", "mlflow"})
    (install,) = (rest for rest in values(steps, "RUN") if "--group" in rest)
    assert "--group /source/pyproject.toml:serve" in install
    assert "--torch-backend cpu" in install
    assert "--no-deps /wheels/*.whl" in install


def test_it_answers_as_nobody_in_particular(steps: list[tuple[str, str]]) -> None:
    names = [name for name, _ in steps]
    assert names.count("FROM") == 2
    (user,) = values(steps, "USER")
    assert int(user) > 0
    assert max(number for number, name in enumerate(names) if name == "FROM") < names.index("USER")
    assert "RUN" not in names[names.index("USER") :]
    assert not any("TOKEN" in rest for name, rest in steps if name in ("ENV", "ARG")), "it would be in the image"


def test_it_starts_a_command_that_there_is_with_options_that_it_has(steps: list[tuple[str, str]]) -> None:
    (entry,), (command,) = (map(json.loads, values(steps, name)) for name in ("ENTRYPOINT", "CMD"))
    assert entry == ["docsort"]
    assert f"{ENSEMBLE}=/ensemble" in " ".join(values(steps, "ENV"))
    found = docsort.commands.get(command[0])
    if found is None:
        pytest.skip(f"there is no `docsort {command[0]}` yet")
    with click.Context(found) as context:
        found.parse_args(context, command[1:])
    assert context.params["host"] == "0.0.0.0"
    (check,) = values(steps, "HEALTHCHECK")
    assert f"127.0.0.1:{context.params['port']}/health" in check
    assert values(steps, "EXPOSE") == [str(context.params["port"])]
