import pandas as pd

from docsort.augmentation.partners import partner_pools


def listed(count: int, folds: int = 3) -> pd.DataFrame:
    rows = [(f"s{n}", f"/pages/{n}.jpg", f"{n:064x}", n % folds) for n in range(count)]
    return pd.DataFrame(rows, columns=["image_id", "path", "sha256", "fold"])


def test_partners_never_cross_folds_and_are_never_the_page_itself():
    table = listed(60)
    fold = dict(zip(table["sha256"], table["fold"], strict=True))
    digest = dict(zip(table["image_id"], table["sha256"], strict=True))
    for name, pool in partner_pools(table, seed=4).items():
        assert len(pool) == 4
        assert len({page.sha256 for page in pool}) == 4
        assert {fold[page.sha256] for page in pool} == {fold[digest[name]]}
        assert digest[name] not in {page.sha256 for page in pool}


def test_every_page_of_a_fold_is_somebody_s_partner_sooner_or_later():
    used = {page.path for pool in partner_pools(listed(300), seed=1).values() for page in pool}
    assert len(used) > 200


def test_a_fold_of_one_page_has_no_partner():
    assert partner_pools(listed(3), seed=0) == {"s0": (), "s1": (), "s2": ()}


def test_dropping_a_page_changes_few_pools_and_the_order_of_rows_none():
    table = listed(300)
    pools = partner_pools(table, seed=2)
    assert partner_pools(table.sample(frac=1, random_state=0), seed=2) == pools
    fewer = partner_pools(table[table["image_id"] != "s7"], seed=2)
    changed = [name for name in fewer if fewer[name] != pools[name]]
    had_it = [name for name, pool in pools.items() if any(page.path == "/pages/7.jpg" for page in pool)]
    assert set(changed) == set(had_it) - {"s7"}
