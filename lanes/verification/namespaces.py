"""Tells whether a pod that answered is one of the plan's, by its namespace."""

from lanes.evidence.steps import Step
from lanes.planning.result import Plan


class PodNamespaces:
    """The namespaces of a plan's pods, by service.

    A pod whose answer has no namespace may be the plan's. So may any pod of a service whose
    manifests name no namespace: they are applied to any.
    """

    def __init__(self, plan: Plan) -> None:
        self._of: dict[str, set[str]] = {}
        for lane in plan.lanes:
            for hop in lane.path:
                for name in hop.names if hop.versions else ():
                    self._of.setdefault(name, set()).add(hop.namespace)
        self._all = set().union(*self._of.values())

    def expected_instead(self, step: Step) -> str:
        """Return where the pod that answered should be; "" if it may be the plan's."""
        namespaces = self._of.get(step.service, self._all)
        known = step.namespace is not None and all(namespaces)
        return ", ".join(sorted(namespaces)) if known and step.namespace not in namespaces else ""
