"""Generates documents from the code, and checks that they are up to date."""
