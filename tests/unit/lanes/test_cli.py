"""The command line: output and exit codes."""

import json
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from itertools import cycle, islice
from pathlib import Path
from shutil import which

import pytest
import yaml
from click.testing import CliRunner, Result

from lanes.cli import main
from lanes.cli.evidence import EvidenceOptions
from lanes.console import progress
from lanes.evidence.source import Sources
from lanes.running.address import free_port
from tests.kube import SAMPLE, WEIGHTS, Document, asm, base, lane, put, write
from tests.unit.lanes.reading import REPOSITORY
from tests.unit.lanes.standin import ANSWER, certified, gateway_like, json_answer

PATHS = {
    "v1": ("mocka v1", "mockb v1", "mockc v1"),
    "v2": ("mocka v2", "mockb v1", "mockc v2"),
    "v3": ("mocka v3", "mockb v3", "mockc v1"),
}


def lanes(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=text, env={"COLUMNS": "80"})


# plan


def test_the_plan_as_a_table(sample: str) -> None:
    result = lanes("plan", sample)
    assert (result.exit_code, result.stderr) == (0, "")
    head, blank, *table = result.stdout.splitlines()
    assert head == f"3 services, 7 pods, 3 lanes from {sample} (asm)"
    assert blank == ""
    assert [line.split() for line in table[:4]] == [
        ["lane", "weight", "mocka", "mockb", "mockc"],
        ["v1", "40", "v1", "v1", "v1"],
        ["v2", "30", "v2", "v1", "*", "v2"],
        ["v3", "30", "v3", "v3", "v1", "*"],
    ]
    assert any(line.startswith("* ") for line in table[4:])


def test_a_path_without_a_slash_is_an_error(sample: str) -> None:
    result = lanes("plan", sample, "--path", "cart")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "lanes: --path cart: should begin with a slash: /cart\n"


