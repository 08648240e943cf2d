"""The cookie that keeps an identity if the browser's local storage doesn't: Safari empties that after a week.

Browsers send it to /get_user_info.json only. If they sent it with the page, too, each visitor would have a page of
their own in every cache that obeys `Vary: Cookie`.
"""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from chat.conf import chatty

NAME = "chatty_identity"
DAY_SECONDS = 86_400


def read_token(request: HttpRequest) -> str:
    """The token in the cookie. Empty without one, or if another site may have made the request."""
    return "" if _is_of_another_site(request) else request.COOKIES.get(NAME, "")


def write_token(request: HttpRequest, response: HttpResponse, token: str) -> None:
    """Sets the cookie to this token, for as long as the token is valid."""
    if _is_of_another_site(request):
        return
    response.set_cookie(
        NAME,
        token,
        max_age=chatty.TOKEN_MAX_AGE_DAYS * DAY_SECONDS,
        path=reverse("chat:identity"),
        secure=request.is_secure(),
        httponly=True,
        # Lax, not Strict: with Strict, a link from another site would come without the cookie and replace it.
        samesite="Lax",
    )


def _is_of_another_site(request: HttpRequest) -> bool:
    """Whether another site made the request. If the browser doesn't say (plain HTTP), `SameSite` alone protects."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")  # The page's own GET request has none.
    return origin is not None and origin.partition("://")[2] != request.get_host()
