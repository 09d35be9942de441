"""``questions.safetensors``: what the question head says of emoji50's kept scenes, and where it looks for it.

emoji50 and the head in PyTorch, float64, on ``weights/emoji50/sample``; stored as f32, for case ``i`` (its picture and its question are in the
metadata):

* ``{i}/words`` i64[T]: the question's words; ``{i}/logits`` [answers];
* ``{i}/answer`` i64[1]: the likeliest answer; ``{i}/grad-cam``, ``{i}/hires-cam`` [14, 14]: its logit's maps at layer3, before ReLU.

Where a case is "at a kink", one of the head's ReLUs or maxima is so near its threshold that noise of the size of f32's errors in layer3 can change
its derivative: maps of two correct programs then may differ by more than their rounding.

    python make_questions.py        # needs torch, torchvision, safetensors, pillow, numpy
"""

from __future__ import annotations

import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file

HERE = pathlib.Path(__file__).parent
WEIGHTS = HERE.parent.parent / "weights"
sys.path[:0] = [str(WEIGHTS / "emoji50-questions"), str(WEIGHTS / "emoji50")]

import head  # noqa: E402
import language  # noqa: E402
import train  # noqa: E402


def float64(path):
    return {k: torch.from_numpy(v.astype(np.float64)) for k, v in load_file(path).items()}


def emoji50():
    weights = float64(WEIGHTS / "emoji50/emoji50.safetensors")
    net = train.build_network(weights["fc.weight"].shape[0]).double()
    missing = net.load_state_dict(weights, strict=False).missing_keys
    assert all(name.endswith("num_batches_tracked") for name in missing), missing
    return net.eval().requires_grad_(False)


def cases(lang):
    """Picture, question as a person types it, and its words' numbers: every kind in both languages."""
    patterns = {(t["kind"], t["language"], "{noun}" in t["words"]): t["patterns"][0] for t in lang.data["templates"]}
    scenes = json.loads((WEIGHTS / "emoji50/sample/scenes.json").read_text())
    for scene, place in zip(scenes, ("left", "right", "above", "below")):
        a, b = (o["class"] for o in scene["objects"])
        for which in language.LANGUAGES:
            for kind, slots in (
                ("exists", {"noun": a}), ("count", {"noun": b}), ("count", {}), ("place", {"noun": a, "place": place}),
                ("largest", {}), ("more", {"noun": a, "other": b}), ("relation", {"noun": a, "other": b, "place": place}),
            ):  # fmt: skip
                text = patterns[kind, which, "noun" in slots]
                for slot in ("noun", "other"):
                    if slot in slots:
                        text = text.replace("{%s}" % slot, lang.nouns[slots[slot]][which][0])
                if "noun" in slots:
                    text = text.replace("{measure}", lang.nouns[slots["noun"]]["measure"])
                yield scene["file"], text.replace("{place}", lang.places[place][which][0]), lang.question(kind, which, **slots)


def maps(of_layer3, reduction, a, words, answer=None):
    """Logits, the answer that is explained, its logit's maps at layer3."""
    a = a.detach().requires_grad_()
    logits = of_layer3(torch.nn.functional.conv2d(a, reduction), torch.tensor([words]), torch.tensor([len(words)]))[0]
    answer = int(logits.argmax()) if answer is None else answer
    g = torch.autograd.grad(logits[answer], a)[0]
    a = a.detach()
    return logits.detach(), answer, {"grad-cam": (g.mean((2, 3), keepdim=True) * a).sum(1)[0], "hires-cam": (g * a).sum(1)[0]}


def is_at_a_kink(of_layer3, reduction, a, words, answer, found):
    """Whether noise of f32's size in layer3 moves a map by far more than its size."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(16):
        noise = 1e-6 * a.abs().max() * torch.randn(a.shape, generator=generator, dtype=a.dtype)
        moved = maps(of_layer3, reduction, a + noise, words, answer)[2]
        if any((moved[m] - v).abs().max() > 5e-5 * v.abs().max() for m, v in found.items()):
            return True
    return False


def main():
    lang = language.Language()
    net = emoji50()
    weights = float64(WEIGHTS / "emoji50-questions/emoji50-questions.safetensors")
    reduction = weights.pop("reduction.weight")
    of_layer3 = head.QuestionHead(lang.words, len(lang.answers), len(reduction)).double()
    of_layer3.load_state_dict(weights, strict=False)
    of_layer3.eval().requires_grad_(False)
    tensors, described = {}, []
    for i, (picture, text, words) in enumerate(cases(lang)):
        image = np.asarray(Image.open(WEIGHTS / "emoji50/sample" / picture).convert("RGB"), dtype=np.float64) / 255
        x = (torch.from_numpy(image).permute(2, 0, 1)[None] - train.MEAN.double()) / train.STD.double()
        a = net.layer3(net.layer2(net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(x)))))))
        logits, answer, found = maps(of_layer3, reduction, a, words)
        tensors |= {f"{i}/words": np.array(words), f"{i}/answer": np.array([answer]), f"{i}/logits": logits.float().numpy()}
        tensors |= {f"{i}/{m}": v.float().numpy() for m, v in found.items()}
        kink = is_at_a_kink(of_layer3, reduction, a, words, answer, found)
        described.append({"picture": picture, "text": text, "at_a_kink": kink})
        print(picture, text, lang.answers[answer], "(at a kink)" if kink else "")
    save_file(tensors, HERE / "questions.safetensors", metadata={"cases": json.dumps(described, ensure_ascii=False)})


if __name__ == "__main__":
    main()
