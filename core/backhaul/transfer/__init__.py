"""Bulk transfers on a libcurl multi loop."""
