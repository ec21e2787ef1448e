"""Whether a pod that answered is one of the plan's."""

from lanes.evidence.steps import Step
from lanes.planning.result import Plan


class PodNamespaces:
    """The namespaces that a plan's pods have, to tell whether a pod is one of them.

    Only what both sides tell is compared: an answer may tell no namespace, and manifests that
    name none are applied to any.
    """

    def __init__(self, plan: Plan) -> None:
        self._of: dict[str, set[str]] = {}
        for lane in plan.lanes:
            for hop in lane.path:
                for name in hop.names if hop.versions else ():
                    self._of.setdefault(name, set()).add(hop.namespace)
        self._all = set().union(*self._of.values())

    def expected_instead(self, step: Step) -> str:
        """Where the pod that answered should have been; "" where it may be the plan's own."""
        namespaces = self._of.get(step.service, self._all)
        known = step.namespace is not None and all(namespaces)
        return ", ".join(sorted(namespaces)) if known and step.namespace not in namespaces else ""
