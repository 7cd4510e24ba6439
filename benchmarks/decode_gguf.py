"""Part of decode.py: llama.cpp as the engine (`--size gguf`), at the shape of SmolLM2-135M.

Weights are random: speed does not depend on them. Every run is a turn under a condition of its own:
a prompt of 36 tokens and 48 new ones, from an empty cache. What is compared:

- gguf: the session behind `llm: gguf:FILE`;
- llama.cpp: its own low-level greedy loop, on the very same file, without conditions;
- 8 bits and 4 bits: `DialogSession` in PyTorch.

Memory is what a fresh process holds after a turn more than before it has loaded the weights.
"""

from __future__ import annotations

import ctypes
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch
from report import AtMost, Row

from sensebind.agent.conversion.gguf_part import GgufOptions, convert_to_gguf
from sensebind.agent.gated_llama import GatedLlamaConfig, GatedLlamaForCausalLM
from sensebind.agent.gated_llama.quantization import quantize_model
from sensebind.agent.gated_llama.session import DialogSession, Session
from sensebind.agent.llamacpp.conditions import ConditionPath, at_attention
from sensebind.agent.llamacpp.library import library
from sensebind.agent.llamacpp.loaded import LlamaFile
from sensebind.agent.llamacpp.session import LlamaCppSession

PROMPT, NEW = 36, 48
SHAPE: dict[str, Any] = {  # of SmolLM2-135M
    "vocab_size": 49152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
    "bos_token_id": None,
    "eos_token_id": None,
    "slots": 3,
    "bind_dim": 128,
    "bind_hidden_size": 576,
    "dtype": "bfloat16",
}
BARS = {"Q8_0": 2.2, "Q4_0": 3.0}  # of the session over PyTorch's with 8 and 4 bits
LOOP_BAR, FIRST_BAR, MEMORY_BAR = 0.95, 1.1, 1.15


def made_model(point: str) -> GatedLlamaForCausalLM:
    """A random model of SmolLM2's shape."""
    torch.manual_seed(0)
    config = GatedLlamaConfig(**SHAPE, injection_point=point)
    model = GatedLlamaForCausalLM(config).eval()
    torch.nn.init.normal_(model.adapter.gates)
    return model


def checkpoint(folder: Path, point: str, kinds: tuple[str, ...]) -> dict[str, Path]:
    """Write a checkpoint, and GGUF files of these types."""
    source = folder / point
    model = made_model(point)
    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16)
    model.save_pretrained(source)
    return {kind: convert_to_gguf(GgufOptions(source, source, kind)) for kind in kinds}


def opened(file: Path) -> tuple[LlamaFile, ConditionPath]:
    """Load a file with its condition path."""
    path = ConditionPath.open(file.parent)
    config = path.model.config
    biases = at_attention(path.model)
    loaded = LlamaFile(
        file, layers=config.num_hidden_layers, width=config.hidden_size, biases=biases
    )
    return loaded, path


class Turns:
    """Turns of one session, each under a condition that it has never seen."""

    def __init__(self, session: Session, seed: int = 1) -> None:
        self.session = session
        self._generator = torch.Generator().manual_seed(seed)

    def new(self) -> int:
        embeddings = torch.randn(SHAPE["slots"], SHAPE["bind_dim"], generator=self._generator)
        return self.session.condition(embeddings, torch.ones(SHAPE["slots"]))

    def prompt(self, length: int = PROMPT) -> list[int]:
        return torch.randint(3, SHAPE["vocab_size"], (length,), generator=self._generator).tolist()

    def __call__(self) -> None:
        known = self.new()
        ids, new = [known] * PROMPT, NEW
        said = list(self.session.stream(self.prompt(), ids, max_new_tokens=new, exact=True))
        assert len(said) == NEW


class Loop:
    """llama.cpp's own greedy loop, by its low-level calls."""

    def __init__(self, file: Path) -> None:
        self.lib = lib = library()
        parameters = lib.llama_model_default_params()
        parameters.use_extra_bufts = b"AMX_INT8 = 1" not in lib.llama_print_system_info()
        self.model = lib.llama_model_load_from_file(str(file).encode(), parameters)
        settings = lib.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = 512, 256, 256
        settings.n_threads = settings.n_threads_batch = 1
        self.context = lib.llama_init_from_model(self.model, settings)
        self.sampler = lib.llama_sampler_init_greedy()
        self._generator = torch.Generator().manual_seed(1)

    def __call__(self) -> None:
        lib = self.lib
        ids = torch.randint(3, SHAPE["vocab_size"], (PROMPT,), generator=self._generator).tolist()
        lib.llama_memory_clear(lib.llama_get_memory(self.context), True)
        tokens = (ctypes.c_int32 * PROMPT)(*ids)
        lib.llama_decode(self.context, lib.llama_batch_get_one(tokens, PROMPT))
        one = (ctypes.c_int32 * 1)()
        for step in range(NEW):
            one[0] = lib.llama_sampler_sample(self.sampler, self.context, -1)
            if step + 1 < NEW:
                lib.llama_decode(self.context, lib.llama_batch_get_one(one, 1))


