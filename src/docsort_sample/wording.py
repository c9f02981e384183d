"""Invented words, names, dates and amounts: nothing on a drawn page belongs to anybody."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

_ONSETS = ("b", "d", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "h", "ch", "st", "tr", "pr", "sh", "")
_VOWELS = ("a", "e", "i", "o", "u", "ae", "io", "ea")
_ENDINGS = ("n", "r", "s", "l", "m", "x", "", "", "nt", "ng")
_FAMILY_NAMES = ("Kim", "Lee", "Park", "Choi", "Jung", "Kang", "Cho", "Yoon", "Jang", "Lim", "Han", "Oh", "Seo", "Shin")
_PLACES = ("Hanbit", "Saerom", "Daon", "Mirae", "Haneul", "Gaon", "Narae", "Sol", "Byeol", "Arum", "Nuri", "Onyu")
_STREETS = ("Road", "Street", "Lane", "Avenue", "Hill", "Square")

_LABELS_IN_HANGUL = {
    "Patient": "환자명",
    "Birth no.": "주민번호",
    "Sex / age": "성별/나이",
    "Phone": "연락처",
    "Address": "주소",
    "Chart no.": "등록번호",
    "Dept.": "진료과",
    "Disease": "병명",
    "Remarks": "비고",
    "Admission": "입원일",
    "Discharge": "퇴원일",
    "Stay": "재원일수",
    "Days": "일수",
    "First visit": "초진일",
    "Last visit": "최종내원일",
    "Visit": "내원일",
    "Onset": "발병일",
    "Diagnosed": "진단일",
    "Examined": "진찰일",
    "Treatment": "치료내용",
    "Prognosis": "향후소견",
    "Opinion": "소견",
    "From": "시작일",
    "To": "종료일",
    "Purpose": "용도",
}


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """One of the items, each as likely as the others (many times faster than Generator.choice)."""
    return items[int(rng.integers(len(items)))]


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)


def word(rng: np.random.Generator) -> str:
    """A pseudo-word of one to three syllables."""
    syllables = int(rng.integers(1, 4))
    return "".join(pick(rng, _ONSETS) + pick(rng, _VOWELS) for _ in range(syllables)) + pick(rng, _ENDINGS)


def words(rng: np.random.Generator, count: int) -> str:
    """Some pseudo-words, the first with a capital."""
    return " ".join(word(rng) for _ in range(count)).capitalize()


def person(rng: np.random.Generator) -> str:
    return f"{pick(rng, _FAMILY_NAMES)} {word(rng).capitalize()}"


def place(rng: np.random.Generator) -> str:
    """A proper name for a hospital, a bank or a town."""
    return pick(rng, _PLACES) if chance(rng, 0.7) else word(rng).capitalize() + "an"


def address(rng: np.random.Generator) -> str:
    return f"{int(rng.integers(1, 400))} {word(rng).capitalize()} {pick(rng, _STREETS)}, {place(rng)}"


def date(rng: np.random.Generator) -> str:
    year, month, day = int(rng.integers(2008, 2024)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    return pick(rng, ("{}-{:02d}-{:02d}", "{}.{:02d}.{:02d}", "{}/{:02d}/{:02d}")).format(year, month, day)


def amount(rng: np.random.Generator, largest: int = 400_000) -> str:
    """Money in steps of ten, with thousands separators."""
    return f"{int(rng.integers(10, largest // 10)) * 10:,}"


def in_hangul(words: str) -> str:
    """The label of a field as Korean forms have it; words that are none stay as they are."""
    label, colon, rest = words.partition(" :")
    return _LABELS_IN_HANGUL.get(label, label) + colon + rest


def is_hangul(words: str) -> bool:
    """Whether some letter is one of Hangul."""
    return any("\uac00" <= letter <= "\ud7a3" for letter in words)


def digits(rng: np.random.Generator, pattern: str) -> str:
    """The pattern with every # replaced by a digit and every @ by a capital letter."""
    numbers = rng.integers(0, 10, len(pattern))
    letters = rng.integers(0, 26, len(pattern))
    drawn = {"#": lambda i: str(numbers[i]), "@": lambda i: chr(65 + int(letters[i]))}
    return "".join(drawn[mark](i) if mark in drawn else mark for i, mark in enumerate(pattern))
