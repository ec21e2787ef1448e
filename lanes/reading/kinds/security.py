"""Istio's security kinds, with the fields that decide whether a call is answered."""

from lanes.reading.kinds.core import LabelSelector
from lanes.reading.kinds.fields import Metadata, Open


class Mtls(Open):
    mode: str = ""


class PeerAuthenticationSpec(Open):
    selector: LabelSelector | None = None
    mtls: Mtls = Mtls.model_construct()
    port_level_mtls: dict[int | str, Mtls] = {}


class PeerAuthentication(Open):
    """Decides whether pods accept calls without the mesh's TLS."""

    metadata: Metadata
    spec: PeerAuthenticationSpec = PeerAuthenticationSpec.model_construct()


class RequestAuthenticationSpec(Open):
    selector: LabelSelector | None = None
    target_refs: list[dict[str, str]] = []


class RequestAuthentication(Open):
    """Makes pods check tokens, whose claims rules can match."""

    metadata: Metadata
    spec: RequestAuthenticationSpec = RequestAuthenticationSpec.model_construct()
