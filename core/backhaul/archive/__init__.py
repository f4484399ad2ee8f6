"""Inspects a local archive without network access: coverage, gaps and verification."""
