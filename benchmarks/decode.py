"""Decoding speed of the gated LLaMA, one thread: tokens per second of processor time.

Models of the same size and the same LLaMA weights generate the same number of tokens:

- plain: transformers' `LlamaForCausalLM.generate`;
- generate: the gated LLaMA with its LoRA merged and its conditions injected once, likewise;
- naive: at every token, each layer puts the condition through `wv` and the gates again, LoRA
  unmerged, eager attention, `generate`;
- ours: the gated model in `DialogSession`, the loop that the agent decodes with.

All but plain must generate the same tokens. At 125M, ours is measured with 8-bit weights, too, and
how often it would go on with the same token as with float32, after the same words: with random
weights, whose best tokens lie so close together that bfloat16 alone changes some of them; with the
same weights once they have learned dialogs of the grammar for some steps (minutes); and with the
shipped ones.
Then `generate_rows` answers 8 prompts under 8 conditions at once, which must be the answers they
get alone; and a dialog of 10 turns under a new condition each shows how long the first token of a
turn takes.

Runs are short and interleaved (plain, ours, naive, …), and a ratio is the median over neighbouring
runs, so that a busy machine slows all alike. Time is that of the process, which on an idle core is
the time on the clock; neighbours on shared cores change it less.
Exit code 1 if a ratio is below its bar.
"""

import random
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Self

import torch
from report import Parser, Row, run
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaAttention

from sensebind.agent.corpus.conditions import NoPool
from sensebind.agent.corpus.dialog import sample_dialog
from sensebind.agent.gated_llama import GatedLlamaConfig, GatedLlamaForCausalLM
from sensebind.agent.gated_llama.adapter import ConditionAdapter
from sensebind.agent.gated_llama.attention import Injected
from sensebind.agent.gated_llama.batch import generate_rows
from sensebind.agent.gated_llama.loading import load_gated_llama, read_config
from sensebind.agent.gated_llama.lora import LoraLinear, linear_without_bias
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.gated_llama.quantization import quantize_model
from sensebind.agent.gated_llama.session import DialogSession
from sensebind.agent.training.llama.batches import IGNORE, DialogEncoder
from sensebind.agent.training.llama.condition_pool import EmbeddingPool, word_pool
from sensebind.agent.training.llama.train import batch_loss
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import CheckpointError

PROMPT, NEW, LORA_RANK = 48, 32, 16
ROWS, TURNS, TURN_PROMPT, TURN_NEW = 8, 10, 24, 16
SHIPPED_BARS = {"plain": 1.5, "naive": 2.0}  # least speed of ours against theirs
LARGE_BARS = {"plain": 0.97, "naive": 1.1}
INT8_BAR, SAME_BAR, JUDGED, DIALOGS = 2.5, 0.97, 64, 60  # tokens judged of each answer; dialogs
TAUGHT, TAUGHT_RATE, TAUGHT_TOKENS = 80, 1e-3, 400  # steps, and tokens of each
BATCH_BAR = 3.0
TURN_BAR = round(1 / 1.3, 3)
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
            layer, prefix = self.layer_idx, self.adapter.prefix
            assert prefix is not None
            tokens = injected.layers[layer] + prefix[layer]  # [B, 1, S, hidden]  # pyright: ignore[reportOptionalOperand]
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


@dataclass(frozen=True)
class Subject:
    """The models of one size, and what they are asked.

    Attributes:
        label: Name of the size.
        prompt: [1, PROMPT] token ids.
        conditions: [ROWS, S, bind_dim]; the first is that of the prompt.
    """

    label: str
    plain: LlamaForCausalLM
    gated: GatedLlamaForCausalLM
    naive: GatedLlamaForCausalLM
    prompt: Tensor
    conditions: Tensor

    @classmethod
    def of(cls, label: str, fields: dict[str, Any]) -> Self:
        models = make_models(fields)
        torch.manual_seed(1)
        prompt = torch.randint(3, fields["vocab_size"], (1, PROMPT))
        conditions = torch.randn(ROWS, fields["slots"], fields["bind_dim"])
        return cls(label, *models, prompt, conditions)

    def known(self, session: DialogSession, which: int) -> int:
        """The session's id of one condition."""
        return session.condition(self.conditions[which], torch.ones(self.conditions.shape[1]))


