"""What an error says can be printed, whatever it names."""

import os

from docsort.errors import InputError, listing


def test_an_error_can_be_printed_whatever_it_names() -> None:
    text = str(InputError(f"Expected {os.fsdecode(b'/a/caf' + bytes([0xE9]))} to be there.\n  - so"))
    assert text == "Expected /a/caf\\xe9 to be there.\n  - so"
    assert text.encode()


def test_listed_names_show_what_a_terminal_would_obey() -> None:
    assert listing(["이력서", "a\x1b[2J", "b\nc", "\udcff", "\ud800"]) == r"이력서, a\x1b[2J, b\x0ac, \xff, \x00"


def test_the_first_are_named_and_the_rest_counted() -> None:
    assert listing(range(4), limit=2) == "0, 1 and 2 more"
