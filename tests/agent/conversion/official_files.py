"""Published files in small: golden weights under their official names, laid out as published."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

GOLDEN = Path(__file__).parents[2] / "golden"


def golden(name: str) -> tuple[dict, dict[str, Tensor]]:
    """Configuration and tensors of a golden file."""
    config = json.loads((GOLDEN / f"golden_{name}.json").read_text("utf-8"))["config"]
    return config, load_file(GOLDEN / f"golden_{name}.safetensors")


def golden_weights(name: str) -> dict[str, Tensor]:
    """The weights of a golden file, by official name."""
    tensors = golden(name)[1]
    return {k.removeprefix("weights."): v for k, v in tensors.items() if k.startswith("weights.")}


def is_adapter(name: str) -> bool:
    """Whether a published adapter file carries this tensor."""
    if name.startswith("clip."):
        return False
    if not name.startswith("llama."):
        return not name.startswith(("layers.", "tok_", "norm.", "output.")) or "gate" in name
    return any(word in name for word in ("bias", "gate", "lora", "norm"))


def write_llama(
    directory: Path,
    weights: dict[str, Tensor],
    *,
    heads: int = 4,
    norm_eps: float = 1e-5,
    shards: int = 1,
) -> Path:
    """A directory as Meta published it, with the tokenizer of the golden files.

    The tokenizer has more tokens than the golden models, so their embeddings are padded.
    """
    directory.mkdir(parents=True, exist_ok=True)
    plain = {n.removeprefix("llama."): t for n, t in weights.items()}
    plain = {
        n: t
        for n, t in plain.items()
        if n.endswith("weight")
        and "lora" not in n
        and "gate" not in n
        and n.startswith(("layers.", "tok_embeddings", "norm.", "output"))
    }
    layers = 1 + max(int(n.split(".")[1]) for n in plain if n.startswith("layers."))
    for i in range(shards):
        part = {n: _slice(n, t, i, shards).clone() for n, t in plain.items()}
        part["rope.freqs"] = torch.ones(8)
        torch.save(part, directory / f"consolidated.{i:02d}.pth")
    dim = plain["norm.weight"].shape[0]
    params = {"dim": dim, "n_layers": layers, "n_heads": heads, "norm_eps": norm_eps}
    params |= {"multiple_of": 16, "vocab_size": -1}
    (directory / "params.json").write_text(json.dumps(params))
    (directory / "tokenizer.model").write_bytes((GOLDEN / "golden_tokenizer.model").read_bytes())
    return directory


def padded(weights: dict[str, Tensor], vocabulary: int = 460) -> dict[str, Tensor]:
    """The same with rows of zeros for the tokens that the golden models lack."""
    grown = dict(weights)
    for name, tensor in weights.items():
        if name.endswith(("tok_embeddings.weight", "output.weight")):
            grown[name] = torch.cat(
                [tensor, tensor.new_zeros(vocabulary - len(tensor), tensor.shape[1])]
            )
    return grown


def _slice(name: str, tensor: Tensor, index: int, shards: int) -> Tensor:
    if name.endswith(("wq.weight", "wk.weight", "wv.weight", "w1.weight", "w3.weight")):
        return tensor.chunk(shards, 0)[index]
    if name == "output.weight":
        return tensor.chunk(shards, 0)[index]
    if name.endswith(("wo.weight", "w2.weight", "tok_embeddings.weight")):
        return tensor.chunk(shards, 1)[index]
    return tensor
