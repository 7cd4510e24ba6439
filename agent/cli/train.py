"""`sensebind train`: the commands that made the weights that ship."""

from pathlib import Path
from typing import Annotated

import typer

from sensebind.agent.cli.options import Json, check_disk
from sensebind.errors import InputError

app = typer.Typer()

EMBEDDED = Path("src/sensebind/checkpoints/simhome")

Output = Annotated[Path, typer.Option(help="Checkpoint directory to write.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Rendering processes; one per core.")]


@app.callback()
def train() -> None:
    """Train the weights that ship with SenseBind."""


@app.command("all")
def train_all(
    output: Output = EMBEDDED,
    run: Annotated[
        Path, typer.Option(help="Folder of the working folders; an earlier run goes on.")
    ] = Path("runs"),
    workers: Workers = None,
    as_json: Json = False,
) -> int:
    """Train everything: encoders, the detector next to them, then the language model."""
    check_disk(output, run)
    _log()
    from sensebind.agent.training.pipeline import train_everything

    return train_everything(output, run=run, workers=workers, as_json=as_json)


@app.command("bind")
def train_bind(
    output: Output = EMBEDDED,
    run: Annotated[Path, typer.Option(help="Working folder; an earlier run goes on.")] = Path(
        "runs/bind"
    ),
    workers: Workers = None,
) -> int:
    """Train the encoders: pictures with captions, then sounds and scans with pictures."""
    check_disk(output, run)
    _log()
    from sensebind.agent.training.bind.pipeline import train_bind as train

    train(output, run=run, embeddings=run.parent / "llama_data", workers=workers)
    return 0


