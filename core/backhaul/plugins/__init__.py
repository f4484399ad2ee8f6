"""Provider plugins: found by entry point, loaded by name, called through one typed facade."""
