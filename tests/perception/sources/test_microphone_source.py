"""A real sounddevice stream through PulseAudio, whose microphone is a pipe that the test feeds."""

import contextlib
import importlib.util
import itertools
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from ctypes.util import find_library
from pathlib import Path

import numpy as np
import psutil
import pytest
from fixtures.waiting import PATIENCE, failure_of, observed, until

from sensebind.errors import ConfigurationError, MissingDependencyError, SourceError
from sensebind.perception.sources import microphone as module
from sensebind.perception.sources.base import Source
from sensebind.perception.sources.conformance import SourceConformance
from sensebind.perception.sources.microphone import Microphone

PIPE_RATE = 48_000
HERTZ = 440
DEBIAN = "apt install pulseaudio libportaudio2 libasound2-plugins"


class Feeder:
    """Writes a tone into the pipe without a pause: PulseAudio stalls when nothing comes.

    What the pipe does not hold is written later, so that a busy machine makes the tone late and
    never breaks it.
    """

    def __init__(self, pipe: Path) -> None:
        self._stop = threading.Event()
        self.unplugged = threading.Event()
        self._thread = threading.Thread(target=self._feed, args=(pipe,), daemon=True)
        self._thread.start()

    def _feed(self, pipe: Path) -> None:
        fd = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        begun, written = time.monotonic(), 0
        while not self._stop.wait(0.005):
            due = int((time.monotonic() - begun + 0.05) * PIPE_RATE)
            at = np.arange(written, due) / PIPE_RATE
            samples = (8192 * np.sin(2 * np.pi * HERTZ * at)).astype("<i2")
            if self.unplugged.is_set():
                written = due
                continue
            with contextlib.suppress(BlockingIOError):  # nobody listens: the pipe is full
                written += os.write(fd, samples.tobytes()) // samples.itemsize
        os.close(fd)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Feeder]:
    """A sound server of our own with one microphone, "pulse", and what it hears."""
    missing = importlib.util.find_spec("sounddevice") is None or not find_library("portaudio")
    if missing or not shutil.which("pulseaudio"):
        pytest.skip(f"no sounddevice, PortAudio or PulseAudio: {DEBIAN}")
    yield from _serve(tmp_path_factory.mktemp("pulse"))


