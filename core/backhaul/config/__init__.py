"""Loads YAML configurations into validated values.

Importing this package imports pydantic and PyYAML, so commands import it lazily.
"""

from backhaul.config.describe import Option, options
from backhaul.config.diagnostics import Place
from backhaul.config.load import load_many, load_text
from backhaul.config.model import Config, JobSpec, Source
from backhaul.config.settings import Settings

__all__ = [
    "Config",
    "JobSpec",
    "Option",
    "Place",
    "Settings",
    "Source",
    "load_many",
    "load_text",
    "options",
]
