"""What a watch tells, in words: the same change on days that follow each other is one finding, the worst first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from docsort.watching.comparison import Change
from docsort.watching.pages import Period

LOWER_HIGHER = {
    "brightness": ("darker", "brighter"),
    "contrast": ("paler", "richer in contrast"),
    "saturation": ("greyer", "more colourful"),
    "sharpness": ("blurrier", "sharper or grainier"),
    "noise": ("less noisy", "noisier"),
    "tilt": ("straighter", "more aslant"),
    "turn": ("less turned", "more turned"),
    "shape": ("narrower", "wider"),
    "size": ("smaller", "larger"),
    "novelty": ("less novel", "more novel"),
    "confidence": ("answered less surely", "answered more surely"),
}
"""What pages are whose values are lower, or higher."""

MOST = 0.5
"""Share of the pages from which on they are spoken of as all."""


@dataclass(frozen=True)
class Finding:
    """Changes of one measure in one direction in periods that follow each other. sentence: in words; kind, measure,
    share, usual: of the worst change; first, last: periods; lasting: whether the last period is among them."""

    sentence: str
    kind: str
    measure: str
    upward: bool
    share: float
    usual: float
    first: int
    last: int
    lasting: bool


def tell(changes: Sequence[Change], periods: Sequence[Period], classes: Mapping[int, str]) -> list[Finding]:
    """Findings: what is outside of anything learnt first, then what lasts, then by size. classes: names by place.

    Where pages are outside of anything learnt, that they are another mix goes without saying.
    """
    outside = {(each.measure, each.upward, each.period) for each in changes if each.kind == "outside"}
    told = [each for each in changes if each.kind != "mix" or (each.measure, each.upward, each.period) not in outside]
    runs: dict[tuple[str, str, bool], list[list[Change]]] = {}
    for change in sorted(told, key=lambda each: each.period):
        own = runs.setdefault((change.kind, change.measure, change.upward), [])
        if own and own[-1][-1].period == change.period - 1:
            own[-1].append(change)
        else:
            own.append([change])
    found = [(_finding(run, periods, classes), max(each.size for each in run)) for own in runs.values() for run in own]
    order = sorted(found, key=lambda each: (each[0].kind != "outside", not each[0].lasting, -each[1], each[0].measure))
    return [finding for finding, _ in order]


def _finding(run: Sequence[Change], periods: Sequence[Period], classes: Mapping[int, str]) -> Finding:
    worst, first, last = max(run, key=lambda each: each.size), run[0].period, run[-1].period
    lasting = last == len(periods) - 1
    when = _when(periods, first, last)
    sentence = f"{_what(worst, classes)}, {when}{_how_much(worst)}."
    facts = (worst.kind, classes[int(worst.measure)] if worst.kind == "class" else worst.measure, worst.upward)
    return Finding(sentence, *facts, worst.share, worst.usual, first, last, lasting)


def _what(change: Change, classes: Mapping[int, str]) -> str:
    if change.kind == "class":
        return f"Pages are answered as {classes[int(change.measure)]} {'more' if change.upward else 'less'} often"
    word = LOWER_HIGHER[change.measure][change.upward]
    if change.kind == "mix":
        return f"Pages are {word} than those validated on"
    whose = "Pages are" if change.share >= MOST else f"{change.share:.0%} of the pages are"
    return f"{whose} {word} than anything learnt"


def _when(periods: Sequence[Period], first: int, last: int) -> str:
    if len(periods) == 1:
        return f"on {periods[0].named()}" if periods[0].first == periods[0].last else f"in {periods[0].named()}"
    if last == len(periods) - 1:
        return f"since {periods[first].first}"
    start, end = periods[first].first, periods[last].last
    return f"on {start}" if start == end else f"from {start} to {end}"


def _how_much(change: Change) -> str:
    shares = f"{change.share:.0%} of them, of those validated on {change.usual:.0%}"
    if change.kind == "class":
        return f": {change.share:.0%}, of those validated on {change.usual:.0%}"
    if change.kind == "outside":
        return f": {shares}" if change.share >= MOST else ""
    side = "above" if change.upward else "at most"
    return f": {shares} have a {change.measure} of {side} {change.value:.3g}"
