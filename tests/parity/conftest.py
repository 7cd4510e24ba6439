"""Parity with the official models: every golden file of --golden is checked or named as skipped.

A test claims a family by its marker and takes the file as the argument `golden`:

    @pytest.mark.golden("imagebind")
    def test_embeddings(golden: Golden) -> None: ...

It runs once for every golden_imagebind*.json, of any size and seed; golden_imagebind_llm*.json is
another family. Files that no test claims are listed at the end with the reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from golden_files import FAMILIES, Golden, find_golden

from sensebind.perception.imagebind import ImageBind, ImageBindConfig, PointConfig
from sensebind.perception.imagebind.config import PointLevel
from sensebind.perception.imagebind.point_trunk import PointTrunk


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("golden")
    if marker is None:
        return
    assert marker.args[0] in FAMILIES, f"unknown golden family {marker.args[0]!r}"
    files = [g for g in find_golden(_directory(metafunc.config)) if g.family in marker.args]
    metafunc.parametrize("golden", files, ids=[g.path.stem for g in files])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Says of every golden file whether it was checked, and why not if it was not."""
    directory = _directory(config)
    files = find_golden(directory)
    results: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            # The parameters of a test are joined by dashes: [golden_imagebind_llm-static].
            parameters = getattr(report, "nodeid", "").partition("[")[2].removesuffix("]")
            for golden in files:
                if f"-{golden.path.stem}-" in f"-{parameters}-":
                    results[golden.path.stem][outcome].append(report)
    terminalreporter.section(f"golden files in {directory}")
    for golden in files:
        terminalreporter.write_line(f"  {golden.path.name}: {_verdict(golden, results)}")
    for other in sorted(directory.glob("golden_*")):
        if other.suffix != ".json" and not other.with_suffix(".json").is_file():
            terminalreporter.write_line(f"  {other.name}: no .json of its own; read by others")


def _directory(config: pytest.Config) -> Path:
    return Path(str(config.getoption("--golden")))


def _verdict(golden: Golden, results: dict[str, dict[str, list[Any]]]) -> str:
    outcomes = results.get(golden.path.stem, {})
    bad = len(outcomes.get("failed", [])) + len(outcomes.get("error", []))
    good, skipped = len(outcomes.get("passed", [])), outcomes.get("skipped", [])
    reasons = "; ".join(sorted({_reason(report) for report in skipped}))
    if bad:
        return f"FAILED ({bad} failed, {good} passed)"
    if good:
        return f"checked ({good} passed)" + (
            f", {len(skipped)} skipped: {reasons}" if skipped else ""
        )
    if not skipped:
        reasons = "no test of it was run" if golden.family else "no test knows this family"
    return f"SKIPPED: {reasons}"


def _reason(report: Any) -> str:
    """What a skip report says, without its place and the word "Skipped"."""
    text = report.longrepr[-1] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


@pytest.fixture
def official_imagebind() -> Callable[[Golden], ImageBind]:
    """Builds the model of a golden_imagebind file with its weights, loaded strictly."""

    def build(golden: Golden) -> ImageBind:
        model = ImageBind(_imagebind_config(golden.config)).eval()
        model.load_state_dict(golden.under("weights."), strict=True)
        return model

    return build


@pytest.fixture
def official_point() -> Callable[[Golden], ImageBind]:
    """Builds the point trunk of a golden_point file with its weights, loaded strictly."""

    def build(golden: Golden) -> ImageBind:
        c = golden.config
        point = PointConfig(
            width=c["trans_dim"],
            blocks=c["depth"],
            heads=c["num_heads"],
            groups=c["num_group"],
            group_size=c["group_size"],
            encoder_width=c["encoder_dims"],
            feature_width=c.get("head_dim_in", 512),
        )
        model = ImageBind(ImageBindConfig(out_width=c["out_embed_dim"], point=point)).eval()
        model.load_state_dict(golden.under("weights."), strict=True)
        return model

    return build


@pytest.fixture
def official_point_mae() -> Callable[[Golden], PointTrunk]:
    """Builds the trunk of a golden_point_i2pmae file with its weights, loaded strictly."""

    def build(golden: Golden) -> PointTrunk:
        c = golden.config
        weights = golden.under("weights.")
        sizes = zip(
            c["num_groups"],
            c["group_sizes"],
            c["encoder_dims"],
            c["encoder_depths"],
            c["local_radius"],
            strict=True,
        )
        names = ("groups", "group_size", "width", "blocks", "radius")
        levels = tuple(PointLevel(**dict(zip(names, level, strict=True))) for level in sizes)
        first = weights["point_encoder.h_encoder.token_embed.0.first_conv.3.weight"]
        config = PointConfig(
            width=levels[-1].width,
            heads=c["num_heads"],
            encoder_hidden=(first.shape[1], 2 * first.shape[0]),
            feature_width=weights["pc_projection"].shape[1],
            levels=levels,
        )
        trunk = PointTrunk(config).eval()
        trunk.load_state_dict(weights, strict=True)
        return trunk

    return build


def _imagebind_config(c: dict[str, Any]) -> ImageBindConfig:
    """Sizes under the names of the official constructor; a modality without a width is absent."""
    further = {
        "vision": lambda: {
            "image_size": c["vision_image_size"],
            "frames": c["kernel_size"][0],
            "patch": c["kernel_size"][1],
        },
        "text": lambda: {
            "vocab_size": c["text_vocab_size"],
            "context_length": c["text_context_length"],
        },
        "audio": lambda: {
            "mel_bins": c["audio_num_mel_bins"],
            "mel_frames": c["audio_target_len"],
            "patch": c["audio_kernel_size"],
            "stride": c["audio_stride"],
        },
        "depth": lambda: {"image_size": c["depth_image_size"], "patch": c["depth_kernel_size"]},
        "thermal": lambda: {
            "image_size": c["thermal_image_size"],
            "patch": c["thermal_kernel_size"],
        },
        "imu": lambda: {
            "channels": c["imu_channels"],
            "length": c["imu_length"],
            "window": c["imu_kernel_size"],
        },
    }
    sections = {
        name: {
            "width": c[f"{name}_embed_dim"],
            "blocks": c[f"{name}_num_blocks"],
            "heads": c[f"{name}_num_heads"],
            **more(),
        }
        for name, more in further.items()
        if f"{name}_embed_dim" in c
    }
    return ImageBindConfig.model_validate({"out_width": c["out_embed_dim"], **sections})
