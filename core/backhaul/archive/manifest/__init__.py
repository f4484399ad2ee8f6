"""What lies in a job's folder, written down beside it for auditors and other programs."""
