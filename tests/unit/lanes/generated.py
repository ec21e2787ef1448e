"""Meshes that hypothesis makes up, and what must come of them by the idea alone."""

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.kube import Chain, Document, asm, gateway_api, istio

VERSIONS = ("v1", "v2", "v3", "v10")
BASELINE = "v1"


@dataclass(frozen=True)
class Generated:
    """A chain without loops, its lanes, and the manifests for them in one style."""

    chain: Chain
    weights: dict[str, int]
    style: str
    header: str

    @property
    def documents(self) -> list[Document]:
        if self.style in ("istio", "gateway-api"):
            style = istio if self.style == "istio" else gateway_api
            return style(self.chain, self.weights, header=self.header)
        return asm(self.chain, self.weights, header=self.header, strict=self.style == "strict")


@st.composite
def _meshes(draw: st.DrawFn) -> Generated:
    names = ["a", "b", "c", "d"][: draw(st.integers(1, 4))]
    chain = {}
    for number, name in enumerate(names):
        others = draw(st.sets(st.sampled_from(VERSIONS[1:])))
        later = names[number + 1 :]
        upstreams = draw(st.lists(st.sampled_from(later), unique=True)) if later else []
        chain[name] = ((BASELINE, *sorted(others)), tuple(upstreams))
    lanes = draw(st.lists(st.sampled_from(VERSIONS[1:]), unique=True))
    weights = {lane: draw(st.integers(1, 60)) for lane in (BASELINE, *lanes)}
    style = draw(st.sampled_from(["permissive", "strict", "istio", "gateway-api"]))
    return Generated(chain, weights, style, draw(st.sampled_from(["version", "x-lane"])))


MESHES = _meshes()


def expected_path(made: Generated, lane: str) -> list[tuple[str, str, str]]:
    """Service, version, why: the lane's version where it is deployed, else the baseline."""

    def hop(name: str) -> list[tuple[str, str, str]]:
        versions, upstreams = made.chain[name]
        if lane not in versions and made.style == "strict":
            return [(name, "", "none")]
        own = (name, lane, "match") if lane in versions else (name, BASELINE, "fallback")
        return [own, *(step for upstream in upstreams for step in hop(upstream))]

    return hop(next(iter(made.chain)))
