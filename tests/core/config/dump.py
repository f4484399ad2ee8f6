"""Dumps a configuration as YAML, after defaults, variables and options."""

import re
from datetime import date
from enum import Enum
from typing import Any

import yaml
from pydantic import BaseModel

from backhaul.config.describe import as_span
from backhaul.config.model import Config

_BREAKS = re.compile("[\x85\u2028\u2029]")


def dump(config: Config) -> str:
    """Returns the configuration as YAML, including all defaults.

    Loading it gives the same configuration, except for secrets, which are written as ``***``.
    """
    sources = {
        source.name: {
            "provider": source.provider,
            "accept_unproven": source.accept_unproven,
            "cluster_credentials": source.cluster_credentials,
            **_keys(source.options),
        }
        for source in config.sources.values()
    }
    jobs = {
        job.name: {
            "source": job.source.name,
            "wait": as_span(job.wait),
            "accept_unproven": job.accept_unproven,
            **_keys(job.options),
        }
        for job in config.jobs.values()
    }
    document = {"version": 1, "settings": _keys(config.settings), "sources": sources, "jobs": jobs}
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    if _BREAKS.search(text):  # PyYAML writes these unescaped and reads them as a space
        text = yaml.safe_dump(document, sort_keys=False)
    return text


def _keys(model: BaseModel) -> dict[str, Any]:
    return {key: _literal(value) for key, value in model.model_dump(by_alias=True).items()}


def _literal(value: Any) -> Any:
    """A value for YAML, with each dollar doubled, so that it is read back unchanged."""
    if isinstance(value, dict):
        return {key: _literal(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_literal(each) for each in value]
    if isinstance(value, Enum):
        return _literal(value.value)
    if value is None or isinstance(value, bool | int | float | date):
        return value
    return str(value).replace("$", "$$")
