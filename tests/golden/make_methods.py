"""``methods.safetensors``: what came after the ten methods of ``small.safetensors`` and ``photonet.safetensors``, by the packages that
have them, on a ResNet and on EfficientNet-Lite0 at two layers each, as ``tests/methods.rs`` compares it.

In float64, stored as f32, for the networks and photos

* ``small``: the network of make_small.py with its weights and its photo ``a``, at ``layer2`` and ``layer4``;
* ``lite0``: EfficientNet-Lite0 of make_photonet.py with its trained weights and its photo ``coffee``, at ``blocks.2`` and ``head``.

``{network}/{layer}/{method}/{objective}/raw`` [h, w]: the map before ReLU and scaling, of the likeliest class; ``method`` is the name on
the command line, ``objective`` is ``logit`` or ``probability``.

From grad-cam 1.5.7: FinerCAM, ShapleyCAM (also of the probability, of whose second derivative it is about), FEM and KPCA-CAM.

    pip install torch torchvision timm grad-cam captum safetensors scipy    # 2.15.0, 0.29.2, 1.0.31, 1.5.7, 0.9.0, 0.8.0
    python make_methods.py efficientnet-lite0-57934424.pth                  # some minutes on two busy cores
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

os.environ.setdefault("TQDM_DISABLE", "1")

import numpy as np
import pytorch_grad_cam as pgc
import torch
from PIL import Image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget, ClassifierOutputTarget, FinerWeightedTarget
from safetensors.numpy import save_file
from torch import nn

import make_photonet
import make_small
import refnet
from refnet import HERE

Arrays = dict[str, np.ndarray]


def raw(method: type, model: nn.Module, layer: str, x: torch.Tensor, target: Callable) -> np.ndarray:
    """The map [h, w] of a method of ``grad-cam`` before ReLU and scaling."""
    found = []
    with method(model=model, target_layers=[model.get_submodule(layer)]) as cam:
        image_of = cam.get_cam_image

        def recorded(*args):
            found.append(np.array(image_of(*args)[0]))
            return np.array(found[-1])[None]

        cam.get_cam_image = recorded
        cam(input_tensor=x.clone().requires_grad_(), targets=[target])
    return found[-1]


def finer(logits: torch.Tensor) -> FinerWeightedTarget:
    """What FinerCAM makes of no target; given to Grad-CAM, whose map is not scaled yet."""
    nearest = (logits - logits.max()).abs().argsort()
    return FinerWeightedTarget(int(nearest[0]), nearest[1:4].tolist(), alpha=1)


def of_layer(model: nn.Module, layer: str, x: torch.Tensor) -> Arrays:
    logits = model(x)[0].detach()
    top = int(logits.argmax())
    logit, probability = ClassifierOutputTarget(top), ClassifierOutputSoftmaxTarget(top)
    return {
        "finer-cam/logit": raw(pgc.GradCAM, model, layer, x, finer(logits)),
        "shapley-cam/logit": raw(pgc.ShapleyCAM, model, layer, x, logit),
        "shapley-cam/probability": raw(pgc.ShapleyCAM, model, layer, x, probability),
        "fem/logit": raw(pgc.FEM, model, layer, x, logit),
        "kpca-cam/logit": raw(pgc.KPCA_CAM, model, layer, x, logit),
    }


def photo(name: str, box: tuple[int, int, int, int], size: tuple[int, int]) -> np.ndarray:
    image = Image.open(HERE / "images" / f"{name}.png").convert("RGB")
    return np.asarray(image.crop(box).resize(size, Image.Resampling.BILINEAR)).copy()


def main(lite0: str) -> None:
    torch.set_num_threads(2)
    networks = {
        "small": (make_small.small().double(), refnet.normalise(photo(*make_small.PHOTOS["a"])).double(), ("layer2", "layer4")),
        "lite0": (
            make_photonet.trained(lite0, make_photonet.LITE0).requires_grad_(),  # else nothing is there to differentiate twice
            make_photonet.normalised(make_photonet.photo("coffee", make_photonet.PHOTOS["coffee"])),
            ("blocks.2", "head"),
        ),
    }
    out: Arrays = {}
    for network, (model, x, layers) in networks.items():
        x = x.reshape(1, *x.shape[-3:])
        for layer in layers:
            for name, value in of_layer(model, layer, x).items():
                out[f"{network}/{layer}/{name}/raw"] = value
                print(network, layer, name, value.shape, f"{np.abs(value).max():.3g}", flush=True)
    save_file({k: np.ascontiguousarray(v.astype(np.float32)) for k, v in out.items()}, HERE / "methods.safetensors")


if __name__ == "__main__":
    main(*sys.argv[1:])
