"""The pages and forms of the desk."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from .passwords import fits, hashed
from .stores import SYMBOLS, newest_candles, passages, read_profile, rows, sql, state_of, write_profile
from .web import FOLDER, Member, Stores, Visitor, logged_in, logged_out, page, to_the_desk

router = APIRouter()
Name = Annotated[str, Form(min_length=1, max_length=100)]
Password = Annotated[str, Form(min_length=12, max_length=200)]
Told = Annotated[str | None, Form(max_length=200)]
Amount = Annotated[Decimal, Form(gt=0, max_digits=19, decimal_places=4)]
Question = Annotated[str, Query(min_length=1, max_length=300)]


@router.get("/")
async def desk(request: Request, stores: Stores, visitor: Visitor) -> Response:
    """Prices for everybody; orders and profile for who is logged in."""
    prices = await newest_candles(stores)
    if visitor is None:
        return page(request, "welcome", prices=prices)
    orders = await rows(stores, sql("orders_of_user"), user_id=visitor.user_id)
    profile = await read_profile(stores, visitor.user_id)
    key = secrets.token_urlsafe(16)  # of one order: a form that is sent twice places one
    return page(request, "desk", session=visitor, prices=prices, symbols=SYMBOLS, orders=orders, profile=profile, key=key)


@router.post("/register")
async def register(stores: Stores, username: Name, email: Name, password: Password) -> Response:
    """A new user, logged in at once."""
    values = {"username": username, "email": email, "password_hash": await hashed(password)}
    added = await rows(stores, sql("add_user"), **values)
    if not added:
        raise HTTPException(409, "There is a user of that name or address already.")
    return await logged_in(stores, added[0]["id"], username)


@router.post("/login")
async def login(stores: Stores, username: Name, password: Annotated[str, Form(max_length=200)]) -> Response:
    """Nobody learns whether it was the name or the password."""
    users = await rows(stores, sql("user_by_name"), username=username)
    if not await fits(password, users[0]["password_hash"] if users else None):
        raise HTTPException(401, "Name or password is wrong.")
    return await logged_in(stores, users[0]["id"], username)


@router.post("/logout")
async def logout(stores: Stores, member: Member) -> Response:
    """The session ends on the server, not in the browser alone."""
    return await logged_out(stores, member)


@router.post("/profile")
async def profile(stores: Stores, member: Member, first_name: Told = None, last_name: Told = None, phone: Told = None) -> Response:
    """Sealed before it is stored: neither the database nor its backups can read it."""
    await write_profile(stores, member.user_id, {"first_name": first_name, "last_name": last_name, "phone": phone})
    return to_the_desk()


@router.post("/orders")
async def place_order(
    stores: Stores,
    member: Member,
    key: Annotated[str, Form(min_length=16, max_length=100)],
    symbol: Annotated[str, Form()],
    side: Annotated[Literal["buy", "sell"], Form()],
    quantity: Amount,
    price: Annotated[Decimal | None, Form(gt=0, max_digits=19, decimal_places=4)] = None,
) -> Response:
    """A limit order, or without a price a market order. The same key again is the same order, however often the form is sent."""
    if symbol not in SYMBOLS:
        raise HTTPException(400, "That symbol is not traded here.")
    kind = "market" if price is None else "limit"
    order = {"symbol": symbol, "order_type": kind, "side": side, "quantity": quantity, "price": price}
    if not await rows(stores, sql("place_order"), user_id=member.user_id, external_id=key, **order):
        (former,) = await rows(stores, sql("order_by_key"), user_id=member.user_id, external_id=key)
        if former != order:
            raise HTTPException(409, "Another order has been placed with this form. Open the desk again to place one more.")
    return to_the_desk()


@router.post("/orders/{number}/cancel")
async def cancel_order(stores: Stores, member: Member, number: int) -> Response:
    """Orders are records of account: they are closed, never deleted."""
    if not await rows(stores, sql("cancel_order"), user_id=member.user_id, id=number):
        raise HTTPException(404, "You have no unfinished order of that number.")
    return to_the_desk()


@router.get("/answer")
async def answer(request: Request, stores: Stores, member: Member, question: Question) -> Response:
    """What the documents say, with where it stands; no passage below the bound is passed off as an answer."""
    return page(request, "answer", session=member, question=question, passages=await passages(stores, question))


@router.get("/prices/{symbol}")
async def prices(request: Request, stores: Stores, symbol: str) -> Response:
    """The daily candles of a symbol, newest first."""
    candles = await rows(stores, sql("daily_candles"), symbol=symbol)
    if not candles:
        raise HTTPException(404, f"There are no prices of {symbol}.")
    return page(request, "prices", symbol=symbol, candles=candles)


@router.get("/healthy")
async def healthy(stores: Stores) -> Response:
    """Whether it can serve every page now: for a proxy and for Docker. Starting it again mends none of the stores."""
    states = await state_of(stores)
    return JSONResponse(states, 200 if all(states.values()) else 503)


@router.get("/style.css")
async def style() -> Response:
    """The one style sheet."""
    return FileResponse(FOLDER / "style.css")
