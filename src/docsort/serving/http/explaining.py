"""Where on a page a class was found: only a network can tell, and the one that counts most in the vote is asked."""

from io import BytesIO

import numpy as np
from PIL import Image

from docsort.ensembling.ensemble_files import EnsembleFiles, EnsembleMember
from docsort.images.heat_overlay import draw_heat
from docsort.member_kinds import kind_of
from docsort.models.heat import photo_heat
from docsort.serving.http.limits import Refused
from docsort.training.parameters import NETWORK

SIDE = 512
"""Pixels that a picture is shown at, at least."""


def explain(ensemble: EnsembleFiles, photo: bytes, target: int) -> bytes:
    """JPEG of the page as the network sees it, laid straight where it wants that, under the heat of the class.

    Raises Refused for a class that is not known, and where no network knows it; NoMapError where the network has none.
    """
    if target not in ensemble.targets:
        raise Refused(400, "Expected `target` in the query to be the number of a class.")
    member = explaining_member(ensemble, target)
    if member is None:
        raise Refused(409, "No network in this ensemble knows the class, and only networks can show where they look.")
    page, heat = photo_heat(ensemble.checkpoints[member.key], photo, target, ensemble.manifest.jpeg_quality)
    picture = Image.fromarray(page)
    if picture.width < SIDE:
        picture = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    buffer = BytesIO()
    Image.fromarray(draw_heat(np.asarray(picture), heat)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def explaining_member(ensemble: EnsembleFiles, target: int) -> EnsembleMember | None:
    """Of the networks that know the class the one with the largest weight, that of the lowest fold."""
    weights = ensemble.manifest.decisions.plan.weights or {}
    routes = [each for each in weights.values() if isinstance(each, dict)] or [weights]

    def weight(member: EnsembleMember) -> float:
        return sum(float(route.get(member.name, 0)) for route in routes)

    able = []
    for member in ensemble.manifest.members:
        checkpoint = ensemble.checkpoints[member.key]
        kind = kind_of(checkpoint)
        if kind.name == NETWORK and target in kind.targets(checkpoint):
            able.append(member)
    return min(able, key=lambda member: (-weight(member), member.fold), default=None)
