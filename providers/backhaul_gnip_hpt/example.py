"""The YAML that ``backhaul init gnip-hpt`` writes."""

EXAMPLE = """\
version: 1
settings:
  dest: archive                 # files are stored in archive/<job>/
sources:
  gnip:
    provider: gnip-hpt
    account: acme               # as in the console's address
    username: ${GNIP_USERNAME}  # the console login
    password: ${GNIP_PASSWORD:?the console password}
    api_version: 2              # 1 for jobs of historical.gnip.com
    # base_url: https://gnip-api.gnip.com          # if that does not respond, try https://gnip-api.x.com
jobs:
  worldcup:
    source: gnip
    id: kj4r26m0qx              # last part of the job's URL; or use its exact title:
    # title: "WorldCup test"
"""
