"""What is used when the user names nothing."""

from typing import Final

CONFIG: Final = "backhaul.yaml"
"""The configuration, in the current folder."""
