"""Which of an ensemble can be one ONNX graph, and that part of it as an ensemble of its own."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docsort.ensembling.combination import FLOOR
from docsort.ensembling.decisions import Decisions
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.ensemble_files import EnsembleFiles, EnsembleMember
from docsort.ensembling.reliability import SMALLEST
from docsort.images.page_format import PageFormat
from docsort.member_kinds import kind_of

if TYPE_CHECKING:
    from docsort.models.graphs import Ballots, EnsembleGraph, MemberGraph

MEANS = ("soft", "soft_soft", "geometric")
"""Votes that are a mean; in the others ballots are counted, and equal counts are drawn by lot."""


def without_graph(ensemble: EnsembleFiles) -> dict[str, str]:
    """Why members cannot be in the graph of the whole, by name."""
    rules = {rule.group.name: rule for rule in ensemble.manifest.decisions.plan.rules}
    found = {}
    for member in ensemble.manifest.members:
        kind = kind_of(ensemble.checkpoints[member.key])
        if kind.no_graph:
            found[member.name] = f"members of the kind {kind.name} {kind.no_graph}"
        elif member.name in rules:
            found[member.name] = "it is heard by a rule, which decides page by page"
    return found


def obstacle(decisions: Decisions) -> str:
    """Why no graph of these members can vote, a clause; "" where one can."""
    if decisions.plan.kind not in MEANS:
        return f"its vote, {decisions.plan.kind}, counts ballots and draws lots between equal counts"
    if decisions.views.draws or any(scale != 100 for _, scale in decisions.views.views):
        return "its views are drawn by lot, or of other scales than the member's own"
    return ""


def part_of(ensemble: EnsembleFiles, names: set[str], folder: Path) -> Ensemble:
    """The general members of these names as an ensemble, saved in the folder: their weights among each other and all
    else are as they were, no rule is left, and no page is measured for novelty."""
    manifest = ensemble.manifest
    members = tuple(member for member in manifest.members if member.name in names)
    plan, views = manifest.decisions.plan, manifest.decisions.views
    plan = replace(
        plan, weights=_only(plan.weights, names), rules=(), temperatures=_only(plan.temperatures, names) or None
    )
    views = views.model_copy(update={"weights": _only(views.weights, names) or {}})
    models = tuple(name for name in manifest.decisions.models if name in names)
    decisions = replace(manifest.decisions, models=models, plan=plan, views=views)
    part = replace(manifest, members=members, decisions=decisions, embedder=None, forecast=None)
    checkpoints = {member.key: ensemble.checkpoints[member.key] for member in members}
    return Ensemble(part, checkpoints, {}).save(folder)


def _only(weights: Mapping[str, Any] | None, names: set[str]) -> Any:
    """By model, or routes by column and model."""
    if weights is None:
        return None
    routes = {name: _only(own, names) for name, own in weights.items() if isinstance(own, Mapping)}
    return routes or {name: own for name, own in weights.items() if name in names}


def formats_of(ensemble: EnsembleFiles) -> list[PageFormat]:
    """Those that its members want, ascending; the inputs of its graph."""
    return sorted({ensemble.checkpoints[member.key].page_format for member in ensemble.manifest.members})


def input_name(wanted: PageFormat) -> str:
    """What a graph calls pages in this format."""
    return f"{'straight' if wanted.straighten else 'as_they_lie'}_{wanted.side}"


def in_order(ensemble: EnsembleFiles) -> list[EnsembleMember]:
    """Members by model and fold, in which order their answers are added up."""
    return sorted(ensemble.manifest.members, key=lambda member: (member.name, member.fold))


def graph_of(ensemble: EnsembleFiles, graphs: Mapping[str, "MemberGraph"]) -> "EnsembleGraph":
    """The whole ensemble; graphs: of its members, by key."""
    from docsort.models.graphs import EnsembleGraph

    formats, members = formats_of(ensemble), in_order(ensemble)
    checkpoints = [ensemble.checkpoints[member.key] for member in members]
    places = [formats.index(checkpoint.page_format) for checkpoint in checkpoints]
    once = [kind_of(checkpoint).equivariant for checkpoint in checkpoints]
    return EnsembleGraph([graphs[member.key] for member in members], places, once, ballots_of(ensemble))


def ballots_of(ensemble: EnsembleFiles) -> "Ballots":
    """Its decisions in numbers."""
    from docsort.models.graphs import Ballots

    decisions, names = ensemble.manifest.decisions, sorted({member.name for member in ensemble.manifest.members})
    plan, views, calibration = decisions.plan, decisions.views, decisions.calibration
    columns = [f"p_{target}" for target in ensemble.targets]
    weights: Any = plan.weights or dict.fromkeys(names, 1.0)
    routed = isinstance(next(iter(weights.values())), Mapping)
    return Ballots(
        turns=tuple(turn for turn, _ in views.views),
        stops=views.stops,
        margin=views.stop_margin or 0.0,
        heard=tuple(views.weights.get(name, 0.0) if views.weights else 1.0 for name in names),
        owners=tuple(names.index(member.name) for member in in_order(ensemble)),
        temperatures=tuple((plan.temperatures or {}).get(name, 1.0) for name in names),
        weights=[[weights[c][name] for name in names] for c in columns] if routed else [weights[n] for n in names],
        geometric=plan.kind == "geometric",
        shift=tuple((plan.shift or {}).get(column, 0.0) for column in columns),
        calibration=(calibration.temperature, calibration.scale or (), calibration.shift or ()),
        smallest=SMALLEST,
        floor=FLOOR,
    )
