"""Transfers in several processes."""
