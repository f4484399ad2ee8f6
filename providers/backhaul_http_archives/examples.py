"""Commented YAML for ``backhaul init``."""

SERIES = """\
version: 1
sources:
  gharchive:
    provider: http-series
    url: https://data.gharchive.org/{start:%Y-%m-%d}-{start:%-H}.json.gz   # %-H: no leading zero
    every: 1h                     # 10m, 1h, 1d, 1w, 1mo, 1y
    content: jsonl.gz             # left out: by the ending of the name
    lag: 2h                       # due this long after the slot's end; pending before
jobs:
  january:
    source: gharchive
    from: 2026-01-01              # [from, to), UTC; or now, today, -7d
    to: 2026-02-01
"""