def test_the_plan_as_json(sample: str) -> None:
    result = lanes("plan", sample, "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert (found["version"], found["lane_header"]) == (2, "version")
    assert found["not_simulated"] == {}
    lane = found["lanes"][1]
    assert (lane["name"], lane["weight"], lane["entry_rules"]) == ("v2", 30, [])
    assert [(hop["service"], hop["version"], hop["reason"]) for hop in lane["path"]] == [
        ("mocka", "v2", "match"),
        ("mockb", "v1", "fallback"),
        ("mockc", "v2", "match"),
    ]


def test_the_default_manifests_are_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    result = lanes("plan")
    assert result.exit_code == 0
    assert "from k8s/asm (asm)" in result.stdout
    assert result.stdout == lanes("plan", "k8s/asm").stdout
    assert max(map(len, lanes("plan", "k8s/asm").stdout.splitlines())) <= 80


def test_manifests_from_standard_input() -> None:
    result = lanes("plan", "-", text=yaml.safe_dump_all(asm()))
    assert result.exit_code == 0
    assert "3 lanes from standard input (asm)" in result.stdout


def test_manifests_from_several_files(tmp_path: Path) -> None:
    routing = write(tmp_path, *[d for d in asm() if d["kind"] != "Deployment"], name="1.yaml")
    pods = write(tmp_path, *[d for d in asm() if d["kind"] == "Deployment"], name="2.yaml")
    assert lanes("plan", routing, pods).exit_code == 0
    alone = lanes("plan", routing)
    assert alone.exit_code == 0
    assert "warning: no pods here: planned as if each subset had one" in " ".join(
        alone.stdout.split()
    )


def test_strict_commands_reject_an_unsupported_field_in_one_line(
    tmp_path: Path,
) -> None:
    documents = [
        put(d, "spec.http[0].timeOut", "1s")
        if d["metadata"]["name"] == "mockb" and d["kind"] == "VirtualService"
        else d
        for d in asm()
    ]
    file = write(tmp_path, *documents, name="x.yaml")
    for command in (
        ["plan", "--strict", file],
        ["up", "--strict", file],
        ["verify", "--strict", "http://127.0.0.1:1/", "--manifests", file],
    ):
        result = lanes(*command)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr == (
            f"lanes: {file}: VirtualService mockb: spec.http[0].timeOut:"
            " may choose routes, and is not supported; correct or remove it\n"
        )


def test_manifests_that_do_not_exist(tmp_path: Path) -> None:
    result = lanes("plan", str(tmp_path / "none"))
    assert result.exit_code == 2
    assert "no such file or directory" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "--format", "yaml"),
        ("plans",),
        ("up", "--port", "0"),
        ("up", "--port", "65536"),
        ("up", "--port", "http"),
        ("verify",),
        ("demo", "--requests", "-1"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    result = lanes(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")


@pytest.mark.parametrize("command", [[], *([name] for name in main.commands)])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_has_help_with_examples_and_nothing_cut(
    command: list[str], flag: str
) -> None:
    result = lanes(*command, flag)
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "  Examples:\n    " in result.stdout
    assert not re.search(r"\w\.\.\.$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", main.commands)
def test_the_examples_of_help_use_existing_options(name: str) -> None:
    command = main.commands[name]
    known = {option for one in command.params for option in one.opts + one.secondary_opts}
    for line in re.findall(r"^ +(?:helm .*\| )?lanes (.*)$", command.help or "", re.MULTILINE):
        named, *arguments = shlex.split(line)
        assert named == name
        assert {word for word in arguments if word.startswith("--")} <= known


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_as_docs_say(shell: str) -> None:
    page = (REPOSITORY / "docs/cli.md").read_text(encoding="utf-8")
    assert f"_LANES_COMPLETE={shell}_source lanes" in page
    environment = {"_LANES_COMPLETE": f"{shell}_complete", "COMP_WORDS": "lanes ve"}
    cword = "ve" if shell == "fish" else "1"
    result = CliRunner().invoke(main, prog_name="lanes", env=environment | {"COMP_CWORD": cword})
    assert "verify" in result.stdout


# verify


def by_weight(weights: Mapping[str, int]) -> Iterator[ANSWER]:
    lots = [lane for lane, weight in weights.items() for _ in range(weight)]
    return cycle([json_answer(lane, *PATHS[lane]) for lane in lots])


def verified(
    manifests: str, answers: Iterator[ANSWER], *options: str, requests: int = 100
) -> Result:
    with gateway_like(lambda _: next(answers)) as url:
        more = ("--manifests", manifests, "--requests", str(requests), "--concurrency", "1")
        return lanes("verify", url, *more, *options)


def test_lanes_that_hold(sample: str) -> None:
    result = verified(sample, by_weight(WEIGHTS))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "100 requests, 0 failed"
    assert lines[-1].startswith("Lanes hold.")  # whatever the times here say of the lanes
    assert result.stdout.count("as planned") == 3
    assert max(map(len, lines)) <= 80
    assert result.stderr == ""


def test_lanes_that_hold_as_json(sample: str) -> None:
    result = verified(sample, by_weight(WEIGHTS), "--format", "json", requests=100)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["ok"], found["requests"], found["errors"]) == (True, 100, 0)
    assert found["unexpected"] == []
    assert {lane: told["expected"] for lane, told in found["lanes"].items()} == {
        "v1": 0.4,
        "v2": 0.3,
        "v3": 0.3,
    }


def test_lanes_that_do_not_hold_and_what_they_answered(sample: str) -> None:
    wrong = json_answer("v2", "mocka v2", "mockb v1", "mockc v1")
    answers = cycle([wrong, *(next(by_weight(WEIGHTS)) for _ in range(9))])
    result = verified(sample, answers, requests=20)
    assert result.exit_code == 1
    assert "2 times lane v2 took another path:" in result.stdout
    assert "-> mockc(version: v1, ip: ::1)" in result.stdout
    assert result.stdout.splitlines()[-1] == "Lanes do NOT hold."


def test_lanes_that_do_not_hold_as_json(sample: str) -> None:
    result = verified(sample, cycle([json_answer("v1", *PATHS["v1"])]), "--format", "json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["ok"] is False
    assert [told["ok"] for told in found["lanes"].values()] == [False, False, False]
    assert found["unexpected"] == []


def test_the_default_number_of_requests_shows_each_lane(tmp_path: Path) -> None:
    weights = {"v1": 99, "v2": 1}
    manifests = write(tmp_path, *asm(weights=weights))
    answers = by_weight(weights)
    with gateway_like(lambda _: next(answers)) as url:
        result = lanes("verify", url, "--manifests", manifests, "--concurrency", "1")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("826 requests, 0 failed\n")


@pytest.mark.parametrize(
    ("v2", "exit_code", "closing"),
    [
        (1, 1, "Lanes NOT all verified: none of 100 requests entered v2. 826 requests would."),
        (0, 0, "Lanes hold; v2 was not verified: no request entered it."),
    ],
)
def test_a_lane_that_no_request_entered(
    tmp_path: Path, v2: int, exit_code: int, closing: str
) -> None:
    manifests = write(tmp_path, *asm(weights={"v1": 100 - v2, "v2": v2}))
    result = verified(manifests, cycle([json_answer("v1", *PATHS["v1"])]))
    assert result.exit_code == exit_code
    assert result.stdout.splitlines()[-1] == closing


@pytest.fixture
def beside(tmp_path: Path) -> str:
    """Lanes v2, by weight alone, and v3, by a header alone."""
    v2, v3 = lane("v2", SAMPLE, entry_rule=False), lane("v3", SAMPLE)
    return write(tmp_path, *base(SAMPLE, {"v1": 90, "v2": 10}), *v2, *v3)


def entered(manifests: str, *options: str, to: str = "v3") -> Result:
    """A gateway that sets lane `to` where x-lane asks for v3."""
    drawn = by_weight({"v1": 90, "v2": 10})

    def answer(headers: Mapping[str, str]) -> ANSWER:
        return json_answer(to, *PATHS[to]) if headers.get("x-lane") == "v3" else next(drawn)

    with gateway_like(answer) as url:
        return lanes("verify", url, "--manifests", manifests, "--concurrency", "1", *options)


def test_requests_also_enter_lanes_by_entry_rules(beside: str) -> None:
    result = entered(beside, "--lane-requests", "7")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "100 requests by weight, 7 by entry rules, 0 failed"
    at = lines.index("lane   entered by   paths")
    assert lines[at + 1 : at + 3] == ["v3     x-lane: v3   7 as planned", ""]
    assert [line.split()[:3] for line in lines[at + 3 : at + 7]] == [
        ["lane", "answers", "failed"],
        ["v1", "90", "0"],
        ["v2", "10", "0"],
        ["v3", "7", "0"],
    ]
    assert lines[-1].startswith("Lanes hold.")  # whatever the times here say of the lanes
    assert max(map(len, lines)) <= 80
    misrouted = entered(beside, to="v1")
    assert misrouted.exit_code == 1
    assert "20 times by x-lane: v3: lane v1 answered:" in misrouted.stdout


def test_verification_of_one_lane(beside: str) -> None:
    result = entered(beside, "--lane", "v3")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:5] == [
        "20 requests by entry rules, 0 failed",
        "",
        "lane   entered by   paths",
        "v3     x-lane: v3   20 as planned",
        "",
    ]
    assert lines[6].split()[:3] == ["v3", "20", "0"]
    assert lines[7:] == ["", "Lane v3 holds."]
    misrouted = entered(beside, "--lane", "v3", "--format", "json", to="v2")
    assert misrouted.exit_code == 1
    told = json.loads(misrouted.stdout)
    assert (told["ok"], told["requests"], list(told["lanes"])) == (False, 0, ["v3"])
    assert told["lanes"]["v3"]["entry_rules"] == [
        {"rule": "x-lane: v3", "count": 20, "as_planned": 0, "not_verified": 0}
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--lane", "v2"),
            "lane v2 has no entry rule, so requests enter it by its weight alone (leave --lane"
            " out). Add a gateway rule for, say, the header x-lane: v2.",
        ),
        (("--lane", "pr-9"), "no lane pr-9 in these manifests. The lanes are v1, v2, v3."),
        (
            ("--lane", "v3", "--requests", "9"),
            "--requests and --lane exclude each other. Set --lane-requests for requests into"
            " a lane.",
        ),
        (
            ("--duration", "9", "--requests", "9"),
            "--requests and --duration exclude each other. Leave one out.",
        ),
        (
            ("--baseline", "v9"),
            "no lane v9 in these manifests. The lanes are v1, v2, v3.",
        ),
        (
            ("--header", "x y=1"),
            "--header x y=1: x y is not a header's name, made of letters, digits and"
            " !#$&'*+-.^_`|~; % is not supported",
        ),
    ],
)
def test_options_that_exclude_each_other_or_name_no_lane(
    beside: str, options: tuple[str, ...], sentence: str
) -> None:
    result = lanes("verify", "http://127.0.0.1:1/", "--manifests", beside, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"lanes: {sentence}\n"


@pytest.mark.skipif(which("openssl") is None, reason="makes certificates with openssl")
def test_a_gateway_with_tls_and_a_resolved_address(tmp_path: Path) -> None:
    manifests = write(
        tmp_path, *(put(d, "spec.hosts", ["shop.org"]) if is_entry(d) else d for d in asm())
    )
    answers = by_weight(WEIGHTS)
    tls, ca = certified(tmp_path, "shop.org")
    with gateway_like(lambda _: next(answers), tls) as url:
        at = "shop.org:" + url.rstrip("/").rpartition(":")[2]
        more = ("--manifests", manifests, "--concurrency", "1", "--ca", ca)
        result = lanes("verify", f"https://{at}/", *more, "--resolve", f"{at}:localhost")
        misrouted = lanes("verify", f"https://{at}/", *more, "--resolve", "shop.org:localhost")
    assert result.exit_code == 0, result.output
    assert (misrouted.exit_code, misrouted.stdout) == (2, "")
    assert misrouted.stderr.startswith("lanes: --resolve shop.org:localhost: should be HOST:PORT:")


def test_a_gateway_that_does_not_listen(sample: str) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    result = lanes("verify", url, "--manifests", sample)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == f"lanes: {url}: the gateway cannot be reached: Connection refused\n"


def test_requests_send_the_host_of_the_option(sample: str) -> None:
    hosts = set()

    def answer(headers: Mapping[str, str]) -> ANSWER:
        hosts.add(headers["Host"])
        return json_answer("v1", *PATHS["v1"])

    with gateway_like(answer) as url:
        lanes("verify", url, "--manifests", sample, "--requests", "3", "--host", "shop.org")
    assert hosts == {"shop.org"}


@pytest.mark.parametrize(("domain", "host"), [("shop.org", "shop.org"), ("*.org", "any.org")])
def test_requests_send_a_host_that_the_gateway_serves(
    tmp_path: Path, domain: str, host: str
) -> None:
    documents = [put(d, "spec.hosts", [domain]) if is_entry(d) else d for d in asm()]
    answers = by_weight(WEIGHTS)
    hosts = set()

    def answer(headers: Mapping[str, str]) -> ANSWER:
        hosts.add(headers["Host"])
        return next(answers)

    with gateway_like(answer) as url:
        manifests = write(tmp_path, *documents)
        result = lanes("verify", url, "--manifests", manifests, "--concurrency", "1")
    assert result.exit_code == 0, result.output
    # What only looks whether anybody is there may be called anything.
    assert hosts == {host}


def is_entry(document: Document) -> bool:
    return "gateways" in document["spec"]


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (
            None,
            "there is no other evidence. Set --traces or --access-logs; in helm test, test.traces.",
        ),
        (Sources(()), "neither do traces or access logs. Check that the mesh writes them."),
    ],
)
def test_answers_without_a_hop_cannot_be_verified(
    sample: str, monkeypatch: pytest.MonkeyPatch, evidence: Sources | None, said: str
) -> None:
    monkeypatch.setattr(EvidenceOptions, "open", lambda *_: nullcontext(evidence))
    result = verified(sample, cycle([(200, "text/html", "<h1>\nhello</h1>")]))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(
        f"/: no hop of any request is seen. The answers show none, and {said}"
        " The first answer: <h1> hello</h1>\n"
    )


