"""What every answer tells the browser not to do, beside what Django's own middleware says."""

from urllib.parse import urlsplit

from csp.middleware import CSPMiddleware, PolicyParts
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .routes import socket_url

# What a chat page has no use for, so that nothing that gets into it has.
_UNUSED = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
)
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in _UNUSED)


class SecurityHeaders(CSPMiddleware):
    """The Content-Security-Policy of settings.py, with the socket that the page may open; and what has no options."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response = super().process_response(request, response)
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """The socket's origin by name: not every browser takes `'self'` for the same host's ws:// or wss://."""
        parts = super().get_policy_parts(request, response, report_only)
        try:
            socket = urlsplit(socket_url(request))
        except DisallowedHost:
            return parts
        parts.update = {**(parts.update or {}), "connect-src": [f"{socket.scheme}://{socket.netloc}"]}
        return parts
