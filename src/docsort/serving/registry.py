"""The model registry of MLflow: every ensemble that a run makes is a version of a registered model.

The alias `newest` is that of the last version; `in_use` is that of the first, until a person moves it.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.ensemble_files import ENSEMBLE_FILE
from docsort.errors import DocsortError, InputError, StorageError
from docsort.files import storing
from docsort.mlflow_client import TRANSFER_LIMIT_S, is_made, open_client, tracking_uri, without_password
from docsort.serving.description import facts_of
from docsort.serving.model_files import ENSEMBLE_FOLDER, write_model
from docsort.work.patience import Impatient, within

MODEL = "ensemble"
"""Name of the model among those of its run: `runs:/<run>/ensemble`."""

NEWEST, IN_USE = "newest", "in_use"
"""Aliases."""

ABOUT = (
    "Ensembles that `kedro run` has made. The alias `in_use` is moved by a person: `docsort use models:/NAME/VERSION`."
)
"""Description of a registered model."""

CACHE = "DOCSORT_CACHE"
"""Environment variable: the folder that models are downloaded to."""

URI = re.compile(
    r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))"
    r"|models:/(?P<model>m-[^/@]+)"
    r"|runs:/(?P<run>[^/@]+)/(?P<of>[^/@]+)"
)


@dataclass(frozen=True)
class Run:
    """A run that is open: client is that of its server."""

    client: Impatient
    experiment_id: str
    run_id: str


def log_ensemble(run: Run, ensemble: Ensemble, tags: Mapping[str, str]) -> Any:
    """Makes the ensemble a model of the run, and gives back MLflow's LoggedModel. Where the artifacts are on a disk of
    this machine it is written there, once; else it is sent.

    Raises StorageError when the disk does not take it, and whatever MLflow does.
    """
    from mlflow.entities import LoggedModelOutput

    model = run.client.create_logged_model(run.experiment_id, MODEL, run.run_id, dict(tags))
    known = {"run_id": run.run_id, "model_id": model.model_id, "artifact_path": model.artifact_location}
    try:
        if (place := _local(model.artifact_location)) is not None:
            write_model(ensemble, place, **known)
        else:
            with TemporaryDirectory(prefix="docsort-") as temporary:
                write_model(ensemble, Path(temporary), **known)
                run.client.waiting(TRANSFER_LIMIT_S).log_model_artifacts(model.model_id, temporary)
    except Exception:
        run.client.finalize_logged_model(model.model_id, "FAILED")
        raise
    run.client.log_outputs(run.run_id, [LoggedModelOutput(model.model_id, step=0)])
    return run.client.finalize_logged_model(model.model_id, "READY")


def register(run: Run, model: Any, name: str, ensemble: Ensemble, tags: Mapping[str, str]) -> None:
    """Makes the logged model the newest version of the registered model of this name; where none is in use, it is."""
    about = (
        "Ensembles that `kedro run` has made. A person moves the alias `in_use`: `docsort use models:/NAME/VERSION`."
    )
    try:
        run.client.create_registered_model(name, description=about)
    except Exception as error:
        if getattr(error, "error_code", None) != "RESOURCE_ALREADY_EXISTS":
            raise
    facts = facts_of(ensemble)
    # MLflow's table of versions shows the first line
    about = "\n".join([facts.pop("forecast"), "", *(f"- **{fact}**: {text}" for fact, text in facts.items())])
    version = run.client.create_model_version(
        name, model.artifact_location, run.run_id, dict(tags), description=about, model_id=model.model_id
    ).version
    told = json.dumps([{"name": name, "version": str(version)}])  # as MLflow's own `register_model` does
    run.client.set_logged_model_tags(model.model_id, {"mlflow.modelVersions": told})
    run.client.set_registered_model_alias(name, NEWEST, version)
    if IN_USE not in run.client.get_registered_model(name).aliases:
        run.client.set_registered_model_alias(name, IN_USE, version)


def tags_of(ensemble: Ensemble) -> dict[str, str]:
    """By which models are told apart: forecast with its interval, classes, fingerprint, and what it was made with."""
    facts, forecast = facts_of(ensemble), ensemble.manifest.forecast
    told = {"forecast": facts["forecast"], "classes": facts["classes"], "fingerprint": ensemble.fingerprint()}
    if forecast is not None:
        told["macro_f1"] = f"{forecast['macro_f1']:.4f}"
    return {**told, **{f"version_of.{name}": version for name, version in ensemble.manifest.packages.items()}}


def is_model_uri(place: str | Path) -> bool:
    """Whether it names a model of MLflow and no folder."""
    return str(place).startswith(("models:/", "runs:/"))


def locate(uri: str) -> Path:
    """Folder of the ensemble that `models:/NAME@alias`, `models:/NAME/VERSION` or `runs:/RUN/ensemble` names: in place
    where the artifacts are on a disk of this machine, else downloaded, once.

    Raises InputError for what is none of these, and StorageError, one sentence, where MLflow, the model or the alias is
    not there, or where the model is none of Docsort's.
    """
    with _asking(uri) as (client, wanted):
        location = _location(client, wanted)
        place = _local(location)
        found = _downloaded(location) if place is None else place / ENSEMBLE_FOLDER
    if not (found / ENSEMBLE_FILE).is_file():
        raise StorageError(
            f"Expected {uri} to be an ensemble that Docsort has logged, but there is none in {location}; name another."
        )
    return found


def put_in_use(uri: str) -> tuple[str, str | None, str]:
    """Moves the alias `in_use` to a version of a registered model: its name, the version that was in use, and that
    which is. Raises StorageError where the ensemble is not there or not whole, and InputError for a run's model.
    """
    ensemble = Ensemble.load(locate(uri))
    if not ensemble.is_whole():
        raise StorageError(f"Expected {uri} to be whole, but some files are not as they were written; name another.")
    with _asking(uri) as (client, wanted):
        if wanted["name"] is None:
            raise InputError(f"Expected models:/NAME/VERSION or models:/NAME@alias, but got {uri}.")
        version = str(_version(client, wanted).version)
        before = client.get_registered_model(wanted["name"]).aliases.get(IN_USE)
        client.set_registered_model_alias(wanted["name"], IN_USE, version)
    return wanted["name"], before and str(before), version


@contextmanager
def _asking(uri: str) -> Iterator[tuple[Impatient, re.Match[str]]]:
    """The client, and the parts of the URI; what MLflow raises becomes one sentence."""
    wanted, server = URI.fullmatch(uri), tracking_uri(Path.cwd())
    if wanted is None:
        raise InputError(f"Expected models:/NAME@alias, models:/NAME/VERSION or runs:/RUN/{MODEL}, but got {uri}.")
    if not is_made(server):
        raise StorageError(
            f"Expected MLflow's database for {uri} at {server}, but there is none; go to the root of the project, or "
            "set MLFLOW_TRACKING_URI to a server."
        )
    try:
        yield open_client(server), wanted
    except DocsortError:
        raise
    except ImportError as error:
        raise StorageError(
            f"Expected MLflow to be installed, to open {uri}, but got {error}; install mlflow, or name a folder."
        ) from error
    except Exception as error:
        shown = without_password(server)
        lines = str(error).replace(server, shown).splitlines() or [""]
        raise StorageError(
            f"Expected {uri} to be a model that MLflow has at {shown}, but got {type(error).__name__}: {lines[0]}; "
            "correct the name, or set MLFLOW_TRACKING_URI."
        ) from error


def _location(client: Impatient, wanted: re.Match[str]) -> str:
    """Where the artifacts of a model are."""
    if wanted["run"] is not None:
        outputs = client.get_run(wanted["run"]).outputs
        models = [client.get_logged_model(own.model_id) for own in (outputs.model_outputs if outputs else ())]
        found = [model.artifact_location for model in models if model.name == wanted["of"]]
        if not found:
            raise LookupError(f"no model {wanted['of']} of that run")
        return str(found[-1])
    if wanted["model"] is not None:
        return str(client.get_logged_model(wanted["model"]).artifact_location)
    return str(client.get_model_version_download_uri(wanted["name"], _version(client, wanted).version))


def _version(client: Impatient, wanted: re.Match[str]) -> Any:
    if wanted["alias"] is not None:
        return client.get_model_version_by_alias(wanted["name"], wanted["alias"])
    return client.get_model_version(wanted["name"], wanted["version"])


def _local(location: str) -> Path | None:
    """The folder, where it is one of this machine."""
    parts = urlsplit(location)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" and not parts.netloc else None


def _downloaded(location: str) -> Path:
    """The ensemble of a model elsewhere, in the cache; a model never changes, so it is fetched once."""
    from hashlib import sha256

    from mlflow.artifacts import download_artifacts

    cache = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "docsort").expanduser().absolute()
    place = cache / sha256(location.encode()).hexdigest()[:20]
    if not place.is_dir():
        with storing(place):
            cache.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(prefix=".part-", dir=cache) as part:
                source, server = f"{location}/{ENSEMBLE_FOLDER}", tracking_uri(Path.cwd())
                got = within(TRANSFER_LIMIT_S, download_artifacts, source, dst_path=part, tracking_uri=server)
                Path(got).rename(place)
    return place
