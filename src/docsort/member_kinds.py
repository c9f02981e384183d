"""The table of contents of all kinds of members; a new kind is one folder and one line here.

Light: a kind's heavy libraries are loaded where it trains and where it is asked.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from pydantic import RootModel, field_validator, model_validator

from docsort.errors import InputError, StorageError, listing
from docsort.images.page_format import PageFormat
from docsort.kernel.kind import KernelKind
from docsort.members.checkpoints import HISTORY, Checkpoint
from docsort.members.member import Kind, MemberParameters, Task
from docsort.members.splits import Split
from docsort.parameters import read, shown
from docsort.probes.kind import GreyKind, ProbeKind, SlimResidualKind
from docsort.probes.parameters import FrozenBackbone
from docsort.reading.kind import ReadingKind
from docsort.training.kind import NetworkKind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (NetworkKind(), KernelKind(), ProbeKind(), SlimResidualKind(), GreyKind(), ReadingKind())
}

MAIN = "main"
"""The member that specialists are trained like and that says where a page lies; it is there always."""

NAME = re.compile(r"(?!specialist)[a-z][a-z0-9_]*")


class Members(RootModel[dict[str, Any]]):
    """The members of each fold by name, in their order: the parameters of each one's kind.

    `like: <name>` begins with the parameters of another member, groups within them changed key by key.
    """

    @model_validator(mode="before")
    @classmethod
    def _read(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            raise ValueError(f"Expected `members` to name members and what they are, but got {shown(values)}.")
        members, problems = {}, []
        for name, value in values.items():
            try:
                members[name] = read_member(str(name), value, values)
            except InputError as error:
                problems.append(str(error))
        if problems:
            raise InputError("\n".join(problems))
        return members

    @field_validator("root")
    @classmethod
    def _check(cls, members: dict[str, MemberParameters]) -> dict[str, MemberParameters]:
        main = members.get(MAIN)
        if main is None or main.kind != NetworkKind.name or not main.enabled:
            raise ValueError(f"Expected `members.{MAIN}` to be there, enabled, and of the kind {NetworkKind.name}.")
        if main.ask_share < 1:
            raise ValueError(
                f"Expected `members.{MAIN}.ask_share` to be 1, as other members are asked where it and its like are "
                f"unsure, but got {main.ask_share}."
            )
        bad = [name for name in members if not NAME.fullmatch(name)]
        if bad:
            raise ValueError(
                "Expected names of members of small letters, digits and _, that do not begin with specialist, but got "
                f"{listing(bad)}."
            )
        return members

    def __iter__(self) -> Iterator[tuple[str, MemberParameters]]:  # type: ignore[override]
        """Those that are enabled, and can be had here or may not be missing."""
        left_out = self.left_out
        return ((name, member) for name, member in self.root.items() if member.enabled and name not in left_out)

    @property
    def left_out(self) -> dict[str, str]:
        """Why an enabled member is not there that may be missing, by name."""
        found = {name: KINDS[member.kind].left_out(member) for name, member in self.root.items() if member.enabled}
        return {name: why for name, why in found.items() if why}

    @property
    def page_formats(self) -> dict[PageFormat, int | None]:
        """The formats that some member wants pages in, ascending, and the highest copy that is learnt in each, None for
        all."""
        wanted: dict[PageFormat, int | None] = {}
        for _, member in self:
            most, other = member.render_copies, wanted.get(member.page_format, 0)
            wanted[member.page_format] = None if most is None or other is None else max(most, other)
        return dict(sorted(wanted.items()))

    def __getitem__(self, name: str) -> MemberParameters:
        member: MemberParameters = self.root[name]
        return member

    @property
    def general(self) -> dict[str, MemberParameters]:
        """The enabled ones that are asked about every page, by name."""
        return {name: member for name, member in self if member.ask_share == 1}

    @property
    def late(self) -> dict[str, MemberParameters]:
        """The enabled ones that are asked where the general ones are unsure, by name."""
        return {name: member for name, member in self if member.ask_share < 1}

    @property
    def networks(self) -> dict[str, Any]:
        """The enabled networks, by name."""
        return {name: member for name, member in self if member.kind == NetworkKind.name}

    @property
    def frozen(self) -> dict[str, Any]:
        """Enabled members on features of a network that stays as it is, by name."""
        return {name: member for name, member in self if isinstance(member, FrozenBackbone)}

    @property
    def readers(self) -> dict[str, Any]:
        """Enabled members that read the words on a page, by name."""
        return {name: member for name, member in self if member.kind == ReadingKind.name}

    def planned(self, plan: Mapping[str, Any]) -> "Members":
        """The same, each network trained as long as the plan says, see `training.planning`."""
        epochs = plan["epochs"]
        return Members(
            {
                name: changed(member, {"epochs": epochs[name]}, f"members.{name}") if name in epochs else member
                for name, member in self.root.items()
            }
        )

    def named(self, classes: pd.DataFrame) -> "Members":
        """The same with class numbers for names; classes: CLASSES. Raises InputError, a sentence a problem."""
        members, problems = dict(self.root), []
        for name, member in self:
            try:
                members[name] = KINDS[member.kind].named(member, classes)
            except InputError as error:
                problems.append(str(error))
        if problems:
            raise InputError("\n".join(problems))
        return Members(members)

    @property
    def main(self) -> Any:
        """The parameters of the main member."""
        return self.root[MAIN]


def read_member(name: str, value: Any, others: Mapping[str, Any]) -> MemberParameters:
    """The parameters of one member. Raises InputError, a sentence a problem."""
    if isinstance(value, MemberParameters):
        return value
    given = inherited(name, value, others)
    kind = KINDS.get(str(given.get("kind")))
    if kind is None:
        raise InputError(
            f"Expected `members.{name}.kind` to be one of {listing(KINDS)}, but got {shown(given.get('kind'))}."
        )
    return read(kind.Parameters, given, f"members.{name}")


def inherited(name: str, value: Any, others: Mapping[str, Any]) -> dict[str, Any]:
    """What is given of a member, laid over what it is `like`."""
    if not isinstance(value, Mapping):
        raise InputError(f"Expected `members.{name}` to be a group of parameters, but got {shown(value)}.")
    given = dict(value)
    model = given.pop("like", None)
    if model is None:
        return given
    original = others.get(model) if isinstance(model, str) else None
    if model == name or not isinstance(original, Mapping | MemberParameters):
        raise InputError(f"Expected `members.{name}.like` to name another member, but got {shown(model)}.")
    base = original.model_dump() if isinstance(original, MemberParameters) else dict(original)
    if "like" in base:
        raise InputError(
            f"Expected the member {model}, which {name} is like, to stand by itself, but it is like another."
        )
    return merged(base, given)


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the changes in them, nested groups key by key."""
    result = dict(values)
    for name, change in changes.items():
        inside = result.get(name)
        result[name] = merged(inside, change) if isinstance(inside, Mapping) and isinstance(change, Mapping) else change
    return result


