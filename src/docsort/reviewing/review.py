"""One person's review: the cards, what is decided, and what a decision writes. Knows nothing of the web."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from docsort.cleaning.ledger import ACTIONS, resolve_ledger
from docsort.errors import InputError, listing
from docsort.labels import find_target, require_target
from docsort.reviewing.cards import Card
from docsort.reviewing.decisions import NO_ROW, Change, Decision, LedgerFile

REASON_LENGTH = 500
"""Characters of a reason that are kept."""

WORDS = {
    "title": "Label review",
    "keep": "keep",
    "drop": "drop",
    "undecided": "undecided",
    "kept": "kept",
    "relabelled": "relabelled",
    "dropped": "dropped",
}
"""What the page calls itself and the actions."""


@dataclass(frozen=True)
class Filters:
    """Which cards to go through. Empty is any; state: `open` (no decision yet), `decided`, or an action."""

    label: str = ""
    state: str = ""
    kind: str = ""
    text: str = ""


class Review:
    """Cards to be judged by `name`; decisions go to `ledger` at once."""

    words: Mapping[str, str] = WORDS

    def __init__(self, cards: Sequence[Card], classes: pd.DataFrame, ledger: LedgerFile, name: str) -> None:
        self.classes, self.ledger, self.name = classes, ledger, name
        self._cards: Mapping[str, Card] = {card["image_id"]: card for card in cards}

    def summary(self) -> dict[str, Any]:
        """What does not change while people judge."""
        return {
            "classes": [
                {"target": int(target), "name": str(name)}
                for target, name in zip(self.classes["target"], self.classes["class_name"], strict=True)
            ],
            "kinds": sorted({kind for card in self._cards.values() for kind in card["kinds"]}),
            "name": self.name,
        }

    def listing(self, filters: Filters) -> dict[str, Any]:
        """Ids of the cards that pass the filters, the most suspicious first, and how many of all are decided."""
        decisions = self.ledger.read()
        chosen = [image_id for image_id, card in self._cards.items() if _passes(card, decisions.get(image_id), filters)]
        return {"ids": chosen, **self.progress(decisions)}

    def progress(self, decisions: Mapping[str, Decision] | None = None) -> dict[str, int]:
        """How many cards there are, and how many of them are decided."""
        decisions = self.ledger.read() if decisions is None else decisions
        return {"decided": sum(image_id in decisions for image_id in self._cards), "total": len(self._cards)}

    def judged_cards(self) -> Iterator[tuple[Card, Decision | None]]:
        """All cards in their order, each with the decision that stands."""
        decisions = self.ledger.read()
        yield from ((card, decisions.get(image_id)) for image_id, card in self._cards.items())

    def card(self, image_id: str) -> dict[str, Any] | None:
        """The card with the decision that stands, or None where there is no such card."""
        if image_id not in self._cards:
            return None
        decision = self.ledger.read().get(image_id)
        shown = decision.as_dict() if decision else None
        if shown is not None:
            target = find_target(self.classes, shown["new_label"])
            shown["new_label"] = shown["new_label"] if target is None else str(target)
        return {**self._cards[image_id], "decision": shown, "version": decision.version if decision else NO_ROW}

    def label(self, target: int) -> str:
        """A class as the ledger is to have it."""
        return str(target)

    def decide(self, image_id: str, action: str, new_label: str, reason: str, version: str) -> Change:
        """Writes a decision. To relabel to what the data says already is to keep.

        Raises InputError for an unknown image, action or class, StaleDecisionError and StorageError as the ledger does.
        """
        card = self._required(image_id)
        if action not in ACTIONS:
            raise InputError(f"Expected the action to be one of {listing(ACTIONS)}, but got {action!r}.")
        new = ""
        if action == "relabel":
            target = require_target(self.classes, new_label, "new_label")
            action, new = ("keep", "") if target == card["data_label"] else (action, self.label(target))
        cells = card.get("cells", {}) | {
            "action": action,
            "old_label": self.label(card["data_label"]),
            "new_label": new,
            "reason": reason[:REASON_LENGTH],
            "evidence": "; ".join(card["evidence"]),
            "decided_by": self.name,
            "decided_on": date.today().isoformat(),
        }
        return self.ledger.write(image_id, cells, version)

    def undo(self, image_id: str, before: str | None, version: str) -> Change:
        """Puts back what `decide` found; raises as it does, also for a row that a run would refuse."""
        card = self._required(image_id)
        images = pd.DataFrame({"image_id": [image_id], "target": [card["data_label"]]})

        def check(cells: Mapping[str, str]) -> None:
            resolve_ledger(images, pd.DataFrame([{**cells, "image_id": image_id}]), self.classes)

        return self.ledger.restore(image_id, before, version, check)

    def _required(self, image_id: str) -> Card:
        if image_id not in self._cards:
            raise InputError(f"Expected the image to be one of the suspects, but got {image_id!r}.")
        return self._cards[image_id]


def _passes(card: Card, decision: Decision | None, filters: Filters) -> bool:
    states = {"": True, "open": decision is None, "decided": decision is not None}
    fits = states.get(filters.state, decision is not None and decision.action == filters.state)
    labels = {str(card[name]) for name in ("data_label", "given_label", "proposed_label")}
    labels |= {str(guess["label"]) for guess in card.get("guesses", [])}
    words = " ".join([card.get("name", card["image_id"]), *card["evidence"]]).casefold()
    return (
        fits
        and (not filters.label or filters.label in labels)
        and (not filters.kind or filters.kind in card["kinds"])
        and filters.text.casefold().strip() in words
    )
