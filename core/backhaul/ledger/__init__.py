"""The ledger, SQLite at <dest>/.backhaul/ledger.sqlite: which files are present and verified."""