def seconds_of(run: Callable[[], object]) -> float:
    """Processor time of one run."""
    started = time.process_time()
    run()
    return time.process_time() - started


def median(values: list[float], digits: int = 3) -> float:
    return round(statistics.median(values), digits)


@torch.inference_mode()
def decoding(subject: Subject, pairs: int, bars: dict[str, float]) -> list[Row]:
    """Ours against the others."""
    gated, prompt = subject.gated, subject.prompt
    embeddings = subject.conditions[None, :1]  # [1, 1, S, bind_dim]
    features = gated.adapter.features(embeddings)  # [1, 1, S, hidden], the same for every layer
    features = features.unsqueeze(2).expand(-1, -1, gated.config.num_hidden_layers, -1, -1)
    session = DialogSession(gated)
    known = subject.known(session, 0)

    def run(model: LlamaForCausalLM, **given: Tensor) -> Callable[[], Tensor]:
        mask = torch.ones_like(prompt)
        return lambda: model.generate(  # pyright: ignore[reportAttributeAccessIssue]
            prompt, attention_mask=mask, max_new_tokens=NEW, do_sample=False, **given
        )

    def talk() -> Tensor:
        ids, conditions = prompt[0].tolist(), [known] * PROMPT
        new = list(session.stream(ids, conditions, max_new_tokens=NEW, exact=True))
        return torch.cat([prompt, torch.tensor([new])], dim=1)

    runs = {
        "plain": run(subject.plain),
        "ours": talk,
        "naive": run(subject.naive, injection=features),
        "generate": run(gated, injection=gated.injection(embeddings)),
    }
    tokens = {name: generate() for name, generate in runs.items()}  # also the warm-up
    for name in ("naive", "generate"):
        if not torch.equal(tokens["ours"], tokens[name]):
            raise SystemExit(f"decode.py: {name} generates other tokens than ours: figures void")
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(pairs):
        for name in list(runs)[:: 1 if turn % 2 else -1]:
            speeds[name].append(NEW / seconds_of(runs[name]))
    rows = [
        Row(f"{subject.label}: {name}, tokens/s", median(values, 1), None, pairs)
        for name, values in speeds.items()
    ]
    compared = [("ours", name, bar) for name, bar in bars.items()]
    for one, other, bar in (*compared, ("generate", "plain", None)):
        ratios = [a / b for a, b in zip(speeds[one], speeds[other], strict=True)]
        rows.append(Row(f"{subject.label}: {one} / {other}", median(ratios), bar, pairs))
    return rows


@torch.inference_mode()
def eight_bits(subject: Subject, pairs: int) -> list[Row]:
    """Ours with 8-bit weights against the naive model, and how often the next token is the same."""
    model = quantize_model(deepcopy(subject.gated), 8)
    assert isinstance(model, GatedLlamaForCausalLM)
    small, whole = DialogSession(model), DialogSession(subject.gated)
    ids = subject.prompt[0].tolist()
    known = subject.known(small, 0)
    features = subject.gated.adapter.features(subject.conditions[None, :1])
    features = features.unsqueeze(2).expand(-1, -1, subject.gated.config.num_hidden_layers, -1, -1)

    def ours() -> None:
        list(small.stream(ids, [known] * PROMPT, max_new_tokens=NEW, exact=True))

    def naive() -> None:
        subject.naive.generate(  # pyright: ignore[reportAttributeAccessIssue]
            subject.prompt,
            attention_mask=torch.ones_like(subject.prompt),
            max_new_tokens=NEW,
            do_sample=False,
            injection=features,
        )

    ratios = []
    for turn in range(-1, pairs):
        times = {one: seconds_of(one) for one in ((ours, naive) if turn % 2 else (naive, ours))}
        ratios.append(times[naive] / times[ours])
    same = []
    for which in range(ROWS):
        meant = subject.known(whole, which)
        said = list(whole.stream(ids, [meant] * PROMPT, max_new_tokens=JUDGED, exact=True))
        text = torch.tensor([ids + said])
        condition = subject.conditions[None, which : which + 1]
        # Teacher forcing: after the same words, which word comes next?
        first, second = (
            one(input_ids=text, injection=one.injection(condition.to(one.dtype))).logits.argmax(-1)
            for one in (subject.gated, model)
        )
        same.append((first == second)[0, PROMPT - 1 :].float().mean().item())
    named = f"{subject.label}, 8 bits"
    return [
        Row(f"{named}: ours / naive in float32", median(ratios[1:]), INT8_BAR, pairs),
        Row(
            f"{named}: same next token, random weights", statistics.mean(same), None, ROWS * JUDGED
        ),
    ]


