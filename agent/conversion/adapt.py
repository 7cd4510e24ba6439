"""`sensebind adapt`: a fresh adapter on a language model of transformers.

The directory that it makes holds the adapter and names its base, whose weights, tokenizer, chat
template and end tokens are used where they lie. All gates are zero: until it is trained the model
computes, to the last bit, what the base computes.
"""

from __future__ import annotations

import json
import logging
import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors.torch import save_file
from transformers import AutoTokenizer

from sensebind.agent.conversion.output import RECORD_NAME
from sensebind.agent.conversion.tool_prelude import with_tools
from sensebind.agent.gated_llama.base_model import (
    ADAPTER_NAME,
    BaseReference,
    fingerprint,
    is_adapter,
    open_base,
)
from sensebind.agent.gated_llama.config import (
    INJECTION_POINTS,
    TYPE_PREFIX,
    ConditionFields,
    check_fields,
)
from sensebind.agent.gated_llama.loading import (
    built,
    check_checkpoint,
    compare_depths,
    family_of,
    read_config,
)
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import EMBEDDED, imagebind_directory, models_directory
from sensebind.errors import CheckpointError, ConfigurationError, InputError, StorageError, one_line
from sensebind.perception.checkpoint_json import read_object
from sensebind.perception.imagebind.config import ImageBindConfig
from sensebind.perception.modality import senses
from sensebind.perception.tensor_files import TensorFile
from sensebind.perception.without_values import without_values

log = logging.getLogger(__name__)
_OWN = ("architectures", "auto_map", "model_type", "torch_dtype", "dtype", "transformers_version")


@dataclass(frozen=True)
class AdaptOptions:
    """What to make.

    Attributes:
        base: Directory of the language model, or a name that was pulled.
        output: Directory of the adapter.
        slots: Sense slots, in order.
        encoder: Checkpoint whose encoder makes the conditions; None for the embedded one.
        injection: Where conditions enter: "attention" or "block".
        bind_blocks: SwiGLU blocks of the bind network.
        bind_hidden_size: Their inner width; 0 for 4 times the width of the language model.
        seed: Of the weights.
        force: Attach an adapter to a base that it was not made for.
    """

    base: str
    output: Path
    slots: tuple[str, ...] = ("sight", "hearing", "scan")
    encoder: Path | None = None
    injection: str = "attention"
    bind_blocks: int = 3
    bind_hidden_size: int = 0
    seed: int = 0
    force: bool = False


def adapt(options: AdaptOptions) -> dict[str, Any]:
    """Makes a fresh adapter; attaches one that is there to its base at another place.

    Returns:
        `output`, `base`, `parameters` and `bytes` of the adapter, and `made`: whether it is new.

    Raises:
        InputError: No such base, or slots that are no senses.
        ConfigurationError: A family without the gate, or the output is something else.
        CheckpointError: The base or the encoder is damaged, or the adapter is another base's.
        StorageError: The output cannot be written.
    """
    base, reference = find_base(options.base, options.output)
    if is_adapter(options.output):
        return _attach(options, base, reference)
    if options.output.exists() and (not options.output.is_dir() or any(options.output.iterdir())):
        raise ConfigurationError(f"{options.output} is there and is not an adapter's directory")
    config, template = _config(options, base, reference), _template(base)
    state = fresh(config, base, options.seed)
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=options.output.parent, prefix=".adapt-") as folder:
            work = Path(folder) / "adapter"
            work.mkdir()
            save_file(state, work / ADAPTER_NAME, {"format": "pt"})
            config.save_pretrained(work)
            if template is not None:
                (work / "chat_template.jinja").write_text(template, "utf-8")
            check_checkpoint(work)  # what was written can be used, or says why it cannot
            work.replace(options.output)
    except OSError as error:
        raise StorageError(f"cannot write {options.output}: {error}") from error
    return _described(options.output, base, made=True)


def find_base(named: str, output: Path) -> tuple[Path, BaseReference]:
    """Finds a base by its directory or by the name that it was pulled by.

    Args:
        named: The directory or the name.
        output: Directory of the adapter, which the reference is relative to where it is inside.

    Raises:
        InputError: There is neither.
        CheckpointError: The base is damaged.
    """
    pulled = models_directory() / named
    name = ""
    directory = Path(named)
    if not directory.is_dir() and pulled.is_dir() and Path(named).name == named:
        directory, name = pulled, named
    elif (
        directory.is_dir()
        and directory.resolve() == (models_directory() / directory.name).resolve()
    ):
        name = directory.name
    if not (directory / "config.json").is_file():
        what = "has no config.json" if directory.is_dir() else "is not there"
        raise InputError(
            f"the language model {named} {what}: give a directory of transformers, or a name that "
            "`sensebind pull` has fetched, such as smollm2"
        )
    directory = directory.resolve()
    path = "" if name else str(directory)
    if directory.is_relative_to(output.resolve()):
        path = str(directory.relative_to(output.resolve()))
    found = fingerprint(open_base(directory))
    return directory, BaseReference(found, path, name, _file_digest(directory))


