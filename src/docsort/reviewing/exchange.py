"""Pages that need review for Label Studio and FiftyOne, and what was decided there brought back, by their own formats.

Label Studio: JSON tasks with predictions and annotations (labelstud.io/guide/task_format, /guide/predictions), and the
labelling interface for them as XML. FiftyOne: a folder in the format FiftyOneImageClassificationDataset, with the
manifest `data.json` in place of copies (docs.voxel51.com/user_guide/import_datasets.html). What comes back is checked
like any decision, goes to the same ledger, and overwrites nothing.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from pydantic import BaseModel, TypeAdapter, ValidationError

from docsort.errors import InputError, listing
from docsort.files import read_file, write_atomically
from docsort.labels import require_target
from docsort.reviewing.cards import Card
from docsort.reviewing.decisions import NO_ROW, Decision
from docsort.reviewing.review import Review

NO_CLASS = "(no such class)"
"""The choice that stands for the action drop."""

LOCAL_FILES = "/data/local-files/?d="
"""How Label Studio names a file below its LOCAL_FILES_DOCUMENT_ROOT, here the root of the file system."""


class _Value(BaseModel):
    choices: list[str] = []


class _Region(BaseModel):
    value: _Value


class _Annotation(BaseModel):
    result: list[_Region]
    was_cancelled: bool = False


class _Page(BaseModel):
    sha256: str


class _Task(BaseModel):
    data: _Page
    annotations: list[_Annotation] = []


class _Label(BaseModel):
    label: str | int
    confidence: float | None = None


class _Labels(BaseModel):
    labels: dict[str, _Label | str | int | None]
    classes: list[str] | None = None


def export_pages(tool: str, path: Path, review: Review, pictures: Mapping[str, str]) -> str:
    """Writes all cards of a review; a sentence says what is where. pictures: by image id. Raises StorageError."""
    cards = list(review.judged_cards())
    if tool == "fiftyone":
        write_atomically(path / "labels.json", _json(_fiftyone_labels(cards, review)))
        write_atomically(path / "data.json", _json({card["image_id"]: pictures[card["image_id"]] for card, _ in cards}))
        return f"{len(cards)} pages are in {path} as a FiftyOneImageClassificationDataset."
    write_atomically(path, _json([_task(card, decision, review, pictures) for card, decision in cards]))
    interface = path.with_suffix(".xml")
    write_atomically(interface, labelling_interface(review.classes["class_name"]).encode())
    return f"{len(cards)} tasks are in {path}, the labelling interface for them is {interface}."


def import_decisions(tool: str, path: Path, review: Review) -> str:
    """Takes the decisions that a tool has exported into the ledger; a sentence says how many, and what was left out.

    Raises InputError, before any is taken, for what is no export of the tool and for a class that there is not.
    """
    found = list({"fiftyone": _fiftyone_decisions, "label-studio": _tasks_decisions}[tool](path))
    cards = {card["image_id"]: decision for card, decision in review.judged_cards()}
    known = [(page, label) for page, label in found if page in cards]
    for _, label in known:
        if label != NO_CLASS:
            require_target(review.classes, label, f"every choice in {path}")
    taken, before = 0, []
    for page, label in known:
        if cards[page] is not None:
            before.append(str(review.card(page)["name"]))  # type: ignore[index]
            continue
        action, new = ("drop", "") if label == NO_CLASS else ("relabel", label)
        cards[page] = review.decide(page, action, new, f"judged in {tool}", NO_ROW).decision
        taken += 1
    strange = [page for page, _ in found if page not in cards]
    left = f" {len(before)} pages have a decision already, which stays: {listing(before)}." if before else ""
    lost = f" {len(strange)} are about pages that need no review here: {listing(strange)}." if strange else ""
    return f"{taken} decisions of {path} are in {review.ledger.path}.{left}{lost}"


def labelling_interface(names: Any) -> str:
    """The XML that Label Studio wants of a project: one class per page, or none."""
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value="$page")
    ElementTree.SubElement(view, "Text", name="why", value="$why")
    ElementTree.SubElement(view, "Image", name="image", value="$image", zoom="true", rotateControl="true")
    choices = ElementTree.SubElement(view, "Choices", name="class", toName="image", choice="single", required="true")
    for name in (*names, NO_CLASS):
        ElementTree.SubElement(choices, "Choice", value=str(name))
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def _task(card: Card, decision: Decision | None, review: Review, pictures: Mapping[str, str]) -> dict[str, Any]:
    picture = Path(pictures[card["image_id"]]).absolute()
    task: dict[str, Any] = {
        "data": {
            "image": LOCAL_FILES + quote(picture.relative_to(picture.anchor).as_posix()),
            "page": card["name"],
            "why": "; ".join(card["evidence"]),
            "sha256": card["image_id"],
        },
        "predictions": [
            {
                "model_version": card["cells"]["ensemble"],
                "score": card["score"],
                "result": _choice(review.label(card["data_label"])),
            }
        ],
    }
    label = _decided(decision)
    return task if label is None else {**task, "annotations": [{"result": _choice(label)}]}


def _choice(label: str) -> list[dict[str, Any]]:
    return [{"from_name": "class", "to_name": "image", "type": "choices", "value": {"choices": [label]}}]


def _decided(decision: Decision | None) -> str | None:
    """The class that a person chose, NO_CLASS, or None where nothing is settled."""
    if decision is None:
        return None
    said = {"keep": decision.old_label, "relabel": decision.new_label, "drop": NO_CLASS}
    return said.get(decision.action)


def _fiftyone_labels(cards: list[tuple[Card, Decision | None]], review: Review) -> dict[str, Any]:
    """A label with a confidence is the ensemble's, one without a person's."""
    labels: dict[str, Any] = {}
    for card, decision in cards:
        about = {"page": card["name"], "why": "; ".join(card["evidence"]), "ensemble": card["cells"]["ensemble"]}
        said = _decided(decision)
        answered = {"label": review.label(card["data_label"]), "confidence": card["score"]}
        labels[card["image_id"]] = {**(answered if said is None else {"label": said}), "attributes": about}
    return {"classes": [*map(str, review.classes["class_name"]), NO_CLASS], "labels": labels}


def _tasks_decisions(path: Path) -> Iterator[tuple[str, str]]:
    """Page and label of every task that has an annotation, skipped ones aside. Raises InputError where two differ."""
    for task in _read(path, TypeAdapter(list[_Task]).validate_json):
        done = [annotation for annotation in task.annotations if not annotation.was_cancelled]
        labels = {choice for each in done for region in each.result for choice in region.value.choices}
        if len(labels) > 1:
            raise InputError(
                f"Expected one class per page in {path}, but {task.data.sha256} has {listing(sorted(labels))}; settle "
                "it in Label Studio and export again."
            )
        yield from ((task.data.sha256, label) for label in labels)


def _fiftyone_decisions(path: Path) -> Iterator[tuple[str, str]]:
    """Page and label of every sample with a label that no model gave."""
    from docsort.ingestion.pages import page_digest

    read = _read(path / "labels.json", _Labels.model_validate_json)
    manifest = path / "data.json"
    places = _read(manifest, TypeAdapter(dict[str, str]).validate_json) if manifest.is_file() else {}
    copies = {} if places else {copy.stem: str(copy) for copy in (path / "data").glob("*")}
    for name, given in read.labels.items():
        label = given if isinstance(given, _Label) else None if given is None else _Label(label=given)
        if label is None or label.confidence is not None:
            continue
        place, text = places.get(name) or copies.get(name), str(label.label)
        if isinstance(label.label, int) and read.classes:
            text = dict(enumerate(read.classes)).get(label.label, text)
        yield (page_digest(str(path / place)) or name) if place else name, text


def _read(path: Path, parse: Callable[[bytes], Any]) -> Any:
    try:
        return parse(read_file(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"Expected {path} to be an export with the pages of `docsort review --export`, but "
            f"{where or 'its start'} is not ({first['msg']}); export it again as JSON."
        ) from error


def _json(data: Any) -> bytes:
    return (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode()
