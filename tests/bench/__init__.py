"""The benchmarks: ``python -m tests.bench`` from the repository's root."""
