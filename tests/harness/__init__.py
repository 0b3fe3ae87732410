"""The common parts of proofs, fault harness and benchmarks: hosts, a controller, sources, packages and load. Programs that run inside a host: inside/."""
