"""The tables of keys in the documentation, from the models."""

from pydantic import BaseModel

from backhaul.config import options


def option_table(model: type[BaseModel]) -> str:
    """The model's keys as a Markdown table."""
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for option in options(model):
        default = "*required*" if option.required else f"`{option.default}`"
        cells = (f"`{option.key}`", option.type, default, option.meaning)
        rows.append(
            "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
        )
    return "\n".join(rows) + "\n"
