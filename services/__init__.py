"""The sample service: it says who it is, then what its upstreams answer."""
