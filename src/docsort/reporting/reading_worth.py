"""What reading was worth: the gain that the gate saw, and which pages it mended and broke.

By the rule that fits all folds best, which is the one that is used: the gain is nested, the pages are as fitted.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.routing import RoutingRule, apply_specialists, is_touched, top_targets
from docsort.specialists.verdict import NO_RULE
from docsort.tables import judged

SECONDS_A_PAGE = 0.8
"""CPU-seconds of one core that RapidOCR takes for a page of about half a million pixels and at most twelve lines: the
mean of 16 clean and 16 damaged pages of the drawn sample. Measured once, so that two runs write the same report."""

VERDICT = ("accepted", "reason", "delta", "low", "high", "before", "after", "weight", "threshold")
"""Of the verdict, what is told."""


def tell_reading(
    readers: Mapping[str, bool], votes: pd.DataFrame, late_members: pd.DataFrame, verdicts: pd.DataFrame
) -> dict[str, Any]:
    """JSON-able: readers, and `reading_worth` of the first of them that is asked late, which is empty where none is.

    readers: whether text is kept, by name of the member.
    """
    own = verdicts[verdicts["group_name"].isin(list(readers))].to_dict("records")
    worth = reading_worth(votes, late_members, {str(key): value for key, value in own[0].items()}) if own else {}
    return {"readers": dict(readers), "worth": worth}


def reading_worth(votes: pd.DataFrame, late_members: pd.DataFrame, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-able: member; what the verdict says (VERDICT); pages: test-like ones; asked: how many of them were read;
    mended, broken: how many became right, or wrong; cpu_seconds; changed: render_id, label, before, after of these, the
    mended ones first.

    votes: of the general members; late_members: tables of members, both out of fold; verdict: the member's row of
    `verdict.VERDICTS`. Raises InputError where there are no test-like pages.
    """
    seen = judged(votes, "votes").reset_index(drop=True)
    rule = _rule_of(verdict)
    after = apply_specialists(seen, late_members, [rule]) if rule else seen
    labels = seen["label"].astype(int).to_numpy()
    answers = pd.DataFrame({"before": top_targets(seen), "after": top_targets(after)})
    pages = pd.concat([seen[["render_id"]].astype(str), pd.DataFrame({"label": labels}), answers], axis=1)
    mended, broken = (
        pages[(pages[now] == pages["label"]) & (pages[then] != pages["label"])].sort_values("render_id")
        for now, then in (("after", "before"), ("before", "after"))
    )
    asked = int(is_touched(seen, rule).sum()) if rule else 0
    return {
        "member": str(verdict["group_name"]),
        **{name: verdict[name] for name in VERDICT},
        "pages": len(seen),
        "asked": asked,
        "mended": len(mended),
        "broken": len(broken),
        "cpu_seconds": asked * SECONDS_A_PAGE,
        "changed": pd.concat([mended, broken]).to_dict("records"),
    }


def worth_in_words(worth: Mapping[str, Any]) -> str:
    """For the report; empty where no member reads late."""
    if not worth:
        return ""
    delta, low, high = (f"{worth[name]:+.4f}".replace("-", "−") for name in ("delta", "low", "high"))
    return (
        f"Reading is worth {delta} in macro-F1 ({low} to {high}), out of fold on pages whose fold had no say in how: "
        f"{worth['reason']}. It is asked about {worth['asked']} of {worth['pages']} test-like pages, those of which "
        f"the other members are least sure, and counts by {worth['weight']:.2f} there: {worth['mended']} become right "
        f"and {worth['broken']} wrong. At about {SECONDS_A_PAGE} CPU-seconds a page, as RapidOCR takes, that is "
        f"{worth['cpu_seconds']:.0f} seconds of one core."
    )


def _rule_of(verdict: Mapping[str, Any]) -> RoutingRule | None:
    if verdict["routing"] == NO_RULE:
        return None
    group = SpecialistGroup(str(verdict["group_name"]), tuple(int(own) for own in str(verdict["classes"]).split()))
    return RoutingRule(
        group, verdict["routing"], verdict["trigger"], float(verdict["threshold"]), float(verdict["weight"])
    )