def eight_bits_of_the_shipped() -> Row:
    """How often the shipped model goes on with the same token with 8-bit weights."""
    model, tokenizer = load_gated_llama(default_checkpoint(), device="cpu")
    encoder: Any = DialogEncoder(tokenizer)  # pyright: ignore[reportArgumentType]
    return same_next("shipped", model, encoder, None)


def eight_bits_of_a_taught(subject: Subject) -> Row:
    """The same of a model that has learned a little of what the shipped one knows."""
    encoder = DialogEncoder(AutoTokenizer.from_pretrained(default_checkpoint()))
    pool = word_pool(subject.gated.config.bind_dim, seed=0)
    model = teach(deepcopy(subject.gated), encoder, pool)
    return same_next(f"{subject.label}, taught {TAUGHT} steps", model, encoder, pool)


def teach(
    model: GatedLlamaForCausalLM, encoder: DialogEncoder, pool: EmbeddingPool
) -> GatedLlamaForCausalLM:
    """Teaches a model dialogs of the grammar, in place, for a few steps."""
    model.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=TAUGHT_RATE, betas=(0.9, 0.95), weight_decay=0.0, fused=True
    )
    generator = torch.Generator().manual_seed(0)
    batches = encoder.stream(partial(sample_dialog, pool=pool), random.Random(1), TAUGHT_TOKENS)
    for step, batch in enumerate(islice(batches, TAUGHT)):
        optimizer.param_groups[0]["lr"] = TAUGHT_RATE * min(1.0, (step + 1) / 10)
        optimizer.zero_grad(set_to_none=True)
        batch_loss(model, batch, pool, generator).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval()


@torch.inference_mode()
def same_next(
    label: str, model: ConditionedLM, encoder: DialogEncoder, pool: EmbeddingPool | None
) -> Row:
    """How often a model goes on with the same token with 8-bit weights, in held-out dialogs."""
    small = quantize_model(deepcopy(model), 8)
    rng = random.Random(0)
    dialogs = [sample_dialog(rng, pool or NoPool(), split="heldout") for _ in range(DIALOGS)]
    batch = encoder.collate(encoder.encode(dialogs))
    given: dict[str, Tensor] = {}
    if pool is not None:
        conditions, present = pool.gather(batch.rows, torch.Generator(), augment=False)
        given = {
            "conditions": conditions,
            "present": present,
            "condition_ids": batch.condition_ids,
        }
    first, second = (
        one(input_ids=batch.input_ids, use_cache=False, **given).logits[:, :-1].argmax(-1)
        for one in (model, small)
    )
    said = batch.labels[:, 1:] != IGNORE
    same = (first == second)[said].float().mean().item()
    return Row(f"{label}, 8 bits: same next token", same, SAME_BAR, int(said.sum()))


