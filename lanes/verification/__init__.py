"""From a gateway's answers to a verdict: traffic, paths, shares."""
