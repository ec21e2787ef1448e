"""The result as JUnit XML for CI systems: a test case for each lane and question."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from lanes.planning.entry_rule import NO_ENTRY_RULE
from lanes.printable import printable
from lanes.report.performance import words
from lanes.report.problems import problem_text
from lanes.report.verdict import percent
from lanes.verification.classification import ClassifiedAnswer
from lanes.verification.performance import LanePerformance
from lanes.verification.result import Result
from lanes.verification.verdict import LaneVerdict


@dataclass(frozen=True)
class Case:
    """One question about a lane. `failure` is what is wrong, in lines; `skipped` why it is open."""

    lane: str
    name: str
    failure: tuple[str, ...] = ()
    skipped: str = ""
    output: tuple[str, ...] = ()


def junit(result: Result) -> str:
    """Return a suite with cases for each lane's path, entry rules, share and comparison."""
    cases = list(_cases(result))
    suite = ElementTree.Element(
        "testsuite",
        name=_text(f"lanes verify {result.url}"),
        tests=str(len(cases)),
        failures=str(sum(bool(case.failure) for case in cases)),
        errors="0",
        skipped=str(sum(bool(case.skipped) for case in cases)),
        time=f"{result.sample.seconds:.3f}",
        timestamp=result.sample.began.isoformat(timespec="seconds"),
    )
    for case in cases:
        lane = f"lane {case.lane}" if case.lane else "no lane"
        node = ElementTree.SubElement(
            suite, "testcase", classname=_text(lane), name=_text(case.name), time="0"
        )
        if case.failure:
            failure = ElementTree.SubElement(node, "failure", message=_text(case.failure[0]))
            failure.text = _text(case.failure)
        elif case.skipped:
            ElementTree.SubElement(node, "skipped", message=_text(case.skipped))
        if case.output:
            ElementTree.SubElement(node, "system-out").text = _text(case.output)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text.decode() + "\n"


def _cases(result: Result) -> Iterator[Case]:
    wrong: dict[str, list[ClassifiedAnswer]] = {}
    for classified in (*result.classified.drawn, *result.classified.entered):
        if classified.problem:
            wrong.setdefault(classified.name, []).append(classified)
    compared = {lane.name: lane for lane in result.performance.lanes}
    for lane in result.verdict.lanes:
        of_lane = [answer for name in _names(result, lane) for answer in wrong.pop(name, [])]
        yield from _paths(lane, of_lane, result.strict)
        if result.verdict.requests:
            yield _share(lane)
        if lane.name in compared and lane.name in result.performance.found:
            yield _comparison(compared[lane.name], result)
    for name, others in wrong.items():
        yield Case(name, "path", _answers(others))


def _names(result: Result, lane: LaneVerdict) -> list[str]:
    """Return the names of all lanes that count as this one."""
    group = result.classified.groups.get(lane.name, ())
    return list(dict.fromkeys((lane.name, *(member.name for member in group))))


def _paths(lane: LaneVerdict, wrong: Sequence[ClassifiedAnswer], strict: bool) -> Iterator[Case]:
    """Yield whether the lane's path is as planned, by weight and by each entry rule."""
    if lane.count or not lane.entered:
        yield _path(lane, [one for one in wrong if one.rule == NO_ENTRY_RULE], strict)
    for entered in lane.entered:
        by_rule = [one for one in wrong if (one.name, one.rule) == (entered.lane, entered.by)]
        skipped = "" if entered.verified else entered.not_verified_because
        failure = _answers(by_rule) if by_rule else ()
        yield Case(lane.name, f"entered by {entered.by}", failure, skipped)


def _path(lane: LaneVerdict, wrong: Sequence[ClassifiedAnswer], strict: bool) -> Case:
    unseen = (f"not seen: {', '.join(lane.unseen)}",) if lane.unseen else ()
    if wrong:
        return Case(lane.name, "path", _answers(wrong))
    if strict and unseen:
        return Case(lane.name, "path", unseen)
    if not lane.verified:
        why = "no hop of it is seen" if lane.unsure else "no request entered it"
        return Case(lane.name, "path", skipped=why)
    return Case(lane.name, "path", output=unseen)


def _share(lane: LaneVerdict) -> Case:
    output = (
        f"{percent(lane.expected)} of {lane.total} by weight, {lane.count} seen:"
        f" {percent(lane.low)} to {percent(lane.high)}"
    )
    if not lane.fits or (lane.expected and not lane.count + lane.unsure):
        return Case(lane.name, "share", (output,))
    return Case(lane.name, "share", output=(output,))


def _comparison(lane: LanePerformance, result: Result) -> Case:
    baseline = result.performance.baseline
    name = f"no worse than {baseline}"
    lines = tuple(f"{words(difference)} than {baseline}" for difference in lane.worse)
    if lines and result.no_worse:
        return Case(lane.name, name, lines)
    return Case(lane.name, name, output=lines and ("worse, allowed without --no-worse:", *lines))


def _answers(wrong: Sequence[ClassifiedAnswer]) -> tuple[str, ...]:
    lines = [f"{len(wrong)} not as planned"]
    kinds = Counter(
        (problem_text(one.problem), one.answer.status, one.answer.text) for one in wrong
    )
    for (problem, status, text), count in kinds.most_common():
        lines.append(f"{count} times {problem}: status {status}: {text}")
    return tuple(lines)


def _text(lines: str | Iterable[str]) -> str:
    """Return printable lines: XML allows no control characters."""
    return "\n".join(map(printable, [lines] if isinstance(lines, str) else lines))
