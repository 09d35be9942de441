"""Scenes of one to four drawings, with their objects' boxes, and what emoji50's layer3 makes of them.

    python features.py --build build --out cache/train-a.pt --count 5000 --seed 1 --bf16
    python features.py --build build --out cache/test.pt --count 2000 --seed 900001
    python features.py --build build --out cache/openmoji.pt --count 300 --seed 900002 --kind held-out

A class may come two or three times in a scene, since questions count. Features are layer3 (14x14x1024) through a fixed matrix
of 128 orthonormal rows, without a bias: its principal directions, found once and kept in cache/reduction.pt. The head reads
nothing else, so the gradient at layer3 is the gradient at these features times the matrix.

Writes a dictionary: "labels" [N, 4] (-1: no object), "boxes" [N, 4, 4] (x0, y0, x1, y1 in pixels), "areas" [N, 4] in pixels,
"features" [N, 128, 14, 14] (f16); with --occlude also "occluded"
[N, 49, 128, 14, 14], of the same scenes under patches (occlusion.py).
"""
import argparse
import pathlib
import pickle
import sys
import time

import safetensors.torch
import torch
from torch.nn.utils.fusion import fuse_conv_bn_eval

from occlusion import occluded

EMOJI50 = pathlib.Path(__file__).parent.parent / "emoji50"
sys.path.append(str(EMOJI50))

SIDE = 224
CHANNELS = 128
MOST = 4
# Object side / canvas side, by the number of objects.
SIZES = {1: (0.35, 0.8), 2: (0.22, 0.55), 3: (0.2, 0.42), 4: (0.18, 0.36)}
NUMBERS = (0.10, 0.36, 0.34, 0.20)  # how often a scene has one to four objects
# Which objects are of one class, by the number of objects; each as often as it stands here.
CLASSES = {1: ["a"], 2: ["ab", "ab", "aa"], 3: ["abc", "abc", "aab", "aab", "aaa"], 4: ["abcd", "aabc", "aabc", "aabb", "aaab"]}
LEAST_PIXELS = 200


def emoji50():
    """emoji50 as shipped, with batch norms folded into convolutions: twice as fast."""
    import train

    weights = safetensors.torch.load_file(EMOJI50 / "emoji50.safetensors")
    net = train.build_network(weights["fc.weight"].shape[0])
    net.load_state_dict({k: v.float() for k, v in weights.items()}, strict=False)
    net.eval().requires_grad_(False)
    net.conv1, net.bn1 = fuse_conv_bn_eval(net.conv1, net.bn1), torch.nn.Identity()
    for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
        for block in layer:
            for i in "123":
                setattr(block, "conv" + i, fuse_conv_bn_eval(getattr(block, "conv" + i), getattr(block, "bn" + i)))
                setattr(block, "bn" + i, torch.nn.Identity())
            if block.downsample is not None:
                block.downsample = fuse_conv_bn_eval(*block.downsample)
    return net


@torch.inference_mode()
def layer3(net, images):
    """[B, 1024, 14, 14] of images in [0, 1]."""
    import train

    x = train.normalise(images).to(net.conv1.weight.dtype).contiguous(memory_format=torch.channels_last)
    return net.layer3(net.layer2(net.layer1(net.maxpool(net.relu(net.conv1(x)))))).float()


