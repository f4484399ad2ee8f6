"""Guarantees under faults, crashes, full disks and hostile input, tested with the real command."""
