"""How an ensemble answers pages: read, laid out, asked, measured, voted on. The heavy half runs in worker processes.

Every page is decoded once, however many members are asked, and a chunk of pages is all that is held as pixels. A page's
answer does not depend on the pages beside it, on their order or on the number of workers, not in a single bit.

Legend of shapes: N pages, V views, K classes of a member, F folds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.chunks import chunks
from docsort.ensembling.decisions import join_members
from docsort.ensembling.ensemble_files import EnsembleFiles, EnsembleMember
from docsort.ensembling.novelty import rate_novelty
from docsort.ensembling.photos import Listed, Photo, decode, killers
from docsort.ensembling.stack import TEST_CONDITION
from docsort.errors import StoppedError, StorageError, WorkerError
from docsort.images.page_format import PageFormat
from docsort.member_kinds import kind_of
from docsort.members.cache import PageCache
from docsort.members.member import Answers, Blocks, Embedder, Member
from docsort.members.pages import PhotoPages
from docsort.members.prediction import prediction_table
from docsort.members.views import Asked, ViewPolicy, lacking, views_asked
from docsort.stores import Store, fingerprint
from docsort.tables import ANSWERS
from docsort.work.executor import Lease, Needs, executor
from docsort.work.progress import PagesPredicted, predicting

CHUNK = 64
"""Pages that are answered together by one worker; so many are answered in the calling process, too."""


@dataclass(eq=False)
class Known:
    """What is known of pages: predictions (N, V, K) per member, distances (N,) per fold, why a page is unreadable."""

    predictions: dict[EnsembleMember, Answers]
    distances: dict[int, NDArray[np.float64]]
    problems: dict[int, str] = field(default_factory=dict)

    def take(self, places: NDArray[np.int64]) -> "Known":
        """The same of the pages at these places."""
        return Known(
            {member: answers[places] for member, answers in self.predictions.items()},
            {fold: distances[places] for fold, distances in self.distances.items()},
            {row: self.problems[place] for row, place in enumerate(places.tolist()) if place in self.problems},
        )


def answer(
    ensemble: EnsembleFiles,
    pages: Any,
    names: Sequence[str] | None,
    cache: Store | None,
    external: pd.DataFrame | None,
    in_workers: bool | None,
) -> pd.DataFrame:
    """See `Ensemble.answer`."""
    listed = Listed.of(pages, names)
    asked = _ask(ensemble, listed, cache, in_workers, True)
    votes = ensemble.manifest.decisions.vote_on(_tables(ensemble, listed.names, asked), external)
    return _answers(ensemble, listed.names, asked, votes)


def predict(
    ensemble: EnsembleFiles, pages: Any, names: Sequence[str] | None, cache: Store | None, in_workers: bool | None
) -> pd.DataFrame:
    """See `Ensemble.predict`."""
    listed = Listed.of(pages, names)
    # Where it is cached, novelty is measured too: `answer`, which comes after, need not read the pages again.
    return _tables(ensemble, listed.names, _ask(ensemble, listed, cache, in_workers, cache is not None))


def _ask(ensemble: EnsembleFiles, listed: Listed, cache: Store | None, in_workers: bool | None, novelty: bool) -> Known:
    """Looks up what is cached, has the rest done, and caches it."""
    if ensemble.folder is None:
        raise StorageError("Expected an ensemble that is saved, but this one is not; save it to a folder first.")
    if ensemble.graphs:
        cache = None  # what is kept there is torch's
    keys, photos = listed.keys, listed.photos
    folds = sorted(ensemble.novelty) if novelty else []
    caches = {member: _member_cache(ensemble, member, cache) for member in ensemble.manifest.members}
    measured = {fold: PageCache(cache, _index_name(ensemble, fold), 1, np.float64) for fold in folds}
    before = {member: own.look_up(keys, _policy(ensemble, member).views) for member, own in caches.items()}
    far = {fold: own.look_up(keys) for fold, own in measured.items()}
    asked = Known({member: known.copy() for member, known in before.items()}, {f: d.copy() for f, d in far.items()})
    missing = np.zeros(len(photos), dtype=bool)
    counts, late = _views_asked(ensemble, before, len(photos)), _late(ensemble)
    for member, known in before.items():
        if member.name not in late:
            missing |= lacking(known, np.minimum(counts, known.shape[1]))
    for name, rows in _late_rows(ensemble, before, np.flatnonzero(~missing)).items():
        for member, known in before.items():
            missing[rows] |= (member.name == name) & np.isnan(known[rows, 0, 0])
    for distance in far.values():
        missing |= np.isnan(distance[:, 0, 0])
    _ask_missing(ensemble, photos, np.flatnonzero(missing), asked, in_workers)
    for member, own in caches.items():
        own.add(keys, before[member], asked.predictions[member], _policy(ensemble, member).views)
    for fold, index_cache in measured.items():
        index_cache.add(keys, far[fold], asked.distances[fold])
    asked.distances = {fold: distance[:, 0, 0] for fold, distance in asked.distances.items()}
    return asked.take(listed.places)


def _ask_missing(
    ensemble: EnsembleFiles, photos: Sequence[Photo], rows: NDArray[np.int64], asked: Known, in_workers: bool | None
) -> None:
    """Fills `asked` for the pages of these rows, chunk by chunk."""
    if not len(rows):
        return
    parts = list(chunks(rows, CHUNK))
    tasks = [
        (
            str(ensemble.folder),
            ensemble.fingerprint(),
            number,
            [photos[row] for row in part],
            {member: known[part] for member, known in asked.predictions.items()},
            list(asked.distances),
            {key: str(path) for key, path in ensemble.graphs.items()},
        )
        for number, part in enumerate(parts)
    ]
    for number, found in _answer_chunks(tasks, len(rows), len(parts) > 1 if in_workers is None else in_workers):
        part = parts[number]
        for member, answers in found.predictions.items():
            asked.predictions[member][part] = answers
        for fold, distance in found.distances.items():
            asked.distances[fold][part, 0, 0] = distance
        asked.problems.update({int(part[place]): why for place, why in found.problems.items()})


def _answer_chunks(tasks: Sequence[tuple[Any, ...]], pages: int, in_workers: bool) -> Iterator[tuple[int, Known]]:
    """What `answer_chunk` says of each task, in any order."""
    if not in_workers:
        yield from (answer_chunk(*(*task, Lease(("cpu",), 1))) for task in tasks)
        return
    waiting = {task[2]: task for task in tasks}
    with predicting("ensemble", pages) as on_call:
        on_event = on_call()
        while waiting:
            try:
                for number, found in executor().map(answer_in_worker, list(waiting.values()), Needs(device="auto")):
                    count = len(waiting.pop(number)[3])
                    on_event(PagesPredicted(count, count))
                    yield number, found
            except StoppedError:
                raise
            except WorkerError as error:
                waiting = _without_killers(waiting, error)


def _without_killers(tasks: dict[int, tuple[Any, ...]], error: WorkerError) -> dict[int, tuple[Any, ...]]:
    """The same tasks without the photos whose decoding kills workers; where there are none, the error is raised."""
    cleared, any_found = {}, False
    for number, (folder, stamp, _, photos, *rest) in tasks.items():
        found = killers(photos)
        any_found |= bool(found)
        harmless = [found.get(row, photo) for row, photo in enumerate(photos)]
        cleared[number] = (folder, stamp, number, harmless, *rest)
    if not any_found:
        raise error
    return cleared


def answer_in_worker(*task: Any) -> tuple[int, Known]:
    """`answer_chunk` where a page that takes for ever may end the process."""
    return answer_chunk(*task, in_worker=True)


def answer_chunk(
    folder: str,
    stamp: str,
    number: int,
    photos: Sequence[Photo],
    known: dict[EnsembleMember, Answers],
    folds: Sequence[int],
    graphs: Mapping[str, str],
    lease: Lease,
    *,
    in_worker: bool = False,
) -> tuple[int, Known]:
    """Decodes some pages, asks all members about them, and measures how far they are from what was learnt. Between two
    stops of the policy all members are asked about the pages that are still open, which they decide together; late
    members come last, and are asked where these are unsure.

    stamp: fingerprint of the ensemble, so that a folder that was written anew is opened anew. graphs: see
    `EnsembleFiles.graphs`.
    """
    ensemble, device = _open(folder, stamp), lease.devices[0]
    decoded, problems = decode(photos, in_worker)
    usable = np.array([row for row in range(len(photos)) if row not in problems], dtype=np.int64)
    seen, quality = [decoded[row] for row in usable.tolist()], ensemble.manifest.jpeg_quality
    laid = {straighten: PhotoPages(seen, straighten, quality) for straighten in (False, True)}
    asked = Known({member: answers.copy() for member, answers in known.items()}, {}, problems)
    late, embedders = _late(ensemble), {_embedder(ensemble, fold): fold for fold in folds}
    features: dict[int, Blocks] = {}

    def opened(member: EnsembleMember) -> Member:
        return _open_member(folder, stamp, member.key, device, graphs.get(member.key))

    for first, end in ensemble.manifest.decisions.views.stages:
        counts = _views_asked(ensemble, asked.predictions, len(photos))
        places = np.flatnonzero(counts[usable] > first)
        rows = usable[places]
        parts = {straight: pages.take(places.tolist()) if first else pages for straight, pages in laid.items()}
        for member, answers in asked.predictions.items() if len(rows) else ():
            if member.name not in late:
                policy = _policy(ensemble, member).until(end)
                part = parts[_format(ensemble, member).straighten]
                before = answers[rows, : len(policy.views)]
                if np.isnan(before).any():
                    own = opened(member)
                    if member in embedders and not first:  # of all pages, and no pass more
                        found, features[embedders[member]] = cast(Embedder, own).predict_and_embed(part, policy, before)
                    else:
                        found = own.predict(part, policy, before)
                    answers[rows, : len(policy.views)] = found
    _ask_late(ensemble, asked, usable, laid, opened)
    for fold in folds:
        asked.distances[fold] = np.full(len(photos), np.nan)
        if len(usable):
            if fold not in features:  # its answers were known
                member = _embedder(ensemble, fold)
                features[fold] = cast(Embedder, opened(member)).embed(laid[_format(ensemble, member).straighten])
            asked.distances[fold][usable] = ensemble.novelty[fold].distances(features[fold])
    return number, asked


def _ask_late(
    ensemble: EnsembleFiles,
    asked: Known,
    usable: NDArray[np.int64],
    laid: Mapping[bool, PhotoPages],
    opened: Callable[[EnsembleMember], Member],
) -> None:
    """Fills in what late members say of the pages of which the others, who have answered, are unsure."""
    for name, rows in _late_rows(ensemble, asked.predictions, usable).items():
        places = np.searchsorted(usable, rows).tolist()
        # the members of all folds are given the same pages: what one has found out of them the others need not
        parts = {straight: pages.take(places) for straight, pages in laid.items()}
        for member, answers in asked.predictions.items():
            if member.name == name and np.isnan(answers[rows]).any():
                part = parts[_format(ensemble, member).straighten]
                answers[rows] = opened(member).predict(part, _policy(ensemble, member), answers[rows])


@lru_cache(maxsize=4)
def _open(folder: str, stamp: str) -> EnsembleFiles:
    return EnsembleFiles.load(folder)


@lru_cache(maxsize=64)
def _open_member(folder: str, stamp: str, key: str, device: str, graph: str | None) -> Member:
    checkpoint = _open(folder, stamp).checkpoints[key]
    kind = kind_of(checkpoint)
    return kind.load(checkpoint, device) if graph is None else kind.load_graph(checkpoint, Path(graph))


def _views_asked(ensemble: EnsembleFiles, known: dict[EnsembleMember, Answers], pages: int) -> NDArray[np.int64]:
    """(N,) how many views of each page all members are asked for, as far as that is known of them (N, V, K)."""
    decisions, rows = ensemble.manifest.decisions, np.arange(pages)
    general = sorted((own for own in known if own.name in decisions.models), key=lambda own: (own.name, own.fold))
    kinds = {own: kind_of(ensemble.checkpoints[own.key]) for own in general}
    answers = {own: kind.in_views(known[own], decisions.views.views) for own, kind in kinds.items()}
    asked = [Asked(own.name, rows, values.astype(np.float64)) for own, values in answers.items()]
    return views_asked(asked, decisions.views, pages)


def _late(ensemble: EnsembleFiles) -> set[str]:
    """Names of the members that are asked where the general ones are unsure."""
    return {rule.group.name for rule in ensemble.manifest.decisions.plan.rules if rule.routing == "mix"}


def _late_rows(
    ensemble: EnsembleFiles, known: Mapping[EnsembleMember, Answers], rows: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Which of these rows each late member has to be asked about; the general members have answered them all."""
    if not _late(ensemble) or not len(rows):
        return {}
    part = Known({member: answers[rows] for member, answers in known.items()}, {})
    unsure = ensemble.manifest.decisions.late_pages(_tables(ensemble, [str(row) for row in rows.tolist()], part))
    return {name: rows[sorted(map(int, places))] for name, places in unsure.items()}


