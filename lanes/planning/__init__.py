"""From the mesh to each lane's path: what a request meets at the gateway and at each hop."""
