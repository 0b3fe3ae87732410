"""What proofs, fault harness and benchmarks share: hosts, a controller, sources, packages and load. Programs that run inside a host: inside/."""
