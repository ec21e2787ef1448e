"""What each source tells of a drawn mesh: every party on a way writes down what it would."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lanes.evidence.calls import Call
from lanes.evidence.steps import Answer, Step
from tests.unit.lanes.simulated import Drawn, Made, cluster

Json = dict[str, Any]


def answer(mesh: Drawn, root: Made, trace: str) -> Answer:
    """Return the client's answer: it shows the sample's hops up to the first foreign one."""
    steps: list[Step] = []

    def tell(made: Made) -> None:
        if made.service in mesh.foreign:
            steps.append(Step(made.service if steps else "", "", made.lane, silent=True))
            return
        steps.append(Step(made.service, made.version, made.lane, caller=made.caller))
        for behind in made.behind:
            tell(behind)

    tell(root)
    took = (root.ended - root.began) * 1000
    told = Answer(200, "page", began=root.began, took_ms=took, trace=trace)
    if steps[0].silent:
        return told
    return replace(told, text="", path=tuple(steps), partial=any(s.silent for s in steps))


def as_call(made: Made) -> Call:
    """Return the call as a laptop's sidecar logs it."""
    return Call(
        made.caller, made.caller_pod, made.service, made.version, made.pod, made.lane,
        frozenset({made.chosen}), 200, made.began, made.ended - made.began, made.trace,
        proxied=made.proxied,
    )  # fmt: skip


class IstioLogs:
    """The lines of Istio's proxies, each by its node's clock, which is up to `skew` s off."""

    def __init__(self, seed: str, named: bool, skew: float) -> None:
        self._rng, self._named, self._most = random.Random(seed), named, skew
        self._skew: dict[str, float] = {}

    def lines(self, made: Made, agent: str) -> Iterator[str]:
        request = f"{self._rng.getrandbits(128):032x}"
        shared = {"request_id": request, "user_agent": agent, "response_code": 200}
        shared["baggage"] = f"a=b,version={made.lane}" if made.lane else None
        shared["traceparent"] = f"00-{made.trace}-{'1' * 16}-01" if made.trace else "-"
        if made.proxied:
            yield self._line(made.caller_pod, made, shared, cluster(made.service, made.chosen))
        yield self._line(made.pod, made, shared, "inbound|8000||")
        for behind in made.behind:
            yield from self.lines(behind, "python-requests/2")

    def _line(self, pod: str, made: Made, shared: Json, upstream: str) -> str:
        skew = self._skew.setdefault(pod, self._rng.uniform(-self._most, self._most))
        began = datetime.fromtimestamp(made.began + skew, UTC).isoformat(timespec="milliseconds")
        told = {
            **shared,
            "start_time": began.replace("+00:00", "Z"),
            "duration": round((made.ended - made.began) * 1000),
            "upstream_cluster": upstream,
            "upstream_host": f"{made.pod}:8000",
            "upstream_local_address": f"{made.caller_pod}:40000",
            "downstream_local_address": f"{made.pod}:8000",
            "downstream_remote_address": f"{made.caller_pod}:40000",
        }
        prefix = f"[pod/{pod}-7d9f8b6c5d-x2k4q/istio-proxy] " if self._named else ""
        return prefix + json.dumps(told)


def otlp(made: Made, rng: random.Random, sidecars: bool, baggage: bool = False) -> Json:
    """The trace as OTLP: spans of the services, or of Envoy; some twice, in any order. `baggage`:
    each has that of its request.
    """
    trace, resources = made.trace, []

    def tell(made: Made, parent: str) -> None:
        skew = rng.uniform(-5, 5)
        client, server = (f"{rng.getrandbits(64):016x}" for _ in range(2))
        times = {
            "startTimeUnixNano": str(int((made.began + skew) * 1e9)),
            "endTimeUnixNano": str(int((made.ended + skew) * 1e9)),
        }
        tags = {"upstream_cluster": cluster(made.service, made.chosen)} if sidecars else {}
        if baggage:
            tags["baggage"] = f"a=b,version={made.lane}" if made.lane else "-"
        whose = {"service.name": made.caller or "istio-ingressgateway"}
        if sidecars and not made.proxied:
            client = parent
        else:
            resources.append(_resource(whose, trace, client, parent, 3, times, tags))
        own = (
            {"istio.canonical_service": made.service, "istio.canonical_revision": made.version}
            if sidecars
            else {"service.name": made.service, "service.version": made.version}
        )
        status = {"http.status_code": "200", **{k: v for k, v in tags.items() if k == "baggage"}}
        resources.append(_resource(own, trace, server, client, 2, times, status))
        for behind in made.behind:
            if behind.trace == trace:
                tell(behind, server)

    tell(made, "")
    resources += [rng.choice(resources)]
    rng.shuffle(resources)
    return {"resourceSpans": resources}


def _resource(
    resource: Json, trace: str, span: str, parent: str, kind: int, times: Json, tags: Json
) -> Json:
    told = {"traceId": trace, "spanId": span, "parentSpanId": parent, "kind": kind, **times}
    spans = [{**told, "attributes": attributes(tags)}]
    return {"resource": {"attributes": attributes(resource)}, "scopeSpans": [{"spans": spans}]}


def attributes(values: Json) -> list[Json]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]
