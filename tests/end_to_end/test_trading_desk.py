"""The application to start from, built, run in a stack's network by its own script, and used over HTTP as a browser does."""

import contextlib
import json
import os
import subprocess

import docker
import httpx
import psycopg
import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.end_to_end.conftest import BIN, ROOT
from tests.end_to_end.test_containers import secrets_in
from tests.support.waiting import wait_for

pytestmark = pytest.mark.exhaustive

LIMIT = 60
PASSWORD = "correct horse battery staple"


class Browser:
    """Sends the forms that a page has, with what stands in them; `address` is the one that the proxy in front of the desk sees."""

    def __init__(self, desk, address):
        headers = {"X-Forwarded-For": address, "Sec-Fetch-Site": "same-origin"}
        hooks = {"response": [self.keep_cookies]}
        self.client = httpx.Client(base_url=desk, headers=headers, event_hooks=hooks, follow_redirects=True, timeout=60)
        self.open("/")

    def keep_cookies(self, _answer):
        """Browsers send a cookie that is Secure to the loopback address without TLS, too; httpx doesn't."""
        for cookie in self.client.cookies.jar:
            cookie.secure = False

    def open(self, path):
        self.answer = self.client.get(path)
        return self.answer.status_code

    @property
    def page(self):
        return LexborHTMLParser(self.answer.text)

    @property
    def headings(self):
        return [each.text(strip=True) for each in self.page.css("h2")]

    def send(self, action, **typed):
        """Fill the form in and send it; returns the status of the page that follows."""
        (form,) = self.page.css(f'form[action="{action}"]')
        fields = {each.attributes["name"]: each.attributes.get("value") or "" for each in form.css("[name]")}
        assert typed.keys() <= fields.keys()
        if form.attributes["method"] == "post":
            self.answer = self.client.post(action, data=fields | typed)
        else:
            self.answer = self.client.get(action, params=fields | typed)
        return self.answer.status_code

    def register(self, name):
        assert self.send("/register", username=name, email=f"{name}@example.org", password=PASSWORD) == 200
        assert "Place an order" in self.headings

    def orders(self):
        """What the desk lists of each order: number, order, price, status."""
        (section,) = [each for each in self.page.css("section") if each.css_first("h2").text() == "Your orders"]
        rows = [[cell.text(strip=True) for cell in row.css("th, td")[:4]] for row in section.css("tbody tr")]
        return [row for row in rows if len(row) == 4]


def gateway_of(stack):
    return docker.from_env().networks.get(f"christmas-{stack.name}-network").attrs["IPAM"]["Config"][0]["Gateway"]


