"""The cookie that holds an identity where the browser's local storage doesn't: Safari empties that after a week.

It is sent to /get_user_info.json alone. Sent with the page as well, it would give each visitor a page of their own in
every cache that keeps to `Vary: Cookie`.
"""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from chat.conf import chatty

NAME = "chatty_identity"
DAY_SECONDS = 86_400


def read_token(request: HttpRequest) -> str:
    """The token in the cookie; empty without one, or where the request may be another site's doing."""
    return "" if _is_of_another_site(request) else request.COOKIES.get(NAME, "")


def write_token(request: HttpRequest, response: HttpResponse, token: str) -> None:
    """Has the browser keep this token for as long as it holds."""
    if _is_of_another_site(request):
        return
    response.set_cookie(
        NAME,
        token,
        max_age=chatty.TOKEN_MAX_AGE_DAYS * DAY_SECONDS,
        path=reverse("chat:identity"),
        secure=request.is_secure(),
        httponly=True,
        # Lax, not Strict: a link from elsewhere to this address would come without the cookie, and replace it.
        samesite="Lax",
    )


def _is_of_another_site(request: HttpRequest) -> bool:
    """Browsers say so over HTTPS and to localhost, and with CORS. Else `SameSite` alone keeps other sites apart."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")  # The page's own GET has none.
    return origin is not None and origin.partition("://")[2] != request.get_host()