def changed(parameters: MemberParameters, changes: Mapping[str, Any], name: str) -> Any:
    """The parameters with changes, which stand under this dotted name. Raises InputError where these are not valid."""
    return read(type(parameters), merged(parameters.model_dump(), changes), name)


def task_name(member: str, fold: int) -> str:
    """What the log, the tracking and the checkpoint call a training; random numbers depend on it."""
    return f"fold_{fold}" if member == MAIN else f"{member}_fold_{fold}"


def kind_of(checkpoint: Checkpoint) -> Kind:
    """The kind that can load it. Raises StorageError for one of a kind that this version does not know."""
    if checkpoint.kind not in KINDS:
        raise StorageError(
            f"Expected {checkpoint.folder} to be of a kind among {listing(KINDS)}, but it is a {checkpoint.kind}; "
            "install the version that made it, or train again."
        )
    return KINDS[checkpoint.kind]


def tasks_of(members: Mapping[str, MemberParameters], split: Split, seed: int) -> dict[str, Task]:
    """The training of each of these members on one fold, by name."""
    return {
        name: KINDS[member.kind].task(task_name(name, split.fold), split, member, seed)
        for name, member in members.items()
    }


def histories_of(checkpoints: Mapping[str, Checkpoint], fold: int) -> pd.DataFrame:
    """HISTORY of all members that have epochs, and the columns model and fold."""
    tables = [point.read_history().assign(model=name, fold=fold) for name, point in checkpoints.items()]
    tables = [table for table in tables if len(table)] or [pd.DataFrame(columns=[*HISTORY, "model", "fold"])]
    return pd.concat(tables, ignore_index=True)
