"""How like the words on a page are to the titles that a user gives of a class.

Letters are compared without case, accents' forms and blanks. A title may stand within a longer line and have letters
that were read wrong: what counts is the best stretch of the line, by the share of letters in common (the normalised
indel distance of rapidfuzz's `partial_ratio`).
"""

import unicodedata
from collections.abc import Mapping, Sequence

LIKE = 0.6
"""Below it words have nothing to do with a title: two words of one script often share half of their letters."""


def best_likeness(lines: Sequence[str], titles: Mapping[int, Sequence[str]]) -> list[float]:
    """For each class, in the order of `titles`, how like the likest line is to the likest of its titles: 0 for unlike,
    1 for the same letters.
    """
    plain = [bare(line) for line in lines]
    return [
        max((_likeness(bare(title), line) for title in own for line in plain), default=0.0) for own in titles.values()
    ]


def bare(text: str) -> str:
    """The letters and digits of a text, in one form and case."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())


def _likeness(title: str, line: str) -> float:
    from rapidfuzz.fuzz import partial_ratio, ratio

    # `partial_ratio` looks for the shorter in the longer: one letter of the title is no title
    found = (partial_ratio if len(line) >= len(title) else ratio)(title, line) / 100
    return max(0.0, (found - LIKE) / (1 - LIKE))
