"""The forward pass of a gated model that answers: the model's arithmetic, and little else.

A family's own `forward` is made for everything: training, every cache, every attention backend.
While a model is small, or its matrices are on a GPU, most of the time of a decoding step goes into
that. Here the keys and values lie in buffers that grow by doubling, nothing is built that a step
does not need, and a step has a fixed shape that torch can compile.
"""

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sensebind.agent.gated_llama.attention import Injected, add_vectors, attend_to_condition
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.errors import ConfigurationError, InputError, MissingDependencyError

FIRST_CAPACITY = 256  # tokens
# For so many rows MKL packs a matrix again at every product; the other way round it only reads it,
# which is 1.3 times as fast when the matrix does not fit into the processor's cache.
FEW_ROWS = range(7, 17)
LARGE_MATRIX = 2**19  # weights
POSITION_DEPENDENT_ROPE = ("dynamic", "longrope")

Linear = Callable[[Tensor], Tensor]


class _Layer(NamedTuple):
    """The parts of one block, ready to be called, and what its family does in another way.

    Attributes:
        query_norm: Weight [d] of a norm of each head's query (Qwen3); None for none.
        key_norm: The same of the keys.
        rotates: Whether queries and keys are rotated; every fourth layer of SmolLM3 does not.
        window: How many tokens a token sees, itself included; None for all before it.
    """

    attention_norm: Tensor
    query: Linear
    key: Linear
    value: Linear
    out: Linear
    query_norm: Tensor | None
    key_norm: Tensor | None
    rotates: bool
    window: int | None
    mlp_norm: Tensor
    gate: Linear
    up: Linear
    down: Linear
    activation: Linear


