"""Recognizes URLs that can expire because they carry their own authorization."""

import re

from backhaul.transfer.body import Body

# Spellings of S3 and compatible services, Google Cloud Storage, Azure, B2, CloudFront, Akamai,
# Cloudflare and nginx secure_link; and tokens in general.
_SIGNED = re.compile(
    r"[?&](?:[a-z-]*signature|sig|[a-z-]*expires?|exp|se|awsaccesskeyid|googleaccessid"
    r"|x-(?:amz|goog|oss)-[a-z-]+|[a-z_]*token(?:_[a-z]+)?|authorization|auth_?key|policy"
    r"|key-pair-id|hdnts|hdnea|__gda__|hmac|md5|verify)=",
    re.IGNORECASE,
)


def is_signed(url: str) -> bool:
    """Whether a URL's query looks like a temporary signature."""
    return _SIGNED.search(url) is not None


def is_link(body: Body) -> bool:
    """Whether a new listing may replace the file's own URL, ignoring redirects."""
    request = body.transfer.request
    return request.expires is not None or is_signed(request.url)


def may_have_expired(body: Body) -> bool:
    """Whether a refusal may be caused by an expired link or redirect target."""
    return bool(body.hops) or is_link(body)
