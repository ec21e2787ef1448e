"""Why a call failed, as an HTTP status and a few words."""

import http.client
import socket
from collections.abc import Iterator
from http import HTTPStatus

import requests
from urllib3.exceptions import ProtocolError, ProxyError, ReadTimeoutError

LONGEST_REASON = 200


def of_exception(error: Exception, timeout: float) -> tuple[int, str]:
    """Map what ``requests`` raised: 504 when the upstream took longer than ``timeout`` seconds (of
    which none may have been left), 502 for everything else that kept an answer from arriving.
    """
    chain = list(_causes(error))

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in chain)

    if caused_by(requests.Timeout, ReadTimeoutError):
        late = f"no answer within {timeout:.2g} s" if timeout > 0 else "no time was left to ask"
        return HTTPStatus.GATEWAY_TIMEOUT, late
    if caused_by(ConnectionRefusedError):
        reason = "connection refused"
    elif caused_by(ConnectionResetError, BrokenPipeError, http.client.HTTPException, ProtocolError):
        reason = "connection closed before the answer was complete"
    elif caused_by(socket.gaierror):
        reason = "no such host"
    else:
        reason = shorten(str(chain[-1])) or type(error).__name__
    return HTTPStatus.BAD_GATEWAY, f"proxy: {reason}" if caused_by(ProxyError) else reason


def of_response(response: requests.Response, body: bytes) -> tuple[int, str]:
    """An answer that is no success: its own error status, and the words that came with it.

    A redirection has no place in a chain of services and counts as a bad answer.
    """
    phrase = response.reason or "no reason given"
    if response.status_code < 400:
        return HTTPStatus.BAD_GATEWAY, f"answered {response.status_code} {phrase}"
    is_page = "html" in response.headers.get("content-type", "")
    return response.status_code, (not is_page and shorten(text_of(body))) or phrase


def text_of(body: bytes) -> str:
    """The body as UTF-8, whatever it claims to be: guessing an encoding costs more than a call."""
    return body.decode("utf-8", errors="replace")


def shorten(text: str) -> str:
    """``text`` on one line, cut to a length that a line of the answer can bear."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
