"""A lane's way, hop by hop: which version answers at each service.

The walk follows one request: each hop's rules choose a destination, and the pods that stand there
say what they call next. Where calls meet that are answered alike, it has been there already.
"""

from collections.abc import Mapping
from dataclasses import replace

from lanes.errors import LanesError
from lanes.model import HeaderOps, Host, Pod, Propagation, Route, ServicePort
from lanes.planning.call_graph import UpstreamsDifferError
from lanes.planning.cycles import NEVER_ENDS, joined
from lanes.planning.hop import NONE, Asked, Hop
from lanes.planning.reasons import Choice, choice_of, unselected, why
from lanes.planning.request import Request
from lanes.planning.shares import failing_of, first_tier, shares_of
from lanes.planning.walk import Walk

# Longer than any answer waits for; Python ends the walk at some 200.
MOST_CALLS = 100


def hop_at(
    walk: Walk,
    service: Host,
    rule: Route,
    request: Request,
    choice: Choice,
    way: tuple[Asked, ...] = (),
) -> Hop:
    """The hop that `rule` leads `request` to, at the end of a `way`, and all hops after it.

    Raises LanesError where the lane has no one path from there.
    """
    destinations = rule.destinations
    hosts = (service, *(w.destination.host for w in destinations))
    used = [w for w in destinations if w.weight or len(destinations) == 1]
    answering = [first_tier(w) for w in used]
    endpoints = [e for _, tier in answering for e in tier]
    if not endpoints:  # a destination without tiers is a Service that is not there
        exists = any(w.destination.tiers for w in used)
        note = unselected(walk, used) if used and choice.own and choice.runs else ""
        status = 503 if exists else rule.status
        return Hop(
            service.name,
            (),
            NONE,
            status=status,
            note=note,
            place=rule.place,
            hosts=hosts,
            failing=(rule.abort,) if rule.abort else (),
        )
    failing = tuple(failing_of(rule, zip(used, answering, strict=True)))
    used = [w for w, (_, tier) in zip(used, answering, strict=True) if tier]
    answering = [(number, tier) for number, tier in answering if tier]
    pods = [e.pod for e in endpoints]
    shares = shares_of([(w.weight, tier) for w, (_, tier) in zip(used, answering, strict=True)])
    versions = tuple(sorted(shares))
    try:
        called = walk.calls.of((*hosts[1:], service), tuple(pods))
    except UpstreamsDifferError:
        raise LanesError(
            f"{walk.name}: the pods that answer at {service.name} ({', '.join(versions)})"
            " call different upstreams, so the lane has no one path; route them apart"
        ) from None
    first_choice = all(tier == 0 for tier, _ in answering)
    reason, note = why(walk, used, versions, first_choice, choice)
    received = request.received(pods[0].propagation).headers.get("baggage", "")
    ends = any(pod.carries_baggage is False for pod in pods)
    sent = {"baggage": received} if received and not ends else {}
    sent |= {name: v for name, v in request.headers.items() if name in walk.assumed}
    calls = {
        pod.unrouted: tuple(_call(walk, url, pod, sent, way or ((service,),)) for url in called)
        for pod in {pod.unrouted: pod for pod in reversed(pods)}.values()
    }
    upstreams = calls[pods[0].unrouted]
    for other in calls.values():
        if other is not upstreams:
            problem = (
                f"{walk.name}: of the pods that answer at {service.name} ({', '.join(versions)})"
                " some make calls past their sidecars, so the lane has no one path;"
                " route them apart"
            )
            walk.alike.append((upstreams, other, problem))
    shared = all(share is not None for share in shares.values()) and len(shares) > 1
    return Hop(
        pods[0].app,
        versions,
        reason,
        upstreams,
        namespace=pods[0].namespace if all(pod.namespace_named for pod in pods) else "",
        shares=tuple(shares[v] or 0.0 for v in versions) if shared else (),
        note=note,
        place=rule.place,
        hosts=hosts,
        failing=failing,
        may_stop=any(url not in pod.upstream_urls for pod in pods for url in called),
        assumed=bool(called and walk.lane)
        and (
            walk.header in walk.assumed
            or (not ends and any(pod.carries_baggage is None for pod in pods))
        ),
    )


def _call(
    walk: Walk, url: str, caller: Pod, carried: Mapping[str, str], way: tuple[Asked, ...]
) -> Hop:
    """The hop behind `url`, for a call at the end of a `way` that has the headers `carried`."""
    port, path = walk.calls.port(url, caller.namespace)
    if port is None or ("://" not in url and url in caller.upstream_urls):
        raise LanesError(
            f"pod {caller.name} calls {url}, which is no Service's http URL in these manifests"
        )
    past = caller.unrouted.covers(port.host, port.port)
    asked = (port.host, port.port, past, path, frozenset(carried.items()), caller.propagation)
    always = url in caller.upstream_urls
    if always:
        walk.always.setdefault(way[-1], []).append(asked)
    request, port = Request(carried, path), port.seen_by(caller)
    if asked not in walk.met:
        _require_short(walk, (*way, asked), always)
        walk.met[asked] = None
        hop = answer_at(walk, port, request, caller.propagation, (*way, asked))
        walk.met[asked] = hop
    known = walk.met[asked]
    if known is None:  # it goes round
        if asked not in walk.back:
            hop = answer_at(walk.ending, port, request, caller.propagation)
            walk.back[asked] = replace(hop, repeats=asked)
        return walk.back[asked]
    _require_short(walk, (*way, asked), always, known.depth)
    return known


def _require_short(walk: Walk, way: tuple[Asked, ...], always: bool, further: int = 0) -> None:
    if len(way) - 1 + further <= MOST_CALLS:
        return
    *hosts, last = (host for host, *_ in way)
    if always and last in hosts:  # each time round it is another call, or it would have been met
        before = len(hosts) - 1 - hosts[::-1].index(last)
        raise LanesError(f"{walk.name}: {joined((*hosts[before:], last))}: {NEVER_ENDS}")
    raise LanesError(f"{walk.name}: a chain of more than {MOST_CALLS} calls is not planned")


def answer_at(
    walk: Walk,
    port: ServicePort,
    call: Request,
    propagation: Propagation,
    way: tuple[Asked, ...] = (),
) -> Hop:
    """The hop at a Service's port, for a call whose sidecar exchanges `propagation`.

    Raises LanesError where the lane has no one path from there.
    """
    request = call.sent(propagation)
    route = request.rule(port.routes)
    if route is None:
        return Hop(port.host.name, (), NONE, status=404, hosts=(port.host,))
    destinations = route.destinations
    if len(destinations) > 1 and any(w.request != HeaderOps() for w in destinations):
        raise LanesError(
            f"{walk.name}: the rule at {port.host.name} splits the lane and changes headers"
            " by destination, so the lane has no one path; match the lane before splitting"
        )
    choice = choice_of(walk, port, route, request, propagation)
    ops = ([destinations[0].request] if len(destinations) == 1 else []) + [route.request]
    return hop_at(walk, port.host, route, request.changed(*ops), choice, way)
