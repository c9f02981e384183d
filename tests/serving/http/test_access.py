"""Who else may reach the server must be asked for a token, and for one that cannot be guessed."""

import pytest

from docsort.errors import InputError
from docsort.serving.http.access import check_access

LONG = "0123456789abcdef"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_no_token(host: str) -> None:
    check_access(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org", ""])
def test_any_other_host_demands_one(host: str) -> None:
    with pytest.raises(InputError, match="Expected a token where others can reach the server"):
        check_access(host, None)
    check_access(host, LONG)


@pytest.mark.parametrize("token", ["", "short", "with a blank in it", "tøkøn-of-some-length"])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(token: str) -> None:
    with pytest.raises(InputError, match="Expected a token of at least 16"):
        check_access("127.0.0.1", token)
