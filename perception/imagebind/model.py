"""ImageBind: seven trunks, one embedding space."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensebind.errors import ConfigurationError, InputError
from sensebind.perception.imagebind import checkpoint, stems
from sensebind.perception.imagebind.config import (
    AudioConfig,
    DepthConfig,
    ImageBindConfig,
    ImuConfig,
    PointConfig,
    TextConfig,
    ThermalConfig,
    TrunkConfig,
    VisionConfig,
)
from sensebind.perception.imagebind.point_trunk import PointTrunk
from sensebind.perception.imagebind.transformer import BLOCK_EPS, Transformer
from sensebind.perception.without_values import without_values

MAX_LOGIT_SCALE = 100.0


class TakeFirst(nn.Module):
    """Tokens [B,L,D] to the cls token [B,D]."""

    def forward(self, x: Tensor) -> Tensor:
        """[B,L,D] to [B,D]."""
        return x[:, 0]


class TextHead(nn.Module):
    """Norm and projection of one pooled token; named `proj` in the published files.

    Attributes:
        proj: LayerNorm, then the projection to the joint space without bias.
    """

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__()
        norm = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.proj = nn.Sequential(norm, nn.Linear(width, out_width, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """[B,width] to [B,out_width]."""
        return self.proj(x)


class Normalize(nn.Module):
    """To unit length along the last axis."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] to the same shape."""
        return F.normalize(x, dim=-1, eps=1e-12)


