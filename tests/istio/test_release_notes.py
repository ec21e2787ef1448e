"""The fields in Istio's release notes are known: planned, not supported, or not about routes.

A new pin of istiod has new notes. An unknown field in them fails this test until the plan reads it,
or a line below says why it does not choose a route.
"""

import re
from pathlib import Path

import pytest
from pydantic.alias_generators import to_camel

from scripts.golang import NotHereError
from scripts.istiod import VERSION
from scripts.release_notes import Note, notes

LANES = Path(__file__).parents[2] / "lanes"

# Names in notes on routing that no manifest of routes has, or that choose none.
OTHERS = {
    "settings of the mesh as a whole, which no manifest of routes tells": """
        defaultTrafficPolicy defaultVirtualServiceExportTo discoverySelectors dnsCapture meshConfig
        outboundTrafficPolicy serviceEntryVisibility proxyMetadata proxy.istio.io/config
        defaultConfig includeOutboundPorts holdApplicationUntilProxyStarts runtimeValues
        healthPolicy networking.istio.io/address-type""",
    "locality and networks: which pod of those that a route leads to": """
        networking.istio.io/traffic-distribution trafficDistribution topology.istio.io/locality
        topology.istio.io/network zoneAwareLbSetting publishNotReadyAddresses""",
    "not supported with istio.io/use-waypoint-canary": """
        istio.io/use-waypoint-canary-namespace istio.io/use-waypoint-canary-weight""",
    "which controller runs a Gateway, and what a policy is attached to": """
        istio.io/gateway-controller istio.io/gateway-name istio.io/ignore-policy-attachment""",
    "not supported by its prefix traffic.sidecar.istio.io": """
        traffic.sidecar.istio.io/excludeInterfaces traffic.sidecar.istio.io/excludeOutboundIPRanges
        traffic.sidecar.istio.io/includeOutboundPorts
        traffic.sidecar.istio.io/kubevirtInterfaces""",
    "TLS: how it ends, and not where a request goes": """
        credentialName gateway.istio.io/tls-cipher-suites gateway.istio.io/tls-terminate-mode""",
    "how traffic gets into a proxy on a node": """
        ambient.istio.io/bypass-inbound-capture ambient.istio.io/dns-capture
        ambient.istio.io/redirection ambient.istio.io/xfcc-include-client-identity
        istio.io/connect-strategy istio.io/reroute-virtual-interfaces
        cni.istio.io/not-ready cniNetnsDir reconcileIptablesOnStartup shareHostNetworkNamespace""",
    "installation, status, and plugins of proxies": """
        applyToSidecars compatibilityVersion controllerName failStrategy istiodRemote
        keepaliveMaxServerConnectionAge observedGeneration reportListenerSetStatus revisionTags
        securityContext supportedFeatures""",
    "names in Istio's own code": """
        consolidatedDestRule convertToEnvoyFilterWrapper getWildcardsAndLocalHost
        initSidecarScopes needResync svcHostnameMap syncCh triggerRecomputeOnSync""",
}


@pytest.fixture(scope="module")
def routing_notes() -> dict[str, Note]:
    """Return the notes on routing of the pinned version."""
    try:
        return notes(VERSION)
    except NotHereError as error:
        pytest.skip(str(error))


def known_names() -> set[str]:
    """Return every name in the code, in the form of manifests, and annotations in full."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in LANES.rglob("*.py"))
    words = set(re.findall(r"[A-Za-z_0-9]+", text))
    annotations = set(re.findall(r"(?:[a-z][a-z.-]*\.)?istio\.io/[A-Za-z0-9-]+", text))
    return words | {to_camel(word) for word in words if word.islower()} | annotations


def test_every_field_that_a_note_names_is_known(routing_notes: dict[str, Note]) -> None:
    others = {name for names in OTHERS.values() for name in names.split()}
    known = known_names() | others
    unknown = {
        (field, note.file)
        for note in routing_notes.values()
        for field in note.fields
        if field not in known
    }
    assert not unknown, f"read them, or say why they choose no route: {sorted(unknown)}"
    named = {field for note in routing_notes.values() for field in note.fields}
    assert others <= named, f"in no note now: {sorted(others - named)}"


def test_fields_are_found_in_sentences() -> None:
    note = Note("x.yaml", "**Added** `retries.retryOn`, `istio.io/use-waypoint: none` and `NONE`.")
    assert note.fields == ("retryOn", "istio.io/use-waypoint")