def by_tens() -> Iterator[str]:
    """The lanes of requests, by the sample's weights."""
    return cycle(("v1", "v1", "v2", "v3", "v2", "v1", "v3", "v1", "v2", "v3"))


@pytest.mark.parametrize(
    ("options", "code"), [((), 0), (("--require-entry",), 0), (("--strict",), 1)]
)
def test_a_foreign_service_behind_the_first_is_not_seen(
    sample: str, options: tuple[str, ...], code: int
) -> None:
    mockb = {"url": "http://mockb:8000", "status": 200, "duration_ms": 1, "text": "2 carts"}
    told = {"ip": "1", "duration_ms": 2, "status": 200, "upstreams": [mockb]}
    lanes = list(islice(by_tens(), 10))
    bodies = [
        json.dumps({"name": "mocka", "version": lane, "lane": lane, **told}) for lane in lanes
    ]
    result = verified(sample, cycle((200, "application/json", body) for body in bodies), *options)
    assert (result.exit_code, result.stderr) == (code, "")
    assert result.stdout.endswith("Lanes hold as far as seen: mockb, mockc were not seen.\n")


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--require-entry",), 1)])
def test_a_foreign_service_before_the_sample_is_not_seen(
    sample: str, options: tuple[str, ...], code: int
) -> None:
    """Answers tell mockb and mockc alone; lanes v1 and v2 differ behind the first hop, too."""
    behind = {"v1": "v1 v1", "v2": "v1 v2", "v3": "v3 v1"}

    def answers() -> Iterator[ANSWER]:
        for lane_ in by_tens():
            b, c = behind[lane_].split()
            status, kind, body = json_answer(lane_, f"mockb {b}", f"mockc {c}") or (0, "", "")
            yield status, kind, json.dumps({"shop": json.loads(body)})

    result = verified(sample, answers(), *options)
    assert result.exit_code == code, result.output
    said = "Lanes hold as far as seen: mocka was not seen."
    missed = " The first hop was NOT seen, which --require-entry needs." if code else ""
    assert result.stdout.endswith(f"{said}{missed}\n")