def fresh(config: ConditionFields, base: Path, seed: int) -> dict[str, torch.Tensor]:
    """The tensors of a fresh adapter: random maps, and gates of zero.

    Args:
        config: Of the adapter.
        base: Directory of the language model, for messages.
        seed: Of the random numbers.
    """
    with without_values():
        model = built(base, config)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model.adapter.to_empty(device="cpu")
        model.adapter.apply(model._init_weights)
    return {f"adapter.{n}": t.contiguous() for n, t in model.adapter.state_dict().items()}


def _config(options: AdaptOptions, base: Path, reference: BaseReference) -> ConditionFields:
    fields = read_object(base / "config.json")
    kind = fields.get("model_type")
    family = family_of(f"{TYPE_PREFIX}{kind}")
    if family is None:
        raise ConfigurationError(
            f"{base} is a model of type {kind!r:.40}; the gate goes on llama (as SmolLM2 is), "
            "mistral, qwen2, qwen3 and smollm3"
        )
    if fields.get("quantization_config"):
        raise ConfigurationError(f"{base} is quantised: give the weights it was made from")
    if options.injection not in INJECTION_POINTS:
        raise InputError(f"--injection is one of {', '.join(INJECTION_POINTS)}")
    unknown = [slot for slot in options.slots if slot not in senses()]
    if unknown or not options.slots or len(set(options.slots)) < len(options.slots):
        raise InputError(f"--slots are some of {','.join(senses())}, each once")
    encoder = options.encoder or default_checkpoint()
    folder = imagebind_directory(encoder)
    sizes = ImageBindConfig.from_fields(
        read_object(folder / "config.json"), source=folder / "config.json"
    )
    own = {key: value for key, value in fields.items() if key not in _OWN}
    given = {
        "bind_dim": sizes.out_width,
        "bind_blocks": options.bind_blocks,
        "bind_hidden_size": options.bind_hidden_size,
        "slots": len(options.slots),
        "senses": list(options.slots),
        "injection_point": options.injection,
        "base": reference.fields(),
        "encoder": EMBEDDED if options.encoder is None else str(options.encoder.resolve()),
    }
    try:
        check_fields(own | {key: value for key, value in given.items() if value})
        config = cast("ConditionFields", family[0].from_dict(own | given))
        config.architectures = [family[1].__name__]
    except (ValueError, TypeError, KeyError, AttributeError, StrictDataclassError) as error:
        raise CheckpointError(
            f"{base / 'config.json'} cannot be used: {one_line(error)}"
        ) from error
    compare_depths(config, open_base(base).shapes, str(base))
    return config


def _template(base: Path) -> str | None:
    """A chat template that lists tools, where the base's knows none.

    Raises:
        CheckpointError: The base has no chat template, or a tokenizer that cannot be used.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            base, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # the Rust library raises the base class for a damaged file
        raise CheckpointError(f"the tokenizer in {base}: {one_line(error)}") from error
    template = tokenizer.chat_template
    if not isinstance(template, str) or not template:
        raise CheckpointError(
            f"{base} has no chat template: give an instruct model, or put a chat_template.jinja "
            "there"
        )
    return with_tools(template)


def _attach(options: AdaptOptions, base: Path, reference: BaseReference) -> dict[str, Any]:
    config = read_config(options.output)
    try:
        before = BaseReference.of(config.base or {})
    except ValueError as error:
        raise CheckpointError(f"{options.output / 'config.json'}: {error}") from error
    if before.fingerprint != reference.fingerprint:
        problem = f"{options.output} was made for another language model than {base}"
        if not options.force:
            raise CheckpointError(
                f"{problem}: together they would produce garbage; --force attaches it all the same"
            )
        log.warning("%s; it is attached as --force says", problem)
    config.base = replace(reference, name=reference.name or before.name).fields()
    config.save_pretrained(options.output)
    check_checkpoint(options.output)
    return _described(options.output, base, made=False)


def _described(output: Path, base: Path, *, made: bool) -> dict[str, Any]:
    path = output / ADAPTER_NAME
    return {
        "output": str(output),
        "base": str(base),
        "parameters": sum(math.prod(shape) for shape in TensorFile(path).shapes.values()),
        "bytes": path.stat().st_size,
        "made": made,
    }


def _file_digest(base: Path) -> str:
    """Of the single file that a base was made from, as its conversion recorded."""
    if not (base / RECORD_NAME).is_file():
        return ""
    inputs = read_object(base / RECORD_NAME).get("inputs") or []
    packed = [one for one in inputs if str(one.get("name", "")).endswith(".gguf")]
    return str(packed[0].get("sha256", "")) if len(packed) == 1 else ""


def run(options: AdaptOptions, *, as_json: bool = False) -> int:
    """For the command line."""
    done = adapt(options)
    if as_json:
        print(json.dumps(done))
        return 0
    what = "a fresh adapter" if done["made"] else "attached"
    print(
        f"{done['output']}: {what} on {done['base']}, {done['parameters'] / 1e6:.1f} M parameters"
    )
    print(f"In robot.yaml: llm: sensebind:{done['output']}")
    return 0