class Decoder:
    """Reads tokens of B rows, keeps their keys and values, and returns what may come next.

    It computes what the model's own `forward` computes, from the model's own weights. Not to be
    used from several threads at once. Make a new one when the model's weights were replaced.

    Attributes:
        length: Tokens read, padding included.
    """

    def __init__(self, model: ConditionedLM, *, rows: int = 1, compiled: bool = False) -> None:
        """Begin with nothing read.

        Args:
            model: In eval mode.
            rows: Rows of the batch, B.
            compiled: Compile the decoding step (minutes at the first token, then fast on GPUs). The
                buffers then have the model's whole context length from the start.

        Raises:
            ConfigurationError: Rotary positions that change with the length of the text.
            MissingDependencyError: There is no compiler to compile with.
        """
        config = model.config
        assert config.num_key_value_heads and config.rope_parameters
        if config.rope_parameters["rope_type"] in POSITION_DEPENDENT_ROPE:
            raise ConfigurationError(
                f"rope_type {config.rope_parameters['rope_type']!r} cannot be decoded step by step"
            )
        self.length = 0
        self._model = model
        self._rows = rows
        self._head_dim, self._eps = config.head_width, config.rms_norm_eps
        self._shared_heads = config.num_attention_heads != config.num_key_value_heads
        self._multi_token = config.adapter_len > 1
        self._at_block = config.injection_point == "block"
        self._layers = [_parts(block) for block in model.model.layers]
        self._windows = tuple(dict.fromkeys(layer.window for layer in self._layers))
        self._embedding, self._norm = model.model.embed_tokens.weight, model.model.norm.weight
        self._head = _callable(model.lm_head)
        self._keys: list[Tensor] = []  # per layer [B, kv heads, capacity, d]
        self._values: list[Tensor] = []
        self._capacity = 0
        self._real: Tensor | None = None  # [B, capacity] bool, false for padding; None: all real
        self._pads: Tensor | None = None  # [B, 1] how many of a row's tokens are padding
        self._step = None
        if compiled:
            _check_compiler(self._embedding.device)
            on_gpu = self._embedding.device.type == "cuda"
            self._step = torch.compile(
                self._static_step, fullgraph=True, mode="reduce-overhead" if on_gpu else "default"
            )
            self._reserve(config.max_position_embeddings)
            tables = (self._cos, self._sin, self._places)
            for tensor in (*self._keys, *self._values, *tables, *model.parameters()):
                torch._dynamo.mark_static_address(tensor)  # CUDA graphs copy no weights then

    # --- reading --------------------------------------------------------------------------------

    @torch.inference_mode()
    def read(
        self, ids: Tensor, injected: Injected | None = None, pads: Tensor | None = None
    ) -> Tensor:
        """Reads tokens and appends their keys and values.

        Args:
            ids: [B, T].
            injected: What the tokens are read under, see `ConditionedLM.inject`.
            pads: [B] how many of the first tokens of each row are padding, none by default.

        Returns:
            Logits [B, vocabulary] after the last token.

        Raises:
            InputError: More tokens than the model's context.
        """
        new = ids.shape[1]
        start, end = self.length, self.length + new
        self._reserve(end)
        if pads is not None and bool(pads.any()):
            self._add_padding(pads, start, end)
        if new == 1 and self._step is not None:
            slot = torch.tensor([start], device=ids.device)
            logits = self._step(ids, slot, injected).clone()  # the graph reuses its output
        else:
            masks = {window: self._mask(start, end, window) for window in self._windows}
            logits = self._forward(ids, slice(start, end), end, masks, injected)
        self.length = end
        return logits

    def _forward(
        self,
        ids: Tensor,
        slots: slice | Tensor,
        length: int,
        masks: Mapping[int | None, tuple[Tensor | None, bool]],
        injected: Injected | None,
    ) -> Tensor:
        """Computes tokens [B, T] at these slots of the buffers, over the first `length`.

        Args:
            ids: The tokens.
            slots: Where their keys and values go.
            length: Slots that are looked at.
            masks: By the window of a layer, see `_mask`.
            injected: What the tokens are read under.
        """
        rows, new = ids.shape
        x = F.embedding(ids, self._embedding)  # [B, T, D]
        width = x.shape[-1:]
        if self._pads is None:
            cos, sin = self._cos[slots], self._sin[slots]  # [T, d]
        else:
            positions = (self._places[slots] - self._pads).clamp(min=0)  # [B, T]
            cos, sin = self._cos[positions][:, None], self._sin[positions][:, None]  # [B, 1, T, d]
        for index, layer in enumerate(self._layers):
            normed = F.rms_norm(x, width, layer.attention_norm, self._eps)
            query = self._normed(self._heads(layer.query(normed)), layer.query_norm)
            key = self._normed(self._heads(layer.key(normed)), layer.key_norm)
            if layer.rotates:
                query, key = _rotate(query, cos, sin), _rotate(key, cos, sin)  # [B, H, T, d]
            keys = self._keys[index][:, :, :length]
            values = self._values[index][:, :, :length]
            keys[:, :, slots] = key
            values[:, :, slots] = self._heads(layer.value(normed))
            mask, causal = masks[layer.window]
            heads = F.scaled_dot_product_attention(
                query, keys, values, mask, is_causal=causal, enable_gqa=self._shared_heads
            )
            known = None if injected is None else injected.layers[index]
            if injected is not None and known is not None and self._multi_token:
                gates = injected.gates[index]
                heads = heads + attend_to_condition(query, known, gates, injected.select)
            x = x + layer.out(heads.transpose(1, 2).reshape(rows, new, -1))
            vectors = None if self._multi_token else known
            if injected is not None and vectors is not None and not self._at_block:
                x = add_vectors(x, injected.select, vectors)
            normed = F.rms_norm(x, width, layer.mlp_norm, self._eps)
            x = x + layer.down(layer.activation(layer.gate(normed)) * layer.up(normed))
            if injected is not None and vectors is not None and self._at_block:
                x = add_vectors(x, injected.select, vectors)
        return self._head(F.rms_norm(x[:, -1], width, self._norm, self._eps))

    def _static_step(self, ids: Tensor, slots: Tensor, injected: Injected | None) -> Tensor:
        """One token per row over the whole buffers, so that no shape ever changes."""
        masks: dict[int | None, tuple[Tensor | None, bool]] = {}
        for window in self._windows:
            mask = self._places <= slots  # [capacity]
            if window is not None:
                mask = mask & (self._places > slots - window)
            mask = mask[None] if self._real is None else mask & self._real
            masks[window] = mask[:, None, None], False
        return self._forward(ids, slots, self._capacity, masks, injected)

    def _normed(self, heads: Tensor, weight: Tensor | None) -> Tensor:
        return heads if weight is None else F.rms_norm(heads, weight.shape, weight, self._eps)

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], -1, self._head_dim).transpose(1, 2)  # [B, heads, T, d]

    def _mask(self, start: int, end: int, window: int | None) -> tuple[Tensor | None, bool]:
        """Which slots [1 or B, 1, T, end] new tokens see, or none and whether it is causal.

        Args:
            start: Slot of the first new token.
            end: Slot behind the last.
            window: How many tokens a token sees; None for all before it.
        """
        new = end - start
        if window is not None and end <= window:
            window = None  # it reaches to the first token
        if self._real is None and window is None and (new == 1 or start == 0):
            return None, new > 1
        places = self._places[:end]
        mask = places <= places[start:, None]  # [T, end]
        if window is not None:
            mask = mask & (places > places[start:, None] - window)
        if self._real is None:
            return mask[None, None], False
        # Padding sees itself: a softmax over nothing would be NaN, and spread.
        itself = places == places[start:, None]
        return (mask & self._real[:, None, :end] | itself)[:, None], False

    # --- keys and values ------------------------------------------------------------------------

    def crop(self, length: int) -> None:
        """Forgets all tokens after the first `length`."""
        self.length = min(self.length, length)

    def branch(self, length: int) -> Self:
        """A decoder of the same model that has read the same first tokens, and goes its own way.

        Args:
            length: How many, padding included.
        """
        other = type(self)(self._model, rows=self._rows, compiled=self._step is not None)
        other.length = min(length, self.length)
        with torch.inference_mode():
            other._reserve(other.length)
            for mine, theirs in zip(self._buffers(), other._buffers(), strict=True):
                theirs[:, :, : other.length] = mine[:, :, : other.length]
            other._real = None if self._real is None else self._real[:, : other.length].clone()
            if other._real is not None:
                other._real = _grown(other._real, 1, other._capacity, fill=True)
        other._pads = self._pads
        return other

    @torch.inference_mode()
    def choose(self, rows: Tensor) -> None:
        """Keeps the rows at these indices [B'], in this order; an index may come repeatedly."""
        self._rows = len(rows)
        self._keys = [keys.index_select(0, rows) for keys in self._keys]
        self._values = [values.index_select(0, rows) for values in self._values]
        if self._real is not None and self._pads is not None:
            self._real, self._pads = self._real[rows], self._pads[rows]

    def _buffers(self) -> list[Tensor]:
        return self._keys + self._values

    def _reserve(self, length: int) -> None:
        """Makes room for so many tokens."""
        if length <= self._capacity:
            return
        config = self._model.config
        assert config.num_key_value_heads
        most = config.max_position_embeddings
        if length > most:
            raise InputError(f"{length} tokens are more than the {most} that the model reads")
        capacity = min(max(2 * self._capacity, FIRST_CAPACITY, length), most)
        like = self._embedding
        with torch.inference_mode():
            if not self._keys:
                shape = (self._rows, config.num_key_value_heads, 0, self._head_dim)
                self._keys = [like.new_empty(shape) for _ in self._layers]
                self._values = [like.new_empty(shape) for _ in self._layers]
            self._keys = [_grown(keys, 2, capacity) for keys in self._keys]
            self._values = [_grown(values, 2, capacity) for values in self._values]
            if self._real is not None:
                self._real = _grown(self._real, 1, capacity, fill=True)
            self._places = torch.arange(capacity, device=like.device)
            cos, sin = self._model.model.rotary_emb(like, self._places[None])  # [1, capacity, d]
            low, high = sin[0].chunk(2, dim=-1)
            self._cos, self._sin = cos[0], torch.cat([-low, high], dim=-1)  # see `_rotate`
        self._capacity = capacity

    def _add_padding(self, pads: Tensor, start: int, end: int) -> None:
        if self._real is None:
            self._real = torch.ones(
                self._rows, self._capacity, dtype=torch.bool, device=pads.device
            )
            self._pads = pads.new_zeros(self._rows, 1)
        assert self._pads is not None
        self._real[:, start:end] = torch.arange(end - start, device=pads.device) >= pads[:, None]
        self._pads = self._pads + pads[:, None]


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of [B, H, T, d]; the first half of `sin` is negated beforehand."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)