def seconds_of(run: Callable[[], object]) -> float:
    """Processor time of one run."""
    started = time.process_time()
    run()
    return time.process_time() - started


def speeds(runs: dict[str, Callable[[], None]], pairs: int) -> dict[str, list[float]]:
    """Tokens a second of each, interleaved, after a warm-up."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for turn in range(pairs):
        for name in list(runs)[:: 1 if turn % 2 else -1]:
            found[name].append(NEW / seconds_of(runs[name]))
    return found


def first_token(session: Session, times: int) -> list[float]:
    """Time to the first token of a turn under a new condition over that under the same one."""
    turns = Turns(session, seed=2)
    ratios = []
    for _ in range(times + 1):
        session.reset()
        same = turns.new()
        ids: list[int] = []
        conditions: list[int] = []
        taken = []
        for turn in range(3):  # the first one reads from an empty cache
            ids += turns.prompt()
            started = time.process_time()
            known = same if turn < 2 else turns.new()
            conditions += [known] * PROMPT
            next(session.stream(ids, conditions, max_new_tokens=1))
            taken.append(time.process_time() - started)
        ratios.append(taken[2] / taken[1])
    return ratios[1:]


def resident(kind: str, file: Path) -> float:
    """Megabytes that a fresh process holds more after a turn than before it loads the weights."""
    code = [sys.executable, str(Path(__file__)), kind, str(file)]
    run = subprocess.run(code, capture_output=True, text=True, check=True)
    return float(json.loads(run.stdout.splitlines()[-1]))


def measure(pairs: int) -> list[Row]:
    """Measure all; `pairs` runs of each."""
    rows: list[Row] = []
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="sensebind-bench-") as folder:
        for point in ("block", "attention"):
            files = checkpoint(Path(folder), point, ("Q8_0", "Q4_0"))
            for kind, bits in (("Q8_0", 8), ("Q4_0", 4)):
                loaded, path = opened(files[kind])
                session = LlamaCppSession(loaded, path)
                runs: dict[str, Callable[[], None]] = {
                    "gguf": Turns(session),
                    "llama.cpp": Loop(files[kind]),
                }
                if point == "block":  # PyTorch takes as long for both
                    model: Any = quantize_model(made_model(point), bits)
                    runs[f"{bits} bits"] = Turns(DialogSession(model))
                found = speeds(runs, pairs)
                named = f"SmolLM2's shape, {point}, {kind}"
                for name, values in found.items():
                    rows.append(Row(f"{named}: {name}, tokens/s", _median(values, 1), None, pairs))
                loop = [a / b for a, b in zip(found["gguf"], found["llama.cpp"], strict=True)]
                rows.append(Row(f"{named}: gguf / llama.cpp", _median(loop), LOOP_BAR, pairs))
                if point == "block":
                    other = found[f"{bits} bits"]
                    ratios = [a / b for a, b in zip(found["gguf"], other, strict=True)]
                    bar = BARS[kind]
                    rows.append(Row(f"{named}: gguf / {bits} bits", _median(ratios), bar, pairs))
                if kind == "Q8_0":
                    first = _median(first_token(session, pairs))
                    what = f"{named}: first token, new condition / same"
                    rows.append(AtMost(what, first, FIRST_BAR, pairs))
                    ours, theirs = (resident(one, files[kind]) for one in ("ours", "theirs"))
                    rows.append(Row(f"{named}: gguf, MB", round(ours), None, 1))
                    rows.append(Row(f"{named}: llama.cpp, MB", round(theirs), None, 1))
                    share = round(ours / theirs, 3)
                    rows.append(AtMost(f"{named}: MB, gguf / llama.cpp", share, MEMORY_BAR, 1))
                session.close()
                del session, runs, loaded, path
                gc.collect()
    return rows


def _median(values: list[float], digits: int = 3) -> float:
    return round(statistics.median(values), digits)


def warm_up() -> None:
    """Let PyTorch read its own code, which is not the engine's memory."""
    small: dict[str, Any] = {"hidden_size": 96, "intermediate_size": 64, "num_hidden_layers": 1}
    small = {**SHAPE, **small, "num_attention_heads": 6, "vocab_size": 96}
    config = GatedLlamaConfig(**small)
    session = DialogSession(GatedLlamaForCausalLM(config).eval())
    known = session.condition(torch.zeros(3, SHAPE["bind_dim"]), torch.ones(3))
    list(session.stream([5] * 8, [known] * 8, max_new_tokens=2))


def main() -> None:
    """Measure the memory of one engine in this process, for `resident`."""
    kind, file = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    library()
    warm_up()
    before = psutil.Process().memory_info().rss
    if kind == "ours":
        loaded, path = opened(file)
        kept: Any = Turns(LlamaCppSession(loaded, path))
    else:
        kept = Loop(file)
    kept()
    gc.collect()
    print(json.dumps((psutil.Process().memory_info().rss - before) / 1e6))


if __name__ == "__main__":
    main()
