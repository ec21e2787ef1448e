"""Tables, notes and sentences for people, in 80 columns."""

from dataclasses import replace
from itertools import pairwise

import pytest

from lanes.evidence.causes import Cause
from lanes.evidence.steps import Answer, Step
from lanes.planning.entry_rule import EntryRule
from lanes.planning.lanes import NotPlanned
from lanes.planning.plan import plan
from lanes.planning.result import Plan
from lanes.reading.reader import read
from lanes.reading.resolve import resolve
from lanes.report.closing import closing
from lanes.report.plan import gateway_line, headline, plan_table, show_headline, show_plan
from lanes.report.plan_notes import plan_notes
from lanes.report.problems import (
    CAUSES,
    FIXES,
    HINTS,
    PROBLEMS,
    cause_lines,
    hint_lines,
    problem_text,
)
from lanes.report.tables import show
from lanes.report.verdict import (
    counts,
    entered_table,
    hints_lines,
    split_note,
    unexpected_lines,
    verdict_table,
)
from lanes.verification.hints import Hint, HintCode
from lanes.verification.problems import Break, Problem, ProblemCode
from lanes.verification.targets import Target
from lanes.verification.verdict import Verdict
from lanes.verification.verify import verify
from tests.kube import (
    SAMPLE,
    Chain,
    Document,
    asm,
    base,
    istio,
    lane,
    put,
    rule,
    to,
    virtual_service,
)
from tests.unit.lanes.reading import REPOSITORY, mesh_of, plan_of, printed

PATHS = {"v1": ("v1", "v1", "v1"), "v2": ("v2", "v1", "v2"), "v3": ("v3", "v3", "v1")}


def plan_lines(plan: Plan) -> list[str]:
    return printed(show, plan_table(plan))


def verdict_lines(verdict: Verdict) -> list[str]:
    return printed(show, verdict_table(verdict))


def answers(**counts: int) -> list[Answer]:
    return [
        Answer(200, lane, tuple(Step(s, v, lane) for s, v in zip(NAMES, PATHS[lane], strict=True)))
        for lane, count in counts.items()
        for _ in range(count)
    ]


NAMES = ("mocka", "mockb", "mockc")


def words(lines: list[str]) -> list[list[str]]:
    return [line.split() for line in lines]


def test_the_gateways_line_names_the_host_to_send() -> None:
    planned = plan_of(*asm())
    line = "gateway http://127.0.0.1:8080/"
    assert gateway_line("http://127.0.0.1:8080/", planned, 0.5) == f"{line}   ready in 0.5 s"
    named = replace(planned, domain="*.shop.org")
    assert gateway_line("http://127.0.0.1:8080/", named, 0.5) == (
        f"{line} (Host: any.shop.org)   ready in 0.5 s"
    )


def test_rules_for_other_hosts_are_named() -> None:
    other = virtual_service("b.org", rule(to("mocka", "v1")), gateways=["demo-gateway"])
    documents = [*asm(), put(other, "metadata.name", "other")]
    assert headline(mesh_of(*documents), plan_of(*documents))[-1] == (
        "planned for *; the gateway has other rules for b.org"
    )


def test_cells_begin_below_their_headings() -> None:
    head, *rows = plan_lines(plan_of(*asm()))
    for row, versions in zip(rows, PATHS.values(), strict=True):
        for service, version in zip(NAMES, versions, strict=True):
            assert row[head.index(service) :].startswith(version)


def test_no_line_ends_with_blanks() -> None:
    for line in plan_lines(plan_of(*asm())) + verdict_lines(verify(plan_of(*asm()), answers(v1=1))):
        assert line == line.rstrip()


@pytest.mark.parametrize(
    ("documents", "notes"),
    [
        (asm(), ["*"]),
        (asm(strict=True), ["-"]),
        (asm({"a": (("v1",), ())}, {"v1": 1}), []),
        (istio(), ["*"]),
    ],
)
def test_marks_are_explained_only_if_the_plan_has_them(
    documents: list[Document], notes: list[str]
) -> None:
    assert [note[0] for note in plan_notes(plan_of(*documents))] == notes