def compose(g, drawings, backgrounds, count, n):
    """`count` scenes of n objects: images, labels [B, n], boxes [B, n, 4], areas [B, n], and which scenes are fit for use."""
    import scenes

    kind = drawings.kinds[0]
    drawn = [c for c in range(len(drawings.classes)) if drawings.of_class[c]]

    def pick(c):
        some = drawings.of_class[c][kind]
        return some[int(torch.randint(0, len(some), (1,), generator=g))]

    images = backgrounds.take(g, count, SIDE)
    scale, cx, cy, good = scenes.place(g, count, n, *SIZES[n], tries=64)
    ids = torch.zeros(count, n, dtype=torch.long)
    for b in range(count):
        plan = CLASSES[n][int(torch.randint(0, len(CLASSES[n]), (1,), generator=g))]
        classes = [drawn[i] for i in torch.randperm(len(drawn), generator=g)[:MOST].tolist()]
        drawing = {letter: pick(c) for letter, c in zip("abcd", classes)}
        same = bool(torch.rand(1, generator=g) < 0.5)  # two cats: the same drawing twice, or two hands' cats
        for k, letter in enumerate(plan):
            ids[b, k] = drawing[letter] if same else pick(classes["abcd".index(letter)])
    boxes, areas, masks = torch.zeros(count, n, 4), torch.zeros(count, n), []
    for k in range(n):
        rotation = torch.randn(count, generator=g).clamp(-2, 2) * 0.2
        images, cover = scenes.paste(g, images, drawings, ids[:, k], scale[k], cx[k], cy[k], rotation, scenes.coin(g, 0.5, count), False)
        mask = cover >= 0.5
        masks.append(mask)
        areas[:, k] = mask.sum((1, 2))
        for b in range(count):
            ys, xs = torch.nonzero(mask[b], as_tuple=True)
            if len(xs) < LEAST_PIXELS:
                good[b] = False
            else:
                boxes[b, k] = torch.stack([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
    good = good & (torch.stack(masks).sum(0) < 2).flatten(1).all(1)  # turned drawings may touch
    each = (count, 1, 1, 1)
    images = (images - 0.5) * (1 + 0.4 * scenes.uniform(g, *each, lo=-0.4, hi=0.25)) + 0.5 + 0.4 * scenes.uniform(g, *each, lo=-0.15, hi=0.15)
    return images.clamp(0, 1), drawings.labels[ids], boxes, areas, good


def principal_directions(net, images):
    """layer3's leading directions, uncentred channels: [128, 1024], rows orthonormal."""
    cells = layer3(net, images).permute(0, 2, 3, 1).flatten(0, 2)
    return torch.pca_lowrank(cells[::2], CHANNELS)[2].T.contiguous()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build", help="emoji50's drawings, as render.mjs makes them")
    ap.add_argument("--out", required=True)
    ap.add_argument("--count", type=int, default=5000)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--kind", default="colour", help="'held-out' is openmoji")
    ap.add_argument("--most", type=int, default=MOST, help="objects in a scene at most")
    ap.add_argument("--bf16", action="store_true", help="half the time, 0.7 %% off: for training; f32 where the processor lacks its instructions and would be slower")
    ap.add_argument("--occlude", action="store_true", help="of each scene with a patch in each place, too")
    a = ap.parse_args()
    import scenes

    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    g = torch.Generator().manual_seed(a.seed)
    out = pathlib.Path(a.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    decoded = out.parent / f"{a.kind}.pkl"
    if not decoded.exists():
        decoded.write_bytes(pickle.dumps(scenes.Drawings(a.build, (a.kind,))))
    drawings = pickle.loads(decoded.read_bytes())
    backgrounds = scenes.Backgrounds(g, 200)
    net = emoji50()
    path = out.parent / "reduction.pt"
    if not path.exists():
        torch.save(principal_directions(net, torch.cat([compose(g, drawings, backgrounds, 24, n)[0] for n in (1, 1, 2, 2, 3, 3, 4)])), path)
    reduction = torch.load(path).half().float()  # as it is shipped
    if a.bf16 and torch.cpu._is_avx512_bf16_supported():
        net = net.bfloat16()
    parts, began, done = [], time.time(), 0
    while done < a.count:
        n = 1 + int(torch.multinomial(torch.tensor(NUMBERS[: a.most]), 1, generator=g))
        images, labels, boxes, areas, good = compose(g, drawings, backgrounds, 24, n)
        if not good.any():
            continue
        reduced = lambda images: torch.einsum("kc,bchw->bkhw", reduction, layer3(net, images))
        features = reduced(images[good])
        pad = lambda t, value: torch.cat([t, torch.full((len(t), MOST - n, *t.shape[2:]), value, dtype=t.dtype)], 1)
        parts.append({
            "labels": pad(labels[good], -1), "boxes": pad(boxes[good], 0.0), "areas": pad(areas[good], 0.0), "features": features.half().contiguous(),
        })  # fmt: skip
        if a.occlude:
            parts[-1]["occluded"] = torch.stack([reduced(occluded(image)).half() for image in images[good]])
        done += len(features)
        if len(parts) % 10 == 0:
            print(f"{done} scenes, {done / (time.time() - began):.1f} a second", flush=True)
    order = torch.randperm(done, generator=g)[: a.count]
    torch.save({k: torch.cat([p[k] for p in parts])[order] for k in parts[0]}, out)
    print(f"{a.out}: {a.count} scenes in {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
