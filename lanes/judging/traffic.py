"""Drive a gateway: many requests, several at a time."""

import re
import ssl
import time
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import closing
from dataclasses import dataclass, field, replace
from http.client import IncompleteRead
from itertools import islice, repeat
from urllib.parse import urlsplit

import urllib3

from lanes.errors import LanesError
from lanes.judging.answers import Answer, parse
from lanes.judging.calls import Call
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule

_TIMEOUT_SECONDS = 10.0
_RESOLVED = re.compile(
    r"(?P<host>[^:\[\]]+):(?P<port>\d+):"
    r"(?:\[?(?P<ipv6>[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)\]?|(?P<address>[A-Za-z0-9_.-]+))"
)
# OpenSSL's codes for a chain that ends at nobody whom we trust.
_UNTRUSTED = range(18, 22)


@dataclass(frozen=True)
class Gateway:
    """A gateway's URL, and how to ask there.

    `host`: the host that requests name where that isn't the URL's own. `ca`: a file of the
    authorities to trust in place of the system's. `resolved`: HOST:PORT:ADDRESS, where to connect
    for the URL's host and port, which are still what the gateway is called and has to prove.
    `headers`: what every request carries.

    Raises LanesError for a URL that is none, and for what does not go with it.
    """

    url: str
    host: str | None = None
    ca: str | None = None
    resolved: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_url(self.url)
        if self.ca is not None and urlsplit(self.url).scheme != "https":
            raise LanesError(f"--ca {self.ca}: {self.url} speaks no TLS; is it https://?")
        _ = self.at

    @property
    def at(self) -> str:
        """The URL of the place to connect to."""
        if self.resolved is None:
            return self.url
        match = _RESOLVED.fullmatch(self.resolved)
        if match is None:
            raise LanesError(
                f"--resolve {self.resolved}: should be HOST:PORT:ADDRESS, such as"
                " shop.example:443:192.0.2.7"
            )
        parts = urlsplit(self.url)
        name, port = parts.hostname, str(parts.port or {"http": 80, "https": 443}[parts.scheme])
        if (match["host"].lower(), match["port"]) != (name, port):
            raise LanesError(f"--resolve {self.resolved}: the URL is for {name}:{port}")
        address = f"[{match['ipv6']}]" if match["ipv6"] else match["address"]
        return parts._replace(netloc=f"{address}:{port}").geturl()

    def client(self, concurrency: int) -> "Client":
        """Raises LanesError for a file of authorities that is none."""
        return Client(self, concurrency)


class Client:
    """Asks one gateway over kept connections."""

    def __init__(self, gateway: Gateway, concurrency: int) -> None:
        self._url, self._at = gateway.url, gateway.at
        named = urlsplit(gateway.url)
        host = gateway.host or (named.netloc.rpartition("@")[2] if gateway.resolved else None)
        self._headers = {**gateway.headers, **({"Host": host} if host else {})}
        self._pool = urllib3.PoolManager(
            maxsize=concurrency,
            retries=False,
            timeout=_TIMEOUT_SECONDS,
            ssl_context=_trusting(gateway.ca) if gateway.ca else None,
            server_hostname=named.hostname if gateway.resolved else None,
        )

    def ask(
        self,
        accept: str = "application/json",
        way: EntryRule = NO_ENTRY_RULE,
        due: float | None = None,
    ) -> Answer:
        """One request, by `way`. A gateway that does not answer gives an Answer with status 0.

        The way's host is what the request names; TLS still calls for the URL's. Its time counts
        from now or, by the monotonic clock, from when it was `due`.
        """
        now = time.monotonic()
        began = now if due is None else due
        answer = self._answer(accept, way)
        took = (time.monotonic() - began) * 1000
        return replace(answer, began=began, took_ms=took, late_ms=max(0.0, (now - began) * 1000))

    def _answer(self, accept: str, way: EntryRule) -> Answer:
        lines = urllib3.HTTPHeaderDict({**self._headers, "Accept": accept})
        lines.update({**way.headers, **({"Host": way.host} if way.host else {})})
        at = urlsplit(self._at)._replace(path=way.path).geturl() if way.path else self._at
        try:
            response = self._pool.request(way.method or "GET", at, headers=lines)
        except urllib3.exceptions.HTTPError as error:
            return Answer(0, f"no answer: {_reason(error)}")
        return parse(response.status, response.headers.get("Content-Type", ""), response.data)

    def require_reachable(self) -> None:
        """Raises LanesError when nothing answers at the gateway's URL."""
        try:
            self._pool.request("GET", self._at, headers=self._headers)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise LanesError(
                f"{self._url}: the gateway can't be reached: {_reason(error)}"
            ) from None


