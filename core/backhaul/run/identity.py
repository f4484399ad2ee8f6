"""Checks that a job is still the archive stored under its name, before anything is written."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backhaul.archive.fingerprint import Fingerprint, another_archive
from backhaul.errors import ConfigError, PluginError
from backhaul.run import renamed
from backhaul.transfer.unit import origin

if TYPE_CHECKING:
    from backhaul.config import JobSpec
    from backhaul.ledger.ledger import Ledger
    from backhaul.run.task import Task
    from backhaul.types import JobStatus


def fingerprint_of(spec: "JobSpec", known: Mapping[str, str]) -> Fingerprint:
    """The fingerprint from a job's options and the provider's answer (see ``JobStatus.identity``).

    Raises:
        PluginError: the plugin declares a secret as part of the identity.
    """
    from backhaul.options import identity  # noqa: PLC0415 - pydantic

    try:
        source, job = identity(spec.source.options), identity(spec.options)
    except ValueError as error:
        raise PluginError(f"plugin {spec.source.provider} is broken: {error}") from None
    return Fingerprint(
        provider=spec.source.provider,
        source=source,
        job={**job, **known},
        location=_location(getattr(spec.source.options, "base_url", None)),
    )


def refuse_another(ledger: "Ledger", spec: "JobSpec", now: Fingerprint) -> str:
    """Ensures that no other archive is stored under the job's name.

    Returns:
        A warning if only the service's address has changed, else ''.

    Raises:
        ConfigError: another archive's files are stored there.
    """
    row = ledger.jobs.get(spec.name)
    if row is None or spec.same_archive or not ledger.files.has_any(row.id):
        return ""
    kept = Fingerprint.kept(row)
    differs = now.differs(kept)
    if differs:
        raise ConfigError(another_archive(spec.dest, spec.name, differs))
    if now.moved(kept):
        return (
            f"the service is now at {now.location}, previously at {kept.location};"
            " assuming the same archive"
        )
    return ""


def settle(task: "Task", status: "JobStatus") -> None:
    """Determines the job's files, now that the provider has answered; on the driver's thread.

    A job whose folder was renamed with it takes over the ledger's rows under its old name.

    Raises:
        ConfigError: another archive's files are stored under its name.
        LockedError: a run under its old name is active.
    """
    spec, ledger = task.spec, task.ledger
    now = task.fingerprint = fingerprint_of(spec, status.identity)
    try:
        moved = refuse_another(ledger, spec, now)
    except ConfigError:
        task.id = 0  # the ledger's rows belong to the other archive
        raise
    if moved:
        task.warn(moved)
    if not task.has_rows and not ledger.files.has_any(task.id):
        taken = renamed.take_up(ledger, spec, now)
        if taken is not None:
            task.id, task.has_rows = taken.id, True
            task.warn(f"continuing job {taken.name}, whose folder was renamed to {spec.name}")
    row = ledger.jobs.get(spec.name)
    if row is not None:
        same = ledger.files.has_any(row.id) and not spec.same_archive
        text = (now.after(Fingerprint.kept(row)) if same else now).text()
        if text != row.fingerprint:
            ledger.jobs.save_fingerprint(task.id, text)


def _location(base_url: Any) -> str:
    try:
        return origin(base_url) if base_url else ""
    except ValueError:
        return ""
