"""Key columns for ``backhaul rollup``."""

from backhaul_rollup import Column

COLUMNS = (
    Column("id", "interaction.id"),
    Column("time", "interaction.created_at"),
    Column("kind", "interaction.type"),
    Column("author", "interaction.author.name|interaction.author.username"),
    Column("text", "interaction.content"),
)
