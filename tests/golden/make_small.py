"""``small.safetensors``: every explanation of ``grad-cam`` at layers 2 to 4, on two photos, of a network small enough for methods
that need a pass a channel.

A ResNet of one bottleneck a stage (32, 64, 128 and 256 channels), random weights from a seed, stored in the file itself under
``net/``. Everything else is computed in float64 and stored as f32, for photos ``a`` and ``b``:

* ``{p}/image`` u8[H, W, 3]; ``{p}/logits`` [10]; classes (the likeliest two) are in the metadata;
* ``{p}/method/{name}/{layer}/raw`` [h, w] and ``/cam`` [H, W]: the likeliest class;
* ``{p}/fused/{name}/cam``: layers 2, 3 and 4 together;
* ``{p}/target/{probability,contrast,against}/{layer}/raw``: Grad-CAM of other numbers than the logit;
* ``{p}/guided/backprop`` [H, W, 3], ``/backprop_u8``, ``/gradcam_u8`` (with Grad-CAM at layer4);
* ``{p}/trust/...``: probabilities of perturbed photos, for Grad-CAM at layer4: ``seen`` [1], ``morf``, ``lerf`` [9] (ROAD without
  its noise), ``deletion``, ``insertion`` [17].

    python make_small.py        # a few minutes on two cores; needs scipy besides what make_reference.py needs
"""

from __future__ import annotations

import json
import os

os.environ.setdefault("TQDM_DISABLE", "1")

import cv2
import numpy as np
import pytorch_grad_cam as pgc
import torch
from PIL import Image
from pytorch_grad_cam.metrics.perturbation_confidence import RemoveLeastRelevantFirst, RemoveMostRelevantFirst
from pytorch_grad_cam.metrics.road import NoisyLinearImputer
from pytorch_grad_cam.utils.image import deprocess_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget, ClassifierOutputTarget
from safetensors.numpy import save_file
from torch import nn
from torchvision.models.resnet import Bottleneck
from torchvision.transforms.functional import gaussian_blur

import refnet
from refnet import HERE

SEED = 20
CLASSES = 10
LAYERS = ("layer2", "layer3", "layer4")
PERCENTILES = (10, 20, 30, 40, 50, 60, 70, 80, 90)  # grad-cam's own
STEPS = 16  # of deletion and insertion
PHOTOS = {
    "a": ("chelsea", (53, 70, 349, 279), (75, 53)),
    "b": ("coffee", (60, 20, 460, 320), (64, 48)),
}


class Small(nn.Module):
    """torchvision's names and forward, other widths."""

    def __init__(self, base: int = 8) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, base, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = base
        for stage in range(4):
            width, stride = base << stage, 1 if stage == 0 else 2
            downsample = nn.Sequential(nn.Conv2d(channels, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))
            setattr(self, f"layer{stage + 1}", nn.Sequential(Bottleneck(channels, width, stride, downsample)))
            channels = 4 * width
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Contrast:
    """logit of one class minus that of another."""

    def __init__(self, category: int, than: int) -> None:
        self.category, self.than = category, than

    def __call__(self, output: torch.Tensor) -> torch.Tensor:
        return output[self.category] - output[self.than]


class Against(ClassifierOutputTarget):
    """The counterfactual: the negated logit."""

    def __call__(self, output: torch.Tensor) -> torch.Tensor:
        return -super().__call__(output)


def small() -> Small:
    torch.manual_seed(SEED)
    model = Small()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.6, 1.2)
            nn.init.uniform_(module.bias, -0.2, 0.2)
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.6, 1.4)
    nn.init.normal_(model.fc.weight, std=0.15)
    return model.eval()


METHODS = {
    name: getattr(pgc, name)
    for name in (
        "GradCAM", "GradCAMPlusPlus", "XGradCAM", "HiResCAM", "GradCAMElementWise", "LayerCAM", "EigenCAM", "EigenGradCAM",
        "ScoreCAM", "AblationCAM",
    )
}


def run(model: Small, method: type, layers: tuple[str, ...], x: torch.Tensor, target) -> tuple[np.ndarray, np.ndarray]:
    """Raw map of the last layer [h, w] and what the package returns [H, W]."""
    raw = []
    with method(model=model, target_layers=[getattr(model, name)[-1] for name in layers]) as cam:
        image_of = cam.get_cam_image

        def recorded(*args):
            raw.append(np.array(image_of(*args)[0]))
            return np.array(raw[-1])[None]

        cam.get_cam_image = recorded
        found = cam(input_tensor=x, targets=[target])[0]
    return raw[-1], found


