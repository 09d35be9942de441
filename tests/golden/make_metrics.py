"""``metrics.json``: what Quantus says of maps of ``small.safetensors``, as ``tests/metrics.rs`` compares it.

For each map ``{photo}/method/{name}/{layer}/cam`` [H, W] and each of five boxes [x0, y0, x1, y1) (the quarters of the picture and its
middle): ``pointing``, Quantus' PointingGame, and ``mass``, its RelevanceMassAccuracy, with the box for the segmentation. ``sparseness``
of each map is its Sparseness, the Gini index. Maps that are 0 everywhere are left out: Quantus divides by their sum.

For the maps of ROAD: ``morf`` and ``lerf`` [9], the probabilities of the likeliest class in f64 after Quantus' noisy_linear_imputation,
without noise, has replaced the pixels of the same percentiles as grad-cam. Its ROAD itself is not taken: it tells how many pictures of a
data set are still classified right, where grad-cam and Gradlens tell the probability on one.

    pip install quantus grad-cam torch torchvision opencv-python-headless safetensors scipy    # 0.6.0, 1.5.7, 2.15.0, 0.29.2
    python make_metrics.py                                                            # a few seconds
"""

from __future__ import annotations

import json

import numpy as np
import quantus
import torch
from quantus.functions.perturb_func import noisy_linear_imputation
from safetensors.numpy import load_file

import refnet
from make_small import PERCENTILES, probability, small
from refnet import HERE

ROAD = ("GradCAM/layer4", "GradCAM/layer2", "LayerCAM/layer3", "EigenCAM/layer3")
QUIET = {"disable_warnings": True, "display_progressbar": False, "return_aggregate": False, "normalise": False}


def boxes(h: int, w: int) -> list[list[int]]:
    across, down = (0, w // 2, w), (0, h // 2, h)
    quarters = [[across[i], down[j], across[i + 1], down[j + 1]] for j in (0, 1) for i in (0, 1)]
    return [*quarters, [w // 4, h // 4, w - w // 4, h - h // 4]]


def scores(metric: quantus.Metric, maps: np.ndarray, segments: np.ndarray | None = None) -> list:
    """Of ``maps`` [n, H, W], with ``segments`` of that shape."""
    extra = {} if segments is None else {"s_batch": segments[:, None]}
    pictures = np.zeros_like(maps)[:, None]
    found = metric(model=None, x_batch=pictures, y_batch=np.zeros(len(maps), int), a_batch=maps[:, None], **extra)
    return [value.item() for value in np.asarray(found).ravel()]


def road(model: torch.nn.Module, x: np.ndarray, cam: np.ndarray, category: int) -> dict[str, list[float]]:
    """x [3, H, W]; as grad-cam's RemoveMostRelevantFirst and RemoveLeastRelevantFirst choose the pixels."""
    out = {}
    for name, heat in (("morf", cam), ("lerf", 1 - cam)):
        out[name] = []
        for percentile in PERCENTILES:
            removed = np.flatnonzero(heat.ravel() >= np.float32(np.percentile(heat, percentile)))
            imputed = noisy_linear_imputation(x, removed, noise=0).reshape(x.shape)
            out[name].append(probability(model, torch.from_numpy(imputed), category))
    return out


def main() -> None:
    file = load_file(HERE / "small.safetensors")
    model = small()
    model.load_state_dict({key: torch.from_numpy(file[f"net/{key}"]) for key in model.state_dict() if f"net/{key}" in file}, strict=False)
    model = model.double()
    out = {}
    for key in sorted(key for key in file if "/method/" in key and key.endswith("/cam") and file[key].any()):
        cam = file[key]
        h, w = cam.shape
        found = {"boxes": boxes(h, w)}
        segments = np.zeros((len(found["boxes"]), h, w), bool)
        for segment, (x0, y0, x1, y1) in zip(segments, found["boxes"]):
            segment[y0:y1, x0:x1] = True
        maps = np.repeat(cam[None].astype(np.float64), len(segments), 0)
        found["pointing"] = [bool(hit) for hit in scores(quantus.PointingGame(**QUIET), maps, segments)]
        found["mass"] = scores(quantus.RelevanceMassAccuracy(**QUIET), maps, segments)
        (found["sparseness"],) = scores(quantus.Sparseness(**QUIET), maps[:1])
        photo, _, name, layer, _ = key.split("/")
        if f"{name}/{layer}" in ROAD:
            x = refnet.normalise(file[f"{photo}/image"])[0].double().numpy()
            found |= road(model, x, cam, int(file[f"{photo}/logits"].argmax()))
        out[key] = found
    (HERE / "metrics.json").write_text("{\n" + ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in out.items()) + "\n}\n")
    print(len(out), "maps")


if __name__ == "__main__":
    main()
