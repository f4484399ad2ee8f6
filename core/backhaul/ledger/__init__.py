"""What is here, proven: SQLite at <dest>/.backhaul/ledger.sqlite."""
