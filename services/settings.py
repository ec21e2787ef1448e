"""Settings: the environment, read and checked once, before anything listens."""

import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from services.faults import NONE, PARSERS, Fault, number

T = TypeVar("T")

HOUR = 3600
LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
# Names and IPv4 addresses; what stands in brackets has been checked by urllib3.
HOST = re.compile(rf"({LABEL}\.)*{LABEL}\.?|\[.*\]")
# Reserved for documentation (RFC 5737, RFC 3849): routed like any other, never anyone's.
ANYWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


class SettingsError(ValueError):
    """One or more settings are unusable; ``problems`` has a sentence for each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the service is told, by variables with the names of the guide's sample.

    An empty variable means the default. Times are in seconds.
    """

    app: str = "mock"  # who it is in answers, logs and metrics
    version: str = "v1"  # the version that it answers as
    ip: str = "127.0.0.1"  # POD_IP, else a specific `host`, else its interface's
    namespace: str | None = None  # POD_NAMESPACE
    upstream_urls: tuple[str, ...] = ()  # upstream_url, comma-separated; none: the last hop
    upstream_timeout: float = 5.0  # for a whole call; less where the caller waits less
    host: str = "0.0.0.0"  # noqa: S104 - a pod is reached on its own address
    port: int = 8000  # of the requests
    management_port: int = 8001  # of probes and metrics
    lane_header: str = "version"  # the baggage member that names the lane
    threads: int = 64  # requests served at once; one more is answered 429
    drain: float = 5.0  # after SIGTERM, in which requests still come in, unready
    log_level: str = "info"  # debug, info, warning or error; access lines are info
    fault: Fault = NONE  # fault_delay, fault_status, fault_rate
    fault_token: str | None = None  # opens PUT /fault at the management port to who sends it

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from ``environ``.

        Raises SettingsError that names every bad variable with its value, not only the first.
        """
        problems: list[str] = []

        def read(variable: str, default: T, parse: Callable[[str], T]) -> T:
            value = environ.get(variable, "").strip()
            try:
                return parse(value) if value else default
            except ValueError as error:
                problems.append(f"{variable}={value!r}: {error}")
                return default

        host = read("host", cls.host, _address)
        ip = read("POD_IP", "", _address)
        settings = cls(
            app=read("app", cls.app, _label),
            version=read("version", cls.version, _label),
            ip=ip or (interface_address() if ipaddress.ip_address(host).is_unspecified else host),
            namespace=read("POD_NAMESPACE", cls.namespace, _label),
            upstream_urls=read("upstream_url", cls.upstream_urls, _urls),
            upstream_timeout=read("upstream_timeout", cls.upstream_timeout, _positive_seconds),
            host=host,
            port=read("port", cls.port, _whole_number(1, 65535)),
            management_port=read("management_port", cls.management_port, _whole_number(1, 65535)),
            lane_header=read("lane_header", cls.lane_header, _token),
            threads=read("threads", cls.threads, _whole_number(1, 512)),
            drain=read("drain", cls.drain, _seconds),
            log_level=read("log_level", cls.log_level, _log_level),
            fault=Fault(
                **{n: read(f"fault_{n}", getattr(NONE, n), parse) for n, parse in PARSERS.items()}
            ),
            fault_token=read("fault_token", cls.fault_token, _secret),
        )
        for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # `requests` reads them
            read(variable, None, _certificates)
        if settings.management_port == settings.port:
            problems.append(f"management_port={str(settings.port)!r}: must not be that of requests")
        if problems:
            raise SettingsError(tuple(problems))
        return settings

    @property
    def hop(self) -> str:
        """What it is called by in Via headers: who it is to those that it calls."""
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"1.1 {host}:{self.port}"


def _matching(pattern: str, wanted: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must be {wanted}")
        return value

    return parse


# Brackets, commas and spaces would make the text answer ambiguous.
_label = _matching(
    r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?",
    "letters, digits, '.', '_' or '-', with a letter or digit at both ends",
)
_token = _matching(
    r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", "a baggage member's name, such as version or x-lane"
)
_secret = _matching(r"[A-Za-z0-9_-]{16,}", "16 or more letters, digits, '_' or '-'")


def _log_level(value: str) -> str:
    return _matching("debug|info|warning|error", "one of debug, info, warning, error")(
        value.lower()
    )


def _address(value: str) -> str:
    try:
        # Python takes anything for the zone of an IPv6 address.
        if re.fullmatch(r"[0-9A-Za-z.:]+(%[0-9A-Za-z._-]+)?", value):
            return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    raise ValueError("must be an IP address, such as 0.0.0.0 or 192.168.1.28")


def _whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        # int() alone would take '8_000', '+8' and digits of other scripts.
        if not re.fullmatch(r"[0-9]{1,9}", value) or not lowest <= int(value) <= highest:
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return int(value)

    return parse


def _seconds(value: str) -> float:
    seconds = number(value)
    if seconds is None or seconds > HOUR:
        raise ValueError(f"must be a number of seconds from 0 to {HOUR}")
    return seconds


def _positive_seconds(value: str) -> float:
    seconds = number(value)
    if not seconds or seconds > HOUR:
        raise ValueError(f"must be a number of seconds above 0, at most {HOUR}")
    return seconds


def _certificates(value: str) -> None:
    kind = "capath" if Path(value).is_dir() else "cafile"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(**{kind: value})
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"must be a file or folder of CA certificates in PEM: {why}") from None


def _urls(value: str) -> tuple[str, ...]:
    return tuple([_url(part.strip()) for part in value.split(",")])


def _url(value: str) -> str:
    if not value:
        raise ValueError("has an empty entry; write URLs with one comma between them")
    try:
        url = parse_url(value)
    except LocationParseError:
        url = Url()
    named = HOST.fullmatch(url.host or "") and url.port != 0
    if (
        not value.isascii()
        or not named
        or url.scheme not in ("http", "https")
        or re.search(r"\s", value)
    ):
        raise ValueError(f"{value!r} is not an http URL, such as http://mockb:8000/")
    if url.auth is not None:  # answers and logs quote the URL
        raise ValueError("must not hold a user name or password")
    return value


def interface_address() -> str:
    """Return the address of the interface that leads outward; loopback when none does.

    Connecting a datagram socket only chooses a route and a source address: nothing is sent.
    """
    for family, outside in ANYWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((outside, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return "127.0.0.1"