def _grown(buffer: Tensor, dim: int, size: int, *, fill: bool = False) -> Tensor:
    """The buffer with more room at the end of one dimension, filled with zeros, or with true."""
    shape = list(buffer.shape)
    shape[dim] = size - shape[dim]
    room = buffer.new_ones(shape) if fill else buffer.new_zeros(shape)
    return torch.cat([buffer, room], dim=dim)


def _callable(module: nn.Module) -> Linear:
    """A linear layer without the way through `Module.__call__`; LoRA and others as they are."""
    if type(module) is not nn.Linear:
        return module
    weight = module.weight
    on_cpu = weight.device.type == "cpu" and weight.dtype == torch.float32
    product = _product_of_few if on_cpu and weight.numel() >= LARGE_MATRIX else F.linear
    return partial(product, weight=weight, bias=module.bias)


def _product_of_few(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.linear` of x [B, T, n] for a large matrix, which the CPU is to read only once."""
    rows = x.shape[:-1]
    if rows.numel() not in FEW_ROWS:
        return F.linear(x, weight, bias)
    columns = x.reshape(-1, x.shape[-1]).t().contiguous()  # [n, B T]
    product = torch.mm(weight, columns).t().contiguous().view(*rows, -1)
    return product if bias is None else product + bias


def _parts(block: nn.Module) -> _Layer:
    attention, mlp = block.get_submodule("self_attn"), block.get_submodule("mlp")
    return _Layer(
        block.get_parameter("input_layernorm.weight"),
        *(_callable(attention.get_submodule(f"{name}_proj")) for name in "qkvo"),
        *(_weight(attention, f"{name}_norm") for name in "qk"),
        bool(getattr(attention, "use_rope", True)),
        _window(attention),
        block.get_parameter("post_attention_layernorm.weight"),
        *(_callable(mlp.get_submodule(f"{name}_proj")) for name in ("gate", "up", "down")),
        mlp.get_submodule("act_fn"),
    )


def _weight(module: nn.Module, norm: str) -> Tensor | None:
    return module.get_parameter(f"{norm}.weight") if hasattr(module, norm) else None


def _window(attention: nn.Module) -> int | None:
    """Qwen and SmolLM3 have some layers with a window, Mistral has all or none."""
    config = attention.config
    return getattr(attention, "sliding_window", getattr(config, "sliding_window", None))


def _check_compiler(device: torch.device) -> None:
    if device.type == "cpu" and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise MissingDependencyError("compiling for the CPU needs a C++ compiler such as g++")
    if device.type == "cuda" and not torch.utils._triton.has_triton():
        raise MissingDependencyError("compiling for the GPU needs the package triton")
