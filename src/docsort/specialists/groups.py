"""Groups of classes that look alike, found in the classes of the data at hand.

A group travels between pipelines as a row (`group_name`, `classes`), the classes being the class numbers joined by
blanks, so that the table of groups and the table of verdicts read the same.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from docsort.errors import InputError, listing
from docsort.labels import find_targets
from docsort.metrics import MEMBER_KEYS
from docsort.specialists.parameters import CERTIFICATES
from docsort.tables import PREDICTION_KEYS, check_columns, probability_columns

GROUPS = ("group_name", "classes")

ORIGINS = (*GROUPS, "origin", "rate", "confusion_ratio", "at_stake")
"""One row per group that gets a specialist. origin: given or found; of a found one, what `specialists.finding`
measured: rate, mean over its pairs of how often the two are confused, in [0, 1], 0.5 being by chance; confusion_ratio,
that over the mean of all pairs; at_stake, macro-F1 that a specialist without a fault would gain. Missing for given
ones."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpecialistGroup:
    """At least two class numbers, ascending, that one specialist tells apart."""

    name: str
    targets: tuple[int, ...]

    @property
    def columns(self) -> list[str]:
        """Its probability columns."""
        return [f"p_{target}" for target in self.targets]


def resolve_groups(classes: pd.DataFrame, wanted: Mapping[str, Sequence[str | int]]) -> list[SpecialistGroup]:
    """The groups that the data has, in the order of `wanted`; one that it has nothing of is skipped with a log line,
    one that names no class is turned off. The group that is there by default has those of its classes that the data
    has, as nobody asked for it.

    Raises InputError, all problems together, for a group that is partly missing, that has fewer than two classes, or
    that shares a class with another.
    """
    groups, problems = [], []
    for name, items in wanted.items():
        if not items:
            continue
        targets, missing = find_targets(classes, items)
        group = SpecialistGroup(name, tuple(targets))
        by_default = tuple(items) == CERTIFICATES
        if missing and (not targets or (by_default and len(targets) < 2)):
            has = "none" if not targets else "one"
            logger.info("Specialist group %s is skipped: the data has %s of its classes.", name, has)
        elif missing and not by_default:
            problems.append(f"group {name} names {listing(missing)}, which the data does not have")
        elif len(targets) < 2:
            problems.append(f"group {name} has {len(targets)} class")
        else:
            groups.append(group)
    for one, other in combinations(groups, 2):
        shared = sorted(set(one.targets) & set(other.targets))
        if shared:
            problems.append(f"groups {one.name} and {other.name} share class {listing(shared)}")
    if problems:
        raise InputError(
            "Expected every specialist group to have two or more classes of the data and no class of another group, "
            f"but {'; '.join(problems)}; correct `specialists.groups` in the parameters."
        )
    return groups


def group_table(groups: Sequence[SpecialistGroup]) -> pd.DataFrame:
    """Columns GROUPS."""
    rows = [(group.name, " ".join(map(str, group.targets))) for group in groups]
    return pd.DataFrame(rows, columns=list(GROUPS)).astype(str)


def groups_of_table(table: pd.DataFrame) -> list[SpecialistGroup]:
    """The groups of a table of groups or of verdicts."""
    check_columns(table, GROUPS, "specialist groups")
    return [
        SpecialistGroup(str(row.group_name), tuple(int(target) for target in str(row.classes).split()))
        for row in table.itertuples()
    ]


def members_of_group(members: pd.DataFrame, group: SpecialistGroup) -> pd.DataFrame:
    """One specialist's rows of the members of all specialists: MEMBER_KEYS and the group's own p_<target>.

    In that table `model` is the group's name; columns of other groups' classes are zero in these rows.
    """
    check_columns(members, MEMBER_KEYS, "specialist members")
    rows = members[members["model"] == group.name]
    lacking = [column for column in group.columns if column not in probability_columns(members)]
    if rows.empty or lacking:
        what = f"the columns {listing(lacking)} are missing" if lacking else "there are none"
        raise InputError(
            f"Expected predictions of specialist {group.name} (rows whose `model` is its name), but {what}; "
            "run the specialists' prediction again."
        )
    return rows[[*MEMBER_KEYS, *group.columns]]


def join_specialists(predictions: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Prediction tables of different specialists below each other; a class that one does not know has probability 0."""
    tables = [table for table in predictions if len(table)]
    if not tables:
        return pd.DataFrame(columns=list(PREDICTION_KEYS))
    joined = pd.concat(tables, ignore_index=True)
    columns = probability_columns(joined)
    return joined[[*(column for column in joined if column not in columns), *columns]].fillna(dict.fromkeys(columns, 0))
