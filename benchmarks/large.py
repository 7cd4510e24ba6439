"""A model of the size of the published 7B: the memory that loading and answering takes.

The files are made up with random numbers at their full size and converted with `sensebind convert`;
`--scale 0.25` makes a quarter of the layers. A process of its own then loads what came out in
bfloat16 and answers a few tokens under a condition, and another one the same in 4 bits
(`sensebind models quantize`). Its memory is read every 50 ms: without the pages of mapped files,
which the system takes back when it needs them, and with them. Everything is deleted afterwards.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from convert import GIGABYTE, LAYERS, make_files, watch
from report import AtMost, Parser, Row, run

from sensebind.errors import StorageError

TOKENS = 5
ANSWER = """
import json, sys, time
import numpy as np
import torch
from langchain_core.messages import HumanMessage
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.conditioning.condition import compose
torch.set_num_threads(2)
chat = ChatSenseBind(model=sys.argv[1], max_tokens=int(sys.argv[2]))
begin = time.monotonic()
llm = chat.llm
embedding = np.random.default_rng(0).standard_normal(llm.bind_dim).astype(np.float32)
condition = compose({"vision": embedding}, senses=llm.senses, dim=llm.bind_dim)
carried = {"condition": chat.conditions.put(condition)}
loaded = time.monotonic()
answer = chat.invoke([HumanMessage("what do you see?", additional_kwargs=carried)])
seconds = time.monotonic() - loaded
print(json.dumps([loaded - begin, seconds, answer.usage_metadata["output_tokens"]]))
"""


def answer(checkpoint: Path, extra: float, bar: float | None, what: str, folder: Path) -> list[Row]:
    """Answer in a process of its own; its memory may be `bar` GB, or its weights and `extra` GB."""
    told = folder / "told.json"
    program = f"import sys; sys.stdout = open({str(told)!r}, 'w')\n{ANSWER}\nsys.stdout.close()"
    command = [sys.executable, "-c", program, str(checkpoint), str(TOKENS)]
    _, whole, own = watch(command)
    loading, answering, tokens = json.loads(told.read_text())
    weights = sum(path.stat().st_size for path in checkpoint.glob("*.safetensors")) / GIGABYTE
    allowed = weights + extra if bar is None else bar
    return [
        AtMost(f"{what}: memory at its peak, GB", own / GIGABYTE, round(allowed, 2), 1),
        Row(f"{what}: with mapped pages, GB", whole / GIGABYTE, None, 1),
        Row(f"{what}: weights on disk, GB", weights, None, 1),
        Row(f"{what}: seconds to load", loading, None, 1),
        Row(f"{what}: seconds a token, prompt included", answering / max(tokens, 1), None, tokens),
    ]


def measure(options: Namespace) -> list[Row]:
    """Make the files, convert and quantize them, and answer with both."""
    layers = max(1, round(LAYERS * options.scale))
    folder = Path(tempfile.mkdtemp(prefix="sensebind-large-", dir=options.folder))
    try:
        needed = 33 * GIGABYTE * (layers + 2) // (LAYERS + 2)
        if shutil.disk_usage(folder).free < needed:
            raise StorageError(f"{folder} needs {needed / GIGABYTE:.0f} GB of free disk")
        base, adapter = make_files(folder, layers)
        bf16, int4 = folder / "bfloat16", folder / "int4"
        sensebind = [sys.executable, "-m", "sensebind"]
        sources = ["--llama", str(base), "--adapter", str(adapter)]
        _quietly([*sensebind, "convert", *sources, "-o", str(bf16), "--dtype", "bfloat16"])
        shutil.rmtree(base)
        adapter.unlink()
        rows = [Row("layers", layers, None, 1)]
        rows += answer(bf16, 1.5, None, "bfloat16", folder)
        _quietly([*sensebind, "models", "quantize", str(bf16), "-o", str(int4), "--bits", "4"])
        return rows + answer(int4, 0.0, 6.0, "4 bits", folder)
    finally:
        shutil.rmtree(folder)


def _quietly(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--scale", 1.0, 0.03, "share of the 32 layers")
    parser.add_argument("--folder", type=Path, help="where the files are made")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
