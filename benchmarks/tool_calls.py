"""Tool calls of the shipped model at temperature 1.0, with random tool schemas.

Twelve tools get random schemas (strings with patterns and lengths, numbers with limits and steps,
enums, arrays, nested and optional objects), of which four are bound at a time. The model must call
one, knows none of them, and samples from its whole distribution, so that nothing but the grammar
keeps a call well-formed. Each call is checked against the schema as it was given, unbounded.

The time that the grammar adds per token is measured on single replies with all twelve tools bound,
as an agent decodes: time inside the grammar, as a share of the rest. Exit code 1 if a call is
invalid or the share is above a tenth.
"""

import random
import sys
import time
from typing import Any

import torch
from langchain_core.messages import HumanMessage
from report import AtMost, Parser, Row, run
from transformers import LogitsProcessorList

from sensebind.agent.gated_llama.session import NO_CONDITION, DialogSession
from sensebind.agent.llm.checkpoint import LoadedModel, load_llm
from sensebind.agent.llm.constrained_decoding import GrammarLogitsProcessor, parse_call
from sensebind.agent.llm.prompt import PromptBuilder

MAX_CALL_TOKENS = 400
TOOLS, BOUND = 12, 4
WORDS = (
    "lamp",
    "door",
    "kitchen",
    "speed",
    "angle",
    "colour",
    "name",
    "count",
    "place",
    "time",
    "note",
)


def random_schema(rng: random.Random, depth: int = 2) -> dict[str, Any]:
    """A schema of one value."""
    kinds = ["string", "pattern", "enum", "integer", "number", "step", "boolean"]
    if depth:
        kinds += ["array", "unique", "object", "any"]
    match rng.choice(kinds):
        case "string":
            return {"type": "string", "maxLength": rng.randint(4, 40)}
        case "pattern":
            return {"type": "string", "pattern": rng.choice(["^[a-z]{2,8}$", "^\\d{4}-\\d{2}$"])}
        case "enum":
            return {"enum": rng.sample(WORDS, rng.randint(2, 6))}
        case "integer":
            low = rng.randint(-50, 50)
            return {"type": "integer", "minimum": low, "maximum": low + rng.randint(1, 500)}
        case "number":
            return {"type": "number", "exclusiveMinimum": 0, "maximum": rng.choice([1, 10, 99.5])}
        case "step":
            return {"type": "number", "minimum": 0, "maximum": 5, "multipleOf": 0.5}
        case "array":
            items = random_schema(rng, depth - 1)
            return {"type": "array", "items": items, "maxItems": rng.randint(1, 4)}
        case "unique":
            choice = {"enum": rng.sample(WORDS, 4)}
            return {"type": "array", "uniqueItems": True, "minItems": 1, "items": choice}
        case "object":
            return random_object(rng, depth - 1, rng.randint(1, 3))
        case "any":
            return {"anyOf": [random_schema(rng, 0), {"type": "null"}]}
    return {"type": "boolean"}


def random_object(rng: random.Random, depth: int, size: int) -> dict[str, Any]:
    """A schema of an object, of which some fields are optional."""
    names = rng.sample(WORDS, size)
    properties = {name: random_schema(rng, depth) for name in names}
    required = [name for name in names if rng.random() < 0.6]
    return {"type": "object", "properties": properties, "required": required}


def random_tools(seed: int) -> list[dict[str, Any]]:
    """Tools in OpenAI form."""
    rng = random.Random(seed)
    return [
        {
            "type": "function",
            "function": {
                "name": f"tool_{i}",
                "description": "A tool.",
                "parameters": random_object(rng, 2, rng.randint(1, 4)),
            },
        }
        for i in range(TOOLS)
    ]


@torch.inference_mode()
def valid_calls(llm: LoadedModel, n: int, batch: int) -> tuple[int, int]:
    """Returns how many of `n` sampled calls are valid, and how many tokens they took."""
    tools, rng = random_tools(0), random.Random(1)
    prompts = PromptBuilder(llm.tokenizer)
    valid = tokens = made = 0
    torch.manual_seed(2)
    generate: Any = llm.model.generate
    while made < n:
        rows = min(batch, n - made)
        bound = rng.sample(tools, BOUND)
        grammar = llm.grammars.compile(bound, "any")
        question = rng.choice(["turn on the lamp", "what is that?", "how many are there?"])
        prompt = prompts.build([HumanMessage(question)], tools=bound, limit=100).token_ids
        ids = torch.tensor([prompt] * rows, device=llm.model.device)
        processor = GrammarLogitsProcessor([grammar] * rows, len(prompt), MAX_CALL_TOKENS)
        out = generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=MAX_CALL_TOKENS,
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            eos_token_id=list(llm.stop_ids),
            pad_token_id=llm.stop_ids[0],
            logits_processor=LogitsProcessorList([processor]),
        )
        for row in out[:, len(prompt) :].tolist():
            end = next((i for i, t in enumerate(row) if t in llm.stop_ids), len(row))
            text = str(llm.tokenizer.decode(row[:end], skip_special_tokens=True))
            call = parse_call(text, llm.grammars.style, bound)
            valid += not call.error
            tokens += end
            if call.error:
                print(f"invalid: {call.error}: {text[:300]}", file=sys.stderr)
        made += rows
    return valid, tokens


def added_share(llm: LoadedModel, replies: int) -> tuple[float, int]:
    """Returns the time inside the grammar as a share of the rest, and how many tokens it was."""
    tools = random_tools(0)
    session, prompts = DialogSession(llm.model), PromptBuilder(llm.tokenizer)
    inside = whole = 0.0
    tokens = 0
    grammar = llm.grammars.compile(tools, "any")
    for seed in range(replies):
        prompt = prompts.build([HumanMessage("turn on the lamp")], limit=100).token_ids
        processor = GrammarLogitsProcessor([grammar], len(prompt), MAX_CALL_TOKENS)

        def timed(
            ids: torch.Tensor, scores: torch.Tensor, run: GrammarLogitsProcessor = processor
        ) -> torch.Tensor:
            nonlocal inside
            begun = time.thread_time()
            masked = run(ids, scores)
            inside += time.thread_time() - begun
            return masked

        begun = time.thread_time()
        for _ in session.stream(
            prompt,
            [NO_CONDITION] * len(prompt),
            stop_ids=llm.stop_ids,
            max_new_tokens=MAX_CALL_TOKENS,
            temperature=1.0,
            top_p=1.0,
            logits_processor=timed,
            generator=torch.Generator().manual_seed(seed),
        ):
            tokens += 1
        whole += time.thread_time() - begun
    return inside / (whole - inside), tokens


def measure(n: int, batch: int) -> list[Row]:
    """Sample calls, time the grammar, and return the figures."""
    torch.set_num_threads(1)
    llm = load_llm()
    valid, tokens = valid_calls(llm, n, batch)
    share, timed = added_share(llm, max(n // 10, 10))
    return [
        Row("tool calls: valid against the schema", valid / n, 1.0, n),
        Row("tool calls: tokens of a call", tokens / n, None, n),
        AtMost("tool calls: time that the grammar adds per token, %", 100 * share, 10.0, timed),
    ]


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--n", 1000, 50, "calls")
    parser.amount("--batch", 50, 25, "calls sampled side by side")
    return run(parser, lambda options: measure(options.n, options.batch))


if __name__ == "__main__":
    sys.exit(main())