@pytest.fixture(scope="module")
def desk(stack):
    """The desk's address. What its users have left is taken away."""
    environment = stack.environment | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "DESK_PORT": "",  # one that is free
        "TRADING_DESK_LIMIT": str(LIMIT),
        "TRADING_DESK_PROXIES": gateway_of(stack),  # who the container sees behind a published port
    }
    with psycopg.connect(stack.platform().postgres_url("migrator"), autocommit=True) as database:
        newest = database.execute("select coalesce(max(id), 0) from users").fetchone()
        try:
            done = subprocess.run(
                [str(ROOT / "examples" / "trading_desk" / "run.sh")], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            address = done.stdout.strip()
            wait_for(lambda: healthy(address) == 200, "the desk can ask all stores", pause=2)
            yield address
        finally:
            for each in docker.from_env().containers.list(
                all=True, ignore_removed=True, filters={"name": f"christmas-{stack.name}-trading-desk"}
            ):
                each.remove(force=True, v=True)
            for left in (ROOT / ".christmas" / "env").glob(f"{stack.name}-app*"):
                left.unlink()
            for table, column in (("orders", "user_id"), ("user_profiles", "user_id"), ("users", "id")):
                database.execute(f"delete from {table} where {column} > %s", newest)


@pytest.fixture
def browse(desk):
    """Begins browsers, each at an address of its own."""
    with contextlib.ExitStack() as opened:

        def begin(address):
            browser = Browser(desk, address)
            opened.callback(browser.client.close)
            return browser

        yield begin


def healthy(address):
    try:
        return httpx.get(f"{address}/healthy", timeout=20).status_code
    except httpx.TransportError:
        return None


def test_from_registering_to_logging_out(browse, desk, stack):
    kim = browse("192.0.2.1")
    assert [row.text(strip=True) for row in kim.page.css("tbody th")] == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    kim.register("desk-kim")
    cookie = next(line for line in kim.answer.history[0].headers.get_list("set-cookie") if line.startswith("session="))
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))

    assert kim.open("/prices/IBM") == 200
    assert len(kim.page.css("tbody tr")) == 30
    assert (kim.open("/prices/NONE"), kim.headings) == (404, ["There are no prices of NONE."])

    kim.open("/")
    order = {"symbol": "IBM", "side": "buy", "quantity": "2.5", "price": "190"}
    form = kim.answer
    assert kim.send("/orders", **order) == 200
    ((number, *listed),) = kim.orders()
    assert listed == ["buy 2.5 IBM", "190.0000", "pending"]
    # The same form again, as by a second click: one order. With something else in it: refused.
    kim.answer = form
    assert kim.send("/orders", **order) == 200
    assert [row[0] for row in kim.orders()] == [number]
    kim.answer = form
    assert kim.send("/orders", **order | {"quantity": "3"}) == 409
    kim.open("/")
    assert kim.send(f"/orders/{number}/cancel") == 200
    assert [row[3] for row in kim.orders()] == ["cancelled"]

    assert kim.send("/profile", first_name="민지", phone="010-1234-5678") == 200
    fields = [kim.page.css_first(f"input[name={name}]").attributes["value"] for name in ("first_name", "last_name", "phone")]
    assert [each or "" for each in fields] == ["민지", "", "010-1234-5678"]
    with psycopg.connect(stack.platform().postgres_url("api")) as database:
        query = "select phone from user_profiles join users on users.id = user_id where username = 'desk-kim'"
        assert [phone[:2] for (phone,) in database.execute(query)] == [b"\xc1\x01"]

    assert kim.send("/answer", question="자동 매매 시스템의 특징은 무엇인가요?") == 200
    assert kim.page.css_first("code").text().endswith("docs/guide/ko/overview.md")
    assert any("자동 매매" in heading for heading in kim.headings)
    assert kim.send("/answer", question="How do I bake banana bread?") == 200
    assert "I don't know" in kim.headings

    token = kim.client.cookies["session"]
    assert kim.send("/logout") == 200
    assert "Log in" in kim.headings
    assert "session" not in kim.client.cookies
    # Ended on the server as well: the cookie, kept by somebody, lets nobody in.
    kept = httpx.get(f"{desk}/answer", params={"question": "?"}, headers={"Cookie": f"session={token}", "X-Forwarded-For": "192.0.2.1"})
    assert (kept.status_code, kept.headers["location"]) == (303, "/")
    assert kim.send("/login", username="desk-kim", password=PASSWORD) == 200
    assert [row[0] for row in kim.orders()] == [number]


def test_a_wrong_password_and_a_name_that_there_isnt_are_told_alike(browse):
    lee = browse("192.0.2.2")
    lee.register("desk-lee")
    lee.send("/logout")
    told = []
    for name in ("desk-lee", "desk-nobody"):
        lee.open("/")
        told.append((lee.send("/login", username=name, password="not the password"), lee.headings))
    assert told == [(401, ["Name or password is wrong."])] * 2
    assert "session" not in lee.client.cookies


def test_a_second_user_neither_sees_nor_cancels_the_firsts_orders(browse):
    park, choi = browse("192.0.2.3"), browse("192.0.2.4")
    park.register("desk-park")
    park.send("/orders", symbol="AAPL", side="sell", quantity="1")
    ((number, *listed),) = park.orders()
    assert listed == ["sell 1 AAPL", "market", "pending"]
    choi.register("desk-choi")
    assert choi.orders() == []
    assert choi.client.post(f"/orders/{number}/cancel").status_code == 404
    park.open("/")
    assert [row[3] for row in park.orders()] == ["pending"]


