"""`robot.yaml`: what it becomes, and how its mistakes are told."""

from pathlib import Path

import numpy as np
import pytest
from fixtures.fake_senses import save_tiny_imagebind
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

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
        ("name: \0", "not YAML: .*special characters are not allowed in"),
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
        (
            "streams:\n  a: {source: x, device: cuda, precision: int8}",
            r"streams.a: precision int8 is for",
        ),
        (
            "streams:\n  a: {source: x}\n  b: {source: x}\n  a: {source: y}",
            "line 4: a stands in line 2 already",
        ),
        ("streams: {a: {source: x, rate: 1, rate: 2}}", "line 1: rate stands in line 1 already"),
        (
            "streams: {a: {source: x}}\ntools: [clock, detcet]",
            r"line 2, tools: no tool is called 'detcet': did you mean detect\?; there are clock",
        ),
        ("streams: {a: {source: x}}\nname: 2026-13-01", "not YAML: month must be in 1..12"),
        ("streams: {a: {source: x}}\ntools: [fly]", "no tool is called 'fly'; there are clock"),
        (
            "streams: {a: {source: x}}\ntools:\n  - clock\n  - detect:\n      chekpoint: x",
            r"line 5, tools.1.detect.chekpoint: .* did you mean checkpoint\? There are che",
        ),
        (
            "streams: {a: {source: x}}\ntools: [find]",
            "line 2, tools.0.find.checkpoint: Field required",
        ),
        (
            "streams: {a: {source: x}}\ntools: [clock: {zone: x}]",
            "line 2, tools.0.clock.zone: there is no such field; there are none",
        ),
        ("streams: {a: {source: x}}\ntools: clock", r"line 2, tools: this takes a list, such as"),
        ("streams: {a: {source: x}}\ntools: [[clock]]", "line 2, tools.0: an entry names one tool"),
        (
            "streams:\n  a: camera:0",
            "line 2, streams.a: this takes fields; there are source, modality",
        ),
        ("streams: {a: {source: x}}\nmetrics: 9464", "metrics: this takes fields; there are port"),
        ("streams: {a: {source: x, sensor_height: .nan}}", "sensor_height: Input should be a fin"),
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
    with pytest.raises(ConfigurationError, match="x: say what a source 'ros' gives"):
        parse_config(f"checkpoint: {weights}\nstreams: {{x: {{source: 'ros:/a'}}}}").workers()
    with pytest.raises(ConfigurationError, match=r"x: .*'webcam': did you mean camera\?"):
        parse_config(f"checkpoint: {weights}\nstreams: {{x: {{source: 'webcam:1'}}}}").workers()
    with pytest.raises(CheckpointError, match="cache: null"):
        parse_config(
            f"checkpoint: {weights}\ncache: {{k: 5}}\nstreams: {{x: {{source: 'camera:0'}}}}"
        ).workers()
    with pytest.raises(CheckpointError):
        parse_config(f"checkpoint: {tmp_path}/no\nstreams: {{x: {{source: 'camera:0'}}}}").workers()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("llm: sensebind:weights", r"llm: DIR/weights does not exist"),
        ("llm: gguf:model.gguf", r"llm: DIR/model.gguf does not exist"),
        ("tools: [{detect: {checkpoint: dir}}]", r"tools: detect: checkpoint: DIR/dir does not"),
        ("tools: [{find: {checkpoint: dir}}]", r"tools: find: checkpoint: DIR/dir does not"),
        ("tools: [{openapi: {document: a.json}}]", r"tools: openapi: document: DIR/a.json does"),
        ("encoder: clip:models", r"camera: encoder clip: DIR/models does not exist: paths"),
        ("llm: ''", "llm: name a language model, such as sensebind"),
        ("llm: 'openai:'", "llm: openai: names no model: write openai:MODEL"),
        ("llm: sensbind", r"no language model is called 'sensbind': did you mean sensebind\?"),
        ("llm: {model: 'Sensebind:x'}", r"is called 'Sensebind:x': did you mean sensebind\?"),
    ],
)
def test_what_is_named_and_absent_is_found_before_anything_starts(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "rover.yaml"
    file.write_text(f"streams: {{camera: {{source: 'camera:0'}}}}\n{text}\n")
    with pytest.raises(ConfigurationError, match=message.replace("DIR", str(tmp_path))):
        read_config(file).check()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("video:", "camera: name what is played behind `video:`"),
        (
            "{source: 'camera:0', width: wide}",
            "camera: source 'camera': width: Input should be a v",
        ),
        ("{source: 'camera:0', timeout: [1]}", "camera: source 'camera': timeout: Input should be"),
        ("{source: 'velodyne:2368', sender: 7}", "camera: source 'velodyne': sender: Input should"),
        ("webcam:0", "camera: there is no source 'webcam': did you mean camera?"),
    ],
)
def test_a_wrong_option_of_a_source_is_found_before_anything_starts(
    tmp_path: Path, source: str, message: str
) -> None:
    file = tmp_path / "rover.yaml"
    written = source if source.startswith("{") else f'"{source}"'
    file.write_text(f"streams: {{camera: {{source: {written}, modality: vision}}}}\n")
    with pytest.raises(ConfigurationError) as caught:
        read_config(file).check()
    assert str(caught.value).startswith(message)


