"""Error bodies of an S3-like store."""

from xml.sax.saxutils import escape

from backhaul.testing.message import Reply


def error(status: int, code: str, message: str, **more: str) -> Reply:
    """An XML error; ``more`` are additional elements."""
    elements = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in more.items())
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>{elements}"
        "<RequestId>0A1B2C3D4E5F6071</RequestId></Error>"
    )
    return Reply(status=status, headers=[("Content-Type", "application/xml")], body=body.encode())
