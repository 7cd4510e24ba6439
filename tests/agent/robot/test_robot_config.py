"""`robot.yaml`: what it becomes, and how its mistakes are told."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.agent.robot.config_file import parse_config, read_config
from sensebind.agent.robot.run_directory import runtime_directory
from sensebind.errors import CheckpointError, ConfigurationError
from sensebind.perception.percept import Modality

EXAMPLES = Path(__file__).parents[3] / "examples"


def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "imagebind").mkdir(parents=True)
    (tmp_path / "imagebind/preprocessor_config.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("name", ["laptop", "rover", "replay", "simhome"])
def test_the_examples_name_sources_and_options_that_there_are(name: str) -> None:
    for worker in read_config(EXAMPLES / f"{name}.yaml").workers():
        source = worker.source.build()
        assert source.stream == worker.stream
        if name != "replay":  # whose file says what it holds
            assert source.modality == worker.modality


def test_the_example_becomes_workers(tmp_path: Path) -> None:
    config = read_config(EXAMPLES / "simhome.yaml").model_copy(
        update={"checkpoint": checkpoint(tmp_path)}
    )
    camera, microphone, lidar = config.workers()
    assert [w.stream for w in (camera, microphone, lidar)] == [
        "rover.camera",
        "rover.microphone",
        "rover.lidar",
    ]
    assert [w.modality for w in (camera, microphone, lidar)] == [
        Modality.VISION,
        Modality.AUDIO,
        Modality.POINT,
    ]
    assert microphone.source.arguments == {
        "spec": {"source": "simhome:tcp://127.0.0.1:5601", "hop": 2, "sensor": "microphone"},
        "stream": "rover.microphone",
    }
    assert camera.frames is not None and camera.frames.max_bytes == 256 << 20
    assert config.modalities["rover.lidar"] == "point"
    assert config.directory.parent.name == "rover"


def test_settings_reach_the_worker(tmp_path: Path) -> None:
    config = parse_config(
        f"""
checkpoint: {checkpoint(tmp_path)}
streams:
  eye: {{source: "camera:0", rate: 30, threshold: 0, process: eyes, max_memory_mb: 800}}
  ear: {{source: {{source: "microphone:default", seconds: 2}}, enhance: false}}
  thing: {{source: "my_kind:x", modality: point, segment: false, max_age: 3, precision: int8}}
frames: null
"""
    )
    eye, ear, thing = config.workers()
    assert (eye.stream, eye.rate, eye.threshold, eye.process) == ("eye", 30.0, 0.0, "eyes")
    assert eye.max_memory == 800 << 20 and eye.frames is None
    assert ear.modality is Modality.AUDIO and ear.source.arguments["spec"]["seconds"] == 2
    assert thing.modality is Modality.POINT and not thing.segment and thing.max_age == 3
    assert (thing.device, thing.precision, eye.precision) == ("cpu", "int8", "float32")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("streams: {a: {source: 'camera:0'}", "line 1: not YAML"),
        ("streams:\n\t- a", "line 2: not YAML"),
        ("- a\n- b", "described by fields"),
        ("", "described by fields"),
        ("name: x", "streams: Field required"),
        ("streams: {}", "streams: Dictionary should have at least 1 item"),
        (
            "streams:\n  a:\n    source: camera:0\n    rat: 5",
            r"line 4, streams.a.rat: there is no su",
        ),
        ("streams:\n  a:\n    rate: 5", r"line 2, streams.a.source: Field required"),
        ("streams:\n  a: {source: x, rate: fast}", "line 2, streams.a.rate: Input should be a"),
        ("streams:\n  a: {source: x, rate: -1}", "streams.a.rate: Input should be greater"),
        ("streams:\n  a/b: {source: x}", "line 2, streams.a/b: String should match"),
        ("colour: red\nstreams: {a: {source: x}}", "line 1, colour: there is no such field; there"),
        (
            "streams: {a: {source: x}}\nbus: {lisen: x}",
            r"bus.lisen: .*did you mean listen\? There are listen, frames",
        ),
        ("streams: {a: {source: !!python/object:os.system x}}", "not YAML"),
        ("name: a/b\nstreams: {a: {source: x}}", "line 1, name"),
        (
            "streams:\n  a: {source: x, device: gpu}",
            "line 2, streams.a.device: String should match",
        ),
        ("streams:\n  a: {source: x, device: cuda, precision: int8}", "streams.a: .*device cpu"),
    ],
)
def test_mistakes_are_told_with_line_and_field(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_config(text)


def test_what_does_not_fit_together_is_told(tmp_path: Path) -> None:
    weights = checkpoint(tmp_path)
    with pytest.raises(ConfigurationError, match=r"cam: .*needs a section simhome"):
        parse_config(
            f"checkpoint: {weights}\nstreams: {{cam: {{source: simhome, modality: vision}}}}"
        ).workers()
    with pytest.raises(ConfigurationError, match="say what a source 'strange' gives"):
        parse_config(f"checkpoint: {weights}\nstreams: {{x: {{source: 'strange:1'}}}}").workers()
    with pytest.raises(CheckpointError, match="cache: null"):
        parse_config(
            f"checkpoint: {weights}\ncache: {{k: 5}}\nstreams: {{x: {{source: 'camera:0'}}}}"
        ).workers()
    with pytest.raises(CheckpointError):
        parse_config(f"checkpoint: {tmp_path}/no\nstreams: {{x: {{source: 'camera:0'}}}}").workers()


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge.yaml").write_text("#" * 1_000_001)
    for name in ("none.yaml", "bytes.yaml", "huge.yaml", "."):
        with pytest.raises(ConfigurationError, match=str(tmp_path)):
            read_config(tmp_path / name)


def test_sockets_lie_where_only_the_user_reaches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert runtime_directory() == tmp_path / "sensebind"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    assert runtime_directory().name.startswith("sensebind-")


fields = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["streams", "source", "a", "bus", "frames"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(fields=fields, garbage=st.text(max_size=60), plain=st.booleans())
def test_whatever_is_written_there_is_read_or_refused(
    fields: object, garbage: str, plain: bool
) -> None:
    import yaml

    text = garbage if plain else yaml.safe_dump(fields)
    try:
        parse_config(text)
    except ConfigurationError as error:
        assert str(error)
