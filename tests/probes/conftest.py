"""Drawn pages, and the tasks of each kind of probe that learns from them."""

from collections.abc import Callable

import pandas as pd
import pytest
from drawn_pages import SIDE, split_of, tables

from docsort.probes.kind import GreyKind, ProbeKind, ProbeTask, SlimResidualKind
from docsort.stores import Store

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
KINDS = {kind.name: kind for kind in (ProbeKind(), SlimResidualKind(), GreyKind())}
TARGETS = (0, 1, 2, 5)
"""There is no page of 5."""


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return tables(tmp_path_factory.mktemp("pages"), copies=3)


@pytest.fixture(scope="session")
def make_task(drawn: Tables, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ProbeTask]:
    """Fold 0's, of a kind, with these parameters; features are read once and cached."""
    cache = Store(tmp_path_factory.mktemp("features"))

    def make(kind: str, **changes: object) -> ProbeTask:
        given: dict[str, object] = {"image_size": SIDE}
        if kind != "grey":
            given |= {"backbone": "tf_efficientnet_lite0", "pretrained": "package", "device": "cpu"}
        parameters = KINDS[kind].Parameters.model_validate({**given, **changes})
        split = split_of(0, *drawn[1:], TARGETS, cache)
        return KINDS[kind].task(f"{kind}_fold_0", split, parameters, seed=1)

    return make
