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

INDEX = """\
version: 1
sources:
  pageviews:
    provider: http-index
    url: https://dumps.wikimedia.org/other/pageviews/{start:%Y}/{start:%Y-%m}/
    every: 1mo                    # one index a month; left out: a single one
    reader: autoindex             # autoindex, lines, sums, json, csv
    include: ["pageviews-*.gz"]
    start: 'pageviews-(?P<start>\\d{8}-\\d{6})'   # the slot's start, in a name
    start_format: "%Y%m%d-%H%M%S"
    slot: 1h
    pace: 2/s
    contact: ${CONTACT:?your address, for the user agent}
jobs:
  today:
    source: pageviews
    from: -1d
    to: now
"""
