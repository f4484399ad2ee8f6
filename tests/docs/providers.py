"""The end of each provider's page: its keys, from its models."""

from pathlib import Path

from tests.docs.option_tables import option_table

from backhaul.plugins.discovery import Plugins

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "providers"
_BEGIN = "<!-- options -->\n"


def pages() -> dict[str, str]:
    """The page of each provider, with up-to-date tables."""
    made = {}
    plugins = Plugins()
    for name in plugins.names:
        before, _, _ = (FOLDER / f"{name}.md").read_text("utf-8").partition(_BEGIN)
        info = plugins.load(name).info
        tables = [
            _BEGIN.strip(),
            "## Keys of a source",
            "In addition, each source takes the [keys of every source](../yaml.md#every-source-and-every-job).",
            option_table(info.source).strip(),
            "## Keys of a job",
            option_table(info.job).strip(),
        ]
        made[f"providers/{name}.md"] = before + "\n\n".join(tables) + "\n"
    return made
