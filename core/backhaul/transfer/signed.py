"""Which URLs can stop working: those that carry their own permission."""

import re

from backhaul.transfer.body import Body

# As S3 and its kin, Google Cloud Storage, Azure, B2, CloudFront, Akamai, Cloudflare and the
# secure_link of nginx spell it; and tokens of all kinds.
_SIGNED = re.compile(
    r"[?&](?:[a-z-]*signature|sig|[a-z-]*expires?|exp|se|awsaccesskeyid|googleaccessid"
    r"|x-(?:amz|goog|oss)-[a-z-]+|[a-z_]*token(?:_[a-z]+)?|authorization|auth_?key|policy"
    r"|key-pair-id|hdnts|hdnea|__gda__|hmac|md5|verify)=",
    re.IGNORECASE,
)


def is_signed(url: str) -> bool:
    """Whether a URL's query looks as if it were good for a while only."""
    return _SIGNED.search(url) is not None


def is_link(body: Body) -> bool:
    """Whether a file's own URL, redirects aside, may have a successor when it is listed again."""
    request = body.transfer.request
    return request.expires is not None or is_signed(request.url)


def may_have_expired(body: Body) -> bool:
    """Whether a refusal may be the link's fault: that of a redirect's target, or a link's own."""
    return bool(body.hops) or is_link(body)
