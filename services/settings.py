"""Settings: read from the environment and checked once, before any port is bound."""

import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from services.faults import PARSERS, Fault, number

LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
# Names and IPv4 addresses, and any text in brackets, which urllib3 has checked.
HOST = re.compile(rf"({LABEL}\.)*{LABEL}\.?|\[.*\]")


class SettingsError(ValueError):
    """Unusable settings; ``args`` has a sentence for each."""


def _matching(pattern: str, description: str, value: str) -> str:
    if not re.fullmatch(pattern, value):
        raise ValueError(f"must be {description}")
    return value


# Without brackets, commas and spaces, which would make the text answer ambiguous.
_label = partial(
    _matching,
    r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?",
    "letters, digits, '.', '_' or '-', with a letter or digit at both ends",
)
_token = partial(
    _matching, r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", "a baggage member's name, such as version"
)
_secret = partial(_matching, r"[A-Za-z0-9_-]{16,}", "16 or more letters, digits, '_' or '-'")
_level = partial(_matching, "(?i:debug|info|warning|error)", "one of debug, info, warning, error")


def _address(value: str) -> str:
    # Python accepts any text as the zone of an IPv6 address.
    if re.fullmatch(r"[0-9A-Za-z.:]+(%[0-9A-Za-z._-]+)?", value):
        with suppress(ValueError):
            return str(ipaddress.ip_address(value))
    raise ValueError("must be an IP address, such as 0.0.0.0 or 192.168.1.28")


def _whole(value: str) -> int | None:
    # int() alone accepts '8_000', '+8' and digits of other scripts.
    return int(value) if re.fullmatch(r"[0-9]{1,9}", value) else None


def _between(parse: Any, least: float, most: float, description: str, value: str) -> Any:
    if (parsed := parse(value)) is None or not least <= parsed <= most:
        raise ValueError(f"must be {description}")
    return parsed


_port = partial(_between, _whole, 1, 65535, "a whole number from 1 to 65535")
_threads = partial(_between, _whole, 1, 512, "a whole number from 1 to 512")
_seconds = partial(_between, number, 0, 3600, "a number of seconds from 0 to 3600")
_timeout = partial(_between, number, 1e-9, 3600, "a number of seconds above 0, at most 3600")


def _url(value: str) -> str:
    if not value:
        raise ValueError("has an empty entry; write URLs with one comma between them")
    url = Url()
    with suppress(LocationParseError):
        url = parse_url(value)
    usable = HOST.fullmatch(url.host or "") and url.port != 0 and url.scheme in ("http", "https")
    if not usable or not value.isascii() or re.search(r"\s", value):
        raise ValueError(f"{value!r} is not an http URL, such as http://mockb:8000/")
    if url.auth is not None:  # answers and logs quote the URL
        raise ValueError("must not hold a user name or password")
    return value


def _urls(value: str) -> tuple[str, ...]:
    return tuple([_url(part.strip()) for part in value.split(",")])


def _certificates(value: str) -> str:
    kind = "capath" if Path(value).is_dir() else "cafile"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(**{kind: value})
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"must be a file or folder of CA certificates in PEM: {why}") from None
    return value


def _setting(default: Any, parse: Callable[[str], Any], variable: str | None = None) -> Any:
    return field(default=default, metadata={"parse": parse, "variable": variable})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. The variable has the field's name, unless ``_setting`` gives another."""

    app: str = _setting("mock", _label)  # the name in answers, logs and metrics
    version: str = _setting("v1", _label)  # the version in answers, logs and metrics
    ip: str = _setting("", _address, "POD_IP")  # if empty: `host`, or the interface's address
    namespace: str | None = _setting(None, _label, "POD_NAMESPACE")
    upstream_urls: tuple[str, ...] = _setting((), _urls, "upstream_url")  # none: the last hop
    upstream_timeout: float = _setting(5.0, _timeout)  # a caller's request-timeout-ms may cut it
    host: str = _setting("0.0.0.0", _address)  # noqa: S104 - a pod is reached on its own address
    port: int = _setting(8000, _port)  # for requests
    management_port: int = _setting(8001, _port)  # for probes and metrics
    lane_header: str = _setting("version", _token)  # the baggage member that holds the lane
    threads: int = _setting(64, _threads)  # concurrent requests; one more gets 429
    drain: float = _setting(5.0, _seconds)  # seconds of serving unready after SIGTERM
    log_level: str = _setting("info", _level)  # access lines are info
    fault_delay: tuple[float, float] = _setting(Fault.delay, PARSERS["delay"])
    fault_status: int = _setting(Fault.status, PARSERS["status"])
    fault_rate: float = _setting(Fault.rate, PARSERS["rate"])
    fault_token: str | None = _setting(None, _secret)  # the bearer token of PUT /fault
    ca_bundle: str | None = _setting(None, _certificates, "REQUESTS_CA_BUNDLE")  # for `requests`

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings. Raises SettingsError, which names each bad variable and its value."""
        values: dict[str, Any] = {}
        problems = []
        for each in fields(cls):
            variable = each.metadata["variable"] or each.name
            if value := environ.get(variable, "").strip():
                try:
                    values[each.name] = each.metadata["parse"](value)
                except ValueError as error:
                    problems.append(f"{variable}={value!r}: {error}")
        settings = cls(**values)
        if settings.management_port == settings.port:
            problems.append(f"management_port={str(settings.port)!r}: must not be that of requests")
        if problems:
            raise SettingsError(*problems)
        any_address = ipaddress.ip_address(settings.host).is_unspecified
        own = own_address() if any_address else settings.host
        return replace(settings, ip=settings.ip or own)


def own_address() -> str:
    """Return the address of the interface with the default route, or else loopback."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; the address is reserved by RFC 5737
        return str(probe.getsockname()[0])
    return "127.0.0.1"
