"""``methods.safetensors``: what came after the ten methods of ``small.safetensors`` and ``photonet.safetensors``, by the packages that
have them, on a ResNet and on EfficientNet-Lite0 at two layers each, as ``tests/methods.rs`` compares it.

In float64, stored as f32, for the networks and photos

* ``small``: the network of make_small.py with its weights and its photo ``a``, at ``layer2`` and ``layer4``;
* ``lite0``: EfficientNet-Lite0 of make_photonet.py with its trained weights and its photo ``coffee``, at ``blocks.2`` and ``head``.

``{network}/{layer}/{method}/{objective}/raw`` [h, w] (``raw_sample``, where it has more than 4096 values: 2048 of them, element
``j * size // 2048``): the map before ReLU and scaling, of the likeliest class; ``method`` is the name on
the command line, ``objective`` is ``logit`` or ``probability``. In its place stand ``eigen``, for maps of the logit with grad-cam's
``eigen_smooth``, and ``aug``, for heatmaps [H, W] with its ``aug_smooth``.

From grad-cam 1.5.7: FinerCAM, ShapleyCAM (also of the probability, whose second derivative is not 0), FEM and KPCA-CAM.

Also from there, with ``input`` for the layer and [H, W] for the map: FullGrad; and RefineCAM, a heatmap [H, W], at the layer and at those
behind it, the last of each size of the grid.

From torchcam 0.5.0: SS-CAM, with the noise of Gradlens' seeds in the place of torch's, and IS-CAM; of ``lite0`` at ``blocks.2`` only,
since they need 35 and 10 passes a channel.

From captum 0.9.0, with ``input`` for the layer and [H, W] for the map, the sum over the three colours: input x gradient, integrated
gradients (its 50 points of Gauss-Legendre, baseline 0), occlusion (squares of a seventh of the shorter side, moved by half of it, baseline
0), and SmoothGrad (NoiseTunnel of Saliency: 50 samples, noise of 0.15 of the input's range; the sum of absolute values) with the noise that
Gradlens draws from its seed in the place of torch's. RISE is its authors' code (github.com/eclique/RISE, which makes masks by
scikit-image), with the random numbers of Gradlens' seed and 1,000 masks; of ``small`` only.

    pip install torch torchvision timm grad-cam captum torchcam safetensors scipy    # 2.15.0, 0.29.2, 1.0.31, 1.5.7, 0.9.0, 0.5.0, 0.8.0
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
from captum.attr import InputXGradient, IntegratedGradients, NoiseTunnel, Occlusion, Saliency
from PIL import Image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget, ClassifierOutputTarget, FinerWeightedTarget
from safetensors.numpy import save_file
from skimage.transform import resize
from torch import nn
from torchcam.methods import ISCAM, SSCAM

import make_photonet
import make_small
import refnet
from refnet import HERE

Arrays = dict[str, np.ndarray]


def raw(method: type, model: nn.Module, layer: str, x: torch.Tensor, target: Callable, **switches: bool) -> np.ndarray:
    """The map [h, w] of a method of ``grad-cam`` before ReLU and scaling."""
    found = []
    with method(model=model, target_layers=[model.get_submodule(layer)]) as cam:
        image_of = cam.get_cam_image

        def recorded(*args):
            found.append(np.array(image_of(*args)[0]))
            return np.array(found[-1])[None]

        cam.get_cam_image = recorded
        cam(input_tensor=x.clone().requires_grad_(), targets=[target], **switches)
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


def full_grad(model: nn.Module, x: torch.Tensor) -> np.ndarray:
    found = []
    with pgc.FullGrad(model=model, target_layers=[]) as cam:
        cam.aggregate_multi_layers = lambda maps: found.append(maps) or np.zeros_like(maps)
        cam(input_tensor=x.clone(), targets=[ClassifierOutputTarget(int(model(x)[0].argmax()))])
    return found[0][0, 0]


# One layer for each size of the grid.
OF_EACH_SIZE = {
    "small": ("layer1", "layer2", "layer3", "layer4"),
    "lite0": ("blocks.1", "blocks.2", "blocks.4", "head"),
}


def refine(model: nn.Module, layers: tuple[str, ...], x: torch.Tensor) -> np.ndarray:
    cam = pgc.RefineCAM(model=model, target_layers=[model.get_submodule(layer) for layer in layers])
    return cam(x.clone().requires_grad_(), [ClassifierOutputTarget(int(model(x)[0].argmax()))])[0]


class Random:
    """``Normal`` of src/explain/faithfulness.rs: xorshift32; a normal number is the sum of twelve uniform ones minus 6, in f32."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def uniform(self, count: int) -> np.ndarray:
        state, values = self.state, np.empty(count, np.uint32)
        for i in range(count):
            state ^= state << 13 & 0xFFFFFFFF
            state ^= state >> 17
            state ^= state << 5 & 0xFFFFFFFF
            values[i] = state
        self.state = state
        return values.astype(np.float32) / np.float32(2**32)

    def normal(self, count: int) -> np.ndarray:
        terms, total = self.uniform(12 * count).reshape(count, 12), np.zeros(count, np.float32)
        for i in range(12):
            total += terms[:, i]
        return total - np.float32(6)


