"""Which names of files and classes can be kept in tables, shown to people and told apart."""

import logging
import unicodedata
from collections import Counter
from collections.abc import Iterable

from docsort.errors import listing
from docsort.ingestion.problems import Problems
from docsort.labels import normal_form

log = logging.getLogger(__name__)


def check_names(names: Iterable[str], what: str, problems: Problems) -> None:
    """Adds the names that no table can keep or no person can tell apart. what: "file names in train/"."""
    listed = list(names)
    problems.add(f"{what} that are not UTF-8; rename them", (name for name in listed if not is_utf8(name)))
    problems.add(
        f"{what} with control characters such as line breaks; rename them",
        (repr(name) for name in listed if any(unicodedata.category(character) == "Cc" for character in name)),
    )
    forms = Counter(map(normal_form, listed))
    problems.add(
        f"{what} that look the same and differ in their Unicode form only (NFC and NFD); rename one of them",
        (form for form, count in forms.items() if count > 1),
    )


def is_utf8(name: str) -> bool:
    """Whether a name of the disk is UTF-8; bytes that are not are lone surrogates in Python."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def warn_of_twins(classes: Iterable[str]) -> None:
    """Warns of classes that differ in upper and lower case only, which may be one by mistake."""
    names = list(classes)
    counts = Counter(map(str.casefold, names))
    twins = [name for name in names if counts[name.casefold()] > 1]
    if twins:
        log.warning("Classes that differ in upper and lower case only are kept apart: %s.", listing(twins))