def test_what_is_at_an_address_or_there_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / "a.json").touch()
    file = tmp_path / "rover.yaml"
    for document in ("http://127.0.0.1:9/openapi.json", "a.json"):
        tool = f"tools: [{{openapi: {{document: {document!r}}}}}]"
        file.write_text(f"streams: {{camera: {{source: 'camera:0'}}}}\n{tool}\nllm: openai:x\n")
        assert len(read_config(file).check()) == 1


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


# --- encoders ---


def with_encoder(tmp_path: Path, text: str) -> str:
    """The encoder of the first worker of a robot with two streams."""
    found = parse_config(
        "streams:\n  camera: {source: 'camera:0'}\n  microphone: {source: 'microphone:default'}\n"
        + text
    ).located(tmp_path / "robot.yaml")
    found = found.model_copy(update={"checkpoint": checkpoint(tmp_path / "weights")})
    return found.workers()[0].encoder


def test_an_encoder_is_the_robots_or_the_streams_own(tmp_path: Path) -> None:
    assert with_encoder(tmp_path / "a", "") == "imagebind"
    folder = tmp_path / "b"
    assert with_encoder(folder, "encoder: clip:models/siglip\n") == f"clip:{folder}/models/siglip"
    own = parse_config(
        "encoder: pe_audio:pe\nstreams:\n"
        "  camera: {source: 'camera:0', encoder: 'clip:c'}\n"
        "  microphone: {source: 'microphone:default'}\n"
    ).located(tmp_path / "robot.yaml")
    own = own.model_copy(update={"checkpoint": checkpoint(tmp_path / "c")})
    camera, microphone = own.workers()
    assert camera.encoder == f"clip:{tmp_path}/c"
    assert microphone.encoder == f"pe_audio:{tmp_path}/pe"
    assert microphone.enhance is None  # the cache is of the checkpoint's own space
    assert camera.encoding != microphone.encoding


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("encoder: imagebnd\n", "camera: there is no encoder 'imagebnd': did you mean imagebind?"),
        ("encoder: clip:c\nllm: sensebind\n", "llm: takes embeddings of the checkpoint's own"),
        ("encoder: clip\n", "encoder 'clip' needs its weights: clip:DIRECTORY"),
    ],
)
def test_an_encoder_that_does_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        with_encoder(tmp_path, text)
    assert message in str(caught.value)


def test_a_language_model_of_another_encoder_is_refused(tmp_path: Path) -> None:
    save_tiny_imagebind(tmp_path / "a/imagebind")
    save_tiny_imagebind(tmp_path / "b/imagebind")
    text = "checkpoint: a\nllm: sensebind:{}\nstreams: {{lidar: {{source: 'cloud:clouds'}}}}\n"
    (tmp_path / "clouds").mkdir()
    np.save(tmp_path / "clouds/0.npy", np.ones((5, 3), np.float32))

    def check(llm: Path) -> None:
        parse_config(text.format(llm)).located(tmp_path / "robot.yaml").check()

    check(tmp_path / "a")
    check(tmp_path / "b")  # other files of the same weights
    (tmp_path / "alone").mkdir()
    check(tmp_path / "alone")  # a language model without an encoder of its own
    weights = tmp_path / "b/imagebind/model.safetensors"
    tensors = load_file(weights)
    name = sorted(tensors)[0]
    save_file(tensors | {name: tensors[name] + 1}, weights, {"format": "pt"})
    for other in (tmp_path / "b", Path("b")):  # relative to the robot's file, not to where we are
        with pytest.raises(ConfigurationError, match="takes embeddings of the encoder in"):
            check(other)
