"""From many small files to few larger ones, and from overlapping ones to tables."""
