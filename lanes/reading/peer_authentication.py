"""PeerAuthentications: which pods refuse calls without the mesh's TLS.

https://istio.io/latest/docs/reference/config/security/peer_authentication/
"""

from collections.abc import Iterator

from lanes.mesh.model import Pod
from lanes.reading import kinds
from lanes.reading.age import age_of
from lanes.reading.kinds.istio import ROOT_NAMESPACE
from lanes.reading.manifests import Manifests


class PeerAuthentications:
    """Tells whether a pod's sidecar requires TLS at a port."""

    def __init__(self, manifests: Manifests) -> None:
        bodies = (body for _, body in manifests.of(kinds.PeerAuthentication))
        self._oldest_first = sorted(bodies, key=lambda body: age_of(body.metadata))

    def strict(self, pod: Pod, port: int) -> bool:
        """Tell whether calls without the mesh's TLS are refused at a pod's port."""
        if not self._oldest_first or pod.unrouted.all:
            return False
        modes = (mode for mode in self._modes(pod, port) if mode not in ("", "UNSET"))
        return next(modes, "PERMISSIVE") == "STRICT"

    def _modes(self, pod: Pod, port: int) -> Iterator[str]:
        """Yield the modes of PeerAuthentications for a port, the most specific first."""
        own = [body for body in self._oldest_first if body.metadata.namespace == pod.namespace]
        root = [body for body in self._oldest_first if body.metadata.namespace == ROOT_NAMESPACE]
        for body in own:
            labels = body.spec.selector.match_labels if body.spec.selector else {}
            if labels and labels.items() <= pod.labels.items():
                at_port = {str(number): m.mode for number, m in body.spec.port_level_mtls.items()}
                yield from (at_port.get(str(port), ""), body.spec.mtls.mode)
        for body in (*own, *root):
            if not (body.spec.selector and body.spec.selector.match_labels):
                yield body.spec.mtls.mode
