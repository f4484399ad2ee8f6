"""Checks, without fetching data, whether a run would work, and suggests fixes if not."""
