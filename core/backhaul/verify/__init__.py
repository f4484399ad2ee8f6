"""Verifies that a file is complete and undamaged."""
