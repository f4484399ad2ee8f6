"""Writes manifests of a job's folder for auditors and other programs."""
