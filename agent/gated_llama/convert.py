"""Official ImageBind-LLM state dicts (Meta's LLaMA naming) to the gated LLaMA, and back."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

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
_OUTER = {
    "llama.tok_embeddings.weight": "model.embed_tokens.weight",
    "llama.norm.weight": "model.norm.weight",
    "llama.output.weight": "lm_head.weight",
    "image_bind_proj.weight": "adapter.bind.proj.weight",
    "image_bind_proj.bias": "adapter.bind.proj.bias",
}
_BIND = {"norm": "norm", "f1": "gate", "f2": "down", "f3": "up"}

# Rows of these follow the rotary layout: Meta rotates neighbours (2i, 2i+1), transformers halves.
_ROTATED = re.compile(r"attention\.(w[qk]\.(weight|bias)|lora_w[qk]_l2\.weight)$")
_IGNORED = re.compile(r"^image_bind\.|^prefix_projector_norm\.|rope")


def normalise_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Repairs the old spelling `llma`, adds `llama.` to a bare LLaMA file's names, drops the rest.

    A published pair is read with `normalise_names(llama_file) | normalise_names(adapter_file)`.
    """
    ours = ("llama.", "image_bind_", "prefix_query")
    names = {name: name.replace("llma", "llama") for name in tensors if not _IGNORED.search(name)}
    return {
        (new if new.startswith(ours) else f"llama.{new}"): tensors[old]
        for old, new in names.items()
    }


def without_finetuning(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the pretrain phase: no bias and no LoRA in the LLaMA."""
    tuned = re.compile(r"^llama\..*(\.bias$|lora)")
    return {name: tensor for name, tensor in tensors.items() if not tuned.search(name)}


def config_of(
    tensors: Mapping[str, Tensor],
    *,
    norm_eps: float = 1e-6,
    max_seq_len: int = 512,
    adapter_len: int = 1,
    query_len: int = 1,
    **kwargs,
) -> GatedLlamaConfig:
    """Reads all sizes off the official tensors.

    Args:
        tensors: Under the official names, see `normalise_names`.
        norm_eps: Epsilon of the LLaMA's norms, from `params.json`.
        max_seq_len: Context length.
        adapter_len: Condition tokens, see `GatedLlamaConfig`.
        query_len: Prefix queries per layer.
        **kwargs: Further fields of the configuration.

    Raises:
        CheckpointError: Tensors without which the sizes are unknown.
    """
    try:
        heads = tensors["llama.layers.0.attention.gate"].shape[1]
        vocabulary, width = tensors["llama.tok_embeddings.weight"].shape
        inner = tensors["llama.layers.0.feed_forward.w1.weight"].shape[0]
        kv_width = tensors["llama.layers.0.attention.wk.weight"].shape[0]
        bind_dim = tensors["image_bind_proj.weight"].shape[1]
        bind_inner = tensors["image_bind_f1_1.weight"].shape[0]
    except KeyError as error:
        raise CheckpointError(
            f"not an ImageBind-LLM checkpoint: {error} is missing (LLaMA and adapter file are "
            "both needed)"
        ) from None
    lora = tensors.get("llama.layers.0.attention.lora_wq_l1.weight")
    layers = 1 + max(
        int(m[1]) for m in (re.match(r"llama\.layers\.(\d+)", n) for n in tensors) if m
    )
    blocks = sum(bool(re.match(r"image_bind_f1_\d+\.weight", name)) for name in tensors)
    return GatedLlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_width // (width // heads),
        rms_norm_eps=norm_eps,
        max_position_embeddings=max_seq_len,
        attention_bias="llama.layers.0.attention.wq.bias" in tensors,
        mlp_bias="llama.layers.0.feed_forward.w1.bias" in tensors,
        bind_dim=bind_dim,
        bind_blocks=blocks,
        bind_hidden_size=bind_inner,
        bind_legacy="image_bind_norm_1.bias" in tensors,
        adapter_len=adapter_len,
        query_len=query_len,
        lora_rank=0 if lora is None else lora.shape[0],
        **kwargs,
    )


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
    raise CheckpointError(f"unexpected tensor {name} in an ImageBind-LLM checkpoint")


def _to_halves(tensor: Tensor, head_dim: int) -> Tensor:
    """Reorders the rows of each head from (0, 1, 2, 3, …) to (0, 2, 4, …, 1, 3, 5, …)."""
    pairs = tensor.reshape(-1, head_dim // 2, 2, *tensor.shape[1:])
    return pairs.transpose(1, 2).reshape(tensor.shape)


def _to_pairs(tensor: Tensor, head_dim: int) -> Tensor:
    """Undoes `_to_halves`."""
    halves = tensor.reshape(-1, 2, head_dim // 2, *tensor.shape[1:])
    return halves.transpose(1, 2).reshape(tensor.shape)


def from_official(tensors: Mapping[str, Tensor], config: GatedLlamaConfig) -> dict[str, Tensor]:
    """Converts official tensors to the state dict of a `GatedLlamaForCausalLM` of `config`.

    LoRA stays unmerged. Layers before the injected ones get gates of zero.
    """
    assert config.head_dim and config.num_key_value_heads  # the config fills them in
    layers, width, heads = config.num_hidden_layers, config.hidden_size, config.num_attention_heads
    gates = torch.zeros(layers, 1, heads)
    state: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if _IGNORED.search(name) or name == "prefix_query.weight":
            continue
        if match := re.fullmatch(r"llama\.layers\.(\d+)\.attention\.gate", name):
            gates[int(match[1]), 0] = tensor.flatten()
            continue
        if _ROTATED.search(name):
            tensor = _to_halves(tensor, config.head_dim)
        state[our_name(name)] = tensor
    if (query := tensors.get("prefix_query.weight")) is None:
        raise CheckpointError("not an ImageBind-LLM checkpoint: prefix_query.weight is missing")
    first = layers - query.shape[0] // config.query_len  # only the last layers may be injected
    prefix = query.new_zeros(layers, config.query_len, width)
    prefix[first:] = query.view(-1, config.query_len, width)
    gates[:first] = 0
    state["adapter.prefix"], state["adapter.gates"] = prefix, gates.to(query.dtype)
    if config.attention_bias:  # official wk and wv have no bias, transformers' always come along
        zeros = query.new_zeros(config.num_key_value_heads * config.head_dim)
        for layer in range(layers):
            for projection in ("k_proj", "v_proj"):
                state[f"model.layers.{layer}.self_attn.{projection}.bias"] = zeros.clone()
    return state


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
    official: dict[str, Tensor] = {"prefix_query.weight": state["adapter.prefix"].flatten(0, 1)}
    names = list(_OUTER)
    for block in range(1, config.bind_blocks + 1):
        for part in _BIND:
            names += [f"image_bind_{part}_{block}.{kind}" for kind in ("weight", "bias")]
    for layer in range(config.num_hidden_layers):
        start = f"llama.layers.{layer}."
        gate = state["adapter.gates"][layer, 0]
        official[f"{start}attention.gate"] = gate.view(1, -1, 1, 1)
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
            rotated = _ROTATED.search(name)
            official[name] = _to_pairs(tensor, config.head_dim) if rotated else tensor
    return official
