"""The signature of a delivery. Pure."""

import hashlib
import hmac

DELIVERY_HEADER = "X-Chatty-Delivery"
SIGNATURE_HEADER = "X-Chatty-Signature"


def signature(secret: str, body: bytes, at: int) -> str:
    """The value of SIGNATURE_HEADER. `at`: seconds since 1970 UTC, so that a receiver can refuse an old request."""
    signed = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"
