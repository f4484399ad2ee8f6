"""Mutations of the code, each with the test that must fail: ``python -m tests.safety.mutations [WORD]``.

Each change is applied to a copy of the tree, where its test must fail. WORD selects those with it in
their names.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = "core/backhaul"
CUTS = "tests/safety/test_power_cuts.py::test_every_file_that_the_ledger_calls_verified_is_on_disk"
QUEUE = "tests/safety/test_power_cuts.py::test_data_acknowledged_to_a_queue_is_present"
FAILED = "tests/safety/test_power_cuts.py::test_data_whose_sync_failed_is_not_trusted_again"
MARKED = "tests/safety/test_power_cuts.py::test_a_large_file_is_resumed_from_what_was_marked"
REPLACED = "tests/safety/test_power_cuts.py::test_another_version_is_never_taken_for_the_one_that_it_replaces"
ARCHIVES = "../../providers/backhaul_http_archives"
SERIES = "tests/providers/http_archives/test_series_run.py"
INDEX = "tests/providers/http_archives/test_index_run.py"
BUCKETS = "tests/providers/http_archives/test_prefixes.py"
UNLISTED = "tests/core/run/test_unlisted.py"
LIMITS = "tests/core/transfer/processes/test_limits.py"
TOLD = "tests/core/run/test_deadlines.py"


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change to a file below core/backhaul: pairs of old and new text."""

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    test: str


