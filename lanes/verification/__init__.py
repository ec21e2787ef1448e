"""From the answers of a gateway to a verdict on paths, shares and performance."""
