import numpy as np

from docsort.reading.text import PageText, TextLine
from docsort.reading.wear import worn
from docsort.seeding import derive_rng

BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.1), (0.0, 0.1))
TEXT = PageText(tuple(TextLine(f"line {chr(97 + n)} of words", 0.9, BOX, 0.1 - n / 100) for n in range(8)), 3)


def test_lines_are_lost_and_letters_wrong_and_something_is_always_left() -> None:
    found = [worn(TEXT, derive_rng(0, "test", number)) for number in range(200)]
    counts = [len(text.lines) for text in found]
    assert min(counts) >= 1
    assert max(counts) == 8
    assert 3 < np.mean(counts) < 7
    letters = {letter for line in TEXT.lines for letter in line.text}
    assert {letter for text in found for line in text.lines for letter in line.text} <= letters
    known = {line.text for line in TEXT.lines}
    unchanged = np.mean([line.text in known for text in found for line in text.lines])
    assert 0.05 < unchanged < 0.6
    assert all(text.turn == 3 for text in found)


def test_the_same_generator_gives_the_same_text() -> None:
    first, second, other = (worn(TEXT, derive_rng(0, "test", number)) for number in (1, 1, 2))
    assert first == second != other