@torch.no_grad()
def probability(model: Small, x: torch.Tensor, category: int) -> float:
    return float(torch.softmax(model(x.double()[None]), -1)[0, category])


def trust(model: Small, x: torch.Tensor, cam: np.ndarray, category: int) -> dict[str, np.ndarray]:
    """x [3, H, W] in f64, cam [H, W]."""
    out = {"seen": [probability(model, x * torch.from_numpy(cam), category)], "morf": [], "lerf": []}
    for name, remove in (("morf", RemoveMostRelevantFirst), ("lerf", RemoveLeastRelevantFirst)):
        for percentile in PERCENTILES:
            imputed = remove(percentile, NoisyLinearImputer(noise=0))(x.float(), torch.from_numpy(cam))
            out[name].append(probability(model, imputed, category))
    # Petsiuk et al. 2018 (RISE): grey (the mean) for deletion, blurred (11 pixels, sigma 5) for insertion.
    order = np.argsort(-cam.ravel(), kind="stable")
    blurred = gaussian_blur(x[None], [11, 11], [5.0, 5.0])[0]
    for name, start, end in (("deletion", x, torch.zeros_like(x)), ("insertion", blurred, x)):
        out[name] = []
        for step in range(STEPS + 1):
            changed = start.clone().reshape(3, -1)
            which = torch.from_numpy(order[: round(step * order.size / STEPS)])
            changed[:, which] = end.reshape(3, -1)[:, which]
            out[name].append(probability(model, changed.reshape(x.shape), category))
    return {name: np.array(values) for name, values in out.items()}


def main() -> None:
    torch.set_num_threads(2)
    model = small()
    out = {f"net/{key}": value.numpy() for key, value in model.state_dict().items() if value.is_floating_point()}
    model = model.double()
    classes = {}
    for p, (photo, box, size) in PHOTOS.items():
        image = Image.open(HERE / "images" / f"{photo}.png").convert("RGB").crop(box).resize(size, Image.Resampling.BILINEAR)
        rgb = np.asarray(image).copy()
        x = refnet.normalise(rgb).double()
        logits = model(x)[0].detach()
        top, second = (int(i) for i in logits.argsort(descending=True)[:2])
        classes[p] = [top, second]
        out |= {f"{p}/image": rgb, f"{p}/logits": logits.numpy()}
        target = ClassifierOutputTarget(top)
        for name, method in METHODS.items():
            for layer in LAYERS:
                raw, cam = run(model, method, (layer,), x, target)
                out |= {f"{p}/method/{name}/{layer}/raw": raw, f"{p}/method/{name}/{layer}/cam": cam}
            if not name.startswith("Eigen"):  # each layer's sign is arbitrary there
                out[f"{p}/fused/{name}/cam"] = run(model, method, LAYERS, x, target)[1]
            print(p, name, flush=True)
        others = {
            "probability": ClassifierOutputSoftmaxTarget(top),
            "contrast": Contrast(top, second),
            "against": Against(top),
        }
        for name, other in others.items():
            for layer in LAYERS:
                out[f"{p}/target/{name}/{layer}/raw"] = run(model, pgc.GradCAM, (layer,), x, other)[0]
        cam = out[f"{p}/method/GradCAM/layer4/cam"]
        out |= {f"{p}/trust/{name}": value for name, value in trust(model, x[0], cam, top).items()}
        guided = pgc.GuidedBackpropReLUModel(model=model)(x.clone(), target_category=top)
        out |= {
            f"{p}/guided/backprop": guided,
            f"{p}/guided/backprop_u8": deprocess_image(guided),
            f"{p}/guided/gradcam_u8": deprocess_image(cv2.merge([cam, cam, cam]) * guided),
        }
        print(p, classes[p], logits.numpy().round(2), flush=True)
    stored = {k: np.ascontiguousarray(v if v.dtype == np.uint8 else v.astype(np.float32)) for k, v in out.items()}
    save_file(stored, HERE / "small.safetensors", metadata={"classes": json.dumps(classes)})


if __name__ == "__main__":
    main()