def test_what_is_not_taken_is_said_and_a_password_is_not_repeated(browse):
    han = browse("192.0.2.5")
    assert han.send("/register", username="desk-han", email="han@example.org", password="too short") == 400
    assert "password: String should have at least 12 characters" in han.answer.text
    assert "too short" not in han.answer.text
    han.open("/")
    assert han.send("/register", username="desk-han", email="no address", password=PASSWORD) == 400
    assert han.headings == ["The database refuses it: ck_users_email."]
    han.open("/")
    han.register("desk-han")
    assert han.client.post("/register", data={"username": "desk-han", "email": "x@example.org", "password": PASSWORD}).status_code == 409
    assert han.send("/orders", symbol="IBM", side="buy", quantity="0") == 400
    han.open("/")
    assert han.send("/profile", first_name="<script>alert(1)</script>") == 200
    assert han.page.css("script") == []


@pytest.mark.parametrize("told", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "", "Origin": "https://example.org"}], ids="-".join)
def test_another_sites_form_is_refused(browse, desk, told):
    browser = browse("192.0.2.6")
    answer = browser.client.post("/login", data={"username": "a", "password": "b"}, headers=told)
    assert (answer.status_code, "another site" in answer.text) == (403, True)


def test_a_flood_is_refused_by_client_whatever_it_writes_before_its_address(browse, desk):
    statuses = []
    with httpx.Client(base_url=desk) as flood:
        for number in range(LIMIT + 1):
            answer = flood.get("/style.css", headers={"X-Forwarded-For": f"203.0.113.{number}, 192.0.2.7"})
            statuses.append(answer.status_code)
    assert statuses == [200] * LIMIT + [429]
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert browse("192.0.2.8").answer.status_code == 200


def test_with_redis_stopped_it_says_so_and_is_well_again_after(browse, desk, stack):
    jung = browse("192.0.2.9")
    jung.register("desk-jung")
    redis = stack.container("redis")
    redis.stop()
    try:
        assert jung.open("/") == 503
        assert jung.headings == ["Redis can't be asked."]
        assert "invoke check --store redis" in jung.answer.text
        assert jung.answer.headers["retry-after"] == "5"
        assert "Traceback" not in jung.answer.text
        answer = httpx.get(f"{desk}/healthy", timeout=20)
        assert (answer.status_code, answer.json()) == (503, {"PostgreSQL": True, "Redis": False, "The document store": True})
        # What needs no session is still served, from the database.
        assert jung.client.get("/prices/IBM").status_code == 200
    finally:
        redis.start()
        wait_for(lambda: stack.is_well("redis"), "Redis is well again")
    wait_for(lambda: healthy(desk) == 200, "the desk can ask all stores", pause=2)
    assert jung.open("/") == 200
    assert "Place an order" in jung.headings


def test_its_container_is_hardened_and_shows_no_secret(desk, stack):
    container = stack.container("trading-desk")
    wait_for(lambda: stack.container("trading-desk").attrs["State"]["Health"]["Status"] == "healthy", "Docker calls the desk healthy")
    host, config = container.attrs["HostConfig"], container.attrs["Config"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], config["User"]) == (True, ["ALL"], "1000:1000")
    assert host["Memory"] > 0
    assert "no-new-privileges" in host["SecurityOpt"]
    assert [binding["HostIp"] for each in container.ports.values() for binding in each] == ["127.0.0.1"]
    shown = json.dumps(container.attrs) + container.logs().decode()
    outputs = stack.outputs()
    secrets = [*secrets_in(outputs["accounts"]), outputs["embedding_key"], PASSWORD]
    assert len(secrets) > 10
    assert [secret for secret in secrets if secret in shown] == []
