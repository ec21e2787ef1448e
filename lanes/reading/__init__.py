"""From YAML to the mesh: manifests typed field by field, references resolved."""
