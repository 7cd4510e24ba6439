"""`sensebind convert`, `sensebind pull` and `sensebind models`: the published models."""

from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli.options import Json
from sensebind.errors import ConfigurationError, InputError

app = typer.Typer(help="Look at checkpoint directories.")

Output = Annotated[Path, typer.Option("--output", "-o", help="Directory to make or to add to.")]
Dtype = Annotated[str, typer.Option(help="float32, bfloat16 or float16.")]


def convert(
    output: Output,
    checkpoint: Annotated[
        Path | None,
        typer.Argument(help="With --to gguf: the checkpoint; the embedded one by default."),
    ] = None,
    to: Annotated[
        str, typer.Option(help="gguf: write the language model of a checkpoint for llama.cpp.")
    ] = "",
    type_: Annotated[
        str, typer.Option("--type", help="With --to gguf: F32, F16, Q8_0, Q4_K_M or Q4_0.")
    ] = "Q8_0",
    imagebind: Annotated[
        Path | None,
        typer.Option(help="imagebind_huge.pth, imagebind_w3D.pth or a Point-Bind file."),
    ] = None,
    point: Annotated[
        Path | None, typer.Option(help="A Point-Bind file whose point trunk is added.")
    ] = None,
    modalities: Annotated[
        str, typer.Option(help="Trunks to convert, such as vision,audio; all by default.")
    ] = "",
    imagebind_config: Annotated[
        Path | None, typer.Option(help="config.json of an ImageBind of other sizes.")
    ] = None,
    bpe: Annotated[Path | None, typer.Option(help="CLIP's bpe_simple_vocab_16e6.txt.gz.")] = None,
    llama: Annotated[
        Path | None, typer.Option(help="Directory of Meta (consolidated.*.pth) or Hugging Face.")
    ] = None,
    delta: Annotated[
        Path | None, typer.Option(help="Differences of Open-Chinese-LLaMA, directory or file.")
    ] = None,
    adapter: Annotated[
        Path | None, typer.Option(help="ImageBind-LLM or LLaMA-Adapter file, such as 7B.pth.")
    ] = None,
    clip: Annotated[
        Path | None, typer.Option(help="CLIP ViT-L/14 of Hugging Face, for LLaMA-Adapter V2.")
    ] = None,
    tokenizer: Annotated[
        Path | None, typer.Option(help="tokenizer.model; next to the LLaMA by default.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="knn.index.")] = None,
    index: Annotated[str, typer.Option(help="Vectors of the cache: sq8 or fp16.")] = "sq8",
    dtype: Dtype = "bfloat16",
    keep_lora: Annotated[
        bool, typer.Option("--keep-lora", help="Leave the LoRA unmerged, to train on.")
    ] = False,
    tanh_gates: Annotated[
        bool,
        typer.Option(
            "--tanh-gates", help="LLaMA-Adapter V1: gates through tanh, as in its training code."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Convert an adapter that seems to need another base.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Convert published files to a checkpoint directory. A run that was cut off goes on."""
    if to or checkpoint is not None:
        return _convert_to(to, checkpoint, output, type_, as_json=as_json)
    from sensebind.agent.conversion.convert import ConvertOptions, run

    options = ConvertOptions(
        output=output,
        imagebind=imagebind,
        point=point,
        modalities=tuple(name.strip() for name in modalities.split(",") if name.strip()),
        imagebind_config=imagebind_config,
        bpe=bpe,
        llama=llama,
        delta=delta,
        adapter=adapter,
        clip=clip,
        tokenizer=tokenizer,
        keep_lora=keep_lora,
        cache=cache,
        index=index,
        dtype=dtype,
        force=force,
        tanh_gates=tanh_gates,
    )
    return run(options, as_json=as_json)


def _convert_to(to: str, checkpoint: Path | None, output: Path, kind: str, *, as_json: bool) -> int:
    if to != "gguf":
        raise ConfigurationError(
            f"--to is gguf, not {to!r}" if to else "a checkpoint goes with --to"
        )
    if checkpoint is not None:
        _check_directory(checkpoint)
    from sensebind.agent.conversion.gguf_part import GgufOptions, run

    return run(GgufOptions(checkpoint, output, kind), as_json=as_json)


def pull(
    name: Annotated[str | None, typer.Argument(help="Published model; none lists them.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Checkpoint directory to make.")
    ] = None,
    llama: Annotated[
        Path | None, typer.Option(help="Directory of LLaMA 7B, which only Meta gives out.")
    ] = None,
    downloads: Annotated[
        Path | None, typer.Option(help="Where files are kept; in ~/.cache/sensebind by default.")
    ] = None,
    dtype: Dtype = "bfloat16",
    fetch_only: Annotated[bool, typer.Option("--fetch-only", help="Do not convert.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Convert an adapter that seems to need another base.")
    ] = False,
    registry: Annotated[Path | None, typer.Option(help="Another registry, a JSON file.")] = None,
    as_json: Json = False,
) -> int:
    """Fetch a published model and convert it. SENSEBIND_MIRROR names another server."""
    from sensebind.agent.conversion.pull import PullOptions, run

    options = PullOptions(
        name=name,
        output=output,
        llama=llama,
        downloads=downloads,
        dtype=dtype,
        fetch_only=fetch_only,
        force=force,
        registry=registry,
    )
    return run(options, as_json=as_json)


@app.command("inspect")
def inspect(
    directory: Annotated[Path, typer.Argument(help="Checkpoint directory.")],
    digests: Annotated[
        bool, typer.Option("--digests", help="Read all files to compute their sha256.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Print parts, parameters, bytes, digests and the memory that they will need."""
    _check_directory(directory)
    from sensebind.agent.conversion.inspection import run

    return run(directory, digests=digests, as_json=as_json)


@app.command("quantize")
def quantize(
    directory: Annotated[Path, typer.Argument(help="Checkpoint directory.")],
    output: Output,
    bits: Annotated[int, typer.Option(help="8 or 4 bits per weight.")] = 8,
) -> int:
    """Write a checkpoint whose language model has weights of 8 or 4 bits."""
    _check_directory(directory)
    if bits not in (4, 8):
        raise ConfigurationError(f"weights can have 8 or 4 bits, not {bits}")
    from sensebind.agent.conversion.quantize import run

    return run(directory, output, bits)


def _check_directory(directory: Path) -> None:
    if not directory.is_dir():
        raise InputError(f"no directory {directory}")
