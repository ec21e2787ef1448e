"""The result: every lane's path, and what is in none."""

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
    """One lane: its name, its weight as the gateway's rule has it, and the first hop of its path.

    `entry_rules` lead to it by no weight; a lane with these alone has weight 0. `client_header`:
    the lane header that a client has to send, since no gateway sets it; "" where one does.
    `unreached`: what services in no known path would answer a call of the lane. `carrier`: the
    header that holds the lane header. The lane of requests without one is called untagged.
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
        """Its hops in the order of the answer, each once."""
        return tuple(self.entry.walk())

    @cached_property
    def optional_cycles(self) -> frozenset[tuple[str, str]]:
        """Its calls in cycles that pods may leave out, as the names of caller and callee."""
        return optional_cycles(self.entry)

    @property
    def testable_rules(self) -> tuple[EntryRule, ...]:
        """The entry rules by which requests are sent, since their methods only read."""
        return tuple(rule for rule in self.entry_rules if not rule.not_sent_because)


@dataclass(frozen=True)
class Plan:
    """Every lane's path. `header` is the lane header; "": the gateway sets none.

    `domain` is the virtual host's, `path` what requests ask for, `headers` what they carry.
    `not_planned`: the gateway's rules that lead to no one lane. `unset_headers`: lane headers that
    rules of the mesh ask for, that no gateway sets, and that none lets clients send. `unreached`:
    services in no known path, as callers name them. `shared_names`: names that services of several
    namespaces have. `default_status`: what a request gets that enters no lane; 200: each enters
    one. `other_rules`: those of the mesh that no planned call meets. `ports`: of Services with
    several.
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
        """A host for requests to name, since the gateway serves no other; None: it serves any."""
        return None if self.domain == "*" else any_of(self.domain)

    @property
    def request(self) -> EntryRule:
        """A request that a lane answers: by no entry rule, unless the gateway answers it itself."""
        entered = self.default_status != 200
        rules = (rule for lane in self.lanes for rule in lane.testable_rules if entered)
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
        """The services that are assumed to hand a lane header on, each with what carries it."""
        return {
            hop.service: lane.carrier for lane in self.lanes for hop in lane.path if hop.assumed
        }

    def lane(self, name: str) -> Lane:
        """Return the lane of this name. Raises LanesError where there is none."""
        lane = next((lane for lane in self.lanes if lane.name == name), None)
        if lane is None:
            known = ", ".join(lane.name for lane in self.lanes)
            raise PlanError(Problem.NO_LANE, lane=name, known=known)
        return lane

    def lane_to_enter(self, name: str) -> Lane:
        """Return the lane of this name. Raises LanesError where no request can be sent into it."""
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
        """Return the part of all requests that `lane` should get by weight, 0 to 1."""
        return lane.weight / (sum(other.weight for other in self.lanes) or 1)