class LogitScale(nn.Module):
    """Times exp(log_logit_scale), at most 100; trained for text, fixed elsewhere.

    Attributes:
        log_logit_scale: Natural logarithm of the factor, a scalar; a parameter where it is
            trained, a buffer where it is fixed.
    """

    log_logit_scale: Tensor

    def __init__(self, scale: float, *, learnable: bool) -> None:
        super().__init__()
        # Not tensor.log(): on the meta device that imports all of torch._dynamo, two seconds long.
        log_scale = torch.tensor(math.log(scale))
        if learnable:
            self.log_logit_scale = nn.Parameter(log_scale)
        else:
            self.register_buffer("log_logit_scale", log_scale)

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] to the same shape."""
        return x * self.log_logit_scale.exp().clamp(max=MAX_LOGIT_SCALE)


class ImageBind(nn.Module):
    """Encodes each modality into the same space.

    State-dict keys and shapes are exactly those of the published files. `encode` is
    differentiable; at run time call it within `torch.inference_mode()` and after `.eval()`.

    Args:
        config: Sizes; only the trunks it names exist.

    Attributes:
        config: Sizes of the trunks that exist.
        modality_preprocessors: From an input to the tokens of its trunk, by modality; none for
            point.
        modality_trunks: Transformers from tokens [B,L,D] to the token that the head reads, by
            modality; none for point.
        modality_heads: Norm and projection to [B,out_width], by modality.
        modality_postprocessors: Normalisation to unit length and logit scale, by modality.
        point_trunk: From point clouds [B,N,3] to features [B,feature_width]; absent where
            `config` has no point section.
    """

    def __init__(self, config: ImageBindConfig) -> None:
        super().__init__()
        self.config = config
        self.modality_preprocessors = nn.ModuleDict()
        self.modality_trunks = nn.ModuleDict()
        self.modality_heads = nn.ModuleDict()
        self.modality_postprocessors = nn.ModuleDict()
        self._digest: str | None = None
        for name in config.trunks:
            trunk = config.trunk(name)
            if isinstance(trunk, PointConfig):
                self.point_trunk = PointTrunk(trunk)
            else:
                self.modality_preprocessors[name] = _preprocessor(trunk)
                self.modality_trunks[name] = Transformer(trunk, norm_first=name == "vision")
            self.modality_heads[name] = _head(trunk, config.out_width)
            self.modality_postprocessors[name] = _postprocessor(trunk)

    def encode(self, modality: str, x: Tensor, *, fps_start: Tensor | None = None) -> Tensor:
        """Embeddings as the published model returns them.

        Args:
            modality: "vision", "text", "audio", "depth", "thermal", "imu" or "point".
            x: [B,3,H,W] or [B,S,3,H,W] or [B,S,3,2,H,W] for vision, ids [B,L] for text,
                [B,1,mel,T] or [B,S,1,mel,T] for audio, [B,1,H,W] for depth and thermal, [B,6,T]
                for imu, [B,N,3] for point. Five and more axes are clips S, which are averaged.
            fps_start: For points: first farthest-point index of each cloud [B]; 0 by default.

        Returns:
            [B,out_width]: unit length times the modality's logit scale. An average over clips is
            not normalised again, so it is a little shorter.

        Raises:
            InputError: A shape that the trunk cannot take.
            ConfigurationError: No such trunk in this model.
        """
        return self.encode_with_prenorm(modality, x, fps_start=fps_start)[0]

    def encode_with_prenorm(
        self, modality: str, x: Tensor, *, fps_start: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As `encode`, and the head's output before normalisation [B,out_width], for image making.

        Raises:
            InputError: A shape that the trunk cannot take.
            ConfigurationError: No such trunk in this model.
        """
        trunk = self.config.trunk(modality)
        clips = x.shape[1] if x.ndim >= 5 else None
        single = x if clips is None else x.flatten(0, 1)  # [B*S,...]
        _check_shape(modality, single, trunk)
        if modality == "point":
            features = self.point_trunk(single, fps_start)
        elif modality == "text":
            features = self._text_features(single)
        else:
            features = self.modality_trunks[modality](self.modality_preprocessors[modality](single))
        # In full precision from here on: lengths and averages of bfloat16 are coarse.
        prenorm = self.modality_heads[modality](features).float()  # [B*S,out]
        final = self.modality_postprocessors[modality](prenorm)
        if clips is not None:
            prenorm = prenorm.unflatten(0, (-1, clips)).mean(1)
            final = final.unflatten(0, (-1, clips)).mean(1)
        return final, prenorm

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Encodes a dictionary modality -> tensor; see `encode`."""
        return {modality: self.encode(modality, x) for modality, x in inputs.items()}

    def _text_features(self, ids: Tensor) -> Tensor:
        """Ids [B,L] to the token at the largest id, the end of the text [B,D]."""
        end = ids.argmax(dim=-1)
        # Attention is causal: what follows the last end of the batch changes nothing.
        tokens, mask = self.modality_preprocessors["text"](ids[:, : int(end.max()) + 1])
        return self.modality_trunks["text"](tokens, mask, end)[:, 0]

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that identify the checkpoint, the same in every worker.

        A model that was not loaded from a file is identified by its present weights.
        """
        if self._digest is not None:
            return self._digest
        whole = hashlib.sha256(self.config.to_json().encode())
        for name, value in self.state_dict().items():
            whole.update(name.encode())
            whole.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        return whole.hexdigest()[:12]

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        modalities: Iterable[str] | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        config: ImageBindConfig | None = None,
    ) -> ImageBind:
        """Loads a checkpoint in evaluation mode, or some of its trunks without the others.

        Args:
            path: A directory with config.json and model.safetensors, or one .safetensors or .pth
                file; a file alone has the published sizes unless `config` says otherwise.
            modalities: Trunks to load; None loads all.
            dtype: Type of the weights in memory.
            config: Overrides the sizes.

        Raises:
            CheckpointError: Missing, damaged, or tensors missing, extra or misshapen.
            ConfigurationError: A bad config.json, or a modality that the checkpoint lacks.
        """
        path = Path(path)
        whole = config or checkpoint.read_config(path)
        with without_values():
            model = cls(whole if modalities is None else whole.only(modalities))
        shapes = {key: value.shape for key, value in model.state_dict().items()}
        tensors = checkpoint.read_tensors(path, shapes, whole.trunks, dtype)
        model.load_state_dict(tensors, assign=True)
        model._digest = checkpoint.fingerprint(path, whole)
        return model.eval()

    def save_pretrained(self, path: str | Path, *, dtype: torch.dtype | None = None) -> None:
        """Writes config.json and model.safetensors, each whole or not at all.

        Args:
            path: Directory, made if missing.
            dtype: Type of the floating-point tensors on disk; None keeps that of the model.

        Raises:
            StorageError: The directory or a file cannot be written.
        """
        state = self.state_dict()
        if dtype is not None:
            state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}
        checkpoint.write(Path(path), self.config, state)