@torch.inference_mode()
def batches(subject: Subject, pairs: int) -> list[Row]:
    """Eight prompts under eight conditions at once against one."""
    vocabulary = subject.gated.config.vocab_size
    prompts = torch.randint(3, vocabulary, (ROWS, PROMPT)).tolist()

    def answers(start: int, end: int) -> list[list[int]]:
        given = subject.conditions[start:end]
        return generate_rows(
            subject.gated, prompts[start:end], conditions=given, max_new_tokens=NEW
        )

    alone = [answers(row, row + 1)[0] for row in range(ROWS)]
    if answers(0, ROWS) != alone:
        raise SystemExit("decode.py: rows of a batch are answered differently: figures void")
    speeds: dict[int, list[float]] = {1: [], ROWS: []}
    for turn in range(pairs):
        for rows in (1, ROWS) if turn % 2 else (ROWS, 1):
            speeds[rows].append(rows * NEW / seconds_of(partial(answers, 0, rows)))
    ratios = [many / one for one, many in zip(speeds[1], speeds[ROWS], strict=True)]
    named = f"{subject.label}: batch of {ROWS}"
    return [
        Row(f"{named}, tokens/s", median(speeds[ROWS], 1), None, pairs),
        Row(f"{named} / batch of 1", median(ratios), BATCH_BAR, pairs),
    ]


def dialogs(subject: Subject, times: int) -> list[Row]:
    """Time to the first token of the first and of the last turn of a dialog."""
    first, last, again = [], [], []
    for _ in range(times + 1):
        session = DialogSession(subject.gated)
        tokens: list[int] = []
        conditions: list[int] = []
        turns = []
        for turn in range(TURNS):
            started = time.process_time()
            known = subject.known(session, turn % ROWS)
            tokens += subject.prompt[0, :TURN_PROMPT].tolist()
            conditions += [known] * (len(tokens) - len(conditions))
            stream = session.stream(tokens, conditions, max_new_tokens=TURN_NEW)
            reply = [next(stream)]
            turns.append(time.process_time() - started)
            if turn + 1 < TURNS:
                reply += stream
                tokens, conditions = tokens + reply, conditions + [known] * len(reply)
        exact = session.stream(tokens, conditions, max_new_tokens=1, exact=True)
        again.append(seconds_of(partial(next, exact)))
        first.append(turns[0])
        last.append(turns[-1])
    first, last, again = first[1:], last[1:], again[1:]  # without the warm-up
    ratios = [a / b for a, b in zip(first, last, strict=True)]
    named = f"{subject.label}: first token of turn"
    return [
        Row(f"{named} 1, ms", median([1e3 * value for value in first], 2), None, times),
        Row(f"{named} {TURNS}, ms", median([1e3 * value for value in last], 2), None, times),
        Row(f"{named} {TURNS} read anew, ms", median([1e3 * v for v in again], 2), None, times),
        Row(f"{named}: 1 / {TURNS}", median(ratios), TURN_BAR, times),
    ]


def shipped_size() -> dict[str, Any]:
    """Sizes of the embedded checkpoint, or those it is planned to have if it is not there."""
    try:
        config = read_config(default_checkpoint())
    except CheckpointError:
        return SMALL
    return {name: getattr(config, name) for name in (*SIZE_FIELDS, "bind_dim", "slots")}


def measure(options: Namespace) -> list[Row]:
    """Measure the sizes that were asked for."""
    torch.set_num_threads(1)
    size = options.size or ("shipped" if options.quick else None)
    pairs, few = options.pairs, max(options.pairs // 8, 3)
    if size == "gguf":
        from decode_gguf import measure as measure_gguf

        return measure_gguf(min(pairs, 9))
    rows: list[Row] = []
    if size != "125M":
        small = Subject.of("shipped size", shipped_size())
        rows += decoding(small, pairs, SHIPPED_BARS)
        rows += batches(small, few)
        rows += dialogs(small, few)
    if size != "shipped":
        large = Subject.of("125M", LARGE)
        rows += decoding(large, few, LARGE_BARS)
        rows += eight_bits(large, few)
        rows += [eight_bits_of_a_taught(large), eight_bits_of_the_shipped()]
        rows += batches(large, 3)
    return rows


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--pairs", 40, 8, "runs at the shipped size")
    parser.add_argument(
        "--size",
        choices=("shipped", "125M", "gguf"),
        help="one size only; --quick: shipped; gguf: llama.cpp, see decode_gguf.py",
    )
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
