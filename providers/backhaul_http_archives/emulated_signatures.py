"""Checks Signature Version 4 of S3: in the Authorization header, or in the query of a signed link."""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote

from werkzeug import Request

_LASTS = timedelta(minutes=15)  # the signature of a header
_FIELD = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")


def refusal(request: Request, key: str, secret: str) -> str | None:
    """Why a request is refused, as the code of an S3 error; None if it is signed correctly.

    Args:
        request: the request.
        key: the name of the access key.
        secret: the access key's secret.
    """
    query = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True)
    values = dict(query)
    linked = "X-Amz-Signature" in values
    if linked:
        parts = {name: values.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders")}
        given, payload = values.pop("X-Amz-Signature"), "UNSIGNED-PAYLOAD"
        stamp, expires = values.get("X-Amz-Date", ""), values.get("X-Amz-Expires", "")
        lasts = timedelta(seconds=int(expires)) if expires.isdecimal() else timedelta()
    else:
        parts = dict(_FIELD.findall(request.headers.get("Authorization", "")))
        given, payload = parts.get("Signature", ""), request.headers.get("X-Amz-Content-Sha256", "")
        stamp, lasts = request.headers.get("X-Amz-Date", ""), _LASTS
    if not given:
        return "AccessDenied"
    name, _, scope = parts.get("Credential", "").partition("/")
    if name != key:
        return "InvalidAccessKeyId"
    names = parts.get("SignedHeaders", "").split(";")
    lines = (
        request.method,
        quote(unquote(request.environ["REQUEST_URI"]), safe="/-_.~"),
        "&".join(
            sorted(
                f"{quote(each, safe='-_.~')}={quote(value, safe='-_.~')}"
                for each, value in query
                if each != "X-Amz-Signature"
            )
        ),
        *(f"{each}:{' '.join(request.headers.get(each, '').split())}" for each in names),
        "",
        ";".join(names),
        payload,
    )
    if not hmac.compare_digest(given, _signature("\n".join(lines), stamp, scope, secret)):
        return "SignatureDoesNotMatch"
    signed = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if datetime.now(UTC) >= signed + lasts:
        return "AccessDenied" if linked else "RequestTimeTooSkewed"
    return None


def _signature(canonical: str, stamp: str, scope: str, secret: str) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    return hmac.digest(key, text.encode(), "sha256").hex()