def _preprocessor(trunk: TrunkConfig) -> nn.Module:
    match trunk:
        case VisionConfig():
            return stems.PatchPreprocessor("rgbt_stem", stems.FrameStem(trunk), trunk)
        case TextConfig():
            return stems.TextPreprocessor(trunk)
        case AudioConfig():
            stem = stems.PlaneStem(trunk.width, trunk.patch, trunk.stride)
            return stems.PatchPreprocessor("rgbt_stem", stem, trunk)
        case DepthConfig() | ThermalConfig():
            stem = stems.PlaneStem(trunk.width, trunk.patch, trunk.patch)
            name = "depth_stem" if isinstance(trunk, DepthConfig) else "rgbt_stem"
            return stems.PatchPreprocessor(name, stem, trunk)
        case ImuConfig():
            return stems.ImuPreprocessor(trunk)
    raise ConfigurationError(f"no stem for {type(trunk).__name__}")


def _head(trunk: TrunkConfig, out: int) -> nn.Module:
    """Norm, pooling and projection; the places in the sequence are the published key numbers."""
    if isinstance(trunk, TextConfig):
        return TextHead(trunk.width, out)
    width = trunk.feature_width if isinstance(trunk, PointConfig) else trunk.width
    layers: list[nn.Module] = [nn.LayerNorm(width, eps=BLOCK_EPS)]
    if not isinstance(trunk, PointConfig):
        layers.append(TakeFirst())
    if isinstance(trunk, PointConfig | ImuConfig):
        layers.append(nn.Dropout(0.5))
    return nn.Sequential(*layers, nn.Linear(width, out, bias=False))


def _postprocessor(trunk: TrunkConfig) -> nn.Module:
    if trunk.logit_scale is None:
        return nn.Sequential(Normalize())
    scale = LogitScale(trunk.logit_scale, learnable=trunk.learn_logit_scale)
    return nn.Sequential(Normalize(), scale)


def _check_shape(modality: str, x: Tensor, trunk: TrunkConfig) -> None:
    """Refuses an input [B,...] (clips already unfolded) that the trunk would misread."""
    shape = tuple(x.shape)
    match trunk:
        case VisionConfig():
            fits = x.ndim in (4, 5) and shape[1] == 3 and min(shape[-2:]) >= trunk.patch
            fits = fits and (x.ndim == 4 or shape[2] in (1, trunk.frames))
            wanted = f"[B,3,H,W], or clips [B,S,3,{trunk.frames},H,W]"
        case TextConfig():
            fits = x.ndim == 2 and 0 < shape[1] <= trunk.context_length
            wanted = f"token ids [B,L] with L up to {trunk.context_length}"
        case AudioConfig():
            fits = x.ndim == 4 and shape[1:] == (1, trunk.mel_bins, trunk.mel_frames)
            wanted = f"[B,1,{trunk.mel_bins},{trunk.mel_frames}]"
        case ImuConfig():
            fits = x.ndim == 3 and shape[1:] == (trunk.channels, trunk.length)
            wanted = f"[B,{trunk.channels},{trunk.length}]"
        case PointConfig():
            fits, wanted = x.ndim == 3 and shape[2] == 3, "[B,N,3]"
        case _:
            fits, wanted = x.ndim == 4 and shape[1] == 1, "[B,1,H,W]"
    if not fits or shape[0] == 0:
        raise InputError(f"{modality} input {list(shape)} does not fit; expected {wanted}")
