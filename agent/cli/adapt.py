"""`sensebind adapt`: a fresh adapter on a language model of transformers."""

from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli.options import Json


def adapt(
    base: Annotated[
        str,
        typer.Argument(
            help="Directory of the language model (LLaMA, SmolLM, Mistral, Qwen2 or Qwen3), or a "
            "name that `sensebind pull` has fetched.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory of the adapter.")],
    slots: Annotated[
        str, typer.Option(help="Sense slots, in order: some of sight, hearing, scan.")
    ] = "sight,hearing,scan",
    encoder: Annotated[
        Path | None,
        typer.Option(help="Checkpoint whose encoder makes the conditions; embedded by default."),
    ] = None,
    injection: Annotated[
        str, typer.Option(help="Where conditions enter a layer: attention or block.")
    ] = "attention",
    bind_blocks: Annotated[int, typer.Option(help="Blocks of the bind network.", min=1)] = 3,
    bind_hidden: Annotated[
        int, typer.Option(help="Their inner width; 0 is 4 times the model's width.", min=0)
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of the random weights.")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Attach an adapter to a base it was not made for.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Put a fresh adapter on a language model, or attach one to its base at another place.

    Its gates are zero: until it is trained, the model says what the base says.
    """
    from sensebind.agent.conversion.adapt import AdaptOptions, run

    options = AdaptOptions(
        base=base,
        output=output,
        slots=tuple(name.strip() for name in slots.split(",") if name.strip()),
        encoder=encoder,
        injection=injection,
        bind_blocks=bind_blocks,
        bind_hidden_size=bind_hidden,
        seed=seed,
        force=force,
    )
    return run(options, as_json=as_json)
