"""From exceptions to endings, where no socket of a test can bring the exception about."""

import errno
import socket
import ssl

import pytest

from lumeai_cli.transport.failure import causes, detail_of, kind_of
from lumeai_cli.wire.exchange import EndingKind


def wrapped(inner: BaseException) -> BaseException:
    """The exception as HTTP clients hand it on: in another, in a group, in another."""
    outer = RuntimeError("All connection attempts failed")
    outer.__cause__ = OSError("All connection attempts failed")
    outer.__cause__.__cause__ = ExceptionGroup("multiple connection attempts failed", [inner])  # type: ignore[list-item]
    return outer


@pytest.mark.parametrize("wrap", [lambda error: error, wrapped], ids=["bare", "wrapped"])
@pytest.mark.parametrize(
    ("error", "before", "after"),
    [
        (socket.gaierror(-2, "Name or service not known"), EndingKind.DNS, EndingKind.DNS),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), EndingKind.REFUSED, EndingKind.REFUSED),
        (OSError(errno.ENETUNREACH, "no network"), EndingKind.UNREACHABLE, EndingKind.UNREACHABLE),
        (OSError(errno.EHOSTUNREACH, "no route"), EndingKind.UNREACHABLE, EndingKind.UNREACHABLE),
        (ConnectionResetError(errno.ECONNRESET, "reset"), EndingKind.RESET, EndingKind.CUT),
        (BrokenPipeError(errno.EPIPE, "pipe"), EndingKind.RESET, EndingKind.CUT),
        (ConnectionAbortedError(errno.ECONNABORTED, "aborted"), EndingKind.RESET, EndingKind.CUT),
        (ssl.SSLError(1, "handshake"), EndingKind.TLS, EndingKind.PROTOCOL),
        (ValueError("what is this"), EndingKind.PROTOCOL, EndingKind.PROTOCOL),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_the_kind_depends_on_whether_a_status_had_come(
    wrap: object, error: BaseException, before: EndingKind, after: EndingKind
) -> None:
    raised = wrap(error)  # type: ignore[operator]
    assert kind_of(raised, answered=False) is before
    assert kind_of(raised, answered=True) is after


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (ssl.SSLError(1, "certificate verify failed"), "certificate verify failed"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_detail_is_the_systems_own_word(error: BaseException, said: str) -> None:
    assert said in detail_of(error)
    assert said in detail_of(wrapped(error))


def test_the_detail_is_short_and_never_empty() -> None:
    assert detail_of(ValueError("x" * 5000)) == "x" * 300
    assert detail_of(ValueError()) == "ValueError"


def test_causes_that_go_in_a_circle_end() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert list(causes(one)) == [one, other]
