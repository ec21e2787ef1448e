"""A gateway: its URL, how to connect to it, and a client that sends it requests."""

import ipaddress
import re
import secrets
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

from lanes.errors import LanesError
from lanes.evidence.answers import parse
from lanes.evidence.steps import Answer
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.result import Plan
from lanes.printable import without_credentials
from lanes.verification.http_client import (
    HttpClient,
    Limits,
    NoResponseError,
    Place,
    UnreachableError,
)

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_RESOLVED = re.compile(
    r"(?P<host>[^:\[\]]+):(?P<port>\d+):"
    r"(?:\[?(?P<ipv6>[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)\]?|(?P<address>[A-Za-z0-9_.-]+))"
)
# Characters that paths and queries hold unquoted (RFC 3986), besides those that `quote` leaves.
_UNQUOTED = "/%:@!$&'()*+,;="


class _Url(NamedTuple):
    """The parts of a URL. `authority`: the host, with the port if the URL has one."""

    scheme: str
    host: str
    port: int
    authority: str
    path: str
    query: str
    credentials: str

    def target(self, path: str | None) -> str:
        """Return the target of a request. `path`, with or without a query, replaces the URL's."""
        own_path, mark, own_query = (path or "").partition("?")
        target = quote(own_path or self.path or "/", safe=_UNQUOTED)
        query = own_query if mark else self.query
        return f"{target}?{quote(query, safe=f'{_UNQUOTED}?')}" if query else target


@dataclass(frozen=True)
class Gateway:
    """A gateway's URL, and how to send requests there.

    - url: its user and password are sent as Basic authentication, and never printed
    - host: for the Host header; None: the URL's
    - ca: a file with the certificate authorities to trust; None: the system's
    - resolved: HOST:PORT:ADDRESS, the address to connect to for the URL's host and port. The
      certificate still has to be for the URL's host.
    - headers: of every request
    - traced: each request begins a sampled trace of its own

    Raises LanesError for a malformed URL, and for other fields that do not match the URL.
    """

    url: str = field(repr=False)
    host: str | None = None
    ca: str | None = None
    resolved: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    traced: bool = False

    def __post_init__(self) -> None:
        if self.ca is not None and self.parts.scheme != "https":
            raise LanesError(
                f"--ca {self.ca}: {self.address} does not speak TLS. Is the URL https://?"
            )
        if self.host is not None and not _is_authority(self.host):
            raise LanesError(f"host {self.host}: not a name of a host, such as shop.example")
        _ = self.at

    @property
    def address(self) -> str:
        """The URL without user and password, for output."""
        return without_credentials(self.url)

    @cached_property
    def parts(self) -> _Url:
        """The parts of the URL."""
        parts = _split(self.url)
        if parts is None:
            raise LanesError(
                f"{self.address}: not a URL of a gateway, such as http://127.0.0.1:8080/"
            )
        return parts

    @property
    def at(self) -> tuple[str, int]:
        """The host and the port to connect to."""
        if self.resolved is None:
            return self.parts.host, self.parts.port
        match = _RESOLVED.fullmatch(self.resolved)
        if match is None:
            raise LanesError(
                f"--resolve {self.resolved}: should be HOST:PORT:ADDRESS, such as"
                " shop.example:443:192.0.2.7"
            )
        name, port = self.parts.host, str(self.parts.port)
        if (match["host"].lower(), match["port"]) != (name, port):
            raise LanesError(f"--resolve {self.resolved}: the URL is for {name}:{port}")
        return match["ipv6"] or match["address"], self.parts.port

    @property
    def place(self) -> Place:
        """Where and how to connect. Raises LanesError if `ca` holds no certificates."""
        tls = _trusting(self.ca) if self.parts.scheme == "https" else None
        return Place(*self.at, tls, self.parts.host)

    def client(self) -> "Client":
        """Return a client. Raises LanesError if `ca` holds no certificates."""
        return Client(self)


def planned_gateway(url: str, plan: Plan) -> Gateway:
    """Return the gateway at `url`, with the host, path and headers of the plan's requests."""
    return Gateway(url.rstrip("/") + plan.path, plan.host, headers=plan.headers)


