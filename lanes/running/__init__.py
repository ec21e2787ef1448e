"""Run a mesh as processes: one Envoy, and a process at its own address for each pod."""
