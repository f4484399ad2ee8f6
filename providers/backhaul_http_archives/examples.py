"""Commented YAML for ``backhaul init``."""

SERIES = """\
version: 1
sources:
  gharchive:
    provider: http-series
    url: https://data.gharchive.org/{start:%Y-%m-%d}-{start:%-H}.json.gz   # %-H: no leading zero
    every: 1h                     # 10m, 1h, 1d, 1w, 1mo, 1y
    content: jsonl.gz             # default: by the suffix of the name
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
    every: 1mo                    # one index per month; default: a single one
    reader: autoindex             # autoindex, lines, sums, json, csv
    include: ["pageviews-*.gz"]
    start: 'pageviews-(?P<start>\\d{8}-\\d{6})'   # the slot's start, in a name
    start_format: "%Y%m%d-%H%M%S"
    slot: 1h
    pace: 2/s
    contact: ${CONTACT:?your e-mail address, for the user agent}
jobs:
  today:
    source: pageviews
    from: -1d
    to: now
"""

S3 = """\
version: 1
sources:
  flatfiles:
    provider: s3-prefix           # needs: pip install 'backhaul[stores]'
    bucket: flatfiles
    prefix: us_stocks_sip/day_aggs_v1/{start:%Y}/{start:%m}/
    every: 1mo                    # one folder per month; default: a single one
    endpoint: https://files.example.com          # default: AWS
    access_key_id: ${FLATFILES_KEY:?the key}     # default, for both: AWS_ACCESS_KEY_ID and so on
    secret_access_key: ${FLATFILES_SECRET:?the secret of the key}
    start: '(?P<start>\\d{4}-\\d{2}-\\d{2})'     # the slot's start, in a name
    start_format: "%Y-%m-%d"
    slot: 1d
jobs:
  days:
    source: flatfiles
    from: 2026-01-01
    to: now
"""