def test_resources_that_are_not_simulated_are_counted() -> None:
    left = [
        {"apiVersion": api, "kind": kind, "metadata": {"name": name}}
        for api, kind, name in (
            ("v1", "ServiceAccount", "a"),
            ("policy/v1", "PodDisruptionBudget", "a"),
            ("v1", "ServiceAccount", "b"),
        )
    ]
    mesh = mesh_of(*asm(), *left)
    assert headline(mesh, plan_of(*asm()))[1] == (
        "not simulated: 1 PodDisruptionBudget, 2 ServiceAccount"
    )


def test_paths_below_the_working_directory_are_short(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.chdir(REPOSITORY)
    mesh = resolve(read([str(REPOSITORY / "k8s/asm")]))
    assert " from k8s/asm (asm)" in headline(mesh, plan(mesh))[0]


def test_a_table_of_lanes_that_hold() -> None:
    lines = verdict_lines(verify(plan_of(*asm()), answers(v1=41, v2=29, v3=30)))
    assert words(lines)[1:] == [
        ["v1", "40%", "41", "(41%)", "24%", "to", "59%", "41", "as", "planned"],
        ["v2", "30%", "29", "(29%)", "15%", "to", "47%", "29", "as", "planned"],
        ["v3", "30%", "30", "(30%)", "15%", "to", "48%", "30", "as", "planned"],
    ]


def test_a_table_of_lanes_that_do_not_hold() -> None:
    misrouted = Answer(200, "x", (Step("mocka", "v1", "v2"),))
    verdict = verify(plan_of(*asm()), [*answers(v1=90, v2=4, v3=5), misrouted])
    v1, v2, _ = verdict_lines(verdict)[1:]
    assert "not 40%" in v1
    assert "90 as planned" in v1
    assert "1 NOT as planned" in v2
    assert unexpected_lines(verdict)[0].startswith("once ")


def test_the_sample_fits_80_columns() -> None:
    planned = plan_of(*asm())
    good = verify(planned, answers(v1=4000, v2=3000, v3=3000))
    bad = verify(planned, answers(v1=9999, v2=1))
    lines = [*plan_lines(planned), *plan_notes(planned), *verdict_lines(good), *verdict_lines(bad)]
    lines += [*unexpected_lines(bad), *split_note(bad), *hints_lines(bad)]
    assert max(map(len, lines)) <= 80


def test_every_code_has_its_sentence() -> None:
    """In 80 columns with the sample's names. The sentences stand here once more."""
    assert PROBLEMS.keys() == set(ProblemCode)
    assert CAUSES.keys() == FIXES.keys() == set(Cause)
    assert HINTS.keys() == set(HintCode)
    breaks = [Break("mocka", "mockb", "v3", "v1", cause) for cause in Cause]
    lines = [line for one in breaks for line in cause_lines(["v3"], one)]
    assert max(map(len, lines)) <= 80
    assert cause_lines(["v3"], Break("mocka", "mockb", "v3", "v1", Cause.NOT_PROPAGATED)) == [
        "lane v3 breaks at mockb: mocka got the lane header and did not propagate it",
        "  mockb v1 answered in place of v3.",
        "  Instrument mocka and its HTTP client, with the propagator baggage.",
    ]
    assert cause_lines(["v1", "v3"], Break("", "mocka", "v1", "v1", Cause.NOT_SET)) == [
        "lanes v1, v3 break at mocka: the gateway's call has no lane header",
        "  Check the gateway's rule, and that it is applied.",
    ]
    assert hint_lines(Hint(HintCode.NO_SIDECAR, ("mocka",), ("blue team",))) == [
        "no sidecar seen at mocka: calls from there ignore the lane",
        "  kubectl get namespace 'blue team' -L istio-injection,istio.io/rev",
        "  kubectl rollout restart deployment -n 'blue team'",
    ]
    assert hint_lines(Hint(HintCode.NOT_INJECTED, ("mocka",), ("",), instead=("own 0.66b1",))) == [
        "the OpenTelemetry Operator has not injected pods that need it: mocka (own 0.66b1)",
        "  kubectl rollout restart deployment -n NAME",
    ]
    assert hint_lines(Hint(HintCode.LOST, ("mocka", "mockb"), ("green",)))[-2:] == [
        "  Pods that started without the Operator lack it. Restart them:",
        "  kubectl rollout restart deployment -n green",
    ]
    assert hint_lines(Hint(HintCode.EVIDENCE_ENDS, ("mocka", "mockb"))) == [
        "mockb was not seen behind mocka: the evidence ends there.",
        "  Check that mocka gets traceparent and baggage, and propagates both",
    ]
    rule = EntryRule({"x-lane": "v3"})
    told = [Problem(code, "v3", "mockb", "blue", "green", rule=rule) for code in ProblemCode]
    assert [problem_text(problem).removeprefix("by x-lane: v3: ") for problem in told] == [
        "mockb in namespace blue answered, not green's",
        "lane v3 is not planned",
        "no hop read a lane",
        "lane v3 answered",
        "lane v3 is lost at mockb",
        "lane v3 is blue at mockb",
        "lane v3 failed",
        "lane v3 took another path",
        "lane v3 breaks at mockb",
        "the answer cannot be read: blue",
        "no service answered",
        "no lane has this path",
    ]
    assert problem_text(Problem(ProblemCode.FAILED)) == "the request failed"


def test_a_table_that_is_wider_than_the_console_is_not_cut() -> None:
    names = [f"service-{n:02}" for n in range(12)]
    chain: Chain = {n: (("v1",), (m,)) for n, m in pairwise(names)}
    chain = {**chain, names[-1]: (("v1",), ())}
    lines = plan_lines(plan_of(*asm(chain, {"v1": 50, "v2": 50})))
    assert all(name in lines[0] for name in names)


def split_of(weights: dict[str, int], **seen: int) -> Verdict:
    return verify(plan_of(*asm(weights=weights)), answers(**seen))


@pytest.mark.parametrize(
    ("weights", "seen", "sentence"),
    [
        ({"v1": 40, "v2": 30, "v3": 30}, {"v1": 40, "v2": 30, "v3": 30}, "Lanes hold."),
        (
            {"v1": 100, "v2": 0},
            {"v1": 100},
            "Lanes hold; v2 was not verified: no request entered it.",
        ),
        (
            {"v1": 100, "v2": 0, "v3": 0},
            {"v1": 100},
            "Lanes hold; v2, v3 were not verified: no request entered them.",
        ),
        (
            {"v1": 99, "v2": 1},
            {"v1": 100},
            "Lanes NOT all verified: none of 100 requests entered v2. 826 requests would.",
        ),
        ({"v1": 99, "v2": 1, "v3": 0}, {"v1": 900}, "Lanes do NOT hold."),
        ({"v1": 60, "v2": 40, "v3": 0}, {"v1": 100}, "Lanes do NOT hold."),
    ],
)
def test_the_closing_sentence(weights: dict[str, int], seen: dict[str, int], sentence: str) -> None:
    verdict = split_of(weights, **seen)
    assert closing(verdict) == sentence
    assert verdict.ok is sentence.startswith("Lanes hold")


def by(lane: str) -> Target:
    return Target(lane, EntryRule({"x-lane": lane}))


def entry_targets(*names: str) -> list[tuple[Target, Answer]]:
    return [(by(name), answer) for name in names for answer in answers(**{name: 20})]


@pytest.mark.parametrize(
    ("drawn", "entered", "first", "last"),
    [
        (
            {"v1": 90, "v2": 10},
            entry_targets("v3"),
            "100 requests by weight, 20 by entry rules, 0 failed",
            "Lanes hold.",
        ),
        (
            {"v1": 20},
            entry_targets("v2", "v3"),
            "20 requests by weight, 40 by entry rules, 0 failed",
            "Lanes NOT all verified: none of 20 requests by weight entered v2. 83 requests would.",
        ),
        ({}, entry_targets("v3"), "20 requests by entry rules, 0 failed", "Lane v3 holds."),
        (
            {},
            [(by("v3"), Answer(404, ""))],
            "1 request by entry rules, 1 failed",
            "Lane v3 does NOT hold.",
        ),
    ],
)
def test_counts_and_closing_sentence_with_entry_rules(
    drawn: dict[str, int], entered: list[tuple[Target, Answer]], first: str, last: str
) -> None:
    verdict = verify(BESIDE, answers(**drawn), entered)
    assert (counts(verdict), closing(verdict)) == (first, last)


BESIDE = plan_of(*base(SAMPLE, {"v1": 90, "v2": 10}), *lane("v2", SAMPLE), *lane("v3", SAMPLE))


def test_tables_with_entry_rules() -> None:
    misrouted = (by("v2"), Answer(200, "x", (Step("mocka", "v1", "v1"),)))
    verdict = verify(BESIDE, answers(v1=90, v2=10), [*entry_targets("v2", "v3"), misrouted])
    drawn, entered = verdict_lines(verdict), printed(show, entered_table(verdict))
    assert drawn[3].split() == ["v3", "0%", "0", "(0%)", "0%", "to", "8%", "none", "by", "weight"]
    assert entered == [
        "lane   entered by   paths",
        "v2     x-lane: v2   1 NOT as planned",
        "v3     x-lane: v3   20 as planned",
    ]


def test_lanes_do_not_hold_if_one_answer_is_misrouted() -> None:
    misrouted = Answer(200, "x", (Step("mocka", "v1", "v2"),))
    verdict = verify(plan_of(*asm()), [*answers(v1=40, v2=29, v3=30), misrouted])
    assert all(lane.fits for lane in verdict.lanes)
    assert closing(verdict) == "Lanes do NOT hold."


def test_a_lane_without_requests_is_not_verified() -> None:
    _, v1, v2 = verdict_lines(split_of({"v1": 999, "v2": 1}, v1=1000))
    assert v1.split()[-3:] == ["1000", "as", "planned"]
    assert v2.split() == ["v2", "0.1%", "0", "(0%)", "0%", "to", "0.8%", "not", "verified"]


def test_the_difference_that_a_run_detects() -> None:
    sample = {"v1": 40, "v2": 30, "v3": 30}
    assert split_note(split_of(sample, v1=40, v2=30, v3=30)) == [
        "100 requests detect a share that is 25 percentage points off; 2,400 detect 5"
    ]
    assert split_note(split_of(sample, v1=960, v2=720, v3=720)) == []
    assert split_note(split_of({"v1": 1}, v1=1)) == []


def wide(services: int, lanes: int) -> Plan:
    names = [f"service-of-a-long-name-{n}" for n in range(services)]
    below = [(name,) for name in names[1:]]
    chain: Chain = {
        name: (("v1", "v2"), calls) for name, calls in zip(names, [*below, ()], strict=True)
    }
    return plan_of(*asm(chain, {f"v{n}": 1 for n in range(1, lanes + 1)}))


def test_warnings_and_notes_fit_80_columns() -> None:
    documents = [d for d in asm() if d["kind"] != "Gateway"]
    mesh = mesh_of(*documents)
    long = NotPlanned("x-lane: of-a-long-name, " * 8, "splits")
    planned = replace(plan_of(*documents), not_planned=(long,))
    _, *lines = [*printed(show_headline, mesh, planned), *printed(show_plan, planned)]
    assert all(len(line) <= 80 or " " not in line.strip() for line in lines)
    text = " ".join(" ".join(lines).split())
    assert f"not planned: {long!s}".replace("  ", " ") in text
    assert f"warning: {mesh.warnings[0]}" in text


@pytest.mark.parametrize(
    ("services", "lanes", "head"),
    [(2, 3, "lane   weight   service-of"), (12, 3, "lane   "), (12, 30, "lane v1, weight 1")],
)
def test_a_plan_of_any_size_fits_80_columns(services: int, lanes: int, head: str) -> None:
    planned = wide(services, lanes)
    lines = printed(show_plan, planned)
    assert lines[0].startswith(head)
    assert max(map(len, lines)) <= 80
    names = {lane.name for lane in planned.lanes} | {hop.service for hop in planned.lanes[0].path}
    assert all(name in "\n".join(lines) for name in names)