_FOLDERS = "            self._sync_folders({folder for each in staged for folder in folders_of(each.name)})\n"
MUTATIONS = [
    Mutation(
        "no sync before the rename",
        "storage/folder.py",
        (("            self._sync_parts([each.name for each in staged if not each.synced])\n", "            pass\n"),),
        f"{CUTS}[few-zeros]",
    ),
    Mutation(
        "no sync of the file system",
        "storage/sync.py",
        (("        syncfs(folder_fd)\n", ""),),
        f"{CUTS}[many-zeros]",
    ),
    Mutation(
        "no sync of the folders",
        "storage/folder.py",
        ((_FOLDERS, "            pass\n"),),
        f"{CUTS}[few-undone]",
    ),
    Mutation(
        "no sync of the folder that a new folder is in",
        "storage/place.py",
        (("        sync_folder(each.parent)\n", "        pass\n"),),
        f"{CUTS}[few-undone]",
    ),
    Mutation(
        "the ledger says done before it is published",
        "run/commit_batch.py",
        (
            (
                "                refused = task.destination.publish(group.staged",
                "                self._ledger.files.save_done(group.rows)\n"
                "                self._ledger.commit()\n"
                "                refused = task.destination.publish(group.staged",
            ),
        ),
        "tests/safety/test_power_cuts.py::test_nothing_is_called_verified_before_it_has_its_name",
    ),
    Mutation(
        "no sync of the sidecar",
        "storage/parts.py",
        (("                sync_data(fd)\n", "                pass\n"),),
        MARKED,
    ),
    Mutation(
        "no sync of the sidecar's folder",
        "storage/parts.py",
        (("        if sync:\n            self._sync_folders(folders_of(name))\n", ""),),
        MARKED,
    ),
    Mutation(
        "no sync of what is marked",
        "transfer/part.py",
        (("        self._sync()\n        data = dump", "        data = dump"),),
        MARKED,
    ),
    Mutation(
        "no sync of a large file",
        "transfer/part.py",
        (("        if self._position >= HUGE:\n            self._sync()\n", ""),),
        f"{CUTS}[large-zeros]",
    ),
    Mutation(
        "marks are not compared",
        "transfer/progress.py",
        (("and seen != crc:", "and False:"),),
        "tests/core/transfer/test_sidecars.py::test_a_resume_compares_what_it_finds_with_the_marks",
    ),
    Mutation(
        "what lies beyond the marks stays",
        "transfer/part.py",
        (("        os.ftruncate(self._open(), max(end for _, end, _ in spans))\n", "        self._open()\n"),),
        "tests/core/transfer/test_sidecars.py::test_data_beyond_the_marks_is_cut_off",
    ),
    Mutation(
        "a digest of encoded data is expected of the decoded file",
        "transfer/part.py",
        (("        self._expect(None)  # it is of the encoded data\n", ""),),
        "tests/core/transfer/test_header_digests.py"
        "::test_a_file_that_starts_over_with_a_content_coding_has_no_digest",
    ),
    Mutation(
        "the next run forgets the digest of a partial file",
        "transfer/part.py",
        (("        self._bind(binding)\n        self._progress", "        self._binding = binding\n        self._progress"),),
        "tests/core/transfer/test_header_digests.py::test_the_next_run_knows_the_digest_too",
    ),
    Mutation(
        "a part that could not be synced is kept",
        "transfer/part.py",
        (("                self._failed_sync = True\n", "                pass\n"),),
        "tests/safety/test_power_cuts.py::test_a_large_file_whose_last_sync_fails_is_fetched_again",
    ),
    Mutation(
        "parts that could not be synced are kept",
        "storage/folder.py",
        (("                self.drop_part(name)\n            raise\n", "                pass\n            raise\n"),),
        f"{FAILED}[few-fsync *.gz.part]",
    ),
    Mutation(
        "small files are checked by the plugin on the loop",
        "transfer/verification.py",
        (("        if content is not None and self._jobs[body.transfer.job].check is None:\n", "        if content is not None:\n"),),
        "tests/safety/test_loop_thread.py::test_two_consecutive_runs",
    ),
    Mutation(
        "the end of a run waits for a plugin that hangs",
        "transfer/workers.py",
        (("            if all(each in self._with_plugins", "            if not threads and all(each in self._with_plugins"),),
        "tests/safety/test_loop_thread.py::test_a_stop_does_not_wait_for_a_plugin_that_hangs",
    ),
    Mutation(
        "no sync of a chunk",
        "run/chunked_file.py",
        (("                sync_data(fd)\n", "                pass\n"),),
        f"{QUEUE}[content]",
    ),
    Mutation(
        "the name of a chunk's part is not synced",
        "run/chunked_file.py",
        ((", lasting=True", ""),),
        f"{QUEUE}[name]",
    ),
    Mutation(
        "the ledger's commits are not synced for queues",
        "ledger/database.py",
        (('        self._run("PRAGMA synchronous = FULL")\n', ""),),
        f"{QUEUE}[position]",
    ),
    Mutation(
        "a piece found without a row is not synced",
        "run/chunked_file.py",
        (("            self._destination.settle(name)\n", ""),),
        "tests/safety/test_power_cuts.py::test_a_piece_left_without_a_row_by_a_kill_is_durable_before_it_gets_one",
    ),
    Mutation(
        "a file found on disk is not synced",
        "run/job_thread.py",
        (("        task.destination.settle(found)\n", ""),),
        "tests/safety/test_power_cuts.py::test_a_file_found_on_disk_is_durable_before_the_ledger_has_it",
    ),
    Mutation(
        "a hole is whole",
        "transfer/part.py",
        (("        if self._islands:\n            raise", "        if False:\n            raise"),),
        "tests/core/transfer/test_part.py::test_a_file_with_a_hole_is_not_complete",
    ),
    Mutation(
        "the deadline never warns",
        "run/driver.py",
        (("                deadline.watch(task, now)\n", "                pass\n"),),
        f"{TOLD}::test_a_job_that_will_not_finish_in_time_is_reported_once",
    ),
    Mutation(
        "the first answers are not waited for",
        "run/start_barrier.py",
        (("        self._all.wait(timeout=_PATIENCE)\n", ""),),
        f"{TOLD}::test_the_job_that_expires_first_goes_first_even_if_its_provider_responds_last",
    ),
    Mutation(
        "growth is never undone",
        "transfer/hosts.py",
        (("        if lost:\n", "        if False:\n"),),
        "tests/core/transfer/test_rules.py::test_more_connections_are_not_kept_if_they_do_not_help",
    ),
    Mutation(
        "remembered limits are ignored",
        "transfer/queues.py",
        (("                start=self._remembered.get(name, self._start_with),\n", "                start=self._start_with,\n"),),
        "tests/core/run/test_remembered_hosts.py",
    ),
    Mutation(
        "limits are not remembered",
        "run/ledgers.py",
        (("                ledger.hosts.save(known)\n", ""),),
        "tests/core/run/test_remembered_hosts.py",
    ),
    Mutation(
        "a name that collides with an older row is taken",
        "run/batches.py",
        (("            if row is not None and file.split is None:\n", "            if False:\n"),),
        "tests/core/run/test_accept.py::test_a_name_that_collides_with_one_of_an_earlier_run_is_refused",
    ),
    Mutation(
        "a file may get the name of another version before the ledger has taken that back",
        "run/commit_batch.py",
        (("            self._ledger.sync_each_commit()\n", ""),),
        f"{REPLACED}[lost-fsync */job done]",
    ),
    Mutation(
        "the ledger never takes back a version that another one replaces",
        "run/commit_batch.py",
        (("            self._ledger.files.save_absent(group.task.id, rows)\n", ""),),
        f"{REPLACED}[kept-rename *.gz.part done]",
    ),
    Mutation(
        "a file counts as gone before the run has reported it",
        "run/unlisted.py",
        (
            (
                "            task.gone.append(row.id)\n",
                "            task.gone.append(row.id)\n"
                "            left.append(row.id)\n",
            ),
        ),
        f"{UNLISTED}::test_a_run_that_was_killed_before_it_reported_leaves_that_to_the_next",
    ),
    Mutation(
        "files that are listed no more are not looked for on disk",
        "run/unlisted.py",
        (("    if ledger.files.count(task.id) == len(task.seen):\n", "    if task.seen:\n"),),
        f"{UNLISTED}::test_a_damaged_file_that_is_no_longer_listed_is_lost_until_it_is_restored",
    ),
    Mutation(
        "a host that refuses is left to no one worker",
        "transfer/processes/dispatch.py",
        (("            if worker is not process:\n", "            if False:\n"), ("        lane.left_to = process.number\n", "")),
        f"{LIMITS}::test_a_host_that_asks_for_fewer_requests_gets_them_from_one_worker",
    ),
    Mutation(
        "each worker has the whole rate",
        "transfer/processes/crew.py",
        (("self._rate and max(1, self._rate // max(1, len(busy)))", "self._rate"),),
        f"{LIMITS}::test_the_rate_holds",
    ),
    Mutation(
        "a worker's host that it gave up is given up by all",
        "transfer/processes/dispatch.py",
        (("            if outcome.failure.untried and self._others_try(process, transfer):\n                return False\n", ""),),
        "tests/safety/test_patience.py::test_one_file_that_is_refused_for_an_hour_does_not_hold_up_the_others",
    ),
    Mutation(
        "each process counts its rejected bodies alone",
        "run/rejected_sizes.py",
        (("            self._sizes.pop(name, None)\n            if size and size[0]:\n                self._sizes[name] = size[0]\n", "            pass\n"),),
        "tests/core/transfer/processes/test_processes.py::test_workers_share_the_limit_of_rejected_bodies",
    ),
    Mutation(
        "each worker has the source's whole pace",
        "transfer/processes/pool.py",
        (("if context.pace is None else None", "if True else None"),),
        "tests/core/transfer/processes/test_processes.py::test_a_source_with_a_pace_stays_in_one_process",
    ),
    Mutation(
        "archives: what starts after the end of a job's period is missing",
        "ledger/rows.py",
        (("bounded=status.bounded)", "bounded=False)"),),
        f"{SERIES}::test_gaps_and_counts_cover_a_window_that_now_ends_earlier",
    ),
    Mutation(
        "credentials go to the origin of a checksum file",
        "transfer/unit.py",
        (("    if origin(file.checksum_url) == origin(own.url):\n", "    if True:\n"),),
        "tests/core/run/test_checksum_files.py::test_credentials_go_to_the_files_own_origin_only",
    ),
    Mutation(
        "an old version is adopted for a new one",
        "run/decide.py",
        (("        return _Comparison.OTHER\n    same_form", "        return _Comparison.SAME\n    same_form"),),
        "tests/core/run/test_changed_listing.py::test_an_old_version_is_not_taken_for_the_new_one_that_never_arrived",
    ),
    Mutation(
        "archives: a slot that is missing for good is asked for in every run",
        f"{ARCHIVES}/series.py",
        (("                recheck=end > settled,\n", "                recheck=True,\n"),),
        f"{SERIES}::test_three_days_with_five_hours_missing_for_good_are_complete",
    ),
    Mutation(
        "archives: a slot that is not due is asked for",
        f"{ARCHIVES}/windows.py",
        (("        due = min(max(every.floor(now - lag), first), max(until, first))\n", "        due = max(until, first)\n"),),
        f"{SERIES}::test_a_slot_that_is_not_due_is_pending_and_not_requested",
    ),
    Mutation(
        "archives: credentials go wherever an index points",
        f"{ARCHIVES}/index.py",
        (("    if _origin(url) != _origin(origin_url(source.url)):\n", "    if False:\n"),),
        f"{INDEX}::test_credentials_stay_at_the_archives_own_origin",
    ),
    Mutation(
        "archives: an index that is not there is passed over",
        f"{ARCHIVES}/index.py",
        (("                absent.append(error.message)\n", "                pass\n"),),
        f"{INDEX}::test_a_missing_index_of_a_past_period_is_reported",
    ),
    Mutation(
        "archives: a list of a bucket ends where a page of a proxy does",
        f"{ARCHIVES}/buckets.py",
        (("        if last == known:\n            return\n", "        return\n"),),
        f"{BUCKETS}::test_a_list_interrupted_by_a_proxys_page_is_read_to_its_end",
    ),
    Mutation(
        "archives: any empty page is a bucket without objects",
        f"{ARCHIVES}/buckets.py",
        (("            _check_is_store(http, source, prefix)\n", ""),),
        f"{BUCKETS}::test_a_page_that_is_not_a_list_fails_the_job",
    ),
    Mutation(
        "archives: an ETag is an MD5 whoever wrote it",
        f"{ARCHIVES}/s3.py",
        (('    is_md5 = source.etag == "md5" and ', "    is_md5 = "),),
        f"{BUCKETS}::test_an_etag_is_not_an_md5_unless_the_source_says_so",
    ),
    Mutation(
        "archives: each host has the source's whole pace",
        "http/pacing.py",
        (("together=True", "together=False"),),
        "tests/core/http/test_retries_and_pace.py::test_all_origins_of_a_source_share_its_pace",
    ),
    Mutation(
        "archives: transfers do not keep the source's pace",
        "transfer/queues.py",
        (('            pacer.reserve("")\n', "            pass\n"),),
        f"{INDEX}::test_all_hosts_share_the_pace",
    ),
    Mutation(
        "a file that was brought is not compared with its checksum file",
        "run/reuse_existing.py",
        (("    return file.checksum_url is not None\n", "    return False\n"),),
        "tests/providers/http_archives/test_adopt.py::test_a_checksum_file_proves_a_file_without_other_proof",
    ),
    Mutation(
        "a stored secret may hold line breaks",
        "stored_secret.py",
        (("        if not text.isprintable():\n", "        if False:\n"),),
        "tests/e2e/test_stored_secrets.py::test_an_unreadable_secret_is_reported_with_its_position",
    ),
]  # fmt: skip


