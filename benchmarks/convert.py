"""Conversion of a LLaMA with an ImageBind-LLM adapter: seconds, and the most memory it took.

The published files are made up at their full size with random numbers (one consolidated.00.pth in
fp16, one 7B.pth in fp32 with LoRA, biases and norms); `--scale 0.25` makes a quarter of the layers.
The conversion runs in a process of its own, whose memory is read every 50 ms: all of it, mapped
pages of the input files included, and its own alone. Everything is deleted afterwards.
Exit code 1 if it took more than the largest input file and one gigabyte.
"""

import gzip
import json
import mmap
import re
import shutil
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path

import psutil
import torch
from report import Parser, Row, run

from sensebind.errors import StorageError

KEYS = Path(__file__).parents[1] / "tests" / "data" / "keys"
TOKENIZER = Path(__file__).parents[1] / "tests" / "golden" / "golden_tokenizer.model"
LAYERS = 32
GIGABYTE = 10**9


def keys(name: str) -> dict:
    """A list of official names and shapes."""
    return json.loads(gzip.decompress((KEYS / f"{name}.json.gz").read_bytes()))


def scaled(shapes: dict[str, list[int]], layers: int) -> dict[str, list[int]]:
    """The first layers only."""
    kept = {}
    for name, shape in shapes.items():
        match = re.search(r"layers\.(\d+)\.", name)
        if match is None or int(match[1]) < layers:
            rows = layers if name == "prefix_query.weight" else shape[0] if shape else 1
            kept[name] = [rows, *shape[1:]]
    return kept


def write(path: Path, shapes: dict[str, list[int]], dtype: torch.dtype) -> None:
    """A torch file of random numbers that never was in memory as a whole."""
    with torch.serialization.skip_data():
        torch.save({name: torch.empty(shape, dtype=dtype) for name, shape in shapes.items()}, path)
    noise = (torch.randn(1 << 22) * 0.02).to(dtype)
    with torch.serialization.set_default_mmap_options(mmap.MAP_SHARED):
        for name, tensor in torch.load(path, mmap=True, weights_only=True).items():
            flat = tensor.view(-1)
            if "norm" in name:
                flat.fill_(1.0)
                continue
            for start in range(0, flat.numel(), noise.numel()):
                part = flat[start : start + noise.numel()]
                part.copy_(noise[: part.numel()])


def make_files(folder: Path, layers: int) -> tuple[Path, Path]:
    """LLaMA directory and adapter file."""
    base = folder / "7B"
    base.mkdir(parents=True)
    llama, adapter = keys("llama_meta_7b"), keys("imagebind_llm_7b")
    write(base / "consolidated.00.pth", scaled(llama["keys"], layers), torch.float16)
    params = llama["params"] | {"n_layers": layers}
    (base / "params.json").write_text(json.dumps(params))
    shutil.copyfile(TOKENIZER, base / "tokenizer.model")
    published = {n: adapter["keys"][n] for n in adapter["published"]["adapter"]}
    write(folder / "7B.pth", scaled(published, layers), torch.float32)
    return base, folder / "7B.pth"


def watch(command: list[str]) -> tuple[float, int, int]:
    """Runs a command; seconds, most resident bytes, most of its own (not mapped from files)."""
    begin = time.monotonic()
    process = psutil.Popen(command, stdout=sys.stderr)  # our own figures go to stdout
    whole = own = 0
    while process.poll() is None:
        try:
            memory = process.memory_info()
        except psutil.NoSuchProcess:
            break
        whole, own = max(whole, memory.rss), max(own, memory.rss - memory.shared)
        time.sleep(0.05)
    if process.wait():
        raise SystemExit(f"the conversion failed with code {process.returncode}")
    return time.monotonic() - begin, whole, own


def measure(options: Namespace) -> list[Row]:
    """Make the files, convert them, and return the figures."""
    layers = max(1, round(LAYERS * options.scale))
    folder = Path(tempfile.mkdtemp(prefix="sensebind-convert-", dir=options.folder))
    try:
        needed = 30 * GIGABYTE * (layers + 2) // (LAYERS + 2)
        if shutil.disk_usage(folder).free < needed:
            raise StorageError(f"{folder} needs {needed / GIGABYTE:.0f} GB of free disk")
        base, adapter = make_files(folder, layers)
        largest = max(path.stat().st_size for path in (base / "consolidated.00.pth", adapter))
        out = folder / "out"
        command = [sys.executable, "-m", "sensebind", "convert", "--llama", str(base)]
        command += ["--adapter", str(adapter), "-o", str(out), "--dtype", options.dtype]
        seconds, whole, own = watch(command)
        written = sum(path.stat().st_size for path in out.glob("*.safetensors"))
    finally:
        shutil.rmtree(folder)
    allowed = largest + GIGABYTE
    return [
        Row("allowed peak over resident peak", allowed / whole, 1.0, 1),
        Row("resident peak, GB (mapped input pages included)", whole / GIGABYTE, None, 1),
        Row("own memory at its peak, GB", own / GIGABYTE, None, 1),
        Row("largest input file, GB", largest / GIGABYTE, None, 1),
        Row("written, GB", written / GIGABYTE, None, 1),
        Row("layers", layers, None, 1),
        Row("seconds, digests of inputs and outputs included", seconds, None, 1),
    ]


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--scale", 1.0, 0.03, "share of the 32 layers")
    parser.add_argument("--folder", type=Path, help="where the files are made")
    parser.add_argument("--dtype", default="bfloat16", help="on disk, bfloat16")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
