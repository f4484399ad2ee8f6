"""Key columns for ``backhaul rollup``: Activity Streams first, the original format second."""

from backhaul_rollup import Column

COLUMNS = (
    Column("id", "id"),
    Column("time", "postedTime|created_at"),
    Column("kind", "verb"),
    Column("author", "actor.preferredUsername|user.screen_name"),
    Column("text", "body|text"),
)
