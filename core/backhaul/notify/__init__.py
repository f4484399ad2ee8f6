"""Notifies others of a run: a client of its events that the run itself does not know."""
