"""Storage of files: workspaces, destinations, locks."""