def _policy(ensemble: EnsembleFiles, member: EnsembleMember) -> ViewPolicy:
    return kind_of(ensemble.checkpoints[member.key]).asked(ensemble.manifest.decisions.views)


def _format(ensemble: EnsembleFiles, member: EnsembleMember) -> PageFormat:
    """The pages that it has learnt, and is asked about."""
    return ensemble.checkpoints[member.key].page_format


def _embedder(ensemble: EnsembleFiles, fold: int) -> EnsembleMember:
    name = ensemble.manifest.embedder
    return next(member for member in ensemble.manifest.members if (member.name, member.fold) == (name, fold))


def _member_cache(ensemble: EnsembleFiles, member: EnsembleMember, store: Store | None) -> PageCache:
    checkpoint = ensemble.checkpoints[member.key]
    laid_out = _format(ensemble, member).fingerprint(ensemble.manifest.jpeg_quality)
    name = f"{member.key}-{fingerprint(laid_out)[:8]}"
    return PageCache(store, name, len(kind_of(checkpoint).targets(checkpoint)))


def _index_name(ensemble: EnsembleFiles, fold: int) -> str:
    embedder = _embedder(ensemble, fold)
    laid_out = _format(ensemble, embedder).fingerprint(ensemble.manifest.jpeg_quality)
    return fingerprint("novelty", laid_out, embedder.key, ensemble.novelty[fold].fingerprint())


