"""Encoders at the size of the published ImageBind: time against a naive reference, and memory.

Weights are random, the same for both. The naive reference is the model as its equations are
written: every frame convolved, queries, keys and values projected one by one, the matrix of all
scores, the last block for every token, float32. Runs are interleaved (naive, ours, ours, naive,
…); a ratio is the median over neighbours of the processor time, which busy neighbours on the same
cores change less than the time on the clock. Memory is the peak of a process of its own that loads
the trunk from a file and encodes one input, above what it had after its imports.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from argparse import SUPPRESS, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from report import AtMost, Parser, Row, run
from torch import Tensor

from sensebind.perception.imagebind import Encoder, ImageBind, ImageBindConfig
from sensebind.perception.imagebind.quantization import to_eight_bits

FASTER, ABOVE, ALIKE, NEAR = 1.3, 20.0, 0.9999, 0.99
SHAPES = {"vision": (3, 224, 224), "audio": (1, 128, 204)}
State = Mapping[str, Tensor]


def random_trunk(modality: str) -> ImageBind:
    """Returns one published trunk with random weights, materialised once."""
    with torch.device("meta"):
        model = ImageBind(ImageBindConfig.huge(point=False).only([modality]))
    model = model.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("log_logit_scale"):
                tensor.fill_(3.0)
            elif "norm" in name or ".0.weight" in name:
                tensor.fill_(float(name.endswith("weight")))
            else:
                tensor.uniform_(-0.03, 0.03, generator=generator)
    return model


@torch.no_grad()
def naive(modality: str, state: State, heads: int, x: Tensor) -> Tensor:
    """The published equations, one after another: [B,...] to [B,1024]."""
    stem, trunk = f"modality_preprocessors.{modality}.", f"modality_trunks.{modality}."
    if modality == "vision":
        x = torch.stack([x, x], dim=2)  # [B,3,2,H,W]
        kernel = state[stem + "rgbt_stem.proj.1.weight"]
        x = F.conv3d(x, kernel, stride=kernel.shape[2:]).flatten(2).transpose(1, 2)
    else:
        x = F.conv2d(x, state[stem + "rgbt_stem.proj.weight"], stride=10)
        x = _norm(x.flatten(2).transpose(1, 2), state, stem + "rgbt_stem.norm_layer.", 1e-5)
    x = torch.cat([state[stem + "cls_token"].expand(len(x), -1, -1), x], dim=1)
    x = x + state[stem + "pos_embedding_helper.pos_embed"]
    if modality == "vision":
        x = _norm(x, state, trunk + "pre_transformer_layer.0.")
    for block in range(1 + max(int(k.split(".")[3]) for k in state if k.startswith(trunk + "bl"))):
        key = f"{trunk}blocks.{block}."
        x = x + _attention(_norm(x, state, key + "norm_1."), state, key + "attn.", heads)
        hidden = F.gelu(_linear(_norm(x, state, key + "norm_2."), state, key + "mlp.fc1."))
        x = x + _linear(hidden, state, key + "mlp.fc2.")
    x = _norm(x, state, f"modality_heads.{modality}.0.")[:, 0]
    out = F.normalize(F.linear(x, state[f"modality_heads.{modality}.2.weight"]), dim=-1)
    scale = state.get(f"modality_postprocessors.{modality}.1.log_logit_scale")
    return out if scale is None else out * scale.exp().clamp(max=100)


def _attention(x: Tensor, state: State, key: str, heads: int) -> Tensor:
    weights, biases = state[key + "in_proj_weight"].chunk(3), state[key + "in_proj_bias"].chunk(3)
    q, k, v = (F.linear(x, w, b) for w, b in zip(weights, biases, strict=True))
    if key + "bias_k" in state:
        k = torch.cat([k, state[key + "bias_k"].expand(len(x), -1, -1)], dim=1)
        v = torch.cat([v, state[key + "bias_v"].expand(len(x), -1, -1)], dim=1)
    q, k, v = (t.unflatten(2, (heads, -1)).transpose(1, 2) for t in (q, k, v))
    scores = (q @ k.transpose(2, 3)) * q.shape[-1] ** -0.5
    out = (scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2)
    return _linear(out, state, key + "out_proj.")


def _linear(x: Tensor, state: State, key: str) -> Tensor:
    return F.linear(x, state[key + "weight"], state[key + "bias"])


def _norm(x: Tensor, state: State, key: str, eps: float = 1e-6) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], state[key + "weight"], state[key + "bias"], eps)


def seconds_of(run: Callable[[], Tensor]) -> float:
    """Processor time of one run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def against_naive(
    state: State, model: ImageBind, modality: str, batch: int, pairs: int
) -> tuple[float, float, float]:
    """Times naive and ours in turn.

    Returns:
        Ratio naive / ours, our seconds per input, and the least cosine between the two.
    """
    x = torch.randn(batch, *SHAPES[modality], generator=torch.Generator().manual_seed(1))
    heads = model.config.trunk(modality).heads

    @torch.inference_mode()
    def ours() -> Tensor:
        return model.encode(modality, x)

    def theirs() -> Tensor:
        return naive(modality, state, heads, x)

    alike = float(F.cosine_similarity(ours(), theirs()).min())  # also the warm-up
    ratios, spent = [], []
    for turn in range(pairs):
        order = (theirs, ours) if turn % 2 == 0 else (ours, theirs)
        times = {run: seconds_of(run) for run in order}
        ratios.append(times[theirs] / times[ours])
        spent.append(times[ours] / batch)
    return statistics.median(ratios), statistics.median(spent), alike


