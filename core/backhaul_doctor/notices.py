"""Checks the settings for commands and notifications: ``on_job``, ``on_files``, ``webhook``, ``metrics``."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

from backhaul import ConfigError, ExitCode, FailureKind
from backhaul.commands import Config, ServerProbe
from backhaul_doctor.finding import Finding, State
from backhaul_doctor.servers import Server


def examine_notices(config: Config) -> Iterator[Finding]:
    """Checks that the programs exist, and that the file of metrics can be written."""
    settings, home = config.settings, config.path.parent
    for name in ("on_job", "on_files"):
        given = getattr(settings, name)
        if given is not None:
            yield _program(
                f"settings.{name}", given.command[0], home, fails=given.on_error == "fail"
            )
    if settings.metrics is not None:
        yield _metrics(Path(home, settings.metrics))


def _program(subject: str, word: str, home: Path, *, fails: bool) -> Finding:
    word = word.format()  # it has no fields, but may have doubled braces
    found = shutil.which(Path(home, word) if os.sep in word else word)
    if found is not None:
        return Finding.ok("command", subject, f"{found} is executable")
    message = f"{word} is not an executable program"
    advice = "correct its path, install it, or make it executable"
    if fails:
        return Finding.failed("command", subject, message, advice, FailureKind.COMMAND.exit_code)
    return Finding.warning("command", subject, message, advice)


def _metrics(path: Path) -> Finding:
    subject, folder = "settings.metrics", path.parent
    if path.is_dir():
        return Finding.warning("metrics", subject, f"{path} is a folder", "name a file in it")
    if not os.access(folder, os.W_OK | os.X_OK):
        missing = "is not writable" if folder.is_dir() else "does not exist or is not a folder"
        advice = "create it, or make it writable for this user"
        return Finding.warning("metrics", subject, f"{folder} {missing}", advice)
    return Finding.ok("metrics", subject, f"{path} is writable")


def examine_webhook(config: Config, stop: Event) -> Iterator[Finding]:
    """Reads the webhook's secrets and checks the way to its server; posts nothing. A run survives any failure."""
    webhook = config.settings.webhook
    if webhook is None:
        return
    try:
        url, _ = webhook.url.reveal(), [each.reveal() for each in webhook.headers.values()]
    except ConfigError as error:
        yield _as_warning(Finding.of_error("secrets", "settings.webhook", error))
        return
    for origin in ServerProbe.origins([url]):
        server = Server(url=origin, agent=config.settings.user_agent)
        yield from map(_as_warning, server.examine(stop))


def _as_warning(found: Finding) -> Finding:
    if found.state is not State.FAILED:
        return found
    return replace(found, state=State.WARNING, exit_code=ExitCode.OK)
