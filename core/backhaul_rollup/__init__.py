"""``backhaul rollup``: joins many small files into a few large ones, and derives tables.

Provider modules of the entry-point group ``backhaul.rollup`` import from here.
"""

from backhaul_rollup.provided import Column, Derive, Provided, Table, provided_by

__all__ = ["Column", "Derive", "Provided", "Table", "provided_by"]
