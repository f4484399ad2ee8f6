"""The HTTP session that providers get: few calls, patient, and careful with credentials."""
