"""A configuration as YAML again: what holds after defaults, variables and flags."""

from typing import Any

import yaml
from pydantic import BaseModel

from backhaul.config.describe import as_span
from backhaul.config.model import Config


def dump(config: Config) -> str:
    """The configuration as YAML, each default written out.

    It loads to the same configuration again, save for secrets, which are ``***`` here.
    """
    sources = {
        source.name: {"provider": source.provider, **_keys(source.options)}
        for source in config.sources.values()
    }
    jobs = {
        job.name: {
            "source": job.source.name,
            **({} if job.wait is None else {"wait": as_span(job.wait)}),
            **_keys(job.options),
        }
        for job in config.jobs.values()
    }
    document = {"version": 1, "settings": _keys(config.settings), "sources": sources, "jobs": jobs}
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text


def _keys(model: BaseModel) -> dict[str, Any]:
    return {
        key: _literal(value) for key, value in model.model_dump(mode="json", by_alias=True).items()
    }


def _literal(value: Any) -> Any:
    """The value with each dollar doubled, so that it is read back as it is."""
    if isinstance(value, dict):
        return {key: _literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_literal(each) for each in value]
    return value.replace("$", "$$") if isinstance(value, str) else value