def _tables(ensemble: EnsembleFiles, names: Sequence[str], asked: Known) -> pd.DataFrame:
    """Predictions of general members and specialists of the pages that could be read; render_id: row of the page."""
    readable = np.array([row for row in range(len(names)) if row not in asked.problems], dtype=np.int64)
    about = pd.DataFrame({"image_id": [names[row] for row in readable.tolist()], "render_id": readable.astype(str)})
    about = about.assign(group=about["image_id"], condition=TEST_CONDITION, copy=0)
    about["label"] = pd.array([pd.NA] * len(about), dtype="Int64")
    special = {rule.group.name for rule in ensemble.manifest.decisions.plan.rules}
    views = ensemble.manifest.decisions.views.views
    tables: dict[bool, list[pd.DataFrame]] = {True: [], False: []}
    for member, answers in asked.predictions.items():
        checkpoint = ensemble.checkpoints[member.key]
        kind, pages = kind_of(checkpoint), about.assign(model=member.name, fold=member.fold)
        own = kind.in_views(answers[readable], views)
        tables[member.name in special].append(prediction_table(pages, views, kind.targets(checkpoint), own))
    general = pd.concat(tables[False], ignore_index=True)
    return join_members(general, pd.concat(tables[True], ignore_index=True) if tables[True] else general.head(0))


