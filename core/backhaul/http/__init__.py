"""The HTTP session for providers: for few calls, with retries, pacing and careful use of credentials."""
