"""A site with one visitor: it serves index.html and signs who the visitor is. Beside it runs Chatty:

export EMBED_SECRET=$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))')
EMBED_KEYS=plain:$EMBED_SECRET FRAME_ANCESTORS=http://localhost:8001 bin/run &
python3 examples/plain_site/signer.py    # Then open http://localhost:8001.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def sign(sub: str, name: str) -> str:
    """A JSON Web Token, valid for five minutes. A real site takes both from its session."""
    header = {"alg": "HS256", "typ": "JWT", "kid": "plain"}
    claims = {"sub": sub, "name": name, "exp": int(time.time()) + 300}
    text = ".".join(part(json.dumps(value).encode()) for value in (header, claims))
    return f"{text}.{part(hmac.digest(os.environ['EMBED_SECRET'].encode(), text.encode(), hashlib.sha256))}"


class Site(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/chat-token":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(sign("7", "Dora Fuchs").encode())


if __name__ == "__main__":
    pages = partial(Site, directory=str(Path(__file__).parent))
    ThreadingHTTPServer(("localhost", int(os.environ.get("PORT", "8001"))), pages).serve_forever()
