"""Settings: their variables, and the sentence for each bad value."""

import ipaddress
from pathlib import Path

import certifi
import pytest

from services import settings
from services.settings import Settings, SettingsError


def problems(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(environ)
    return caught.value.args


def test_an_empty_environment_is_a_last_hop_with_defaults() -> None:
    assert Settings.from_environ({"POD_IP": "10.0.0.7"}) == Settings(
        app="mock",
        version="v1",
        ip="10.0.0.7",
        namespace=None,
        upstream_urls=(),
        upstream_timeout=5,
        host="0.0.0.0",
        port=8000,
        management_port=8001,
        lane_header="version",
        threads=64,
        drain=5,
        log_level="info",
        fault_delay=(0, 0),
        fault_status=500,
        fault_rate=0,
        fault_token=None,
        ca_bundle=None,
    )


def test_every_variable_is_read() -> None:
    environ = {
        "app": "mocka",
        "version": "v2",
        "upstream_url": "http://mockb:8000/, https://mockc/x?y=1",
        "upstream_timeout": "0.25",
        "host": "127.0.0.1",
        "port": "9000",
        "management_port": "9001",
        "POD_IP": "192.168.1.28",
        "POD_NAMESPACE": "shop",
        "lane_header": "x-lane",
        "threads": "4",
        "drain": "0",
        "log_level": "WARNING",
        "fault_delay": "20/200",
        "fault_status": "503",
        "fault_rate": "0.05",
        "fault_token": "0123456789abcdef",
    }
    assert Settings.from_environ(environ) == Settings(
        app="mocka",
        version="v2",
        upstream_urls=("http://mockb:8000/", "https://mockc/x?y=1"),
        upstream_timeout=0.25,
        host="127.0.0.1",
        port=9000,
        management_port=9001,
        ip="192.168.1.28",
        namespace="shop",
        lane_header="x-lane",
        threads=4,
        drain=0,
        log_level="WARNING",
        fault_delay=(20, 200),
        fault_status=503,
        fault_rate=0.05,
        fault_token="0123456789abcdef",  # noqa: S106
    )


def test_an_empty_or_blank_variable_means_its_default() -> None:
    blank = {"POD_IP": "10.0.0.7", "port": "", "upstream_url": "  ", "drain": ""}
    assert Settings.from_environ(blank) == Settings(ip="10.0.0.7")


@pytest.mark.parametrize(
    ("environ", "ip"),
    [
        ({"POD_IP": "10.0.0.7", "host": "127.0.1.2"}, "10.0.0.7"),
        ({"host": "127.0.1.2"}, "127.0.1.2"),
        ({}, "172.16.0.9"),
        ({"host": "::"}, "172.16.0.9"),
    ],
)
def test_the_address_reported(
    environ: dict[str, str], ip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "own_address", lambda: "172.16.0.9")
    assert Settings.from_environ(environ).ip == ip


PORT = "must be a whole number from 1 to 65535"
LABEL = "must be letters, digits, '.', '_' or '-', with a letter or digit at both ends"
DELAY = "must be milliseconds, at most 60000, or p50/p99 of them: 20/200"
CERTIFICATES = "must be a file or folder of CA certificates in PEM"
TIMEOUT = "must be a number of seconds above 0, at most 3600"


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("port", "eighty", PORT),
        ("management_port", "x", PORT),
        ("management_port", "8000", "must not be that of requests"),
        ("port", "0", PORT),
        ("port", "65536", PORT),
        ("port", "-1", PORT),
        ("port", "8_000", PORT),
        ("port", "8000.0", PORT),
        ("port", "\N{FULLWIDTH DIGIT EIGHT}", PORT),
        ("threads", "0", "must be a whole number from 1 to 512"),
        ("threads", "513", "must be a whole number from 1 to 512"),
        ("upstream_timeout", "-1", TIMEOUT),
        ("upstream_timeout", "0", TIMEOUT),
        ("upstream_timeout", "nan", TIMEOUT),
        ("upstream_timeout", "5s", TIMEOUT),
        ("upstream_timeout", "3601", TIMEOUT),
        ("drain", "-0.5", "must be a number of seconds from 0 to 3600"),
        ("drain", "inf", "must be a number of seconds from 0 to 3600"),
        ("drain", "3601", "must be a number of seconds from 0 to 3600"),
        *(
            ("fault_delay", bad, DELAY)
            for bad in ("-1", "60001", "200/20", "0/5", "1/2/3", "/", "5ms")
        ),
        ("fault_status", "200", "must be an HTTP status from 400 to 599"),
        ("fault_rate", "5%", "must be a share of requests from 0 to 1"),
        ("fault_rate", "1.5", "must be a share of requests from 0 to 1"),
        ("fault_token", "short", "must be 16 or more letters, digits, '_' or '-'"),
        ("log_level", "loud", "must be one of debug, info, warning, error"),
        ("host", "localhost", "must be an IP address, such as 0.0.0.0 or 192.168.1.28"),
        (
            "POD_IP",
            "fe80::1%a), b(c",
            "must be an IP address, such as 0.0.0.0 or 192.168.1.28",
        ),
        ("POD_IP", "10.0.0", "must be an IP address, such as 0.0.0.0 or 192.168.1.28"),
        ("app", "mock (a)", LABEL),
        ("version", "-v1", LABEL),
        ("REQUESTS_CA_BUNDLE", "none.pem", f"{CERTIFICATES}: No such file or directory"),
        ("REQUESTS_CA_BUNDLE", "a\0b", f"{CERTIFICATES}: embedded null byte"),
        ("lane_header", "a=b", "must be a baggage member's name, such as version"),
        ("upstream_url", "http://u:p@mockb/", "must not hold a user name or password"),
        (
            "upstream_url",
            "http://mockb/,,http://mockc/",
            "has an empty entry; write URLs with one comma between them",
        ),
    ],
)
def test_a_bad_value_is_named_with_what_it_must_be(variable: str, value: str, why: str) -> None:
    assert problems(**{variable: value}) == (f"{variable}={value!r}: {why}",)


