import pytest

from docsort.reading.titles import best_likeness


@pytest.mark.parametrize(
    ("line", "least", "most"),
    [
        ("MEDICAL CERTIFICATE", 1, 1),
        ("Form 12: Medical  certificate, page 1", 1, 1),
        ("MEDlCAL CERT1FICATE", 0.6, 0.95),
        ("Medical invoice", 0, 0.3),
        ("m", 0, 0),
        ("", 0, 0),
    ],
)
def test_a_title_is_found_within_a_line_and_with_wrong_letters(line: str, least: float, most: float) -> None:
    [found] = best_likeness([line], {4: ["Medical certificate"]})
    assert least <= found <= most


def test_the_likest_line_and_title_count_for_each_class_in_its_order() -> None:
    titles = {9: ["DIAGNOSIS", "진단서"], 3: ["RECEIPT"], 5: ["처방전"]}
    assert best_likeness(["nothing", "진 단 서", "Receipt No 7"], titles) == [1, 1, 0]
    assert best_likeness([], titles) == [0, 0, 0]
    assert best_likeness(["진딘서"], titles)[0] > 0
