"""What is wrong with manifests, found before users find it: one rule a file."""
