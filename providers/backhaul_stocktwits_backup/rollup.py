"""Key columns for ``backhaul rollup``: of messages and of activity about them."""

from backhaul_rollup import Column

COLUMNS = (
    Column("id", "id|object_id|data.id"),
    Column("time", "created_at|time|data.created_at"),
    Column("kind", "object|action"),
    Column("author", "user.username|data.user.username|subject_id"),
    Column("text", "body|data.body"),
)
