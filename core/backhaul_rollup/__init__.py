"""From many small files to few larger ones, and from overlapping ones to tables: ``backhaul rollup``.

What a provider's module of the group ``backhaul.rollup`` imports is here.
"""

from backhaul_rollup.provided import Column, Derive, Provided, Table, provided_by

__all__ = ["Column", "Derive", "Provided", "Table", "provided_by"]