def test_access_logs_show_the_hops_of_foreign_services(sample: str, tmp_path: Path) -> None:
    """v2's requests are answered by v1 at mockc, whose v2 the sidecar chose."""
    log, lanes_ = (
        tmp_path / "log",
        cycle(("v1", "v1", "v2", "v3", "v2", "v1", "v3", "v1", "v2", "v3")),
    )
    log.touch()

    def answer(headers: Mapping[str, str]) -> ANSWER:
        found = AGENT.fullmatch(headers["User-Agent"])
        if found:
            with log.open("a") as file:
                file.writelines(f"{line}\n" for line in lines_of(next(lanes_), found[1]))
        return 200, "text/html", "<h1>shop</h1>"

    def verify(*options: str) -> Result:
        with gateway_like(answer) as url:
            more = ("--manifests", sample, "--requests", "60", "--access-logs", str(log))
            return lanes("verify", url, *more, *options)

    result = verify()
    assert result.exit_code == 1, result.output
    assert "lane v2 breaks at mockc: no pod of mockc v2 is ready" in result.stdout
    found = json.loads(verify("--format", "json").stdout)
    (left,) = found["left"]
    assert (left["lane"], left["service"], left["cause"]) == ("v2", "mockc", "not-ready")
    assert found["run"]["concurrency"] == 1


