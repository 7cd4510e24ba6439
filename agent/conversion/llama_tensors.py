"""Official ImageBind-LLM and LLaMA-Adapter tensors (Meta's naming) to the gated LLaMA, and back.

Every tensor of ours has a recipe that reads the official ones it needs. A model in memory and the
streaming conversion of files follow the same recipes.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from sensebind.agent.conversion.vision_tensors import (
    VISION_NAMES,
    official_vision_tensors,
    vision_fields,
    vision_parts,
)
from sensebind.agent.gated_llama.config import GatedLlamaConfig
from sensebind.agent.gated_llama.loading import compare_tensors, expected_shapes, no_progress_bar
from sensebind.agent.gated_llama.model import GatedLlamaForCausalLM
from sensebind.errors import CheckpointError

_LINEAR = {
    "attention.wq": "self_attn.q_proj",
    "attention.wk": "self_attn.k_proj",
    "attention.wv": "self_attn.v_proj",
    "attention.wo": "self_attn.o_proj",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w2": "mlp.down_proj",
    "feed_forward.w3": "mlp.up_proj",
}
_NORM = {"attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
OUTER_LLAMA = {
    "tok_embeddings.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_OUTER = {f"llama.{name}": ours for name, ours in OUTER_LLAMA.items()} | {
    "image_bind_proj.weight": "adapter.bind.proj.weight",
    "image_bind_proj.bias": "adapter.bind.proj.bias",
}
_BIND = {"norm": "norm", "f1": "gate", "f2": "down", "f3": "up"}

# Rows of these follow the rotary layout: Meta rotates neighbours (2i, 2i+1), transformers halves.
_ROTATED = re.compile(r"attention\.(w[qk]\.(weight|bias)|lora_w[qk]_l2\.weight)$")
# CLIP's text tower comes along in LLaMA-Adapter V2 files and is never used.
_IGNORED = re.compile(r"^image_bind\.|^prefix_projector_norm\.|^clip\.(?!visual\.)|rope")
_GATE = re.compile(r"llama\.layers\.\d+\.attention\.(new_)?gate")
_QUERIES = ("prefix_query.weight", "adapter_query.weight")
_LORA = re.compile(r"(.*\.)lora_(w\w)_l([12])\.weight")

Shape = tuple[int, ...]
Read = Callable[[str], Tensor]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one tensor of ours is made of official ones.

    Attributes:
        name: In our state dict.
        shape: Of the result.
        make: Reads what it needs by official name.
    """

    name: str
    shape: Shape
    make: Callable[[Read], Tensor]


def normalise_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Repairs the old spelling `llma`, adds `llama.` to a bare LLaMA file's names, drops the rest.

    A published pair is read with `normalise_names(llama_file) | normalise_names(adapter_file)`.
    """
    return {new: tensors[old] for old in tensors if (new := official_name(old))}


def official_name(name: str) -> str | None:
    """The name of one tensor of a published file as all code here knows it; None: not needed."""
    if _IGNORED.search(name):
        return None
    name = name.replace("llma", "llama")
    ours = name.startswith(("llama.", "image_bind_", *_QUERIES)) or VISION_NAMES.match(name)
    return name if ours else f"llama.{name}"


def without_finetuning(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the pretrain phase: no bias and no LoRA in the LLaMA."""
    tuned = re.compile(r"^llama\..*(\.bias$|lora)")
    return {name: tensor for name, tensor in tensors.items() if not tuned.search(name)}


