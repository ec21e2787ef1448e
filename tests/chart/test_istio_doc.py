"""The quotations in docs/istio.md are in k8s/istio."""

import re

import pytest

from tests.chart.rendering import ROOT

PAGE = (ROOT / "docs" / "istio.md").read_text(encoding="utf-8")
QUOTES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FILES = [path.read_text(encoding="utf-8") for path in (ROOT / "k8s" / "istio").glob("*.yaml")]


@pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: quote.split("\n")[0].strip())
def test_a_quote_stands_in_a_manifest(quote: str) -> None:
    assert any(quote in text for text in FILES)
