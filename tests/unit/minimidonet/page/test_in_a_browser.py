from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.minimidonet.auth import users as users_module
from midonet_kubernetes.minimidonet.auth.tokens import TokenAccess
from midonet_kubernetes.minimidonet.auth.users import Users, new_user, write_user
from midonet_kubernetes.minimidonet.server.connections import Connections
from midonet_kubernetes.minimidonet.server.face import Face
from midonet_kubernetes.minimidonet.server.metrics import ServerMetrics
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = """
--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync
""".split()  # noqa: SIM905 - a list of words
PATIENCE = 20_000  # milliseconds that the browser looks for an element
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver's name for a reference to an element
TAB, ENTER = "\ue004", "\ue007"
MOST_TABS = 40

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),  # one browser for all: it takes seconds to start
]


class Browser:
    """A few verbs of WebDriver (W3C)."""

    def __init__(self, http: ClientSession, session: str) -> None:
        self._http, self._session = http, session

    async def command(self, method: str, path: str, body: object = None) -> Any:
        async with self._http.request(method, self._session + path, json=body) as response:
            answer = await response.json()
        assert response.status == 200, answer
        return answer["value"]

    async def open(self, url: str) -> None:
        await self.command("POST", "/url", {"url": url})

    async def find(self, xpath: str) -> str:
        found = await self.command("POST", "/element", {"using": "xpath", "value": xpath})
        return str(found[ELEMENT])

    async def count(self, css: str) -> int:
        return int(await self.run(f"return document.querySelectorAll({json.dumps(css)}).length"))

    async def title(self, wanted: str) -> None:
        await self.find(f"//h1[normalize-space()={wanted!r}]")

    async def run(self, script: str) -> Any:
        return await self.command("POST", "/execute/sync", {"script": script, "args": []})

    async def write(self, xpath: str, text: str) -> None:
        await self.command("POST", f"/element/{await self.find(xpath)}/value", {"text": text})

    async def press(self, key: str) -> None:
        strokes = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        await self.command("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})

    async def focused(self) -> str:
        """The name that assistive technology reads for what has the focus."""
        element = await self.command("GET", "/element/active")
        return str(await self.command("GET", f"/element/{element[ELEMENT]}/computedlabel"))

    async def tab_to(self, name: str) -> None:
        seen = []
        for _ in range(MOST_TABS):
            await self.press(TAB)
            seen.append(await self.focused())
            if seen[-1].startswith(name):
                return
        pytest.fail(f"{name} is not reached with the keyboard, only {seen}")

    async def complaints(self) -> list[str]:
        """What the browser itself found wrong: errors of scripts, and what the policy forbids."""
        log = await self.command("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in log if "401 (Unauthorized)" not in entry["message"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_browser(tmp_path_factory):
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("the page is not looked at: chromium and chromedriver are not installed")
    driver = await asyncio.create_subprocess_exec(DRIVER, "--port=0", stdout=asyncio.subprocess.PIPE)
    async with ClientSession() as http:
        try:
            assert driver.stdout is not None
            while not (match := re.search(rb"started successfully on port (\d+)", await driver.stdout.readline())):
                assert driver.returncode is None
            root = f"http://127.0.0.1:{match[1].decode()}/session"
            options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}, "timeouts": {"implicit": PATIENCE}}
            async with http.post(root, json={"capabilities": {"alwaysMatch": wanted}}) as response:
                answer = (await response.json())["value"]
            assert "sessionId" in answer, answer
            made = Browser(http, f"{root}/{answer['sessionId']}")
            yield made
            await made.command("DELETE", "")
        finally:
            driver.terminate()
            await driver.communicate()


@pytest_asyncio.fixture(loop_scope="module")
async def browser(running_browser):
    yield running_browser
    assert await running_browser.complaints() == []


