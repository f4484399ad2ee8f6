"""Proving that a file is whole."""
