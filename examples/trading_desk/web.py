"""What every page is made with: who asks, what is refused before a page begins, and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.templating import Jinja2Templates

from christmas import AsyncStores
from christmas.blueprint.keyspaces_and_ttls import SESSION
from christmas.rate_limits import client_behind
from christmas.sessions import Session

from .stores import REDIS, asking

FOLDER = Path(__file__).parent
_COOKIE = "session"
_TEMPLATES = Jinja2Templates(FOLDER / "templates")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def _stores(request: Request) -> AsyncStores:
    stores: AsyncStores = request.state.stores
    return stores


Stores = Annotated[AsyncStores, Depends(_stores)]


async def limited(request: Request) -> None:
    """Count the request. While Redis is down nobody is counted; it is the pages behind a login that then say so."""
    peer = request.client.host if request.client else "127.0.0.1"
    client = client_behind(request.state.proxies, peer, request.headers.get("x-forwarded-for", ""))
    async with asking(REDIS):
        decision = await request.state.limiter.check(client)
    if not decision.allowed:
        seconds = ceil(decision.retry_after)
        raise HTTPException(429, f"Too many requests. Try again in {seconds} seconds.", {"Retry-After": str(seconds)})


async def of_this_site(request: Request) -> None:
    """Refuse another site's forms. Browsers say where a request comes from; a proxy has to pass `Host` on as it is."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site not in {"same-origin", "none"} if site else origin and urlsplit(origin).netloc != request.headers.get("host")
    if foreign and request.method not in {"GET", "HEAD"}:
        raise HTTPException(403, "This form was sent by another site.")


async def _visitor(request: Request, stores: Stores) -> Session | None:
    token = request.cookies.get(_COOKIE)
    if token is None:
        return None
    async with asking(REDIS):
        return await stores.sessions.read(token)


Visitor = Annotated[Session | None, Depends(_visitor)]


async def _member(visitor: Visitor) -> Session:
    if visitor is None:
        raise HTTPException(303, "Log in first.", {"Location": "/"})
    return visitor


Member = Annotated[Session, Depends(_member)]


async def logged_in(stores: AsyncStores, user_id: int, username: str) -> Response:
    """Begin a session, and go to the desk with it."""
    async with asking(REDIS):
        session = await stores.sessions.create(user_id, username, ["user"])
    response = to_the_desk()
    # Browsers take a cookie that is Secure from the loopback address, too. "Lax" also sends it where a link leads here.
    age = round(SESSION.ttl.total_seconds())
    response.set_cookie(_COOKIE, str(session.token), max_age=age, secure=True, httponly=True, samesite="lax")
    return response


async def logged_out(stores: AsyncStores, session: Session) -> Response:
    """End the session, wherever its cookie has got to."""
    async with asking(REDIS):
        await stores.sessions.end(str(session.token))
    response = to_the_desk()
    response.delete_cookie(_COOKIE, secure=True, httponly=True, samesite="lax")
    return response


def to_the_desk() -> Response:
    """What a form is answered with: reloading the page that follows sends nothing twice."""
    return RedirectResponse("/", 303)


def page(request: Request, name: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> Response:
    """The template `NAME.html` with these values, escaped."""
    return _TEMPLATES.TemplateResponse(request, f"{name}.html", values, status, {**_HEADERS, **(headers or {})})


def message(request: Request, status: int, what: str, next_step: str, headers: Mapping[str, str] | None = None) -> Response:
    """A page that says what went wrong, and what to do next."""
    return page(request, "message", status, headers, what=what, next_step=next_step)