@pytest.mark.parametrize(
    "url",
    [
        "mockb:8000",
        "ftp://mockb/",
        "http://",
        "http:///path",
        "http://mockb:port/",
        "http://mockb:70000/",
        "http://mockb:0/",
        "http://[::1/",
        "https://[::1]ftp:8443/",
        "http://[::1]x/",
        "http://mock b/",
        "http://mockb/a b",
        "http://.mockb/",
        "http://a..b/",
        "http://...",
        f"http://{'a' * 64}/",
        "http://m\N{LATIN SMALL LETTER O WITH DIAERESIS}ck/",
    ],
)
def test_an_upstream_that_is_no_http_url_is_refused(url: str) -> None:
    listed = f"http://mockc/,{url}"
    assert problems(upstream_url=listed) == (
        f"upstream_url={listed!r}: {url!r} is not an http URL, such as http://mockb:8000/",
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://mockb",
        "http://MockB.default.svc.cluster.local.:8000/a/b?c=d",
        "https://my_mock-b/",
        "http://10.0.0.1:80/",
        "http://[2001:db8::1]:8000/",
    ],
)
def test_an_upstream_url_is_kept_as_written(url: str) -> None:
    assert Settings.from_environ({"upstream_url": url}).upstream_urls == (url,)


@pytest.mark.parametrize(
    ("variable", "field", "value", "read"),
    [
        ("port", "port", "1", 1),
        ("port", "port", "65535", 65535),
        ("threads", "threads", "1", 1),
        ("threads", "threads", "512", 512),
        ("drain", "drain", "0", 0),
        ("drain", "drain", "3600", 3600),
        ("upstream_timeout", "upstream_timeout", "3600", 3600),
        ("fault_delay", "fault_delay", "0", (0, 0)),
        ("fault_delay", "fault_delay", "60000", (60_000, 60_000)),
        ("fault_rate", "fault_rate", "1", 1),
        ("fault_status", "fault_status", "400", 400),
        ("fault_status", "fault_status", "599", 599),
        ("app", "app", "a", "a"),
        ("POD_NAMESPACE", "namespace", "shop", "shop"),
        *(
            ("REQUESTS_CA_BUNDLE", "ca_bundle", path, path)
            for path in (certifi.where(), str(Path(certifi.where()).parent))
        ),
    ],
)
def test_the_least_and_the_most_that_a_setting_may_be(
    variable: str, field: str, value: str, read: object
) -> None:
    assert getattr(Settings.from_environ({variable: value}), field) == read


def test_the_address_of_the_interface_that_leads_outward_is_one() -> None:
    routes = [line.split() for line in Path("/proc/net/route").read_text().splitlines()[1:]]
    leads_outward = any(destination == "00000000" for _, destination, *_ in routes)
    address = ipaddress.ip_address(settings.own_address())
    assert not address.is_unspecified
    assert address.is_loopback is not leads_outward


def test_all_bad_values_are_reported_at_once() -> None:
    named = [problem.partition("=")[0] for problem in problems(port="x", drain="y", app="!")]
    assert named == ["app", "port", "drain"]