def normals(seeds: np.ndarray, count: int) -> np.ndarray:
    """``Random(seed).normal(count)`` of many seeds at once: [seeds, count]."""
    state, out = seeds.astype(np.uint32), np.zeros((len(seeds), count), np.float32)
    for i in range(12 * count):
        state ^= state << np.uint32(13)
        state ^= state >> np.uint32(17)
        state ^= state << np.uint32(5)
        out[:, i // 12] += state.astype(np.float32) / np.float32(2**32)
    return out - np.float32(6)


def hashed(x: np.ndarray) -> np.ndarray:
    """``hash`` of src/cpu/operation.rs: lowbias32."""
    x = x.astype(np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


class SeededSSCAM(SSCAM):
    """The n-th mask of channel c has the noise of seed hash(35 c + n + 1) | 1."""

    def __init__(self, *args, **more) -> None:
        super().__init__(*args, **more)
        self._distrib, self.drawn = self, -1

    def sample(self, size: torch.Size) -> torch.Tensor:
        self.drawn += 1
        _, channels, height, width = size
        seeds = hashed(np.arange(channels) * self.num_samples + self.drawn + 1) | np.uint32(1)
        noise = normals(seeds, height * width).reshape(size)
        return self.std * torch.from_numpy(noise)


def of_torchcam(method: type, model: nn.Module, layer: str, x: torch.Tensor) -> np.ndarray:
    with method(model, layer, input_shape=tuple(x.shape[1:])) as extractor:
        logits = model(x)
        weights = extractor._get_weights(int(logits[0].argmax()))[0]
        activations = extractor.hook_a[0]
        return (weights[..., None, None] * activations).sum(1)[0].detach().numpy()


SAMPLES, NOISE = 50, 0.15
SQUARES = 7
MASKS, CELLS, VISIBLE = 1000, 7, 0.5
SEED = 1


@torch.no_grad()
def rise(model: nn.Module, x: torch.Tensor, category: int) -> np.ndarray:
    """``RISE.generate_masks`` and ``forward``, of the logit."""
    height, width = x.shape[2:]
    cell = np.ceil(np.array([height, width]) / CELLS).astype(int)
    random, total = Random(SEED), np.zeros((height, width))
    for _ in range(MASKS):
        grid = (random.uniform(CELLS * CELLS) < VISIBLE).astype(float).reshape(CELLS, CELLS)
        top, left = (random.uniform(2) * cell.astype(np.float32)).astype(int)
        stretched = resize(grid, (CELLS + 1) * cell, order=1, mode="reflect", anti_aliasing=False)
        mask = stretched[top : top + height, left : left + width]
        total += model(x * torch.from_numpy(mask))[0, category].item() * mask
    return total / MASKS / VISIBLE


def of_input(model: nn.Module, x: torch.Tensor, with_rise: bool) -> Arrays:
    top = int(model(x)[0].argmax())
    side = max(min(x.shape[2:]) // SQUARES, 2)
    random, deviation = Random(SEED), NOISE * (x.float().max() - x.float().min())

    def noisy(values: torch.Tensor, stdev: float, count: int) -> torch.Tensor:
        noise = random.normal(count * values.numel()).reshape(count, *values.shape[1:])
        return values + deviation * torch.from_numpy(noise)

    tunnel = NoiseTunnel(Saliency(model))
    tunnel._add_noise_to_input = noisy
    smooth = tunnel.attribute(x, nt_type="smoothgrad", nt_samples=SAMPLES, nt_samples_batch_size=1, target=top, abs=False)
    maps = {
        "input-x-gradient": InputXGradient(model).attribute(x, target=top),
        "integrated-gradients": IntegratedGradients(model).attribute(x, target=top, internal_batch_size=10),
        # Each colour has the square's whole loss: a third is its share.
        "occlusion": Occlusion(model).attribute(x, (3, side, side), (3, side // 2, side // 2), target=top) / 3,
        "smooth-grad": smooth.abs(),
    }
    out = {f"{name}/logit": value[0].sum(0).detach().numpy() for name, value in maps.items()}
    return out | ({"rise/logit": rise(model, x, top)} if with_rise else {})


def reduced(value: np.ndarray) -> tuple[str, np.ndarray]:
    if value.size <= 4096:
        return "raw", value
    return "raw_sample", value.reshape(-1)[np.arange(2048) * value.size // 2048]


def smoothed(model: nn.Module, layer: str, x: torch.Tensor, names: tuple[str, ...]) -> Arrays:
    target = ClassifierOutputTarget(int(model(x)[0].argmax()))
    out = {f"{name}/eigen": raw(EIGEN[name], model, layer, x, target, eigen_smooth=True) for name in names}
    with pgc.GradCAM(model=model, target_layers=[model.get_submodule(layer)]) as cam:
        out["grad-cam/aug"] = cam(input_tensor=x.clone().requires_grad_(), targets=[target], aug_smooth=True)[0]
    return out


EIGEN = {
    "grad-cam": pgc.GradCAM,
    "hires-cam": pgc.HiResCAM,
    "layer-cam": pgc.LayerCAM,
    # These two divide by sums that may be near zero where values have both signs, as in ``lite0``.
    "grad-cam++": pgc.GradCAMPlusPlus,
    "xgrad-cam": pgc.XGradCAM,
}


def slow(model: nn.Module, layer: str, x: torch.Tensor) -> Arrays:
    methods = {"ss-cam": SeededSSCAM, "is-cam": ISCAM}
    return {f"{name}/logit": of_torchcam(method, model, layer, x) for name, method in methods.items()}


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
        maps = {layer: of_layer(model, layer, x) for layer in layers}
        for layer in layers:
            maps[layer] |= smoothed(model, layer, x, tuple(EIGEN)[: 5 if network == "small" else 3])
        for layer in layers if network == "small" else layers[:1]:
            maps[layer] |= slow(model, layer, x)
        sizes = OF_EACH_SIZE[network]
        for layer in layers:
            maps[layer]["refine-cam/logit"] = refine(model, sizes[sizes.index(layer) :], x)
        maps["input"] = {"full-grad/logit": full_grad(model, x)} | of_input(model, x, with_rise=network == "small")
        for layer, of in maps.items():
            for name, value in of.items():
                kind, kept = reduced(value)
                out[f"{network}/{layer}/{name}/{kind}"] = kept
                print(network, layer, name, value.shape, f"{np.abs(value).max():.3g}", flush=True)
    save_file({k: np.ascontiguousarray(v.astype(np.float32)) for k, v in out.items()}, HERE / "methods.safetensors")


if __name__ == "__main__":
    main(*sys.argv[1:])