@app.command("llama")
def train_llama(
    output: Annotated[
        Path | None,
        typer.Option(
            help="Checkpoint directory to write; with --base the trained adapter's, RUN/adapter by "
            "default."
        ),
    ] = None,
    embeddings: Annotated[
        Path | None,
        typer.Option(
            help="What `sensebind train bind` wrote for this; runs/llama_data by default."
        ),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Visual cache; the output's own by default.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Working folder; runs/llama, or runs/NAME with --base NAME.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option(help="Only one: words, pictures, stage1 or stage2.")
    ] = None,
    start: Annotated[Path | None, typer.Option(help="Checkpoint to go on from.")] = None,
    unfreeze: Annotated[
        str, typer.Option(help="language: all weights; none: the two stages of large models.")
    ] = "language",
    base: Annotated[
        Path | None,
        typer.Option(help="Train an adapter instead, as `sensebind adapt` made it, on its base."),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="With --base: your pairs (csv, json, yaml, parquet, tar, folder); else SimHome's."
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(help="With --pairs: a private host that images may come from; repeatable."),
    ] = None,
    official: Annotated[
        bool,
        typer.Option("--official", help="With --pairs: prompts and masks of the paper's code."),
    ] = False,
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="With --base: compute in bfloat16.")
    ] = False,
    checkpointing: Annotated[
        bool, typer.Option("--checkpointing", help="With --base: less memory, a third more time.")
    ] = False,
    batch: Annotated[
        int | None, typer.Option(min=1, help="With --base: dialogs in a pass; 16 by default.")
    ] = None,
    accumulate: Annotated[
        int, typer.Option(min=1, help="With --base: passes whose gradients make one step.")
    ] = 1,
    rank: Annotated[int, typer.Option(min=1, help="With --base: of the LoRA.")] = 8,
    rate: Annotated[
        float | None,
        typer.Option(min=1e-7, max=1.0, help="With --base: peak learning rate of the stages."),
    ] = None,
    scenes: Annotated[
        int | None, typer.Option(min=600, help="With --base: SimHome's scenes; 2400 by default.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="With --base: threads of PyTorch.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights and dialogs.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Of each stage.")] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.01, help="Of the last stage; with --base of this run, to be gone on with."
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Train the language model: words first, then with embeddings of pictures only.

    With --base: an adapter on a frozen language model, on SimHome's images or your own pairs.
    """
    if base is not None:
        if host and pairs is None:
            raise InputError("--host is about images of --pairs, which are not given")
        given = {"--start": start, "--cache": cache, "--embeddings": embeddings}
        if wrong := [name for name, value in given.items() if value is not None]:
            raise InputError(f"{wrong[0]} does not go with --base")
        if stage not in (None, "stage1", "stage2"):
            raise InputError("--stage is stage1 or stage2 with --base")
        place = run or Path("runs") / base.resolve().name
        target = output or place / "adapter"
        check_disk(target, place, megabytes=500)
        _log()
        from dataclasses import replace

        from sensebind.agent.training.tuning import terminal
        from sensebind.agent.training.tuning.command import TuneOptions
        from sensebind.agent.training.tuning.recipe import TuneRecipe, with_rate, with_steps
        from sensebind.agent.training.tuning.simhome import SCENES

        recipe = TuneRecipe(
            accumulate=accumulate,
            rank=rank,
            bfloat16=bfloat16,
            checkpointing=checkpointing,
            seed=seed,
        )
        recipe = with_rate(with_steps(recipe, steps), rate)
        recipe = replace(recipe, batch=batch or recipe.batch)
        options = TuneOptions(
            base,
            target,
            place,
            pairs,
            tuple(host or ()),
            stage,
            recipe,
            official,
            scenes or SCENES,
            minutes,
            threads,
        )
        return terminal.run(options, as_json)
    if pairs is not None or official or host:
        raise InputError("--pairs, --host and --official train an adapter: name it with --base")
    output, run = output or EMBEDDED, run or Path("runs/llama")
    check_disk(output, run, megabytes=500)
    _log()
    from sensebind.agent.training.llama.command import run as train

    return train(
        output,
        embeddings=embeddings or Path("runs/llama_data"),
        cache=cache,
        run=run,
        stage=stage,
        start=start,
        unfreeze=unfreeze,
        seed=seed,
        steps=steps,
        minutes=minutes,
        as_json=as_json,
    )


@app.command("detector")
def train_detector(
    output: Output = EMBEDDED,
    run: Annotated[Path, typer.Option(help="Working folder of `sensebind train bind`.")] = Path(
        "runs/bind"
    ),
    scenes: Annotated[
        int | None, typer.Option(min=16, help="Training scenes, instead of the recipe's.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights and order.")] = 0,
    workers: Workers = None,
) -> int:
    """Train the detector on the camera frames that the encoders are trained on."""
    check_disk(output, run)
    _log()
    from dataclasses import replace

    from sensebind.agent.training.detector.train import DetectorRecipe, train_on_rendered
    from sensebind.agent.training.simhome_data import SCENES

    recipe = DetectorRecipe(seed=seed)
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    train_on_rendered(run, output / "detector", recipe, scenes=scenes or SCENES, workers=workers)
    return 0


@app.command("reader")
def train_reader(
    output: Output = EMBEDDED,
    run: Annotated[Path, typer.Option(help="Working folder; an earlier run goes on.")] = Path(
        "runs/reader"
    ),
    steps: Annotated[
        int | None, typer.Option(min=1, help="Of each member, instead of the recipe's.")
    ] = None,
    members: Annotated[
        int | None, typer.Option(min=1, max=8, help="Networks, instead of the recipe's.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of sentences and weights, instead of the recipe's.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Of each member; the same command goes on.")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="Checkpoint whose reader is gone on from, in fewer steps."),
    ] = None,
) -> int:
    """Train the reader, which reads a person's words before the language model does."""
    check_disk(output, run, megabytes=500)
    _log()
    from dataclasses import replace

    from sensebind.agent.training.reader import command
    from sensebind.agent.training.reader.train import GO_ON, ReaderRecipe

    recipe = ReaderRecipe() if start is None else GO_ON
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    if seed is not None:
        recipe = replace(recipe, seed=seed)
    return command.run(
        output,
        run=run,
        recipe=recipe,
        members=members or command.MEMBERS,
        minutes=minutes,
        start=start,
    )


@app.command("guard")
def train_guard(
    output: Output = EMBEDDED,
    run: Annotated[
        Path, typer.Option(help="Working folder; scenes that an earlier run rendered stay.")
    ] = Path("runs/guard"),
    scenes: Annotated[
        int | None, typer.Option(min=30, help="Scenes of known inputs, instead of the recipe's.")
    ] = None,
    workers: Workers = None,
) -> int:
    """Calibrate what the encoders know, on scenes of their own; after `train bind`."""
    check_disk(output, run)
    _log()
    from dataclasses import replace

    from sensebind.agent.training.guard.calibrate import GuardRecipe, calibrate

    recipe = GuardRecipe()
    if scenes is not None:
        recipe = replace(recipe, scenes=scenes)
    calibrate(output, run=run, recipe=recipe, workers=workers or 2)
    return 0


def _log() -> None:
    """Prints what the training logs, from now on."""
    from sensebind.agent.training.progress import tell

    tell()
