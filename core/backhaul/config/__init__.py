"""From YAML to checked values: ``load`` and what it gives.

Importing this package imports pydantic and PyYAML: commands do so when they need it.
"""

from backhaul.config.describe import Option, option_table, options
from backhaul.config.diagnostics import Place
from backhaul.config.load import load, load_many, load_text
from backhaul.config.model import Config, JobSpec, Source
from backhaul.config.settings import Settings

__all__ = [
    "Config",
    "JobSpec",
    "Option",
    "Place",
    "Settings",
    "Source",
    "load",
    "load_many",
    "load_text",
    "option_table",
    "options",
]
