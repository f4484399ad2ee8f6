"""JSON Lines, compressed with gzip or zstd."""

import sys
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from backhaul.commands import FileRow, KnownJob
from backhaul_rollup.output import Output

if TYPE_CHECKING:
    _zlib: Any = zlib
    _LEVEL = 6
else:
    try:
        from isal import isal_zlib as _zlib

        _LEVEL = 3  # isal's maximum: compresses like zlib's 3 or 4, several times faster
    except ImportError:  # no wheel for this machine
        _zlib, _LEVEL = zlib, 6

_zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
_ZSTD_LEVEL = 3


class GzipSink:
    """Writes gzip; copies files that contain only records without recompressing them.

    Attributes:
        records: number written so far.
        joined: number of files copied without recompression.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._engine: Any = None
        self.records = 0
        self.joined = 0

    def add(self, job: KnownJob, row: FileRow) -> None:
        """Add a file's records. Raises DamagedFileError, OSError."""
        if row.content == "jsonl.gz" and not row.footer_lines and self._join(job, row):
            return
        for text in job.lines(row):
            self._compress(text)

    def finish(self) -> None:
        """Finish the gzip data; without records, write an empty member."""
        if not self._output.size and self._engine is None:
            self._engine = _engine()
        self._end_member()

    def abandon(self) -> None:
        """Nothing to do."""

    def _join(self, job: KnownJob, row: FileRow) -> bool:
        """Copy the file unchanged; undo the copy if it contains more than records."""
        self._end_member()
        mark = self._output.mark()
        file = job.stored(row)
        for block, _ in file.read():
            if file.records.altered:
                break
            if block:
                self._output.write(block)
        if file.records.altered or file.padded:
            self._output.rewind(mark)
            return False
        self.records += file.records.count
        self.joined += 1
        return True

    def _compress(self, text: bytes) -> None:
        if self._engine is None:
            self._engine = _engine()
        self.records += text.count(b"\n")
        data = self._engine.compress(text)
        if data:
            self._output.write(data)

    def _end_member(self) -> None:
        if self._engine is not None:
            self._output.write(self._engine.flush())
            self._engine = None


class ZstdSink:
    """Writes zstd: a single frame with a checksum.

    Attributes:
        records: number written so far.
        joined: always 0.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        setting = _zstd.CompressionParameter
        self._engine = _zstd.ZstdCompressor(
            options={setting.compression_level: _ZSTD_LEVEL, setting.checksum_flag: 1}
        )
        self.records = 0
        self.joined = 0

    def add(self, job: KnownJob, row: FileRow) -> None:
        """Add a file's records. Raises DamagedFileError, OSError."""
        for text in job.lines(row):
            self.records += text.count(b"\n")
            self._output.write(self._engine.compress(text))

    def finish(self) -> None:
        """Finish the frame."""
        self._output.write(self._engine.flush())

    def abandon(self) -> None:
        """Nothing to do."""


def _engine() -> Any:
    return _zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
