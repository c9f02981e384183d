"""The vote as a graph, against the vote of tables that it stands for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_ensemble import DECISIONS, draw_pages
from torch import Tensor

from docsort.ensembling.decisions import Decisions, join_members
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.ensemble_files import EnsembleMember, Manifest
from docsort.ensembling.temperature import Calibration
from docsort.ensembling.votes import VotePlan
from docsort.images.dihedral import apply_turn
from docsort.members.pages import PhotoPages
from docsort.members.prediction import prediction_table
from docsort.members.views import ViewPolicy, all_views, page_views
from docsort.models.forward import NetworkMember
from docsort.models.graphs import EnsembleGraph, MemberGraph, NetworkGraph
from docsort.models.onnx_files import Session, write_graph
from docsort.serving.classifier import Classifier
from docsort.serving.compared_pages import TOLERANCE
from docsort.serving.graphs import ballots_of, obstacle, part_of, without_graph

SIDE, TARGETS, PAGES = 6, (2, 5, 9), 40
VIEWS = ViewPolicy(
    name="until 0.35",
    views=((0, 100), (6, 100), (3, 100), (7, 100)),
    stops=(1, 2),
    stop_margin=0.35,
    weights={"a": 0.8, "b": 0.2},
)
SOFT = VotePlan("soft", {"a": 0.6, "b": 0.4}, temperatures={"a": 0.7, "b": 1.4})
ROUTES = {"p_2": {"a": 0.9, "b": 0.1}, "p_5": {"a": 0.2, "b": 0.8}, "p_9": {"a": 0.5, "b": 0.5}}
ALL = Decisions(("a", "b"), VIEWS, SOFT, Calibration(0.6))
VOTES = {
    "soft, until sure": ALL,
    "equal, all views": Decisions(("a", "b"), all_views(), VotePlan("soft_soft")),
    "geometric": replace(ALL, plan=replace(SOFT, kind="geometric", shift={"p_2": 0.4, "p_5": 0.0, "p_9": -0.5})),
    "routes": replace(ALL, plan=replace(SOFT, weights=ROUTES)),
    "vector": replace(ALL, calibration=Calibration(0.7, (1.0, 1.3, 0.8), (0.1, 0.0, -0.3))),
}


class Toy(MemberGraph):
    """Logits that are sums of pixels; the one that is asked once sees the same however the page is turned."""

    def __init__(self, seed: int, once: bool) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.weights = torch.nn.Parameter(torch.randn((3, 3) if once else (SIDE * SIDE * 3, 3), generator=rng))
        self.reads, self.side, self.once = f"toy {seed}", SIDE, once
        self.targets = TARGETS if seed % 2 else (9, 2, 5)  # outputs may come in any order

    def read(self, pages: Tensor) -> tuple[Tensor, list[Tensor]]:
        pixels = pages.float() / 255 - 0.5
        logits = (pixels.mean(dim=(1, 2)) * 12 if self.once else pixels.flatten(1) / 2) @ self.weights
        return logits, [logits]

    def answer(self, read: Tensor) -> Tensor:
        return torch.softmax(read, dim=1)


MEMBERS = {(name, fold): Toy(2 * fold + (name == "b"), name == "b").eval() for name in "ab" for fold in range(2)}


def draw() -> Any:
    return np.random.default_rng(0).integers(0, 256, (PAGES, SIDE, SIDE, 3), dtype=np.uint8)


def predictions(pages: Any, decisions: Decisions) -> pd.DataFrame:
    """What the members say of the pages in all views, as a table."""
    names = [f"{row:02}" for row in range(len(pages))]
    about = pd.DataFrame({"image_id": names, "render_id": names, "group": names})
    about = about.assign(condition="test", copy=0, label=pd.array([pd.NA] * len(names), dtype="Int64"))
    tables = []
    for (name, fold), member in MEMBERS.items():
        turned = [np.stack([apply_turn(page, turn) for page in pages]) for turn, _ in decisions.views.views]
        with torch.no_grad():
            answers = [member(torch.from_numpy(np.ascontiguousarray(view)))[0].numpy() for view in turned]
        own = about.assign(model=name, fold=fold)
        tables.append(prediction_table(own, decisions.views.views, member.targets, np.stack(answers, axis=1)))
    return join_members(pd.concat(tables, ignore_index=True), tables[0].head(0))


def graph(decisions: Decisions) -> EnsembleGraph:
    members = tuple(EnsembleMember(name, fold, "") for name, fold in MEMBERS)
    classes = tuple((target, str(target)) for target in TARGETS)
    manifest = Manifest(90, classes, 2, members, decisions, None, 0.9, None, {}, {})
    toys = list(MEMBERS.values())
    return EnsembleGraph(toys, [0] * 4, [toy.once for toy in toys], ballots_of(Ensemble(manifest, {}, {})))


@pytest.mark.parametrize("vote", VOTES)
def test_the_graph_votes_as_the_tables_do(vote: str) -> None:
    decisions, pages = VOTES[vote], draw()
    table = predictions(pages, decisions)
    votes = decisions.vote_on(table)
    with torch.no_grad():
        found = graph(decisions)((torch.from_numpy(pages),)).numpy()
    assert np.abs(found - votes[[f"p_{target}" for target in TARGETS]].to_numpy()).max() < 1e-6
    assert np.array_equal(np.array(TARGETS)[found.argmax(axis=1)], votes["predicted"])
    if decisions.views.stops:  # some pages are answered of one view, some of two, some of all
        assert set(page_views(table, decisions.views)) == {1, 2, 4}


def test_every_vote_of_the_test_answers_otherwise() -> None:
    pages, found = torch.from_numpy(draw()), []
    with torch.no_grad():
        found = [graph(decisions)((pages,)) for decisions in VOTES.values()]
    assert all((a - b).abs().max() > 1e-2 for row, a in enumerate(found) for b in found[:row])


def test_a_written_graph_takes_any_number_of_pages(tmp_path: Path) -> None:
    net, pages = graph(ALL), draw()
    write_graph(net, (SIDE,), ("pages",), tmp_path / "g.onnx")
    session = Session(tmp_path / "g.onnx")
    with torch.no_grad():
        expected = net((torch.from_numpy(pages),)).numpy()
    for count in (1, 3, PAGES):
        assert np.abs(session(pages=pages[:count])["probabilities"] - expected[:count]).max() < 1e-5


def test_a_network_as_a_graph_answers_and_reads_as_the_member_does(classifier: Classifier) -> None:
    ensemble, photos = classifier.ensemble, draw_pages(9, seed=3)
    member = next(each for each in ensemble.manifest.members if each.name == "main")
    folder, pages = ensemble.checkpoints[member.key].folder, PhotoPages(photos, True, 90)
    network, policy = NetworkMember(folder, "cpu"), ViewPolicy(name="one", views=((0, 100),))
    known = np.full((9, 1, 3), np.nan, dtype=np.float32)
    with torch.no_grad():
        probabilities, *blocks = NetworkGraph(folder).eval()(torch.from_numpy(pages.squares(range(9), 32)))
    assert np.abs(probabilities.numpy() - network.predict(pages, policy, known)[:, 0]).max() < TOLERANCE
    for block, expected in zip(blocks, network.embed(pages), strict=True):
        assert np.allclose(block.numpy(), expected, atol=1e-3)


def test_what_cannot_be_in_the_graph_says_why(classifier: Classifier, tmp_path: Path) -> None:
    why = without_graph(classifier.ensemble)
    assert set(why) == {"kernel", "pair"}
    assert "histograms" in why["kernel"]
    assert "rule" in why["pair"]
    part = part_of(classifier.ensemble, {"main"}, tmp_path)
    assert without_graph(part) == {}
    assert part.manifest.decisions.plan == VotePlan("soft", {"main": 0.7}, temperatures={"main": 0.8})


def test_a_vote_that_draws_lots_or_asks_at_other_scales_is_no_graph() -> None:
    assert obstacle(ALL) == ""
    assert "draws lots" in obstacle(replace(ALL, plan=replace(SOFT, kind="hard")))
    assert "scales" in obstacle(replace(DECISIONS, views=all_views(scales=(100, 125))))
