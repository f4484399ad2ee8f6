"""Where files land."""
