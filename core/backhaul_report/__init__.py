"""One page that shows what is here and what is not: ``backhaul report``."""
