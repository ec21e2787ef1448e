"""The mesh as processes: one Envoy, a service for each pod, addresses of their own."""