def _serve(folder: Path) -> Iterator[Feeder]:
    pipe, address = folder / "pipe", folder / "native"
    environment = {
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "PULSE_SERVER": f"unix:{address}",
    }
    server = subprocess.Popen(
        [
            "pulseaudio",
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "--disallow-exit",
            f"--load=module-native-protocol-unix socket={address} auth-anonymous=1",
            f"--load=module-pipe-source source_name=pipe file={pipe} format=s16le "
            f"rate={PIPE_RATE} channels=1",
        ],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_HELLO_SECONDS", 60.0)  # on a busy machine Python alone needs ten
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            until(lambda: address.exists() and pipe.exists())
            feeder = Feeder(pipe)
            yield feeder
            feeder.close()
        finally:
            server.kill()
            server.wait()


@pytest.mark.usefixtures("microphone")
class TestMicrophone(SourceConformance):
    patience = 30.0  # of a busy machine, which starts Python and opens the device

    def make_source(self) -> Source:
        return Microphone("pulse", "microphone", hop=0.1)


@pytest.mark.usefixtures("microphone")
@pytest.mark.parametrize("rate", [0, 16_000, 44_100, 48_000])
def test_any_rate_becomes_16_khz(rate: int) -> None:
    with Microphone("pulse", "microphone", rate=rate) as source:
        source.read(PATIENCE)  # the stream may begin with silence
        heard = source.read(PATIENCE)
    assert heard.rate == 16_000 and len(heard.data) == 32_000
    spectrum = np.abs(np.fft.rfft(heard.data))
    assert np.argmax(spectrum) == HERTZ * 2  # bins of 0.5 Hz
    assert np.sqrt(np.mean(heard.data**2)) == pytest.approx(0.25 / np.sqrt(2), rel=0.02)
    assert (heard.data * 32768 % 1 == 0).all()


@pytest.mark.usefixtures("microphone")
def test_windows_overlap_without_a_seam() -> None:
    with Microphone("pulse", "microphone", hop=0.25) as source:
        heard = [source.read(PATIENCE) for _ in range(6)]
    following = [(a, b) for a, b in itertools.pairwise(heard) if b.sequence == a.sequence + 1]
    assert following  # a busy machine may have missed some
    for first, second in following:
        np.testing.assert_array_equal(first.data[4000:], second.data[:-4000])
    # One of them may have come late, and then the next is early.
    hops = [second.monotonic - first.monotonic for first, second in following]
    assert np.median(hops) == pytest.approx(0.25, abs=0.15)
    hops = [(second.captured_at - first.captured_at) / 1e9 for first, second in following]
    assert np.median(hops) == pytest.approx(0.25, abs=0.15)


@pytest.mark.usefixtures("microphone")
def test_a_killed_process_is_started_again() -> None:
    with Microphone("pulse", "microphone", hop=0.1) as source:
        source.read(PATIENCE)
        child = max(psutil.Process().children(), key=lambda one: (one.create_time(), one.pid))
        child.kill()
        assert "its process ended" in failure_of(source)
        assert len(observed(source).data) == 32_000 and source.restarts >= 1
    assert child not in psutil.Process().children()


def test_a_silent_device_is_reported_and_comes_back(microphone: Feeder) -> None:
    with Microphone("pulse", "microphone", hop=0.1, timeout=0.5) as source:
        observed(source)
        microphone.unplugged.set()  # no samples, no error
        try:
            said = failure_of(source)
        finally:
            microphone.unplugged.clear()
        assert re.search("gives no sound|does not open|its process ended", said)
        assert len(observed(source).data) == 32_000


@pytest.mark.usefixtures("microphone")
def test_the_process_ends_when_its_reader_is_killed() -> None:
    script = (
        "import psutil, time\n"
        "from sensebind.perception.sources.microphone import Microphone\n"
        "with Microphone('pulse', 'microphone') as source:\n"
        "    print(psutil.Process().children()[0].pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        child = psutil.Process(int(reader.stdout.readline()))
        reader.kill()
    child.wait(PATIENCE)
    assert not child.is_running()


@pytest.mark.usefixtures("microphone")
def test_a_wrong_device_names_those_that_exist() -> None:
    with (
        pytest.raises(SourceError, match=r"'kazoo'.*inputs here: .*pulse"),
        Microphone("kazoo", "m"),
    ):
        raise AssertionError("a device that does not exist was opened")
    assert "pulse" in [device.name for device in Microphone.find()]


def test_without_portaudio_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend = ["python3", "-c", 'print(\'{"error": "no PortAudio", "missing": true}\')']
    monkeypatch.setattr(module, "_CAPTURE", pretend)
    with pytest.raises(MissingDependencyError, match=r"sensebind\[microphone\].*libportaudio2"):
        Microphone.find()
    with pytest.raises(MissingDependencyError, match="no PortAudio"), Microphone("default", "m"):
        raise AssertionError("a microphone was opened without PortAudio")


@pytest.mark.parametrize("then", ["", "time.sleep(60)"])  # it ends at once, or lives on
def test_nonsense_of_the_process_is_an_error(monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    script = f"import time; print('{{\"rate\": 16000}}'); print('x' * 99, flush=True); {then}"
    monkeypatch.setattr(module, "_CAPTURE", ["python3", "-c", script])
    with (
        Microphone("default", "microphone") as microphone,
        pytest.raises(SourceError, match="sent nonsense"),
    ):
        microphone.read(PATIENCE)


def test_a_senseless_hop_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="hop"):
        Microphone("default", "microphone", hop=0)