AGENT = re.compile(r"lanes/([0-9a-f]{32})")


def lines_of(lane_: str, trace: str) -> Iterator[str]:
    """What the sidecars log of one request."""
    paths = {"v1": "v1 v1 v1", "v2": "v2 v1 v1", "v3": "v3 v3 v1"}
    hops = zip(("mocka", "mockb", "mockc"), paths[lane_].split(), strict=True)
    caller, agent = "ingress-0", f"lanes/{trace}"
    for service, version in hops:
        chosen = "v2" if (lane_, service) == ("v2", "mockc") else version
        told = {
            "upstream_cluster": f"outbound|8000|{chosen}|{service}.default.svc.cluster.local",
            "upstream_host": f"{service}-{version}:8000",
            "upstream_local_address": f"{caller}:1",
            "start_time": "2026-11-30T10:00:00.000Z",
            "duration": 5,
            "response_code": 200,
            "request_id": trace,
            "user_agent": agent,
            "baggage": f"version={lane_}",
        }
        yield f"[pod/{caller}-7d9f8b6c5d-x2k4q/istio-proxy] {json.dumps(told)}"
        inbound = {**told, "upstream_cluster": "inbound|8000||"}
        inbound["downstream_local_address"] = f"{service}-{version}:8000"
        caller, agent = f"{service}-{version}", "curl"
        yield f"[pod/{caller}-7d9f8b6c5d-x2k4q/istio-proxy] {json.dumps(inbound)}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--traces", "none.json"),
            "--traces none.json: cannot be read: No such file or directory",
        ),
        (("--traces", "ftp://x/"), "--traces ftp://x/: not a file, and not a URL such as"),
        (
            ("--access-logs", "none"),
            "--access-logs none: cannot be read: No such file or directory",
        ),
    ],
)
def test_evidence_that_cannot_be_read(sample: str, options: tuple[str, ...], message: str) -> None:
    result = verified(sample, cycle([(200, "text/html", "hello")]), *options, requests=3)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


