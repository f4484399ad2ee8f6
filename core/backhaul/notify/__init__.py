"""Tells others about a run: a client of its events, of which the run itself knows nothing."""
