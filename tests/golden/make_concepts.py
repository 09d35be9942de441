"""``concepts.safetensors``: deep feature factorization, as ``tests/concepts.rs`` compares it.

In float64, stored as f32, by scikit-learn's ``NMF`` as grad-cam 1.5.7 calls it (coordinate descent, 200 sweeps at most, tolerance 1e-4),
but from NNDSVD with exact singular vectors in the place of random numbers:

* ``nmf/x`` [40, 30], random; ``nmf/{k}/w`` [40, k] and ``nmf/{k}/h`` [30, k], its factors, for k = 2 and 5;
* ``small/...`` and ``lite0/...``: the networks and photos of make_methods.py at their last layers, 3 and 5 concepts. ``maps`` [k, h, w]:
  each divided by its maximum, in the order of how much of the layer they explain; ``logits`` [k, classes]: the classifier's, of each
  concept at its strongest.

    pip install torch torchvision timm grad-cam captum torchcam scikit-image scikit-learn safetensors scipy
    python make_concepts.py efficientnet-lite0-57934424.pth
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from sklearn.decomposition import NMF
from torch import nn

import make_methods
import make_photonet
import make_small
import refnet
from refnet import HERE

Arrays = dict[str, np.ndarray]


def nndsvd(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """sklearn.decomposition._nmf._initialize_nmf, init="nndsvd"."""
    u, s, v = np.linalg.svd(x, full_matrices=False)
    w, h = np.zeros((x.shape[0], k)), np.zeros((k, x.shape[1]))
    for t in range(min(k, len(s))):
        best = (0.0, np.zeros(x.shape[0]), np.zeros(x.shape[1]))
        for sign in (1, -1):
            left, right = np.maximum(sign * u[:, t], 0), np.maximum(sign * v[t], 0)
            l, r = np.linalg.norm(left), np.linalg.norm(right)
            if l * r > best[0]:
                best = (l * r, left / l, right / r)
        w[:, t], h[t] = np.sqrt(s[t] * best[0]) * best[1], np.sqrt(s[t] * best[0]) * best[2]
    return np.where(w < 1e-6, 0, w), np.where(h < 1e-6, 0, h)


def factorize(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    w, h = nndsvd(x, k)
    model = NMF(n_components=k, init="custom")
    w = model.fit_transform(x, W=w, H=h)
    print(x.shape, k, model.n_iter_, "sweeps")
    return w, model.components_


@torch.no_grad()
def concepts(model: nn.Module, classifier: nn.Module, layer: str, x: torch.Tensor, k: int) -> Arrays:
    found: list[torch.Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda _module, _x, y: found.append(y))
    model(x)
    handle.remove()
    activations = found[0][0].numpy()
    planes = activations.reshape(len(activations), -1)
    offset = planes.min(1)
    w, h = factorize(planes - offset[:, None], k)
    strongest = h.max(1)
    order = np.argsort(-w.sum(0) * h.sum(1), kind="stable")
    features = (w * strongest + offset[:, None])[:, order].T
    maps = (h / strongest[:, None])[order].reshape(k, *activations.shape[1:])
    return {"maps": maps, "logits": classifier(torch.from_numpy(features)).numpy()}


def main(lite0: str) -> None:
    out: Arrays = {"nmf/x": np.random.default_rng(3).random((40, 30)).astype(np.float32)}
    for k in (2, 5):
        w, h = factorize(out["nmf/x"].astype(np.float64), k)
        out |= {f"nmf/{k}/w": w, f"nmf/{k}/h": h.T}
    small = make_small.small().double()
    x = refnet.normalise(make_methods.photo(*make_small.PHOTOS["a"])).double()
    trained = make_photonet.trained(lite0, make_photonet.LITE0)
    coffee = make_photonet.normalised(make_photonet.photo("coffee", make_photonet.PHOTOS["coffee"]))
    for network, found in {
        "small": concepts(small, small.fc, "layer4", x.reshape(1, *x.shape[-3:]), 3),
        "lite0": concepts(trained, trained.classifier, "head", coffee.reshape(1, *coffee.shape[-3:]), 5),
    }.items():
        out |= {f"{network}/{name}": value for name, value in found.items()}
    save_file({k: np.ascontiguousarray(v.astype(np.float32)) for k, v in out.items()}, HERE / "concepts.safetensors")


if __name__ == "__main__":
    main(*sys.argv[1:])