@asynccontextmanager
async def serving(service: Service):
    metrics = ServerMetrics(frozenset(), streams=lambda: 0, alive=lambda: 0, revision=lambda: 0)
    runner = web.ServerRunner(Connections(Face(service, metrics)), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_the_picture_is_walked_with_the_keyboard_from_a_node_to_its_pods_rule(browser, cluster):
    async with serving(cluster.service) as url:
        await browser.open(url)
        await browser.title("Topology")
        await browser.tab_to("Bridge node-b, Node, 3 ports")
        await browser.press(ENTER)
        await browser.title("Bridge node-b")
        await browser.tab_to("KUBE-POD-OUT-default/web-2")
        await browser.press(ENTER)
        await browser.title("Chain KUBE-POD-OUT-default/web-2")
        await browser.find("//td[contains(., 'ip, from 10.1.2.3')]")
        await browser.find("//a[@class='origin'][contains(., 'Pod default/web-2')]")


async def test_all_parts_are_drawn_and_come_from_this_server(browser, cluster):
    async with serving(cluster.service) as url:
        await browser.open(url)
        for name in ("Router ClusterRouter", "Bridge node-a", "Host node-a, alive, 192.0.2.1", "Host node-b, silent"):
            await browser.find(f"//*[local-name()='a'][starts-with(@aria-label, '{name}')]")
        assert await browser.count(".picture path") == 4  # two links, two hosts
        assert [await browser.count(f".picture .scroll .mark.{kind}") for kind in ("linked", "bound", "silent")] == [2, 1, 2]
        loaded = await browser.run("return performance.getEntriesByType('resource').map((one) => one.name)")
        assert loaded
        assert all(name.startswith(url) for name in loaded)


async def test_a_name_is_text_whatever_it_holds(browser, cluster):
    async with serving(cluster.service) as url:
        await browser.open(f"{url}/#/chains?search=db")
        await browser.find("//td/a[text()='KUBE-POD-OUT-shop/<b>db</b>']")
        assert await browser.run("return [...document.querySelectorAll('b')].map((one) => one.textContent)") == ["Pod"]


async def test_every_view_has_a_heading_and_named_parts(browser, cluster):
    async with serving(cluster.service) as url:
        for view, title in (
            ("", "Topology"),
            ("hosts", "Hosts"),
            ("routers", "Routers"),
            ("bridges", "Bridges"),
            ("chains", "Chains"),
        ):
            await browser.open(f"{url}/#/{view}")
            await browser.title(title)
            assert await browser.run("return document.title") == f"{title} – minimidonet"  # noqa: RUF001 - a dash
            assert await browser.count("h1") == 1
            assert await browser.count("nav a[aria-current=page]") == 1
            assert await browser.count("input:not(#search)") == await browser.count("th:not([scope])") == 0
            unnamed = "return [...document.querySelectorAll('a')].filter((a) => !a.textContent && !a.ariaLabel).length"
            assert await browser.run(unnamed) == 0


async def test_a_change_appears_by_itself(browser, cluster):
    async with serving(cluster.service) as url:
        await browser.open(f"{url}/#/routers")
        await browser.find("//td/a[text()='ClusterRouter']")
        cluster.post("/routers", name="Another")
        await browser.find("//td/a[text()='Another']")


async def test_of_ten_thousand_services_some_are_shown_and_all_are_found(browser, service, fill_large):
    fill_large(service, services=10_000, nodes=1_000)
    async with serving(service) as url:
        await browser.open(f"{url}/#/chains")
        await browser.find("//nav[contains(., '1 to 50 of 10,001')]")
        assert await browser.count("tbody tr") == 50
        await browser.write("//input[@id='search']", "service-9999")
        await browser.find("//nav[contains(., '1 to 1 of 1')]")
        await browser.find("//td/a[text()='KUBE-SVC-ns49/service-9999/http']")
        await browser.open(f"{url}/#/?offset=24")
        await browser.find("//*[local-name()='a'][starts-with(@aria-label, 'Bridge node-00024')]")
        assert await browser.count(".picture a") < 20


async def test_with_users_it_asks_for_a_login_and_keeps_nothing(browser, tmp_path, monkeypatch, fill):
    monkeypatch.setattr(users_module, "_COST", 2)
    write_user(tmp_path / "users", new_user("ann", "sécret"))
    service = Service(Store(), access=TokenAccess(Users(tmp_path / "users")))
    basic = base64.b64encode("ann:sécret".encode()).decode()
    login = service.handle(Request("POST", "/midonet-api/login", {"authorization": f"Basic {basic}"}))
    fill(service, {"x-auth-token": json.loads(login.body)["key"]})
    async with serving(service) as url:
        await browser.open(f"{url}/#/hosts")
        await browser.title("Log in")
        await browser.write("//input[@id='user']", "ann")
        await browser.write("//input[@id='password']", "wrong" + ENTER)
        await browser.find("//p[@id='trouble'][contains(., 'Invalid user name or password')]")
        await browser.run("document.getElementById('password').value = ''")
        await browser.write("//input[@id='password']", "sécret" + ENTER)
        await browser.title("Hosts")
        await browser.find("//td/a[text()='node-b']")
        assert await browser.run("return [document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
        assert await browser.command("GET", "/cookie") == []
        await browser.command("POST", "/refresh", {})
        await browser.title("Log in")