def fails(mutation: Mutation, folder: Path) -> bool:
    """Whether the test fails in a tree with the change."""
    path = folder / CORE / mutation.file
    good = text = path.read_text()
    for before, after in mutation.changes:
        assert text.count(before) == 1, f"{mutation.name}: not once in {mutation.file}: {before!r}"
        text = text.replace(before, after)
    path.write_text(text)
    try:
        return _test(folder, mutation.test) == 1
    finally:
        path.write_text(good)


def _test(folder: Path, *tests: str) -> int:
    paths = os.pathsep.join(str(folder / part) for part in ("core", "providers"))
    return subprocess.run(
        [
            sys.executable,
            "-B",
            "-m",
            "pytest",
            "-q",
            "-n",
            "0",
            "-m",
            "",
            "-x",
            "--timeout",
            "60",
            *tests,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
        check=False,
    ).returncode


def main(*words: str) -> int:
    """Runs them; returns 1 if a test did not fail, 2 if one fails without any change."""
    wanted = [each for each in MUTATIONS if all(word in each.name for word in words)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("core", "providers", "tests"):
            shutil.copytree(
                ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(ROOT / "pyproject.toml", folder)
        if _test(folder, *{each.test for each in wanted}) != 0:
            sys.stdout.write("the tests fail without any change\n")
            return 2
        passed = 0
        for mutation in wanted:
            good = fails(mutation, folder)
            passed += not good
            word = "fails" if good else "PASSES"
            sys.stdout.write(f"{word:7} {mutation.name}: {mutation.test}\n")
            sys.stdout.flush()
    return int(passed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
