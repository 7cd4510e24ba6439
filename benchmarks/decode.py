"""Decoding speed of the gated LLaMA, one thread: tokens per second of processor time.

    python benchmarks/decode.py [--json] [--pairs N]

Models of the same size and the same LLaMA weights generate the same number of tokens:

- plain: transformers' `LlamaForCausalLM`;
- gated: the gated LLaMA with its LoRA merged and its conditions injected once;
- naive: at every token, each layer puts the condition through `wv` and the gates again, LoRA
  unmerged, eager attention. It must generate the tokens that gated generates;
- session: the gated model in `DialogSession`, the loop that the agent decodes with.

Runs are short and interleaved (plain, gated, gated, plain, …), and a ratio is the median over
neighbouring runs, so that a busy machine slows all alike. Time is that of the process, which on
an idle core is the time on the clock; neighbours on shared cores change it less.
Exit code 1 if gated falls below 0.97 of plain.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaAttention

from sensebind.agent.gated_llama import GatedLlamaConfig, GatedLlamaForCausalLM
from sensebind.agent.gated_llama.adapter import ConditionAdapter
from sensebind.agent.gated_llama.attention import Injected
from sensebind.agent.gated_llama.loading import read_config
from sensebind.agent.gated_llama.lora import LoraLinear, linear_without_bias
from sensebind.agent.gated_llama.session import DialogSession
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import CheckpointError

BAR = 0.97
PROMPT, NEW, LORA_RANK = 32, 32, 16
OTHERS_EVERY = 4  # those without a bar are measured less often
SIZE_FIELDS = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
)
SMALL: dict[str, Any] = {
    "vocab_size": 2048,
    "hidden_size": 256,
    "intermediate_size": 688,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "bind_dim": 128,
    "slots": 3,
}
LARGE: dict[str, Any] = {  # 124 million parameters, without the adapter
    "vocab_size": 32000,
    "hidden_size": 768,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "bind_dim": 1024,
    "slots": 3,
}


@dataclass(frozen=True)
class Row:
    """One result.

    Attributes:
        name: What was measured.
        value: Tokens per second, or a ratio.
        bar: Least allowed value; None where there is none.
        n: Runs behind it.
    """

    name: str
    value: float
    bar: float | None
    n: int


class NaiveAttention(LlamaAttention):
    """Attends to the condition at every token, as if nothing could be known beforehand."""

    def __init__(self, like: LlamaAttention, adapter: ConditionAdapter) -> None:
        assert like.layer_idx is not None
        super().__init__(like.config, like.layer_idx)
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, getattr(like, name))
        self.adapter = adapter

    def forward(self, hidden_states: Tensor, *args, injected: Injected | None = None, **kwargs):
        output, weights = super().forward(hidden_states, *args, **kwargs)
        if injected is not None:
            layer = self.layer_idx
            tokens = injected.layers[layer] + self.adapter.prefix[layer]  # [B, 1, S, hidden]
            value = F.linear(tokens, self.v_proj.weight)  # the base weight, without LoRA
            heads = value.unflatten(-1, (-1, self.head_dim))
            heads = heads.repeat_interleave(self.num_key_value_groups, dim=-2)
            gated = self.adapter.gates[layer].tanh()[..., None] * heads  # softmax over one key: 1
            output = output + linear_without_bias(self.o_proj, gated.sum(dim=2).flatten(-2))
        return output, weights


def make_naive(model: GatedLlamaForCausalLM) -> GatedLlamaForCausalLM:
    """Makes a model naive, in place; it then takes features where injected vectors belong."""
    for layer, attention in zip(model.model.layers, model.attentions, strict=True):
        layer.self_attn = NaiveAttention(attention, model.adapter)
    model.set_attn_implementation("eager")
    return model


def make_models(
    fields: dict[str, Any],
) -> tuple[LlamaForCausalLM, GatedLlamaForCausalLM, GatedLlamaForCausalLM]:
    """Builds plain, gated and naive models of one size and with the same weights."""

    def make() -> GatedLlamaForCausalLM:
        torch.manual_seed(0)
        endless: dict[str, Any] = dict.fromkeys(("bos_token_id", "eos_token_id"))
        model = GatedLlamaForCausalLM(GatedLlamaConfig(**fields | endless)).eval()
        open_gates(model)
        return model

    gated, naive = make(), make_naive(make())
    gated.merge_lora()
    sizes: dict[str, Any] = {name: getattr(gated.config, name) for name in SIZE_FIELDS}
    plain = LlamaForCausalLM(LlamaConfig(**sizes, bos_token_id=None, eos_token_id=None)).eval()
    state = gated.state_dict()
    # The very same tensors: where weights lie in memory is worth a few percent by itself.
    plain.load_state_dict({name: state[name] for name in plain.state_dict()}, assign=True)
    return plain, gated, naive


@torch.no_grad()
def open_gates(model: GatedLlamaForCausalLM) -> None:
    """Gives a fresh model gates and a LoRA that do something."""
    model.add_lora(LORA_RANK)
    torch.nn.init.normal_(model.adapter.gates)
    for module in model.modules():
        if isinstance(module, LoraLinear):
            torch.nn.init.normal_(module.l2.weight, std=0.02)


@torch.inference_mode()
def measure(label: str, fields: dict[str, Any], pairs: int) -> list[Row]:
    """Measures one size; see the module's text."""
    plain, gated, naive = make_models(fields)
    torch.manual_seed(1)
    prompt = torch.randint(3, fields["vocab_size"], (1, PROMPT))
    embeddings = torch.randn(1, 1, fields["slots"], fields["bind_dim"])
    injection = gated.injection(embeddings)
    features = gated.adapter.bind(embeddings)  # [1, 1, S, hidden], the same for every layer
    features = features.unsqueeze(2).expand(-1, -1, fields["num_hidden_layers"], -1, -1)

    def run(model: LlamaForCausalLM, **given: Tensor) -> Callable[[], Tensor]:
        mask = torch.ones_like(prompt)
        return lambda: model.generate(  # pyright: ignore[reportAttributeAccessIssue]
            prompt, attention_mask=mask, max_new_tokens=NEW, do_sample=False, **given
        )

    runs = {
        "plain": run(plain),
        "gated": run(gated, injection=injection),
        "naive": run(naive, injection=features),
    }
    session = DialogSession(gated)
    known = session.condition(embeddings[0, 0], torch.ones(fields["slots"]))

    def talk() -> Tensor:
        ids, conditions = prompt[0].tolist(), [known] * PROMPT
        new = list(session.stream(ids, conditions, max_new_tokens=NEW, exact=True))
        return torch.cat([prompt, torch.tensor([new])], dim=1)

    runs["session"] = talk
    tokens = {name: generate() for name, generate in runs.items()}  # also the warm-up
    for name in ("naive", "session"):
        if not torch.equal(tokens["gated"], tokens[name]):
            raise SystemExit(f"decode.py: {name} generates other tokens than gated: figures void")
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    ratios: dict[str, list[float]] = {"gated": [], "naive": [], "session": []}
    for turn in range(pairs):
        order = ["plain", "gated"] if turn % 2 else ["gated", "plain"]
        if turn % OTHERS_EVERY == 0:
            order += ["naive", "session"]
        for name in order:
            started = time.process_time()
            runs[name]()
            speeds[name].append(NEW / (time.process_time() - started))
        for name in set(order) & set(ratios):
            ratios[name].append(speeds[name][-1] / speeds["plain"][-1])
    rows = [
        Row(f"{label}: {name}, tokens/s", round(statistics.median(values), 1), None, len(values))
        for name, values in speeds.items()
    ]
    for name, bar in (("gated", BAR), ("naive", None), ("session", None)):
        value = round(statistics.median(ratios[name]), 3)
        rows.append(Row(f"{label}: {name} / plain", value, bar, len(ratios[name])))
    return rows


def shipped_size() -> dict[str, Any]:
    """Sizes of the embedded checkpoint, or those it is planned to have if it is not there."""
    try:
        config = read_config(default_checkpoint())
    except CheckpointError:
        return SMALL
    return {name: getattr(config, name) for name in (*SIZE_FIELDS, "bind_dim", "slots")}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--pairs", type=int, default=100, help="runs at the shipped size")
    arguments = parser.parse_args()
    if arguments.pairs < 1:
        parser.error("--pairs must be at least 1")
    torch.set_num_threads(1)
    rows = measure("shipped size", shipped_size(), arguments.pairs)
    rows += measure("125M", LARGE, max(arguments.pairs // 5, 1))
    ok = all(row.bar is None or row.value >= row.bar for row in rows)
    if arguments.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "ok": ok}))
    else:
        for row in rows:
            bar = "" if row.bar is None else f"   (at least {row.bar})"
            print(f"{row.name:<32}{row.value:>9}{bar}   n={row.n}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
