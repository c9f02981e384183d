"""Which pages may be mixed into a page: a few of its own fold, so that nothing leaks into another fold.

The pages of a fold stand on a ring, at the hash of their bytes; a source's partners are the ones that follow a few
points which its own hash picks on the ring (consistent hashing). Adding or dropping a page then changes the partners of
the few sources that had it or get it, and of no others.
"""

from bisect import bisect_left

import pandas as pd

from docsort.augmentation.shards import Page
from docsort.seeding import derive_seed

POOL = 4
"""Partners per source: enough for variety over its copies, few enough that a dropped page spoils few shards."""


def partner_pools(listed: pd.DataFrame, seed: int, pool: int = POOL) -> dict[str, tuple[Page, ...]]:
    """Partners by source id, from `plan.sources`; fewer than `pool`, down to none, where the fold is small."""
    pools: dict[str, tuple[Page, ...]] = {}
    for _, members in listed.groupby("fold"):
        found = [Page(str(path), str(digest)) for path, digest in zip(members["path"], members["sha256"], strict=True)]
        pages = {page.sha256: page for page in found}
        ring = sorted((derive_seed(seed, "place of a partner", digest), digest) for digest in pages)
        for row in members.itertuples():
            pools[str(row.image_id)] = _partners(ring, pages, str(row.sha256), seed, pool)
    return pools


def _partners(
    ring: list[tuple[int, str]], pages: dict[str, Page], digest: str, seed: int, pool: int
) -> tuple[Page, ...]:
    found: dict[str, Page] = {}
    for draw in range(pool):
        start = bisect_left(ring, (derive_seed(seed, "partner", digest, draw), ""))
        # walk on past the source itself and past partners that are already in
        for step in range(min(len(ring), pool + 2)):
            other = ring[(start + step) % len(ring)][1]
            if other != digest and other not in found:
                found[other] = pages[other]
                break
    return tuple(found.values())