def config_of(
    tensors: Mapping[str, Tensor] | Mapping[str, Shape],
    *,
    norm_eps: float = 1e-6,
    max_seq_len: int = 512,
    adapter_len: int = 0,
    query_len: int = 0,
    clip_heads: int = 0,
    vision_heads: int = 16,
    **kwargs,
) -> GatedLlamaConfig:
    """Reads all sizes off the official tensors.

    Args:
        tensors: Under the official names, see `normalise_names`; their shapes will do.
        norm_eps: Epsilon of the LLaMA's norms, from `params.json`.
        max_seq_len: Context length.
        adapter_len: Condition tokens, see `GatedLlamaConfig`; 0 for those of the published
            files: 1 for ImageBind-LLM, 10 for LLaMA-Adapter V1, as many as queries for V2.
        query_len: Prefix queries per layer; 0 for the published 1 or `adapter_len`.
        clip_heads: Heads of V2's CLIP tower; 0 for one per 64 of its width.
        vision_heads: Heads of V2's query blocks.
        **kwargs: Further fields of the configuration.

    Raises:
        CheckpointError: Tensors without which the sizes are unknown.
    """
    shapes = {name: tuple(getattr(one, "shape", one)) for name, one in tensors.items()}
    bind = "image_bind_proj.weight" in shapes or "adapter_query.weight" not in shapes
    kind = "an ImageBind-LLM" if bind else "a LLaMA-Adapter"
    try:
        heads = shapes["llama.layers.0.attention.gate"][1]
        vocabulary, width = shapes["llama.tok_embeddings.weight"]
        inner = shapes["llama.layers.0.feed_forward.w1.weight"][0]
        kv_width = shapes["llama.layers.0.attention.wk.weight"][0]
        if bind:
            adapter_len = adapter_len or 1
            fields = _bind_fields(shapes) | {"query_len": query_len or 1}
            query = shapes["prefix_query.weight"]
        else:
            fields: dict = {"conditioner": "none"}
            if queries := shapes.get("visual_query.weight", (0,))[0]:
                fields = vision_fields(shapes, clip_heads, vision_heads)
            adapter_len = adapter_len or queries or 10
            fields["query_len"] = query_len or adapter_len
            query = shapes["adapter_query.weight"]
    except KeyError as error:
        raise CheckpointError(
            f"not {kind} checkpoint: {error} is missing (LLaMA and adapter file are both needed)"
        ) from None
    lora = shapes.get("llama.layers.0.attention.lora_wq_l1.weight")
    layers = 1 + max(int(m[1]) for m in (re.match(r"llama\.layers\.(\d+)", n) for n in shapes) if m)
    return GatedLlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_width // (width // heads),
        rms_norm_eps=norm_eps,
        max_position_embeddings=max_seq_len,
        attention_bias="llama.layers.0.attention.wq.bias" in shapes,
        mlp_bias="llama.layers.0.feed_forward.w1.bias" in shapes,
        adapter_len=adapter_len,
        injected_layers=query[0] // fields["query_len"],
        layer_gates="llama.layers.0.attention.new_gate" in shapes,
        lora_rank=0 if lora is None else lora[0],
        **fields,
        **kwargs,
    )


def _bind_fields(shapes: Mapping[str, Shape]) -> dict:
    return {
        "bind_dim": shapes["image_bind_proj.weight"][1],
        "bind_blocks": sum(bool(re.match(r"image_bind_f1_\d+\.weight", name)) for name in shapes),
        "bind_hidden_size": shapes["image_bind_f1_1.weight"][0],
        "bind_legacy": "image_bind_norm_1.bias" in shapes,
    }


def our_name(name: str) -> str:
    """Translates the official name of one tensor; gates and prefix are stacked, not named.

    Raises:
        CheckpointError: A name that no official file has.
    """
    if name in _OUTER:
        return _OUTER[name]
    if match := re.fullmatch(r"image_bind_(norm|f\d)_(\d+)\.(weight|bias)", name):
        part, block, kind = match.groups()
        return f"adapter.bind.blocks.{int(block) - 1}.{_BIND[part]}.{kind}"
    if match := re.fullmatch(r"llama\.layers\.(\d+)\.(\w+)\.weight", name):
        layer, norm = match.groups()
        if norm in _NORM:
            return f"model.layers.{layer}.{_NORM[norm]}.weight"
    pattern = r"llama\.layers\.(\d+)\.(\w+)\.(lora_)?(w\w)(?:_(l[12]))?\.(weight|bias)"
    if match := re.fullmatch(pattern, name):
        layer, parent, _, linear, factor, kind = match.groups()
        if target := _LINEAR.get(f"{parent}.{linear}"):
            return f"model.layers.{layer}.{target}.{factor + '.' if factor else ''}{kind}"
    raise CheckpointError(f"unexpected tensor {name} in an official checkpoint")


def transformers_name(name: str) -> str:
    """Translates Meta's name of one LLaMA tensor, such as `layers.0.attention.wq.weight`."""
    return our_name(f"llama.{name}")


def rotated(name: str) -> bool:
    """Whether the rows of an official tensor follow the rotary layout."""
    return bool(_ROTATED.search(name))