def _answers(ensemble: EnsembleFiles, names: Sequence[str], asked: Known, votes: pd.DataFrame) -> pd.DataFrame:
    """ANSWERS and p_<target> of the pages, in their order."""
    manifest, columns = ensemble.manifest, [f"p_{target}" for target in ensemble.targets]
    by_row = votes.set_index("render_id").reindex([str(row) for row in range(len(names))])
    readable = by_row["predicted"].notna().to_numpy()
    folds = sorted(asked.distances)
    novelty = np.full(len(names), np.nan)
    if folds and readable.any():
        distances = [asked.distances[fold][readable] for fold in folds]
        novelty[readable] = rate_novelty([ensemble.novelty[fold] for fold in folds], distances)
    table = pd.DataFrame({"image_id": pd.Series(names, dtype=object)})
    table["target"] = by_row["predicted"].fillna(manifest.fallback).astype("int64").to_numpy()
    table["class_name"] = table["target"].map(dict(manifest.classes)).astype(object)
    table["confidence"] = by_row["confidence"].fillna(0.0).astype("float64").to_numpy()
    table["novelty"] = novelty
    values = zip(table["confidence"].tolist(), table["novelty"].tolist(), strict=True)
    table["why"] = [_why(ensemble, asked, row, *value) for row, value in enumerate(values)]
    table["needs_review"] = table["why"] != ""
    probabilities = by_row.reindex(columns=columns).astype("float64").reset_index(drop=True)
    return pd.concat([table[list(ANSWERS)], probabilities], axis=1)


def _why(ensemble: EnsembleFiles, asked: Known, row: int, confidence: float, novelty: float) -> str:
    """Why a person should look at a page, in words; empty where nobody need."""
    if row in asked.problems:
        return f"unreadable: {asked.problems[row]}; answered with the most frequent class"
    threshold = ensemble.manifest.decisions.threshold
    unsure = [f"confidence {confidence:.3f} below {threshold:.3f}"] if confidence < threshold else []
    limit = ensemble.manifest.novelty_limit
    strange = [f"unlike the training pages: more novel than {novelty:.1%} of them"] if novelty > limit else []
    return "; ".join(unsure + strange)
