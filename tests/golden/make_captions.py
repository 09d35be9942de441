"""``captions.safetensors``: what caption heads say of emoji50's kept scenes, and where they look for it; ``caption-head.safetensors``: one of them.

emoji50 and the heads in PyTorch, float64, on ``weights/emoji50/sample``: the shipped head, and a small one of random numbers, in which nothing is
learnt and so nothing cancels. Stored as f32, for case ``i`` (its head, picture and language are in the metadata):

* ``{i}/words`` i64[W]: the likeliest words, one after the other, without the end; ``{i}/logits`` [W or W + 1, words]: scores of all that might have come;
* ``{i}/looks`` [W, 14, 14]: the attention of each word;
* ``{i}/{w}/grad-cam``, ``{i}/{w}/hires-cam`` [14, 14]: maps at layer3 of word ``w``'s log-probability, before ReLU; ``{i}/all/…``: of the sum of all words', end included.

Where a map is "at a kink", one of the head's ReLUs or maxima is so near its threshold that noise of the size of f32's errors in layer3 can change
its derivative: maps of two correct programs then may differ by more than their rounding. By how much such noise changed it, of its largest value, stands there.

    python make_captions.py        # needs torch, torchvision, safetensors, pillow, numpy, scipy
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
sys.path[:0] = [str(WEIGHTS / "emoji50-captions"), str(WEIGHTS / "emoji50-questions"), str(WEIGHTS / "emoji50"), str(HERE)]

import caption_head  # noqa: E402
import captions  # noqa: E402
import train  # noqa: E402
from make_questions import emoji50, float64  # noqa: E402

METHODS = ("grad-cam", "hires-cam")
SMALL = {"WORD": 8, "UNITS": 12, "WIDTH": 12, "BLOCKS": 1, "KEYS": 7, "SEEN": 9}
SMALL_CHANNELS = 10


def heads(lang):
    """Name, head and reduction of each."""
    weights = float64(WEIGHTS / "emoji50-captions/emoji50-captions.safetensors")
    reduction = weights.pop("reduction.weight")
    shipped = caption_head.CaptionHead(lang.first_noun, lang.classes, len(reduction)).double()
    missing = shipped.load_state_dict(weights, strict=False).missing_keys
    assert all(name.endswith("num_batches_tracked") for name in missing), missing
    kept = {name: getattr(caption_head, name) for name in SMALL}
    for name, value in SMALL.items():
        setattr(caption_head, name, value)
    torch.manual_seed(5)
    small = caption_head.CaptionHead(lang.first_noun, lang.classes, SMALL_CHANNELS, torch.randn(SMALL_CHANNELS), torch.rand(SMALL_CHANNELS) + 0.5)
    small_reduction = torch.linalg.qr(torch.randn(1024, SMALL_CHANNELS))[0].T[:, :, None, None]
    with torch.no_grad():
        for name, p in small.named_parameters():
            p.mul_(3 if name.startswith(("gru", "query", "out")) else 1.5)
        for block in small.blocks:
            block.bn.running_mean.normal_()
            block.bn.running_var.uniform_(0.5, 2)
            block.bn.weight.uniform_(0.5, 2)
            block.bn.bias.normal_()
    state = {k: v for k, v in small.state_dict().items() if not k.endswith("num_batches_tracked")} | {"reduction.weight": small_reduction}
    # As the shipped head: rounded once, and then exact.
    state = {k: v.half().numpy() for k, v in state.items()}
    save_file(state, HERE / "caption-head.safetensors")
    state = {k: torch.from_numpy(v.astype(np.float64)) for k, v in state.items()}
    small_reduction = state.pop("reduction.weight")
    small = small.double()
    small.load_state_dict(state, strict=False)
    yield "small", small.eval().requires_grad_(False), small_reduction
    for name, value in kept.items():
        setattr(caption_head, name, value)
    yield "shipped", shipped.eval().requires_grad_(False), reduction


def maps(net, reduction, a, read, said, chosen):
    """Logits [T, words], looks [T, N], and {(what, method): map} of `chosen` words' places, and of all."""
    a = a.detach().requires_grad_()
    first = len(read) - len(said)  # before it nothing is said
    logits = net(torch.nn.functional.conv2d(a, reduction), torch.tensor([read]))[0][first:]
    each = logits.log_softmax(1).gather(1, torch.tensor(said)[:, None])[:, 0]
    found = {}
    for what, score in [*((str(w), each[w]) for w in chosen), ("all", each.sum())]:
        g = torch.autograd.grad(score, a, retain_graph=True)[0]
        x = a.detach()
        found[what, "grad-cam"], found[what, "hires-cam"] = (g.mean((2, 3), keepdim=True) * x).sum(1)[0], (g * x).sum(1)[0]
    return logits.detach(), net.looks[0, first:].detach(), found


def main():
    lang = captions.Language()
    net = emoji50()
    scenes = json.loads((WEIGHTS / "emoji50/sample/scenes.json").read_text())
    tensors, described = {}, []
    for name, of_layer3, reduction in heads(lang):
        for scene in scenes[:4] if name == "shipped" else scenes[1:3]:
            image = np.asarray(Image.open(WEIGHTS / "emoji50/sample" / scene["file"]).convert("RGB"), dtype=np.float64) / 255
            x = (torch.from_numpy(image).permute(2, 0, 1)[None] - train.MEAN.double()) / train.STD.double()
            a = net.layer3(net.layer2(net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(x)))))))
            features = torch.nn.functional.conv2d(a, reduction)
            for language in captions.LANGUAGES:
                start = lang.start(language)
                words = of_layer3.greedy(features, start, lang.longest, lang.end)[0].tolist()
                ended = lang.end in words
                words = words[: words.index(lang.end)] if ended else words
                said = words + [lang.end] * ended
                chosen = [w for w, word in enumerate(words) if name == "small" or lang.class_of(word) is not None]
                read = (start + said)[:-1]
                logits, looks, found = maps(of_layer3, reduction, a, read, said, chosen)
                generator = torch.Generator().manual_seed(0)
                kinks = {}
                for _ in range(8):
                    noise = 1e-6 * a.abs().max() * torch.randn(a.shape, generator=generator, dtype=a.dtype)
                    moved = maps(of_layer3, reduction, a + noise, read, said, chosen)[2]
                    for (what, m), v in found.items():
                        off = float((moved[what, m] - v).abs().max() / v.abs().max())
                        if off > 5e-5:
                            kinks[what] = max(off, kinks.get(what, 0.0))
                i = len(described)
                tensors |= {f"{i}/words": np.array(words), f"{i}/logits": logits.float().numpy(), f"{i}/looks": looks[: len(words)].view(-1, 14, 14).float().numpy()}
                tensors |= {f"{i}/{what}/{m}": v.float().numpy() for (what, m), v in found.items()}
                described.append({
                    "head": name, "picture": scene["file"], "language": language, "maps": [str(w) for w in chosen] + ["all"], "at_a_kink": kinks,
                })  # fmt: skip
                print(name, scene["file"], lang.text(words), f"at kinks: {kinks}" if kinks else "")
    tensors = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
    save_file(tensors, HERE / "captions.safetensors", metadata={"cases": json.dumps(described, ensure_ascii=False)})


if __name__ == "__main__":
    main()