def drive(
    client: Client, requests: int | None, concurrency: int, way: EntryRule = NO_ENTRY_RULE
) -> Generator[Answer, None, None]:
    """`requests` answers as they come, `concurrency` asked for at any time; None: no end."""
    ways = repeat(way) if requests is None else repeat(way, requests)
    with closing(ask_each(client, (Call("", way) for way in ways), concurrency)) as answers:
        yield from (answer for _, answer in answers)


def ask_each(
    client: Client, calls: Iterable[Call], concurrency: int
) -> Generator[tuple[Call, Answer], None, None]:
    """Make each of the calls, `concurrency` at any time; answers as they come, with their calls:
    the next request starts when one is answered (a closed loop).
    """
    calls = iter(calls)
    with ThreadPoolExecutor(concurrency) as pool:

        def ask(call: Call) -> Future[tuple[Call, Answer]]:
            return pool.submit(lambda: (call, client.ask(way=call.way)))

        asked = {ask(call) for call in islice(calls, concurrency)}
        while asked:
            done, asked = wait(asked, return_when=FIRST_COMPLETED)
            for future in done:
                asked |= {ask(call) for call in islice(calls, 1)}
                yield future.result()


def ask_on_schedule(
    client: Client, calls: Iterable[Call], concurrency: int, rate: float
) -> Generator[tuple[Call, Answer], None, None]:
    """Make each of the calls, `rate` of them a second, whatever the answers do (an open loop).

    Each request's time counts from when it was due, so that a gateway which makes requests wait
    is charged for the wait: also where `concurrency` of them have no answer, and one starts late.
    """
    began = time.monotonic()
    asked: set[Future[tuple[Call, Answer]]] = set()
    with ThreadPoolExecutor(concurrency) as pool:

        def ask(call: Call, due: float) -> tuple[Call, Answer]:
            return call, client.ask(way=call.way, due=due)

        try:
            for number, call in enumerate(calls):
                due = began + number / rate
                while (left := due - time.monotonic()) > 0:
                    if not asked:
                        time.sleep(left)
                        continue
                    done, asked = wait(asked, left, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
                asked.add(pool.submit(ask, call, due))
            for future in as_completed(asked):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _require_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise LanesError(f"{url}: no URL of a gateway, such as http://127.0.0.1:8080/")


def _trusting(ca: str) -> ssl.SSLContext:
    """TLS that trusts the certificates in the file `ca` and no other, as strictly as curl."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        raise LanesError(f"--ca {ca}: no certificates there; it should be PEM") from None
    except OSError as error:
        raise LanesError(f"--ca {ca}: can't be read: {error.strerror}") from None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _reason(error: Exception) -> str:
    """The part of urllib3's message that a person can use."""
    if isinstance(error, urllib3.exceptions.SSLError):
        if isinstance(error.args[0], ssl.SSLCertVerificationError):
            cause = error.args[0]
            hint = "; --ca may name its authority" if cause.verify_code in _UNTRUSTED else ""
            return f"{cause.verify_message.rstrip('.')}{hint}"
        return "it does not speak TLS as asked; is it http://?"
    if isinstance(error, urllib3.exceptions.ProtocolError):
        if isinstance(error.args[-1], IncompleteRead):
            return "it began and was cut off"
        return "the connection was closed without an answer"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return f"no answer within {_TIMEOUT_SECONDS:g} s"
    text = str(error).rpartition(": ")[2] or type(error).__name__
    return (text.removeprefix("[Errno ").partition("] ")[2] or text).rstrip(")")
