"""The error catalogue is whole."""

from shared.contracts.errors import CATALOGUE, CloseCode, ErrorCode


def test_every_code_is_explained() -> None:
    """Whatever is refused can be told to a user, and as an HTTP answer."""
    assert set(CATALOGUE) == set(ErrorCode)
    assert all(info.message and 400 <= info.http <= 599 for info in CATALOGUE.values())


def test_codes_that_promise_a_retry() -> None:
    """A client may repeat exactly these; the list is the protocol's."""
    assert {code.value for code, info in CATALOGUE.items() if info.retry} == {
        "token_expired", "not_joined", "rate_limited", "busy", "unavailable", "unknown", "internal",
    }  # fmt: skip


def test_close_codes_may_be_sent() -> None:
    """Every close code is one an endpoint may send: RFC 6455 forbids 1005, 1006 and 1015."""
    assert {1005, 1006, 1015}.isdisjoint(CloseCode)
    assert all(1000 <= code < 1016 or 4000 <= code < 5000 for code in CloseCode)
