"""The bulk of the bytes: one libcurl multi loop."""
