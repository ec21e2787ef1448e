"""How long `lanes verify` waits for traces and logs, and how much of them it reads."""

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lanes.errors import LanesError
from lanes.evidence.spans import Span
from lanes.evidence.steps import Answer, Step
from lanes.evidence.traces import spans_in
from lanes.verification import collected, logged
from lanes.verification.collected import TraceFile, Traces, TraceServer
from lanes.verification.logged import AccessLogs
from tests.unit.lanes.standin import ANSWER, gateway_like
from tests.unit.lanes.test_access_logs import LINE
from tests.unit.lanes.test_traces import ASKED, OTLP, TRACE, WORKLOADS

SPANS = spans_in(json.dumps({"resourceSpans": OTLP}))


class Clock:
    """A clock that moves only during `sleep`."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Store:
    """A store that returns so many spans of the trace, one count for each query."""

    def __init__(self, *counts: int) -> None:
        self._counts = list(counts)
        self.asked: list[list[str]] = []

    def spans(self, traces: Iterable[str]) -> Mapping[str, list[Span]]:
        self.asked.append(list(traces))
        count = self._counts.pop(0) if len(self._counts) > 1 else self._counts[0]
        return {TRACE: SPANS[:count]} if count else {}


@pytest.mark.parametrize(
    ("counts", "others", "seconds"),
    [
        ((2,), 0, 6),
        ((0, 0, 0, 1, 1, 1, 2), 0, 6 + 6),
        ((0, 2, 1), 0, 1 + 6),
        ((0,), 0, 30),
        ((2,), 1, 30),  # one of the traces does not come
    ],
)
def test_traces_are_whole_when_none_has_grown_for_6_s_or_after_30_s(
    monkeypatch: pytest.MonkeyPatch, counts: tuple[int, ...], others: int, seconds: int
) -> None:
    clock, store = Clock(), Store(*counts)
    monkeypatch.setattr(collected, "time", clock)
    wanted = [ASKED, *(Answer(200, "", trace=f"{n:032x}") for n in range(others))]
    Traces(store, WORKLOADS, "lane").complete(wanted)
    assert clock.now - 100 == seconds
    assert len(store.asked) == 1 + seconds  # once a second


@pytest.mark.parametrize(("count", "step"), [(499, 1), (500, 1), (999, 1), (1_500, 3), (0, 1)])
def test_no_more_than_500_traces_are_read(
    monkeypatch: pytest.MonkeyPatch, count: int, step: int
) -> None:
    monkeypatch.setattr(collected, "time", Clock())
    names, store = [f"{n:032x}" for n in range(count)], Store(0)
    whole = Answer(200, "", (Step("shop", "v1"),), trace=TRACE)
    answers = [*(Answer(200, "", trace=name) for name in names), whole, Answer(200, "")]
    assert Traces(store, WORKLOADS, "lane").complete(answers) == answers
    assert store.asked[:1] == ([names[::step][:500]] if names else [])


def test_a_server_gets_the_query_that_it_answered_before() -> None:
    asked: list[tuple[str | None, ...]] = []

    def serve(headers: Mapping[str, str]) -> ANSWER:
        asked.append((headers[":path"], headers.get("Accept"), headers.get("Authorization")))
        known = "v3" not in headers[":path"]
        return 200 if known else 404, "", json.dumps({"batches": OTLP}) if known else "none"

    json_alone = "application/json"
    with gateway_like(serve) as url:
        server = TraceServer(url)
        assert [list(server.spans([TRACE])) for _ in range(2)] == [[TRACE]] * 2
        named = TraceServer(url.replace("//", "//me:secret@") + "XX/")
        named.spans([TRACE])
    basic = f"Basic {base64.b64encode(b'me:secret').decode()}"
    assert asked == [
        (f"/api/v3/traces/{TRACE}", json_alone, None),
        (f"/api/traces/{TRACE}", json_alone, None),
        (f"/api/traces/{TRACE}", json_alone, None),
        (f"/XX/api/v3/traces/{TRACE}", json_alone, basic),
        (f"/XX/api/traces/{TRACE}", json_alone, basic),
    ]
    assert "secret" not in repr(named)


def test_a_file_of_traces_is_bounded_and_may_be_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "traces.json"
    file.write_text(" \n")
    assert TraceFile(str(file)).spans([TRACE]) == {}
    text = json.dumps({"resourceSpans": OTLP})
    file.write_text(text.ljust(1 << 20))
    monkeypatch.setattr(collected, "_LARGEST_FILE", 1 << 20)
    assert list(TraceFile(str(file)).spans([TRACE])) == [TRACE]
    assert TraceFile(str(file)).spans(["f" * 32]) == {}
    file.write_text(text.ljust((1 << 20) + 1))
    with pytest.raises(LanesError, match="larger than 1 MiB"):
        TraceFile(str(file)).spans([TRACE])


def line(trace: str, **more: Any) -> str:
    return json.dumps({**LINE, "user_agent": f"lanes/{trace}", **more})


@pytest.mark.parametrize(
    ("text", "most", "seen"),
    [
        (f"{line(TRACE)}\n", 1, True),
        (f"{line('f' * 32)}\n{line(TRACE)}\n", 2, True),
        (f"{line('f' * 32)}\n{line(TRACE)}\n", 1, False),
        # What is no line, or too long for one, is passed over.
        (f"{'x' * 200_000}\n{line(TRACE)}\n", 9, True),
        (f"{{\n{line(TRACE)}\n", 9, True),
        (f"{'x' * 65_536}{line(TRACE)}\n", 9, True),
        (f"{'x' * 65_535}{line(TRACE)}\n", 9, False),
    ],
)
def test_the_lines_that_are_read_of_access_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, most: int, seen: bool
) -> None:
    monkeypatch.setattr(logged, "_MOST_LINES", most)
    file = tmp_path / "log"
    file.write_text(text)
    logs = AccessLogs(str(file), WORKLOADS, "lane", late_seconds=0, patience_seconds=0.3)
    (answer,) = logs.complete([ASKED])
    assert bool(answer.path) is seen
