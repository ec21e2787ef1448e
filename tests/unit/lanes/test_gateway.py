"""A gateway's URL and what goes with it, against a stand-in that answers from this very process."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest

from lanes.envoy.tracing import Collector
from lanes.errors import LanesError
from lanes.planning.entry_rule import EntryRule
from lanes.printable import without_credentials
from lanes.verification.gateway import Gateway
from tests.unit.lanes.standin import ANSWER, certified, gateway_like, json_answer


@pytest.mark.skipif(which("openssl") is None, reason="makes certificates with openssl")
def test_a_gateway_that_ends_tls(tmp_path: Path) -> None:
    tls, ca = certified(tmp_path, "shop.example")
    called: list[str | None] = []
    tls.sni_callback = lambda _, name, __: called.append(name)
    with gateway_like(lambda headers: (200, "text/plain", headers["Host"]), tls) as url:
        port = url.rstrip("/").rpartition(":")[2]
        at = f"shop.example:{port}"
        for address in ("127.0.0.1", "localhost"):
            gateway = Gateway(f"https://{at}/", None, ca, f"{at}:{address}")
            assert gateway.client().send().text == at
            assert replace(gateway, host="b.example").client().send().text == "b.example"
            assert gateway.client().send(rule=EntryRule(host="c.example")).text == "c.example"
        assert called == ["shop.example"] * 6

        def refused(gateway: Gateway) -> str:
            with pytest.raises(LanesError) as caught:
                gateway.client().require_reachable()
            return str(caught.value).partition("the gateway cannot be reached: ")[2]

        assert refused(replace(gateway, ca=None)).endswith("; --ca may name its authority")
        assert refused(Gateway(url, None, ca)) == (
            "IP address mismatch, certificate is not valid for '127.0.0.1'"
        )


@pytest.mark.parametrize(
    ("url", "resolved", "at"),
    [
        ("http://shop.example/a?b", "shop.example:80:gw.mesh", ("gw.mesh", 80)),
        ("https://Shop.example", "SHOP.example:443:::1", ("::1", 443)),
        ("https://shop.example:8443/", "shop.example:8443:[fd00::1]", ("fd00::1", 8443)),
    ],
)
def test_where_a_gateway_is_found(url: str, resolved: str, at: tuple[str, int]) -> None:
    assert Gateway(url, resolved=resolved).at == at


@pytest.mark.parametrize(
    ("url", "port", "authority"),
    [
        ("http://shop.example/", 80, "shop.example"),
        ("https://shop.example/", 443, "shop.example"),
        ("https://shop.example:443/", 443, "shop.example:443"),
        ("http://[::1]:8080/", 8080, "[::1]:8080"),
        ("http://[::1]/", 80, "[::1]"),
    ],
)
def test_a_port_is_named_as_the_url_does(url: str, port: int, authority: str) -> None:
    parts = Gateway(url).parts
    assert (parts.port, parts.authority) == (port, authority)


@pytest.mark.parametrize(
    ("url", "ca", "resolved", "sentence"),
    [
        (
            "https://a/",
            "none.pem",
            None,
            "--ca none.pem: cannot be read: No such file or directory",
        ),
        ("https://a/", __file__, None, f"--ca {__file__}: no certificates there; it should be PEM"),
        (
            "http://a/",
            "ca.pem",
            None,
            "--ca ca.pem: http://a/ does not speak TLS. Is the URL https://?",
        ),
        *(
            (
                "https://a/",
                None,
                wrong,
                f"--resolve {wrong}: should be HOST:PORT:ADDRESS, such as"
                " shop.example:443:192.0.2.7",
            )
            for wrong in ("a", "a:443", "a:https:1.2.3.4", "a:443:", ":443:b", "a:443:x:y")
        ),
        ("https://a/", None, "b:443:c", "--resolve b:443:c: the URL is for a:443"),
        ("http://a/", None, "a:443:c", "--resolve a:443:c: the URL is for a:80"),
    ],
)
def test_what_does_not_go_with_a_url(
    url: str, ca: str | None, resolved: str | None, sentence: str
) -> None:
    with pytest.raises(LanesError) as caught:
        Gateway(url, None, ca, resolved).client()
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "/",
            "127.0.0.1:8080",
            "//a/",
            "nonsense://127.0.0.1/",
            "http://",
            "http:///",
            "http:a",
        ),
        *("http://127.0.0.1:99999/", "http://a:0/", "http://a:-1/", "http://a:b/", "http://a:+80/"),
        *("http://a:\uff18\uff10/", "http://a:80:80/", "http://:80/", "http://[/", "http://[a]/"),
        *("http://[::1/", "http://[127.0.0.1]/", "http://[::1]x/", "http://a..b/", "http://.a/"),
        *("http://a b/", "http://a/ b", "http://a\tb/", "http://a\n/", "http://a/\x1b[31m"),
        *("http://\u202ea/", "http://a\0/", "http://a%2fb/", "http://a,b/", "http://*/"),
        *("http://\udc80/", f"http://{'a' * 64}/", f"http://{'ä' * 60}/", "http://\u2100/"),
    ],
)
def test_what_is_no_url_of_a_gateway(url: str) -> None:
    with pytest.raises(LanesError, match="not a URL of a gateway"):
        Gateway(url)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("HTTP://127.0.0.1:{port}", "/"),
        ("http://127.0.0.1:{port}/a%20b", "/a%20b"),
        ("http://127.0.0.1:{port}/\u00e4?\u00f6=1&b=/?#c", "/%C3%A4?%C3%B6=1&b=/?"),
        ("http://127.0.0.1:{port}?a", "/?a"),
        ("http://127.0.0.1:{port}/a//../b;c@d", "/a//../b;c@d"),
        ("http://127.0.0.1:{port}/100%", "/100%"),
        ('http://127.0.0.1:{port}/"<>|', "/%22%3C%3E%7C"),
    ],
)
def test_what_a_url_asks_for(url: str, asked: str) -> None:
    with gateway_like(lambda headers: (200, "text/plain", headers[":path"])) as at:
        port = at.rstrip("/").rpartition(":")[2]
        assert Gateway(url.format(port=port)).client().send().text == asked


SECRETS = [
    ("http://user:s3cret@gw.example/", "http://gw.example/"),
    ("https://s3cret@gw.example:8443/a@b?c", "https://gw.example:8443/a@b?c"),
    ("http://user:s3cret@s3cret@[::1]:80/", "http://[::1]:80/"),
    ("http://user:s3cret/@gw.example/", "http://gw.example/"),
    ("http://user:s3cret?#@gw.example:99999/", "http://gw.example:99999/"),
    ("user:s3cret@gw.example:80", "gw.example:80"),
    ("ftp://user:s3cret@gw.example/", "ftp://gw.example/"),
    ("://user:s3cret@", "://"),
]


@pytest.mark.parametrize(("url", "shown"), SECRETS)
def test_a_password_in_a_url_is_not_shown(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
    with pytest.raises(LanesError) as caught:
        Gateway(url, resolved="nonsense", host="gw.example").client()
    assert "s3cret" not in str(caught.value)
    with pytest.raises(LanesError) as caught:
        Collector.of(url)
    assert "s3cret" not in str(caught.value)


def test_a_user_and_a_password_are_sent_as_basic_authentication() -> None:
    def answer(headers: Mapping[str, str]) -> ANSWER:
        lines = {name.lower(): value for name, value in headers.items()}
        return 200, "text/plain", lines.get("authorization", "none")

    with gateway_like(answer) as url:
        named = url.replace("//", "//us%20er:p%40ss:w@")
        assert Gateway(named).client().send().text == "Basic dXMgZXI6cEBzczp3"
        own = Gateway(named, headers={"authorization": "Bearer x"})
        assert own.client().send().text == "Bearer x"
        assert Gateway(url).client().send().text == "none"


@pytest.mark.parametrize(
    "host", ["", " ", "a b", "a\r\nx: y", "a/b", "a@b", "[", "a:b", "\x1b", "*"]
)
def test_a_host_that_no_request_can_name(host: str) -> None:
    with pytest.raises(LanesError, match="not a name of a host"):
        Gateway("http://127.0.0.1/", host)


@pytest.mark.parametrize(
    "way",
    [
        EntryRule({"x y": "1"}),
        EntryRule({"": "1"}),
        EntryRule({"x-lane": "a\r\nhost: b"}),
        EntryRule({"x-lane": "\0"}),
        EntryRule(host="a\nb"),
        EntryRule(method="GET /"),
        EntryRule({"content-length": "5"}),
        EntryRule({"transfer-encoding": "gzip"}),
    ],
)
def test_a_way_that_http_can_not_send_is_no_answer(way: EntryRule) -> None:
    with gateway_like(lambda _: json_answer("v1", "mocka v1")) as url:
        client = Gateway(url).client()
        answer = client.send(rule=way)
        assert answer.status == 0
        assert answer.text.startswith("no answer: the request cannot be sent: ")
        assert client.send().status == 200
