"""A gateway: its URL, how to get there, and one request to it at a time."""

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
# What a path and a query hold as it is (RFC 3986); `quote` adds letters, digits and a few more.
_AS_IT_IS = "/%:@!$&'()*+,;="


class _Url(NamedTuple):
    """What a request needs of a URL: `authority` is its host as written, with its port."""

    scheme: str
    host: str
    port: int
    authority: str
    path: str
    query: str
    credentials: str

    def target(self, path: str | None) -> str:
        """Return the target of a request; `path` stands in place of the URL's where it is given."""
        named, _, query = (path or "").partition("?")
        asked = quote(named or self.path or "/", safe=_AS_IT_IS)
        query = query if path and "?" in path else self.query
        return f"{asked}?{quote(query, safe=f'{_AS_IT_IS}?')}" if query else asked


@dataclass(frozen=True)
class Gateway:
    """A gateway's URL, and how to send requests there.

    `host`: the host that requests name where that isn't the URL's own. `ca`: a file of the
    authorities to trust in place of the system's. `resolved`: HOST:PORT:ADDRESS, where to connect
    for the URL's host and port, which are still what the gateway is called and has to prove.
    `headers`: what every request carries. `traced`: each request begins a trace of its own, which
    is sampled. A user and a password in the URL are sent as Basic
    authentication, and never printed: `address` is the URL without them.

    Raises LanesError for a URL that is none, and for what does not go with it.
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
        """The URL for people."""
        return without_credentials(self.url)

    @cached_property
    def parts(self) -> _Url:
        """What the URL says."""
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
        """Where and how to connect. Raises LanesError for a file of authorities that is none."""
        tls = _trusting(self.ca) if self.parts.scheme == "https" else None
        return Place(*self.at, tls, self.parts.host)

    def client(self) -> "Client":
        """Raises LanesError for a file of authorities that is none."""
        return Client(self)


def planned_gateway(url: str, plan: Plan) -> Gateway:
    """The gateway at `url`, asked for what the plan's requests ask for."""
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
        """Send one request that `rule` matches. Without a response, the Answer has status 0.

        The rule's host is the request's Host header; TLS still names the URL's. Its time counts
        from now or, by the monotonic clock, from when it was `due`.
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
        """Raises LanesError when nothing answers at the gateway's URL."""
        try:
            self._http.request("GET", self._url.target(None), self._headers)
        except UnreachableError as reason:
            raise LanesError(f"{self._address}: the gateway cannot be reached: {reason}") from None
        except NoResponseError as reason:
            raise LanesError(f"{self._address}: the gateway gives no answer: {reason}") from None


def _tracing(trace: str) -> dict[str, str]:
    """The headers of a request that begins a trace, sampled. Access logs have the User-Agent."""
    traceparent = f"00-{trace}-{secrets.token_hex(8)}-01"
    return {"traceparent": traceparent, "User-Agent": f"lanes/{trace}"}


def _split(url: str) -> _Url | None:
    """What the URL says; None where it is no URL of a gateway."""
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
    """The host as DNS has it, or an address; "" where it is neither. Raises ValueError."""
    host = parts.hostname or ""
    if ":" in host:
        behind = parts.netloc.rpartition("]")[2]
        return str(ipaddress.IPv6Address(host)) if behind[:1] in ("", ":") else ""
    name = host.encode("idna").decode() if host else ""
    return name if _NAME.fullmatch(name) else ""


def _credentials(parts: SplitResult) -> str:
    """User and password as Basic authentication sends them; "" where the URL has none."""
    user, at, _ = parts.netloc.rpartition("@")
    if not at:
        return ""
    name, _, password = user.partition(":")
    return b64encode(unquote_to_bytes(name) + b":" + unquote_to_bytes(password)).decode()


def _is_authority(host: str) -> bool:
    return _split(f"http://{host}") is not None and not set(host) & set("/?#@")


def _merged(*parts: Mapping[str, str]) -> dict[str, str]:
    """The headers of all parts; of one name, in whatever case, the last."""
    found = {name.lower(): (name, value) for part in parts for name, value in part.items()}
    return dict(found.values())


def _trusting(ca: str | None) -> ssl.SSLContext:
    """TLS that trusts the certificates in the file `ca` and no other, as strictly as curl; None:
    those that the system trusts.
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
