"""Settings: the environment, read and checked once, before anything listens.

Names are those of the guide's sample. An empty variable means its default.

====================  =========  =================================================================
``app``               mock       the service's name in answers, logs and metrics
``version``           v1         the version it answers as
``upstream_url``      (none)     whom it calls: http(s) URLs, comma-separated; none: the last hop
``upstream_timeout``  5          seconds for a whole call; fewer where the caller waits less
``host``              0.0.0.0    the IP address to listen on
``port``              8000       the port of the requests
``management_port``   8001       the port of /healthz, /readyz and /metrics
``POD_IP``            (none)     the address to report; else a specific ``host`` or its interface's
``POD_NAMESPACE``     (none)     the Kubernetes namespace to report in the tree
``lane_header``       version    the baggage member that names the lane
``threads``           16         requests served at once
``drain``             5          seconds after SIGTERM in which requests still come in, unready
``log_level``         info       debug, info, warning or error; access lines are info
``fault_delay``       0          milliseconds that answers are late on purpose; or p50/p99: 20/200
``fault_rate``        0          the share of requests, 0 to 1, that fail on purpose
``fault_status``      500        what they fail with, 400 to 599
``fault_token``       (none)     opens ``PUT /fault`` at the management port to who sends it
====================  =========  =================================================================
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self, TypeVar
from urllib.parse import urlsplit

from services import fault
from services.address import interface_address
from services.fault import Delay, Fault, number

T = TypeVar("T")

LOG_LEVELS = ("debug", "info", "warning", "error")
HOUR = 3600.0
# A name (as urlsplit lowers it) or an IPv6 address (which it has checked and unwrapped).
LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
HOST = re.compile(rf"({LABEL}\.)*{LABEL}\.?|[0-9a-f.]*:[0-9a-f:.]*")


class SettingsError(ValueError):
    """One or more settings are unusable; ``problems`` has a sentence for each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the service is told. Times are in seconds."""

    app: str = "mock"
    version: str = "v1"
    ip: str = "127.0.0.1"
    namespace: str | None = None
    upstream_urls: tuple[str, ...] = ()
    upstream_timeout: float = 5.0
    host: str = "0.0.0.0"  # noqa: S104 - a pod is reached on its own address
    port: int = 8000
    management_port: int = 8001
    lane_header: str = "version"
    threads: int = 16
    drain: float = 5.0
    log_level: str = "info"
    fault: Fault = fault.NONE
    fault_token: str | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from ``environ``.

        Raises SettingsError that names every bad variable with its value, not only the first.
        """
        problems: list[str] = []

        def read(variable: str, default: T, parse: Callable[[str], T]) -> T:
            value = environ.get(variable, "").strip()
            if not value:
                return default
            try:
                return parse(value)
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
                delay=read("fault_delay", cls.fault.delay, Delay.parse),
                status=read("fault_status", cls.fault.status, fault.error_status),
                rate=read("fault_rate", cls.fault.rate, fault.share),
            ),
            fault_token=read("fault_token", cls.fault_token, _secret),
        )
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


def _label(value: str) -> str:
    # Brackets, commas and spaces would make the text answer ambiguous.
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", value):
        raise ValueError(
            "must be letters, digits, '.', '_' or '-', with a letter or digit at both ends"
        )
    return value


def _token(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", value):
        raise ValueError("must be a baggage member's name, such as version or x-lane")
    return value


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
        raise ValueError(f"must be a number of seconds from 0 to {HOUR:.0f}")
    return seconds


def _positive_seconds(value: str) -> float:
    seconds = number(value)
    if seconds is None or not 0 < seconds <= HOUR:
        raise ValueError(f"must be a number of seconds above 0, at most {HOUR:.0f}")
    return seconds


def _secret(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,}", value):
        raise ValueError("must be 16 or more letters, digits, '_' or '-'")
    return value


def _log_level(value: str) -> str:
    if value.lower() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return value.lower()


def _urls(value: str) -> tuple[str, ...]:
    return tuple(_url(part.strip()) for part in value.split(","))


def _url(value: str) -> str:
    if not value:
        raise ValueError("has an empty entry; write URLs with one comma between them")
    try:
        parts = urlsplit(value)
        host = HOST.fullmatch(parts.hostname or "")
        # What stands behind an address in brackets is lost on urlsplit.
        whole = re.fullmatch(r"[^\[\]]*(\[[^\[\]]*\](:[0-9]*)?)?", parts.netloc)
        usable = host and whole and parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", value):
        raise ValueError(f"{value!r} is not an http URL, such as http://mockb:8000/")
    if parts.username is not None or parts.password is not None:
        # Answers and logs quote the URL.
        raise ValueError("must not hold a user name or password")
    return value
