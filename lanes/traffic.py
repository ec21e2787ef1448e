"""Drive a gateway: many requests, several at a time."""

import ssl
from collections.abc import Generator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from http.client import IncompleteRead
from itertools import count, islice
from urllib.parse import urlsplit

import urllib3

from lanes.answers import Answer, parse
from lanes.errors import LanesError

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Gateway:
    """A gateway's URL, and the host that requests name where that isn't the URL's own.

    Raises LanesError for a URL that is none.
    """

    url: str
    host: str | None = None

    def __post_init__(self) -> None:
        _require_url(self.url)

    def client(self, concurrency: int) -> "Client":
        return Client(self, concurrency)


class Client:
    """Asks one gateway over kept connections."""

    def __init__(self, gateway: Gateway, concurrency: int) -> None:
        self._url = gateway.url
        self._headers = {"Host": gateway.host} if gateway.host else {}
        self._pool = urllib3.PoolManager(
            maxsize=concurrency, retries=False, timeout=_TIMEOUT_SECONDS
        )

    def ask(self, accept: str = "application/json") -> Answer:
        """One request. A gateway that does not answer gives an Answer with status 0."""
        try:
            response = self._pool.request(
                "GET", self._url, headers={**self._headers, "Accept": accept}
            )
        except urllib3.exceptions.HTTPError as error:
            return Answer(0, f"no answer: {_reason(error)}")
        return parse(response.status, response.headers.get("Content-Type", ""), response.data)

    def require_reachable(self) -> None:
        """Raises LanesError when nothing answers at the gateway's URL."""
        try:
            self._pool.request("GET", self._url, headers=self._headers)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise LanesError(
                f"{self._url}: the gateway can't be reached: {_reason(error)}"
            ) from None


def drive(client: Client, requests: int | None, concurrency: int) -> Generator[Answer, None, None]:
    """`requests` answers as they come, `concurrency` asked for at any time; None: no end."""
    numbers = iter(count() if requests is None else range(requests))
    with ThreadPoolExecutor(concurrency) as pool:
        asked: set[Future[Answer]] = {pool.submit(client.ask) for _ in islice(numbers, concurrency)}
        while asked:
            done, asked = wait(asked, return_when=FIRST_COMPLETED)
            for future in done:
                if next(numbers, None) is not None:
                    asked.add(pool.submit(client.ask))
                yield future.result()


def _require_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise LanesError(f"{url}: no URL of a gateway, such as http://127.0.0.1:8080/")


def _reason(error: Exception) -> str:
    """The part of urllib3's message that a person can use."""
    if isinstance(error, urllib3.exceptions.SSLError):
        if isinstance(error.args[0], ssl.SSLCertVerificationError):
            return f"{error.args[0].verify_message}; SSL_CERT_FILE may name its authority"
        return "it does not speak TLS as asked; is it http://?"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        if isinstance(error.args[-1], IncompleteRead):
            return "it began and was cut off"
        return "the connection was closed without an answer"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return f"no answer within {_TIMEOUT_SECONDS:g} s"
    text = str(error).rpartition(": ")[2] or type(error).__name__
    return (text.removeprefix("[Errno ").partition("] ")[2] or text).rstrip(")")
