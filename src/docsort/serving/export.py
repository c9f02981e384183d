"""An ensemble written as ONNX: a graph per member, one of the whole where that can be, and what must be known of them.

    folder/README.json           inputs, outputs, classes, what was left out and why, how near the graphs are to torch
    folder/members/<name>_fold_<n>.onnx
    folder/ensemble.onnx         pages to calibrated probabilities; where members are left out, part_of_ensemble.onnx
    folder/example.npz           the pages of the comparison, laid out, and what the graph answered

Every graph is compared with torch before anything counts as written.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.ensembling.assembly import PACKAGES
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.ensemble_files import EnsembleFiles, EnsembleMember
from docsort.errors import InputError, StorageError
from docsort.files import write_atomically
from docsort.images.dihedral import apply_turn
from docsort.member_kinds import kind_of
from docsort.members.views import all_views
from docsort.serving.compared_pages import TOLERANCE, Comparison, largest_difference
from docsort.serving.graphs import formats_of, graph_of, input_name, obstacle, part_of, without_graph
from docsort.stores import file_digest
from docsort.versions import versions_of

README, EXAMPLE, MEMBERS = "README.json", "example.npz", "members"
WHOLE, PART = "ensemble.onnx", "part_of_ensemble.onnx"
VERSIONS = (*PACKAGES, "onnx", "onnxscript", "onnxruntime")


def export_onnx(ensemble: Ensemble, folder: Path, paths: Sequence[Path] = ()) -> dict[str, Any]:
    """Writes the folder, README.json last, and gives back what stands there. paths: pages to compare torch and ONNX on.

    Raises InputError where the folder is not empty, a page cannot be read, or torch's exporter cannot write a member;
    WeightsError where a graph differs from torch; StorageError where the disk does not take it.
    """
    from docsort.models.onnx_files import require_onnx

    require_onnx()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"Expected an empty folder for the export, or none yet, but got {folder}; name another.")
    pages = Comparison.of(ensemble, paths)
    graphs, members = {}, {}
    for member in ensemble.manifest.members:
        checkpoint = ensemble.checkpoints[member.key]
        if not kind_of(checkpoint).no_graph:
            graphs[member.key] = kind_of(checkpoint).graph(checkpoint)
            members[file_name(member)] = _export_member(ensemble, member, graphs[member.key], folder, pages)
    whole = _export_whole(ensemble, graphs, folder, pages)
    note = _note(ensemble, pages, bool(whole["left_out"])) | {"members": members} | whole
    write_atomically(folder / README, (json.dumps(note, indent=1) + "\n").encode())
    return note


def file_name(member: EnsembleMember) -> str:
    """Of a member's graph, within the export."""
    return f"{MEMBERS}/{member.name}_fold_{member.fold}.onnx"


def with_graphs(ensemble: Ensemble, folder: Path) -> Ensemble:
    """The ensemble, its networks computed by the ONNX files of an export of it; what has no graph is asked as ever.

    Raises InputError where the folder is no export of this ensemble, StorageError where a file is not as written.
    """
    from docsort.models.onnx_files import require_onnx

    require_onnx()
    try:
        note = json.loads((folder / README).read_text())
        own, members = note["fingerprint"], note["members"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"Expected an export of the ensemble in {folder}, but {README} is not there or not readable; make it with "
            "`docsort export --onnx`."
        ) from error
    if own != _of_members(ensemble):
        raise InputError(f"Expected {folder} to be an export of this ensemble, but it is of another; export it again.")
    for name, facts in members.items():
        if not (folder / name).is_file() or file_digest(str(folder / name)) != facts["sha256"]:
            raise StorageError(f"Expected {folder / name} as it was written, but it is not; export the ensemble again.")
    return replace(ensemble, graphs={facts["key"]: (folder / name).absolute() for name, facts in members.items()})


def _of_members(ensemble: EnsembleFiles) -> str:
    """Its fingerprint, whatever the threshold of review."""
    return Ensemble.load(ensemble.folder or "").fingerprint()


def _export_member(
    ensemble: EnsembleFiles, member: EnsembleMember, graph: Any, folder: Path, pages: Comparison
) -> dict[str, Any]:
    """Its part of the note: how far it is from torch in all turns."""
    from docsort.models.onnx_files import Session, write_graph

    checkpoint, path = ensemble.checkpoints[member.key], folder / file_name(member)
    wanted, own = checkpoint.page_format, pages.laid[checkpoint.page_format.straighten]
    write_graph(graph, wanted.side, ("pages",), path)
    policy = kind_of(checkpoint).asked(all_views())
    known = np.full((len(own), len(policy.views), len(graph.targets)), np.nan, dtype=np.float32)
    asked = kind_of(checkpoint).load(checkpoint, "cpu").predict(own, policy, known)
    squares, session = own.squares(range(len(own)), wanted.side), Session(path)
    turned = [np.stack([apply_turn(square, turn) for square in squares]) for turn, _ in policy.views]
    found = np.stack([session(pages=np.ascontiguousarray(view))["probabilities"] for view in turned], axis=1)
    return {
        "kind": checkpoint.kind,
        "key": member.key,
        "input": {"pages": describe_input(wanted.side, wanted.straighten)},
        "outputs": {
            "probabilities": f"(pages, {len(graph.targets)}) float32, not calibrated, of the page as it lies",
            "features_0 and so on": "(pages, D) float32, what is read of a page on the way",
        },
        "classes": list(graph.targets),
        "largest_difference": largest_difference(path, found, asked),
        "sha256": file_digest(str(path)),
    }


