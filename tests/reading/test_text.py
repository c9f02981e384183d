import json

from docsort.reading.text import PageText, TextLine

LINE = TextLine("진단서 K29.1", 0.1 + 0.2, ((0.1, 0.2), (1 / 3, 0.2), (1 / 3, 0.3), (0.1, 0.3)), 0.05)


def test_what_was_read_comes_back_from_json_bit_for_bit() -> None:
    for text in (PageText((LINE, LINE), 5), PageText(problem="it took for ever"), PageText()):
        assert PageText.from_record(json.loads(json.dumps(text.to_record()))) == text
    assert PageText((LINE,), 5) != PageText((LINE,), 4)
