"""The sample service: answers with its name and version, then its upstreams' answers."""
