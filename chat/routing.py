"""The WebSocket's URLs."""

from django.urls import re_path

from .consumers import ChatConsumer
from .routes import SOCKET_PATH

consumer = ChatConsumer.as_asgi()

websocket_urlpatterns = [
    re_path(rf"^{SOCKET_PATH}/(?P<slug>[^/]*)$", consumer),
    # Anywhere else there is no room either, and a browser learns so only from a close code.
    re_path(r"", consumer),
]