def peak_of(directory: str, modality: str) -> int:
    """Returns by how many bytes a process grows that loads the trunk and encodes one input."""
    command = [sys.executable, __file__, "--peak", directory, "--trunk", modality]
    return int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def trunk_rows(modality: str, batch: int, pairs: int) -> list[Row]:
    """Time and memory of one trunk."""
    model = random_trunk(modality)
    state = model.state_dict()
    size = sum(tensor.nbytes for tensor in state.values())
    full = against_naive(state, model, modality, batch, pairs)
    with tempfile.TemporaryDirectory(prefix="sensebind-encode-") as directory:
        model.save_pretrained(directory)
        to_eight_bits(model)  # the naive reference keeps the weights as they were
        small = against_naive(state, model, modality, batch, pairs)
        del model, state  # not beside the process that is measured
        above = 100 * (peak_of(directory, modality) / size - 1)
    name = f"{modality}, {batch} at once"
    return [
        Row(f"{name}: float32, processor seconds each", full[1], None, pairs),
        Row(f"{name}: float32, naive / ours", full[0], None, pairs),
        Row(f"{name}: float32, least cosine to naive", full[2], ALIKE, batch),
        Row(f"{name}: 8 bits, processor seconds each", small[1], None, pairs),
        Row(f"{name}: 8 bits, naive / ours", small[0], FASTER, pairs),
        Row(f"{name}: 8 bits, least cosine to naive", small[2], NEAR, batch),
        Row(f"{modality}: weights in float32, MB", size / 1e6, None, 1),
        AtMost(f"{modality}: peak above the weights, %", above, ABOVE, 1),
    ]


def print_peak(directory: Path, modality: str) -> None:
    """Loads, encodes, and prints how many bytes the process grew at its peak."""
    x = torch.randn(SHAPES[modality])
    before = _status("VmRSS")
    Encoder(directory).encode(modality, [x])
    print(_status("VmHWM") - before)


def _status(field: str) -> int:
    """Bytes that /proc says of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"encode.py: /proc/self/status does not say {field}")


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.add_argument(
        "--trunk", action="append", choices=SHAPES, help="may be repeated; all, --quick: audio"
    )
    parser.amount("--batch", 1, 1, "inputs at once")
    parser.amount("--pairs", 5, 1, "runs of each")
    parser.add_argument("--peak", type=Path, help=SUPPRESS)
    torch.set_num_threads(1)

    def measure(options: Namespace) -> list[Row]:
        trunks = options.trunk or (["audio"] if options.quick else list(SHAPES))
        return [row for trunk in trunks for row in trunk_rows(trunk, options.batch, options.pairs)]

    options = parser.options()
    if options.peak:  # a process of its own, for its memory
        print_peak(options.peak, options.trunk[0])
        return 0
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
