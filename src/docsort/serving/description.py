"""What an ensemble is, in one screen."""

from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from docsort.ensembling.ensemble_files import EnsembleFiles
from docsort.member_kinds import kind_of


def describe(ensemble: EnsembleFiles) -> str:
    """Lines for people: where it lies, and `facts_of`."""
    lines = {"folder": str(ensemble.folder), **facts_of(ensemble)}
    width = max(map(len, lines))
    return "\n".join(f"{name:<{width}}  {text}" for name, text in lines.items())


def facts_of(ensemble: EnsembleFiles) -> dict[str, str]:
    """In words, by what they are about: classes, members, how they become an answer, what it was forecast to score, on
    what."""
    manifest, decisions = ensemble.manifest, ensemble.manifest.decisions
    names = [name for _, name in manifest.classes]
    return {
        "classes": f"{len(names)}: {', '.join(names)}",
        "trained on": f"{manifest.training_pages.get('pages', 'an unknown number of')} pages",
        "forecast": _forecast(manifest.forecast),
        "members": _members(ensemble),
        "answer": _answer(ensemble),
        "needs review": f"confidence below {decisions.threshold:.3f}, more novel than {manifest.novelty_limit:.1%} of "
        "the training pages, or unreadable",
        "made with": ", ".join(f"{name} {made}{_differs(name, made)}" for name, made in manifest.packages.items()),
    }


def _forecast(forecast: dict[str, Any] | None) -> str:
    if forecast is None:
        return "none was made"
    low, high = forecast["interval"]
    return f"macro-F1 {forecast['macro_f1']:.3f} [{low:.3f}, {high:.3f}] on pages like those it was validated on"


def _members(ensemble: EnsembleFiles) -> str:
    counts = Counter(
        (member.name, kind_of(ensemble.checkpoints[member.key]).name) for member in ensemble.manifest.members
    )
    return ", ".join(f"{count} × {name} ({kind})" for (name, kind), count in counts.items())


def _answer(ensemble: EnsembleFiles) -> str:
    decisions = ensemble.manifest.decisions
    views = f"{len(decisions.views.views)} views at most" if len(decisions.views.views) > 1 else "one view"
    weights = decisions.plan.weights
    counted = "equal weights"
    if weights:
        single = all(isinstance(weight, float | int) for weight in weights.values())
        shown = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items()) if single else "by first guess"
        counted = f"weights {shown}"
    late = [rule.group.name for rule in decisions.plan.rules]
    rest = f"; {', '.join(late)} heard by rule" if late else ""
    return f"{views}; {decisions.plan.kind} vote, {counted}{rest}"


def _differs(name: str, made: str) -> str:
    try:
        here = version(name)
    except PackageNotFoundError:
        return " (not installed here)"
    return "" if here == made else f" (here {here})"
