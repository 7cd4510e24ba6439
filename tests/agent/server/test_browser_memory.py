"""The robot's memory and its watches on the page, in a real headless Chromium."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from fixtures import colours
from fixtures.browsing import IN_A_BROWSER, SLOW, expect, look, text
from fixtures.colour_embedder import HIGH, LOW, MODEL
from fixtures.percepts import WIDTH, percept
from fixtures.served_robot import REMEMBERING, ServedAgent, served_robot
from fixtures.waiting import until
from msgspec.structs import replace

from sensebind.agent.robot.client import AttachedRobot
from sensebind.memory.watches import Alert, Watch
from sensebind.perception.bus.pubsub import Publisher
from sensebind.perception.percept import Modality, Percept
from sensebind.perception.storage.spans import Span

pytestmark = IN_A_BROWSER

Opened = tuple[ServedAgent, str, Any]


@pytest.fixture
def opened(
    browser: Any, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opened]:
    """A robot that saw and heard other things two hours ago, and the operator's page of it."""
    folder = tmp_path_factory.mktemp("b")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    with served_robot(folder, text=REMEMBERING) as (agent, address):
        colours.perceive_colours(agent)
        page = look(browser, address, "operator")
        yield agent, address, page
        assert page.mistakes == []
        page.context.close()


def colour_of(page: Any, number: int) -> list[int]:
    """The colour in the middle of the picture of an episode, once it is there."""
    image = page.locator("#found .episode").nth(number).locator("img")
    expect(image).to_be_visible(timeout=SLOW)
    return image.evaluate(
        """async (image) => {
          await image.decode();
          const canvas = document.createElement("canvas");
          canvas.width = canvas.height = 1;
          const pen = canvas.getContext("2d");
          pen.drawImage(image, 0, 0, 1, 1);
          return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }"""
    )


def search(page: Any, found: str) -> None:
    page.click("#remember button[type=submit]")
    text(page, "#remember-state", found)


def test_by_text_with_pictures_times_and_streams(opened: Opened) -> None:
    _, _, page = opened
    page.fill("#remember-what", "a red ball")
    page.select_option("#remember-sense", "sight")
    page.keyboard.press("Tab")
    search(page, "found")
    red, green, blue = colour_of(page, 0)
    assert red > 200 and green < 60 and blue < 60
    text(page, "#found .episode >> nth=0", "seen by rover.camera")
    text(page, "#found .episode >> nth=0", "2 hours ago")


def test_by_time(opened: Opened) -> None:
    _, _, page = opened
    page.select_option("#remember-sense", "sight")
    page.select_option("#remember-when", "3600")
    search(page, "1 found")
    assert colour_of(page, 0)[2] > 200  # blue, of just now
    page.select_option("#remember-when", "between")
    for field, ago in (("from", 3 * colours.HOUR), ("until", colours.HOUR)):
        moment = datetime.fromtimestamp(time.time() - ago)
        page.fill(f"#remember-{field}", moment.strftime("%Y-%m-%dT%H:%M:%S"))
    search(page, "1 found")
    text(page, "#found", "2 hours ago")
    assert colour_of(page, 0)[0] > 200