class Client:
    """Sends requests to one gateway over kept connections."""

    def __init__(self, gateway: Gateway) -> None:
        self._address, self._url = gateway.address, gateway.parts
        credentials = self._url.credentials
        self._headers = _merged(
            {"Host": gateway.host or self._url.authority},
            {"User-Agent": "lanes", "Accept-Encoding": "identity"},
            {"Authorization": f"Basic {credentials}"} if credentials else {},
            gateway.headers,
        )
        self._http = HttpClient(gateway.place, gateway.limits)
        self._traced = gateway.traced

    def send(
        self,
        accept: str = "application/json",
        rule: EntryRule = NO_ENTRY_RULE,
        due: float | None = None,
    ) -> Answer:
        """Send a request that `rule` matches. Without a response, the Answer has status 0.

        The rule's host goes into the Host header; TLS still names the URL's. `due`: when the
        request's time begins, by the monotonic clock; None: now.
        """
        now = time.monotonic()
        began = now if due is None else due
        trace = secrets.token_hex(16) if self._traced else ""
        answer = self._answer(accept, rule, trace)
        took = (time.monotonic() - began) * 1000
        late = max(0.0, (now - began) * 1000)
        return replace(answer, began=began, took_ms=took, late_ms=late, trace=trace)

    def _answer(self, accept: str, rule: EntryRule, trace: str) -> Answer:
        host = {"Host": rule.host} if rule.host else {}
        headers = _merged(
            self._headers, {"Accept": accept}, rule.headers, host, _tracing(trace) if trace else {}
        )
        try:
            response = self._http.request(
                rule.method or "GET", self._url.target(rule.path), headers
            )
        except NoResponseError as reason:
            return Answer(0, f"no answer: {reason}")
        return parse(response.status, response.headers.get("content-type", ""), response.body)

    def require_reachable(self) -> None:
        """Send a request. Raises LanesError if nothing answers at the gateway's URL."""
        try:
            self._http.request("GET", self._url.target(None), self._headers)
        except UnreachableError as reason:
            raise LanesError(f"{self._address}: the gateway cannot be reached: {reason}") from None
        except NoResponseError as reason:
            raise LanesError(f"{self._address}: the gateway gives no answer: {reason}") from None


def _tracing(trace: str) -> dict[str, str]:
    """Return the headers that begin a sampled trace. The User-Agent is for access logs."""
    traceparent = f"00-{trace}-{secrets.token_hex(8)}-01"
    return {"traceparent": traceparent, "User-Agent": f"lanes/{trace}"}


def _split(url: str) -> _Url | None:
    """Return the parts of a URL; None if no gateway can have the URL."""
    try:
        parts = urlsplit(url)
        host, port = _host(parts), parts.port
    except ValueError:
        return None
    if not url.isprintable() or " " in url or parts.scheme not in _PORTS or not host or port == 0:
        return None
    authority = f"[{host}]" if ":" in host else host
    return _Url(
        parts.scheme,
        host,
        port or _PORTS[parts.scheme],
        f"{authority}:{port}" if port else authority,
        parts.path,
        parts.query,
        _credentials(parts),
    )


def _host(parts: SplitResult) -> str:
    """Return the host's DNS name or address; "" for none. Raises ValueError if it is malformed."""
    host = parts.hostname or ""
    if ":" in host:
        after = parts.netloc.rpartition("]")[2]
        return str(ipaddress.IPv6Address(host)) if after[:1] in ("", ":") else ""
    name = host.encode("idna").decode() if host else ""
    return name if _NAME.fullmatch(name) else ""


def _credentials(parts: SplitResult) -> str:
    """Return user and password as Basic authentication sends them; "" for none."""
    user, at, _ = parts.netloc.rpartition("@")
    if not at:
        return ""
    name, _, password = user.partition(":")
    return b64encode(unquote_to_bytes(name) + b":" + unquote_to_bytes(password)).decode()


def _is_authority(host: str) -> bool:
    return _split(f"http://{host}") is not None and not set(host) & set("/?#@")


def _merged(*parts: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of all parts. A later header replaces an earlier one of its name."""
    merged = {name.lower(): (name, value) for part in parts for name, value in part.items()}
    return dict(merged.values())


def _trusting(ca: str | None) -> ssl.SSLContext:
    """Return TLS settings, as strict as curl's, that trust the authorities in the file `ca` alone.

    None: those that the system trusts.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        raise LanesError(f"--ca {ca}: no certificates there; it should be PEM") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise LanesError(f"--ca {ca}: cannot be read: {why}") from None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
