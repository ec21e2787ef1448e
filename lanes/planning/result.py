"""The result: every lane's path, and what is in no path."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lanes.mesh.hostnames import any_of
from lanes.planning.cycles import optional_cycles
from lanes.planning.entry_rule import NO_ENTRY_RULE, EntryRule
from lanes.planning.hop import Hop
from lanes.planning.lane_headers import LaneHeader
from lanes.planning.lanes import NotPlanned
from lanes.planning.left_out import OtherRule, PlannedPort
from lanes.planning.messages import PlanError, Problem


@dataclass(frozen=True)
class Lane:
    """One lane. The lane of requests without a lane header is called untagged.

    - weight: in the default route; 0 if the lane has entry rules alone
    - entry: the first hop of the path
    - client_header: the lane header that a client has to send; "" if the gateway sets it
    - unreached: the hops of the lane's calls to services in no known path
    - carrier: the header that carries the lane header from hop to hop
    """

    name: str
    weight: int
    entry: Hop
    entry_rules: tuple[EntryRule, ...] = ()
    client_header: str = ""
    unreached: tuple[Hop, ...] = ()
    carrier: str = "baggage"

    @property
    def path(self) -> tuple[Hop, ...]:
        """Its hops, each once, in the order of the answer."""
        return tuple(self.entry.walk())

    @cached_property
    def optional_cycles(self) -> frozenset[tuple[str, str]]:
        """Its calls in cycles that pods may leave out, as pairs of caller and callee."""
        return optional_cycles(self.entry)

    @property
    def testable_rules(self) -> tuple[EntryRule, ...]:
        """The entry rules by which `lanes` sends requests: their methods only read."""
        return tuple(rule for rule in self.entry_rules if not rule.not_sent_because)


@dataclass(frozen=True)
class Plan:
    """Every lane's path, and what is in no path.

    - header: the lane header; "" if the gateway sets none
    - domain: of the virtual host; `path`, `headers`: of every request
    - not_planned: gateway rules that lead to no single lane
    - unset_headers: lane headers that rules of the mesh match, and that neither the gateway sets
      nor clients can send
    - unreached: services in no known path, by the names that callers use
    - shared_names: names of services in several namespaces
    - default_status: of a request that takes no entry rule; 200 if it enters a lane
    - other_rules: rules of the mesh that no planned call takes
    - ports: the planned ports of Services with several HTTP ports
    """

    header: str
    domain: str
    lanes: tuple[Lane, ...]
    not_planned: tuple[NotPlanned, ...] = ()
    path: str = "/"
    unset_headers: tuple[LaneHeader, ...] = ()
    unreached: tuple[str, ...] = ()
    shared_names: frozenset[str] = frozenset()
    default_status: int = 200
    other_rules: tuple[OtherRule, ...] = ()
    ports: tuple[PlannedPort, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str | None:
        """The host that requests have to name; None: any."""
        return None if self.domain == "*" else any_of(self.domain)

    @property
    def request(self) -> EntryRule:
        """A request that enters a lane: by an entry rule only if the default route has no lane."""
        needs_rule = self.default_status != 200
        rules = (rule for lane in self.lanes for rule in lane.testable_rules if needs_rule)
        rule = next(rules, NO_ENTRY_RULE)
        return EntryRule(
            {**self.headers, **rule.headers}, rule.host or self.host, rule.path or self.path
        )

    @property
    def enterable(self) -> tuple[Lane, ...]:
        """The lanes that have an entry rule."""
        return tuple(lane for lane in self.lanes if lane.entry_rules)

    @property
    def assumed(self) -> dict[str, str]:
        """By service that is assumed to propagate a lane header, the header that carries it."""
        return {
            hop.service: lane.carrier for lane in self.lanes for hop in lane.path if hop.assumed
        }

    def lane(self, name: str) -> Lane:
        """Return the lane of this name. Raises LanesError if there is none."""
        lane = next((lane for lane in self.lanes if lane.name == name), None)
        if lane is None:
            known = ", ".join(lane.name for lane in self.lanes)
            raise PlanError(Problem.NO_LANE, lane=name, known=known)
        return lane

    def lane_to_enter(self, name: str) -> Lane:
        """Return the lane of this name. Raises LanesError if no request can be sent into it."""
        lane = self.lane(name)
        if not lane.entry_rules:
            weight = "its weight alone (leave --lane out)" if lane.weight else "nothing"
            raise PlanError(Problem.NO_ENTRY_RULE, lane=name, weight=weight)
        if not lane.testable_rules:
            methods = " or ".join(dict.fromkeys(rule.method or "" for rule in lane.entry_rules))
            because = lane.entry_rules[0].not_sent_because
            raise PlanError(Problem.NO_TESTABLE_RULE, lane=name, methods=methods, because=because)
        return lane

    def share(self, lane: Lane) -> float:
        """Return the share of all requests that `lane` gets by weight, 0 to 1."""
        return lane.weight / (sum(other.weight for other in self.lanes) or 1)
