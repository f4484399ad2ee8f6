"""Finds out, without fetching data, whether a run could work, and says what to do if it could not."""
