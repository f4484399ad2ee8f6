"""The ledger, SQLite at <workspace>/ledger.sqlite: which files are present and verified."""