# The command's entry, which comes to its import of the command line, says so, and is kept there.
LOADING = """
import signal, sys
from lanes.__main__ import main

class Loader:
    def find_spec(name, path, target=None):
        if name == "lanes.cli":
            print("loading", flush=True)
            signal.pause()

sys.meta_path.insert(0, Loader)
main()
"""


def test_ctrl_c_during_imports_leaves_no_traceback() -> None:
    command = [sys.executable, "-c", LOADING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stdout.readline() == b"loading\n"
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
    assert (child.returncode, said) == (-signal.SIGINT, b"")


def test_a_progress_bar_is_for_terminals_only(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(progress(iter("abc"), 3)) == ["a", "b", "c"]
    assert capfd.readouterr() == ("", "")


def test_manifests_are_read_before_the_gateway_is_called(sample: str) -> None:
    broken: list[Document] = [d for d in asm() if d["spec"].get("gateways") is None]
    Path(sample).write_text(yaml.safe_dump_all(broken))
    result = lanes("verify", "http://127.0.0.1:1/", "--manifests", sample)
    assert result.exit_code == 2
    assert "is bound to a gateway" in result.stderr


def test_the_result_is_written_to_files(sample: str, tmp_path: Path) -> None:
    page, xml = tmp_path / "report.html", tmp_path / "junit.xml"
    files = ("--report", str(page), "--junit", str(xml))
    assert verified(sample, by_weight(WEIGHTS), *files).exit_code == 0
    assert "Lanes hold." in page.read_text()
    assert 'failures="0"' in xml.read_text()
    asked: list[None] = []
    with gateway_like(lambda _: asked.append(None)) as url:
        away = str(tmp_path / "none" / "a.html")
        result = lanes("verify", url, "--manifests", sample, "--report", away)
    assert (result.exit_code, asked) == (2, [])
    assert result.stderr == (
        f"lanes: --report {away}: cannot be written: No such file or directory\n"
    )


# trace


def test_one_request_is_traced(sample: str) -> None:
    answers = by_weight({"v1": 1, "v3": 1, "v2": 1})
    with gateway_like(lambda _: next(answers)) as url:
        result = lanes("trace", url, "--manifests", sample, "--lane", "v2")
        told = json.loads(lanes("trace", url, "--manifests", sample, "--format", "json").stdout)
        unknown = lanes("trace", url, "--manifests", sample, "--lane", "v9")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    # One more request has looked whether the gateway is there.
    assert lines[0].startswith("lane v2 (by weight, 30 of 100, at the 2nd request): status 200")
    assert [line.split()[-4:] for line in lines[4:6]] == [
        ["fallback:", "no", "mockb", "v2"],
        ["v2", "-", "-", "match"],
    ]
    assert lines[-1] == "As planned."
    assert (told["lane"], [hop["reason"] for hop in told["hops"]][:1]) == ("v3", ["match"])
    assert (unknown.exit_code, unknown.stdout) == (2, "")


# up


def test_a_taken_port_is_an_error_before_anything_starts(sample: str) -> None:
    with gateway_like(lambda _: None) as url:
        port = url.rstrip("/").rpartition(":")[2]
        result = lanes("up", sample, "--port", port)
    assert result.exit_code == 2
    assert result.stderr == (
        f"lanes: port {port}: another program listens there; choose another with --port\n"
    )


def test_the_plan_is_for_the_path_of_the_url(tmp_path: Path) -> None:
    documents = asm()
    only = [{"uri": {"prefix": "/shop"}}]
    documents[2] = put(documents[2], "spec.http[0].match", only)
    answers = by_weight(WEIGHTS)
    with gateway_like(lambda _: next(answers)) as url:
        manifests = write(tmp_path, *documents)
        result = lanes("verify", f"{url}shop", "--manifests", manifests, "--concurrency", "1")
    assert result.exit_code == 0


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m lanes plan | head -1"
    shell = ["bash", "-o", "pipefail", "-c", command]
    result = subprocess.run(shell, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert result.returncode in (0, 141)  # whether it had written all by then is chance


def test_a_full_disk_is_an_error_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "lanes", "plan"]
        result = subprocess.run(
            command, cwd=REPOSITORY, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (result.returncode, result.stderr) == (2, "lanes: No space left on device\n")


def test_a_defect_is_an_error_in_one_line_and_no_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lanes.planning.plan.plan", lambda *_: 1 // 0)
    result = lanes("plan", "k8s/asm")
    assert result.exit_code == 2
    assert result.stderr.startswith("lanes: internal error: ZeroDivisionError: ")
    assert "test_cli.py" in result.stderr
    assert "Please report" in result.stderr


def test_ctrl_c_ends_verify_with_the_result_so_far(sample: str) -> None:
    answers, served = by_weight(WEIGHTS), threading.Semaphore(0)

    def answer(_: object) -> ANSWER:
        served.release()
        return next(answers)

    with gateway_like(answer) as url:
        verify = ("-m", "lanes", "verify", url, "--manifests", sample, "--requests", "1000000")
        command = (sys.executable, *verify, "--concurrency", "1")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            for _ in range(150):
                assert served.acquire(timeout=30)
            child.send_signal(signal.SIGINT)
            said, complaint = (text.decode() for text in child.communicate(timeout=30))
    assert child.returncode == 128 + signal.SIGINT
    count, _, failed = said.partition(" requests, ")
    assert int(count) >= 140
    assert failed.startswith("0 failed\n")
    assert complaint == "lanes: interrupted. The result is of the requests until then.\n"
