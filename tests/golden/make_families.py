"""Writes families.safetensors: what PyTorch computes for every family of ResNets at its real size.

    pip install torch torchvision safetensors numpy pillow      # made with 2.15.0, 0.29.2, 0.8.0, 2.4.6
    python make_families.py

The networks are torchvision's own constructors; their weights are those of `random_state_dict` in ../common/golden_weights.rs, by the
generator of refnet.py, so nothing large is stored. For each: the logits of one 64 x 64 input, and the likeliest class's raw Grad-CAM
(before ReLU) at layer3 and layer4, all computed in float64 and stored as f32.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import torchvision
from safetensors.torch import save_file

from refnet import Affine, hash_unit

HERE = Path(__file__).resolve().parent
SEED = 7
SIDE = 64
FAMILIES = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "resnext50_32x4d"]


def distribution(key: str, shape: tuple[int, ...], convs: int) -> Affine:
    """`golden_weights::random_state_dict`."""
    part = key.rsplit(".", 1)[-1]
    if len(shape) == 4:
        return Affine(0.0, float(np.float32(math.sqrt(6.0 / (shape[1] * shape[2] * shape[3])))))
    if part == "running_mean":
        return Affine(0.0, float(np.float32(0.1)))
    if part == "running_var":
        return Affine(1.0, 0.5)
    if key == "fc.weight":
        return Affine(0.0, float(np.float32(math.sqrt(6.0 / shape[1]))))
    if key == "fc.bias":
        return Affine(0.0, float(np.float32(0.1)))
    if part == "weight":
        return Affine(float(np.float32(0.3)), float(np.float32(0.2))) if f".bn{convs}." in key else Affine(1.0, 0.25)
    return Affine(0.0, 0.25)


def network(family: str) -> torch.nn.Module:
    with torch.device("meta"):
        model = getattr(torchvision.models, family)(weights=None)
    convs = 2 if family in ("resnet18", "resnet34") else 3
    state = {}
    for key, meta in model.state_dict().items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.zeros((), dtype=torch.int64)
        else:
            values = distribution(key, tuple(meta.shape), convs).sample(key, meta.numel(), SEED)
            state[key] = torch.from_numpy(values.reshape(tuple(meta.shape)))
    model.load_state_dict(state, assign=True)
    return model.eval()


def results(model: torch.nn.Module, image: torch.Tensor) -> dict[str, torch.Tensor]:
    kept: dict[str, torch.Tensor] = {}
    hooks = [
        getattr(model, layer).register_forward_hook(lambda _m, _i, out, layer=layer: kept.update({layer: out}))
        for layer in ("layer3", "layer4")
    ]
    logits = model(image[None])[0]
    for hook in hooks:
        hook.remove()
    found = {"logits": logits.detach()}
    gradients = torch.autograd.grad(logits.max(), list(kept.values()))
    for (layer, activation), gradient in zip(kept.items(), gradients):
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        found[layer] = (weights * activation.detach()).sum(1)[0]
    return found


def main() -> None:
    torch.set_num_threads(1)
    image = torch.from_numpy(hash_unit("families/input", 3 * SIDE * SIDE, SEED).reshape(3, SIDE, SIDE))
    stored = {"input": image}
    for family in FAMILIES:
        model = network(family)
        single = results(model, image)
        double = results(model.double(), image.double())
        for name, value in double.items():
            worst = (single[name].double() - value).abs().max() / value.abs().max()
            print(f"{family} {name}: f32 is {worst:.1e} of the largest away from f64")
            stored[f"{family}/{name}"] = value.float().contiguous()
        del model
    save_file(stored, HERE / "families.safetensors")


if __name__ == "__main__":
    main()