def _export_whole(ensemble: Ensemble, graphs: dict[str, Any], folder: Path, pages: Comparison) -> dict[str, Any]:
    """Its part of the note. Compared with what the ensemble, or that part of it, answers."""
    left_out, reason = without_graph(ensemble), obstacle(ensemble.manifest.decisions)
    names = {name for name in ensemble.manifest.decisions.models if name not in left_out}
    if reason or not names:
        return {"ensemble": None, "left_out": left_out | {"the whole": reason or "no member is left"}}
    with TemporaryDirectory(prefix="docsort-export-") as temporary:
        part = part_of(ensemble, names, Path(temporary)) if left_out else ensemble
        path = folder / (PART if left_out else WHOLE)
        return {"ensemble": _facts_of_whole(ensemble, part, graphs, path, pages), "left_out": left_out}


def _facts_of_whole(
    ensemble: Ensemble, part: Ensemble, graphs: dict[str, Any], path: Path, pages: Comparison
) -> dict[str, Any]:
    """Writes the graph of `part`, which is the ensemble or some of its members."""
    inputs = pages.squares(part)
    probabilities = _write_whole(part, graphs, path, inputs)
    asked = part.answer(pages.photos, in_workers=False)
    judged = asked if part is ensemble else ensemble.answer(pages.photos, in_workers=False)
    _save_arrays(path.with_name(EXAMPLE), inputs | {"probabilities": probabilities})
    targets = np.array(ensemble.targets)
    told = asked[[f"p_{target}" for target in targets]].to_numpy(np.float64)
    answered = targets[probabilities.argmax(axis=1)]
    return {
        "file": path.name,
        "inputs": {input_name(each): describe_input(each.side, each.straighten) for each in formats_of(part)},
        "outputs": {"probabilities": f"(pages, {len(targets)}) float32, calibrated, classes ascending by number"},
        "members": [file_name(member) for member in part.manifest.members],
        "largest_difference": largest_difference(path, probabilities, told),
        "same_answers_as_its_members_in_torch": _same(answered, asked),
        "same_answers_as_the_validated_ensemble": _same(answered, judged),
        "sha256": file_digest(str(path)),
    }


def _write_whole(
    part: EnsembleFiles, graphs: dict[str, Any], path: Path, inputs: dict[str, NDArray[np.uint8]]
) -> NDArray[np.float32]:
    from docsort.models.onnx_files import Session, write_graph

    sides = tuple(squares.shape[1] for squares in inputs.values())
    write_graph(graph_of(part, graphs), sides, tuple(inputs), path)
    return Session(path)(**inputs)["probabilities"]


def _save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    buffer = BytesIO()
    np.savez_compressed(buffer, **dict[str, Any](arrays))
    write_atomically(path, buffer.getvalue())


def _same(answered: NDArray[np.int64], judged: pd.DataFrame) -> str:
    return f"{int((answered == judged['target'].to_numpy()).sum())} of {len(judged)} pages"


def describe_input(side: int, straighten: bool) -> str:
    """What a graph takes, for people."""
    laid = "laid straight and cut to its edges (docsort.images.straightening), then " if straighten else ""
    return (
        f"(pages, {side}, {side}, 3) uint8, RGB, rows from the top: each page {laid}letterboxed on white "
        "(docsort.images.letterbox) and stored once as JPEG, see page_format"
    )


def _note(ensemble: EnsembleFiles, pages: Comparison, partly: bool) -> dict[str, Any]:
    manifest = ensemble.manifest
    return {
        "what": "An ensemble of Docsort as ONNX. "
        + (
            "Answers of the graph are those of the ensemble, but novelty is not measured: a page like nothing learnt "
            "is not noticed."
            if not partly
            else "NOT THE VALIDATED PATH: something is left out (see left_out), so the forecast does not hold for the "
            "graph, and novelty is not measured. Answers that were validated come from `docsort predict`."
        ),
        "fingerprint": _of_members(ensemble),
        "classes": {str(target): name for target, name in manifest.classes},
        "threshold": manifest.decisions.threshold,
        "page_format": {"jpeg_quality": manifest.jpeg_quality, "colour": "RGB", "fill": 255},
        "compared_on": f"{pages.source}, tolerance {TOLERANCE:g}",
        "versions": versions_of(VERSIONS),
    }
