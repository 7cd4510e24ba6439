"""The page in a real headless Chromium: what people see, press and are shown again."""

import io
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fixtures.browsing import IN_A_BROWSER, SLOW, expect, look, text
from fixtures.percepts import percept
from fixtures.served_robot import OPERATOR, TOKENS, ServedAgent, served_robot
from PIL import Image

from sensebind.agent.server.app import ServeOptions, make_app
from sensebind.agent.server.link import RobotLink
from sensebind.perception.bus.pubsub import Publisher
from sensebind.perception.http_server import HttpServer, listen
from sensebind.perception.percept import Percept

pytestmark = IN_A_BROWSER

Opened = tuple[ServedAgent, str, Any]


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (320, 240), "teal").save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def opened(
    browser: Any, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opened]:
    """A robot whose camera shows a picture ten times a second, and the operator's page of it."""
    folder = tmp_path_factory.mktemp("b")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    stop = threading.Event()
    with ExitStack() as stack:
        agent, address = stack.enter_context(served_robot(folder))
        endpoint = agent._config.endpoints["rover.camera"]
        camera = stack.enter_context(Publisher(endpoint, "rover.camera"))

        def publish() -> None:
            number = 0
            while not stop.wait(0.1):
                one = percept("rover.camera", sequence=(number := number + 1))
                camera.publish(Percept(one.header, one.embedding, jpeg()))

        publishing = threading.Thread(target=publish)
        publishing.start()
        stack.callback(publishing.join)
        stack.callback(stop.set)
        page = look(browser, address, "operator")
        stack.callback(page.context.close)
        yield agent, address, page
        assert page.mistakes == []


def test_what_is_perceived_is_shown(opened: Opened) -> None:
    _, _, page = opened
    page.wait_for_selector("#camera[data-frames]", timeout=SLOW)
    text(page, "#camera-caption", "ball")
    text(page, "#camera-caption", "ms old")
    text(page, "#streams", "rover.camera")
    text(page, "#who", OPERATOR)
    assert TOKENS["operator"] not in page.url  # it is taken out of the address


def test_a_conversation(opened: Opened) -> None:
    _, _, page = opened
    page.fill("#say", "look around")
    page.keyboard.press("Enter")
    text(page, "#log", "look around")
    text(page, "#log", "look() → a red ball")
    text(page, "#log", "done: a red ball")


@pytest.mark.parametrize("kind", ["approve", "reject"])
def test_what_acts_is_decided_with_a_button(opened: Opened, browser: Any, kind: str) -> None:
    agent, address, page = opened
    viewer = look(browser, address, "viewer")
    page.fill("#say", "go 2 metres")
    page.keyboard.press("Enter")
    text(page, "#requests", "drive(metres: 2)")
    text(viewer, "#requests", "drive(metres: 2)")
    assert viewer.locator("#requests button").first.is_disabled() and not agent.driven
    page.click(f"#requests button[data-kind={kind}]")
    text(page, "#log", f"by {OPERATOR} (page)")
    text(viewer, "#log", f"by {OPERATOR} (page)")
    expect(page.locator("#approvals")).to_be_hidden(timeout=SLOW)
    assert agent.driven == ([2.0] if kind == "approve" else [])
    viewer.context.close()


def test_stop_by_key_and_by_button(opened: Opened, browser: Any) -> None:
    agent, address, page = opened
    page.fill("#say", "linger here")
    page.keyboard.press("Enter")
    assert agent.lingering.wait(15)
    page.keyboard.press("Escape")  # while the field has the focus
    text(page, "#log", "Stopped")
    viewer = look(browser, address, "viewer")
    viewer.click("#stop")
    text(viewer, "#log", "a viewer (page) said stop")
    viewer.context.close()
    assert agent.cancelled == [True]


def test_the_page_comes_back_when_the_server_does(
    browser: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    options = ServeOptions(operator=OPERATOR)
    with served_robot(tmp_path) as (agent, _):
        link, rules = RobotLink(agent._config), options.rules(TOKENS)
        first = HttpServer(make_app(link, options), listen("127.0.0.1", 0), rules, "first")
        with first:
            port = first.port
            page = look(browser, f"http://127.0.0.1:{port}", "operator")
        expect(page.locator("#link.off")).to_be_visible(timeout=SLOW)
        with HttpServer(make_app(link, options), listen("127.0.0.1", port), rules, "second"):
            page.wait_for_selector("#link.on", timeout=SLOW)
            page.fill("#say", "hello again")
            page.keyboard.press("Enter")
            text(page, "#log", "you said: hello again")
            page.context.close()


def test_without_a_token_it_asks_for_one(browser: Any, opened: Opened) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{opened[1]}/")
    assert page.locator("#enter").is_visible()
    page.fill("#token", "wrong" * 8)
    page.keyboard.press("Enter")
    text(page, "#enter-why", "not valid")
    page.fill("#token", TOKENS["viewer"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#link.on", timeout=SLOW)
    assert page.locator("#say").is_disabled()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_it_is_good_for_everybody(opened: Opened, browser: Any, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    agent, address, operator = opened
    size = {"width": width, "height": 844}
    page = look(browser, address, "operator", viewport=size, color_scheme=scheme)
    operator.fill("#say", "go 1 metre")
    operator.keyboard.press("Enter")
    text(page, "#requests", "drive(metres: 1)")
    text(page, "#streams", "rover.camera")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#stop").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] < 844  # in reach without scrolling
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    assert page.locator("#stop").bounding_box()["y"] >= 0
    agent.stop("end of the test")
    page.context.close()
