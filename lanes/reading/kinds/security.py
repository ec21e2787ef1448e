"""Istio's security kinds, as far as they decide whether a call is answered."""

from lanes.reading.kinds.fields import Metadata, Open


class Mtls(Open):
    mode: str = ""


class PeerSelector(Open):
    match_labels: dict[str, str] = {}


class PeerAuthenticationSpec(Open):
    selector: PeerSelector | None = None
    mtls: Mtls = Mtls.model_construct()
    port_level_mtls: dict[int | str, Mtls] = {}


class PeerAuthentication(Open):
    """Whether pods take calls without the mesh's TLS."""

    metadata: Metadata
    spec: PeerAuthenticationSpec = PeerAuthenticationSpec.model_construct()


class RequestAuthenticationSpec(Open):
    selector: PeerSelector | None = None
    target_refs: list[dict[str, str]] = []


class RequestAuthentication(Open):
    """Whose tokens are checked: rules can match the claims of these."""

    metadata: Metadata
    spec: RequestAuthenticationSpec = RequestAuthenticationSpec.model_construct()