@pytest.mark.parametrize("kind", ["image", "sound"])
def test_by_a_file_that_is_uploaded(opened: Opened, kind: str) -> None:
    _, _, page = opened
    given = {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": colours.jpeg("blue")}
    if kind == "sound":
        given = {"name": "x.wav", "mimeType": "audio/wav", "buffer": colours.wav(3000)}
        page.select_option("#remember-sense", "hearing")
    page.set_input_files("#remember-like", [given])
    search(page, "found")
    text(page, "#found .episode >> nth=0", "similarity 1.00")
    if kind == "image":
        assert colour_of(page, 0)[2] > 200
        return
    page.locator("#found .episode").first.get_by_role("button").click()
    player = page.locator("#found audio")
    expect(player).to_be_visible(timeout=SLOW)
    page.wait_for_function("document.querySelector('#found audio').duration > 0", timeout=SLOW)
    assert player.evaluate("(one) => one.duration") == pytest.approx(1, abs=0.01)


def test_a_file_that_is_too_large_or_no_image_is_refused(opened: Opened) -> None:
    _, _, page = opened
    large = {"name": "x.wav", "mimeType": "audio/wav", "buffer": bytes(2_600_000)}
    odd = {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"not an image"}
    for given, why in ((large, "too large"), (odd, "cannot be looked for")):
        page.set_input_files("#remember-like", [given])
        search(page, why)


def test_what_is_forgotten_leaves_the_page_at_once(opened: Opened) -> None:
    agent, _, page = opened
    list(AttachedRobot(agent._config).turn("hello there"))
    text(page, "#log", "you said: hello there")
    page.fill("#remember-what", "red")
    search(page, "found")
    colour_of(page, 0)
    AttachedRobot(agent._config).forget([Span()])
    text(page, "#remember-state", "Nothing like that is remembered")
    expect(page.locator("#found .episode")).to_have_count(0, timeout=SLOW)
    expect(page.locator("#log .said")).to_have_count(0, timeout=SLOW)


def test_the_spectrogram_shows_how_high_a_sound_is(opened: Opened) -> None:
    agent, _, page = opened
    name = "rover.microphone"
    brightest = """() => {
      const one = document.querySelector("#spectrum");
      if (one.hidden) return -1;
      const { data } = one.getContext("2d").getImageData(one.width - 1, 0, 1, one.height);
      const rows = [...Array(one.height).keys()].map((y) => data[4 * y] + data[4 * y + 1]);
      const most = Math.max(...rows);
      return most ? one.height - 1 - rows.indexOf(most) : -1;
    }"""
    with Publisher(agent._config.endpoints[name], name) as microphone:
        for hertz, axis, band in ((3000, HIGH, 38), (300, LOW, 15)):

            def heard(hertz: int = hertz, axis: int = axis, band: int = band) -> bool:
                reference = agent.perceive("microphone", colours.tone(hertz), axis)
                one = percept(name, axis, observation=reference)
                header = replace(one.header, modality=Modality.AUDIO)
                microphone.publish(Percept(header, one.embedding))
                page.wait_for_timeout(100)
                return page.evaluate(brightest) == band

            until(heard)
    expect(page.locator("#spectrum")).to_have_attribute(
        "aria-label", "Spectrogram of the last 8 seconds, up to 8 kHz"
    )


def test_devices_are_shown_as_they_are(opened: Opened) -> None:
    agent, _, page = opened
    text(page, "#devices", "lampoff")
    agent.devices = {"lamp": "on"}
    text(page, "#devices", "lampon")


def test_why_an_answer_came_out_as_it_did(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, _, page = opened
    reference = "frame:rover.microphone@1"
    neighbours = [
        {"word": "bell", "similarity": 0.61, "share": 0.7},
        {"word": "", "similarity": 0.4, "share": 0.3},
    ]
    asked: list[str] = []

    def explain(reference: str) -> dict[str, Any]:
        asked.append(reference)
        return {"sense": "hearing", "neighbours": neighbours, "gate": 0.25, "added": 1.5}

    monkeypatch.setattr(agent, "explain", explain)
    about = {"stream": "rover.microphone", "age_ms": 120.0, "reference": reference}
    percepts = [
        about | {"sense": "hearing", "state": "present"},
        {"sense": "scan", "stream": "lidar", "state": "missing", "age_ms": None, "reference": ""},
    ]
    record = {"assistant": "I hear a bell.", "percepts": percepts}
    agent.followers.publish("default", "finished", {"record": record})
    text(page, "#log", "I hear a bell.")
    assert not asked  # nobody has wondered yet
    page.click("details.why summary")
    text(page, "details.why", "hearing: rover.microphone, present, 120 ms old")
    text(page, "details.why", "its gate is open to 0.25, and adds 1.50 to a layer")
    text(page, "details.why", "nearest images of the cache: bell 0.61 (70 %), ? 0.40 (30 %)")
    text(page, "details.why", "scan: lidar, missing")
    assert asked == [reference]


def test_watches_are_added_fire_and_are_removed(opened: Opened, browser: Any) -> None:
    agent, address, page = opened
    viewer = look(browser, address, "viewer")
    page.fill("#watch-what", "a blue ball")
    page.select_option("#watch-sense", "sight")
    page.keyboard.press("Tab")
    page.click("#watch button")
    for one in (page, viewer):
        text(one, "#watches", "a blue ball (by sight)")
    assert viewer.locator("#watches button").is_disabled()
    assert viewer.locator("#watch-what").is_disabled()
    watch = Watch("a blue ball", np.eye(WIDTH, dtype=np.float32)[2], MODEL, "vision")
    at = time.time_ns()
    agent.remembering.keeper.act(Alert(watch, "rover.camera", at, "frame:rover.camera@1", 0.9, 0.5))
    text(viewer, "#alerts", "a blue ball (rover.camera): said: I see a blue ball")
    text(viewer, "#log", "said: I see a blue ball")
    page.click("#watches button")
    for one in (page, viewer):
        text(one, "#watches", "Nothing is watched for")
    viewer.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_it_is_good_for_everybody(opened: Opened, browser: Any, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    agent, address, _ = opened
    agent.remembering.watch_for("a red ball", "sight")
    size = {"width": width, "height": 844}
    page = look(browser, address, "operator", viewport=size, color_scheme=scheme)
    page.select_option("#remember-when", "between")
    search(page, "4 found")
    colour_of(page, 1)
    text(page, "#watches", "a red ball")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()