def to_halves(tensor: Tensor, head_dim: int) -> Tensor:
    """Reorders the rows of each head from (0, 1, 2, 3, …) to (0, 2, 4, …, 1, 3, 5, …)."""
    pairs = tensor.reshape(-1, head_dim // 2, 2, *tensor.shape[1:])
    return pairs.transpose(1, 2).reshape(tensor.shape)


def to_pairs(tensor: Tensor, head_dim: int) -> Tensor:
    """Undoes `to_halves`."""
    halves = tensor.reshape(-1, 2, head_dim // 2, *tensor.shape[1:])
    return halves.transpose(1, 2).reshape(tensor.shape)


def llama_recipes(
    shapes: Mapping[str, Shape], head_dim: int, *, merge: bool = False
) -> list[Recipe]:
    """Recipes of the LLaMA's own tensors, without gates; see `recipes`."""
    made = []
    for name, shape in shapes.items():
        if not name.startswith("llama.") or _IGNORED.search(name) or _GATE.fullmatch(name):
            continue
        if merge and _LORA.fullmatch(name):
            continue
        factors = _lora_of(name)
        if merge and factors and factors[0] in shapes:
            make = partial(_merged, name, factors, head_dim)
        else:
            make = partial(_plain, name, head_dim)
        made.append(Recipe(our_name(name), shape, make))
    return made


def recipes(
    shapes: Mapping[str, Shape], config: GatedLlamaConfig, *, merge: bool = False
) -> list[Recipe]:
    """How each tensor of a `GatedLlamaForCausalLM` of `config` is made of official ones.

    Args:
        shapes: Of the official tensors, see `normalise_names`.
        config: Of the result; see `merged_config` for `merge`.
        merge: Merge the LoRA, and keep the factors that undo it for the condition path.

    Raises:
        CheckpointError: No prefix, or a name that no official file has.
    """
    assert config.head_dim and config.num_key_value_heads  # the config fills them in
    if (query := next((name for name in _QUERIES if name in shapes), None)) is None:
        raise CheckpointError(f"not an adapter's checkpoint: {_QUERIES[0]} is missing")
    width, heads = config.hidden_size, config.num_attention_heads
    # Published gates of the layers that take no condition in are left out.
    injected = range(config.num_hidden_layers - config.injected_layers, config.num_hidden_layers)
    made = llama_recipes(shapes, config.head_dim, merge=merge)
    for name, shape in shapes.items():
        if name.startswith("image_bind_"):
            made.append(Recipe(our_name(name), shape, partial(_plain, name, 0)))
        elif VISION_NAMES.match(name):
            made += _vision_recipes(name, shape)
        elif not name.startswith("llama.") and name not in _QUERIES and not _IGNORED.search(name):
            our_name(name)  # which says that it is unexpected
    prefix = (len(injected), config.query_len, width)
    made.append(Recipe("adapter.prefix", prefix, lambda read: read(query).reshape(prefix)))
    stacks = {"gates": ("attention.gate", (1, heads))}
    if config.layer_gates:
        stacks["layer_gates"] = ("attention.new_gate", ())
    kv_width = config.num_key_value_heads * config.head_dim
    if rank := config.base_rank:
        for ours, linear in (("value_lora", "wv"), ("key_lora", "wk")):
            if linear == "wv" or config.adapter_len > 1:
                stacks[f"{ours}.l1"] = (f"attention.lora_{linear}_l1.weight", (rank, width))
                stacks[f"{ours}.l2"] = (f"attention.lora_{linear}_l2.weight", (kv_width, rank))
    for ours, (suffix, shape) in stacks.items():
        names = [f"llama.layers.{layer}.{suffix}" for layer in injected]
        make = partial(_stacked, names, shape, config.head_dim)
        made.append(Recipe(f"adapter.{ours}", (len(names), *shape), make))
    if config.attention_bias:  # official wk and wv have no bias, transformers' always come along
        for layer in range(config.num_hidden_layers):
            like = f"llama.layers.{layer}.attention.wq.bias"
            for projection in ("k_proj", "v_proj"):
                name = f"model.layers.{layer}.self_attn.{projection}.bias"
                made.append(Recipe(name, (kv_width,), partial(_zeros, kv_width, like)))
    return made


def merged_config(config: GatedLlamaConfig) -> GatedLlamaConfig:
    """The configuration of the same model after its LoRA was merged."""
    fields = config.to_dict() | {"base_rank": config.lora_rank, "lora_rank": 0}
    return GatedLlamaConfig.from_dict(fields)


def from_official(tensors: Mapping[str, Tensor], config: GatedLlamaConfig) -> dict[str, Tensor]:
    """Converts official tensors to the state dict of a `GatedLlamaForCausalLM` of `config`.

    LoRA stays unmerged.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    try:
        return {one.name: one.make(tensors.__getitem__) for one in recipes(shapes, config)}
    except KeyError as error:
        raise CheckpointError(f"an official checkpoint without {error.args[0]}") from error


def _plain(name: str, head_dim: int, read: Read) -> Tensor:
    return to_halves(read(name), head_dim) if rotated(name) else read(name)


def _merged(name: str, factors: tuple[str, str], head_dim: int, read: Read) -> Tensor:
    """Weight and LoRA in one, summed in fp32: half-precision factors would round twice."""
    merged = (read(factors[1]).float() @ read(factors[0]).float()).add_(read(name))
    return to_halves(merged, head_dim) if rotated(name) else merged


def _stacked(names: Sequence[str], shape: Shape, head_dim: int, read: Read) -> Tensor:
    return torch.stack([_plain(name, head_dim, read).reshape(shape) for name in names])


def _zeros(size: int, like: str, read: Read) -> Tensor:
    return read(like).new_zeros(size)


def _vision_recipes(name: str, shape: Shape) -> list[Recipe]:
    parts = vision_parts(name, shape)
    if not parts:
        our_name(name)  # which says that it is unexpected
    return [Recipe(part.name, part.shape, partial(_taken, name, part.take)) for part in parts]


def _taken(name: str, take: Callable[[Tensor], Tensor], read: Read) -> Tensor:
    return take(read(name))


def _lora_of(name: str) -> tuple[str, str] | None:
    """The names of both LoRA factors of an official weight."""
    match = re.fullmatch(r"(llama\.layers\.\d+\.\w+\.)(w\w)\.weight", name)
    if match is None:
        return None
    return f"{match[1]}lora_{match[2]}_l1.weight", f"{match[1]}lora_{match[2]}_l2.weight"


def load_official(
    tensors: Mapping[str, Tensor], *, merge: bool = True, dtype: torch.dtype | None = None, **kwargs
) -> GatedLlamaForCausalLM:
    """Builds the model of official tensors, in eval mode.

    Args:
        tensors: Under the official names, see `normalise_names`.
        merge: Merge the LoRA into the weights; conditions still enter through the base `wv`.
        dtype: Of the parameters; that of the LLaMA's embeddings by default.
        **kwargs: As for `config_of`.

    Raises:
        CheckpointError: Missing, unexpected or misshapen tensors.
    """
    config = config_of(tensors, **kwargs)
    state = from_official(tensors, config)
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    compare_tensors(expected_shapes(config), found, "the official checkpoint")
    dtype = dtype or tensors["llama.tok_embeddings.weight"].dtype
    with no_progress_bar():
        model = GatedLlamaForCausalLM.from_pretrained(
            None, config=config, state_dict=state, dtype=dtype
        )
    if merge:
        model.merge_lora()
    return model.eval()


def to_official(model: GatedLlamaForCausalLM) -> dict[str, Tensor]:
    """Converts a one-slot model with unmerged LoRA, or without LoRA, to official tensors.

    Raises:
        CheckpointError: A model that the official format cannot hold.
    """
    return official_tensors(model.state_dict(), model.config)


def official_tensors(state: Mapping[str, Tensor], config: GatedLlamaConfig) -> dict[str, Tensor]:
    """The same for a state dict, or anything of its names and shapes (gradients, for example)."""
    assert config.head_dim  # the config fills it in
    if config.slots != 1 or config.base_rank:
        raise CheckpointError("the official format holds one slot and an unmerged LoRA")
    bind = config.conditioner == "bind"
    official: dict[str, Tensor] = {_QUERIES[not bind]: state["adapter.prefix"].flatten(0, 1)}
    names = list(_OUTER)
    for block in range(1, config.bind_blocks + 1):
        for part in _BIND:
            names += [f"image_bind_{part}_{block}.{kind}" for kind in ("weight", "bias")]
    first = config.num_hidden_layers - config.injected_layers
    untouched = state["adapter.gates"][0, 0]  # gates start at zero and new gates at one
    for layer in range(config.num_hidden_layers):
        start = f"llama.layers.{layer}."
        row = layer - first
        gate = state["adapter.gates"][row, 0] if row >= 0 else torch.zeros_like(untouched)
        official[f"{start}attention.gate"] = gate.view(1, -1, 1, 1)
        if config.layer_gates:
            factors = state["adapter.layer_gates"]
            factor = factors[row] if row >= 0 else torch.ones_like(factors[0])
            official[f"{start}attention.new_gate"] = factor.view(1, 1, 1, 1)
        names += [f"{start}{norm}.weight" for norm in _NORM]
        for linear in _LINEAR:
            parent, short = linear.split(".")
            names += [f"{start}{linear}.weight", f"{start}{parent}.lora_{short}_l1.weight"]
            names += [f"{start}{parent}.lora_{short}_l2.weight"]
            if short in ("wk", "wv"):
                bias = state.get(f"{our_name(f'{start}{linear}.weight')[:-6]}bias")
                if bias is not None and bias.any():
                    raise CheckpointError(f"the official format has no bias for {start}{linear}")
            else:
                names.append(f"{start}{linear}.bias")
    for name in names:
        if (tensor := state.get(our_name(name))) is not None:
            official[name] = to_pairs(tensor, config.head_dim) if rotated(name) else tensor
    if config.conditioner == "vision":
        clip_blocks = (config.vision_clip or {})["num_hidden_layers"]
        official |= official_vision_tensors(state, clip_blocks, config.vision_blocks)
    return official
