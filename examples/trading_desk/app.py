"""The application: what it is given at its start, what comes before every page, and how errors are shown.

Settings, all optional: TRADING_DESK_SETTINGS, the file of `invoke env` (otherwise the environment has its names); TRADING_DESK_LIMIT, the
requests that a client may make in a minute; TRADING_DESK_PROXIES, the addresses of your own proxies, with commas between them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

import christmas

from .pages import router
from .stores import StoreDownError
from .web import limited, message, of_this_site


@contextlib.asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """Read the settings; stores are connected to at first use, so the application starts while one of them is down."""
    async with christmas.connect_async(os.environ.get("TRADING_DESK_SETTINGS")) as stores:
        for name in ("DATABASE_URL", "REDIS_URL", "WEAVIATE_API_KEY", "FIELD_KEYS_FILE"):
            stores.setting(name)  # another account's file is refused now, not at the first request
        limiter = stores.rate_limiter(int(os.environ.get("TRADING_DESK_LIMIT", "120")))
        proxies = [proxy.strip() for proxy in os.environ.get("TRADING_DESK_PROXIES", "").split(",") if proxy.strip()]
        yield {"stores": stores, "limiter": limiter, "proxies": proxies}


app = FastAPI(lifespan=lifespan, dependencies=[Depends(limited), Depends(of_this_site)], docs_url=None, redoc_url=None, openapi_url=None)
app.include_router(router)


@app.exception_handler(StoreDownError)
async def store_is_down(request: Request, error: StoreDownError) -> Response:
    """503, with what the person in front of it and the person on call can do."""
    next_step = f"Try again in a moment. Whoever is on call runs: {error.check}"
    return message(request, 503, f"{error.store} can't be asked.", next_step, {"Retry-After": "5"})


@app.exception_handler(RequestValidationError)
async def not_understood(request: Request, error: RequestValidationError) -> Response:
    """Which field is wrong and why. FastAPI's own answer would repeat what was typed, passwords too."""
    return message(request, 400, "That can't be taken.", "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()))


@app.exception_handler(psycopg.IntegrityError)
@app.exception_handler(psycopg.DataError)
async def refused_by_the_database(request: Request, error: psycopg.Error) -> Response:
    """The rule's name alone: PostgreSQL's own words repeat the values."""
    rule = error.diag.constraint_name or type(error).__name__
    return message(request, 400, f"The database refuses it: {rule}.", "docs/applications.md says what the rule asks for.")


@app.exception_handler(HTTPException)
async def refused(request: Request, error: HTTPException) -> Response:
    """What the pages refuse, and addresses that there are none of."""
    return message(request, error.status_code, error.detail, "", error.headers)
