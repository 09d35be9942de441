"""Measures emoji50.safetensors at 224 px on scenes that training never saw, style by style.

    python evaluate.py --build build [--out accuracy.json]

Scenes: seeds and backgrounds of their own, no style augmentation, one object (top-1) or two of different classes (both
in the top 5). Trained styles mean new scenes of drawings that were trained on; openmoji was never trained on. Ends
with the worst classes and confusions, to say what the network cannot do. Does not judge heatmaps.
"""
import argparse
import collections
import json
import math
import pathlib

import safetensors.torch
import torch

import scenes
import train

HERE = pathlib.Path(__file__).resolve().parent
SEED = 777
# One-object scenes a style, by kind. Inked and filled drawings are made of other styles', and icon sets draw few classes: none is measured.
FEWEST_CLASSES = 100  # a set that draws fewer is no emoji style
SCENES = {"colour": 300, "mono": 150, "held-out": 1200}


def load_network(path, classes):
    net = train.build_network(classes)
    state = {k: v.float() for k, v in safetensors.torch.load_file(path).items()}
    missing, unexpected = net.load_state_dict(state, strict=False)
    missing = [k for k in missing if not k.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise SystemExit(f"{path}: missing {missing}, unexpected {unexpected}")
    return net.eval()


@torch.no_grad()
def answers(net, drawings, backgrounds, count, objects, seed, side):
    """Yields per scene: the labels of its objects and the logits."""
    g = torch.Generator().manual_seed(seed)
    for start in range(0, count, 20):
        n = min(20, count - start)
        images, _, placed = scenes.compose(g, side, drawings, backgrounds, n, objects=objects, style=False)
        logits = net(train.normalise(images))
        for b in range(n):
            yield [int(labels[b]) for labels, cover, _ in placed if cover[b].any()], logits[b]


def share(hits):
    p = sum(hits) / len(hits)
    return {"rate": round(p, 4), "scenes": len(hits), "error": round(1.96 * math.sqrt(p * (1 - p) / len(hits)), 4)}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--weights", default=str(HERE / "emoji50.safetensors"))
    ap.add_argument("--side", type=int, default=224)
    ap.add_argument("--scale", type=float, default=1.0, help="share of the scenes to look at, for a quick look")
    ap.add_argument("--out")
    a = ap.parse_args()
    torch.set_num_threads(1)
    everything = scenes.Drawings(a.build, tuple(SCENES))
    net = load_network(a.weights, len(everything.classes))
    backgrounds = scenes.Backgrounds(torch.Generator().manual_seed(SEED), 150)
    kinds = {e["style"]: e["kind"] for e in everything.entries}
    result = {"side": a.side, "top1": {}, "two_objects_top5": {}}
    pooled = collections.defaultdict(list)
    confusions = {"colour": collections.Counter(), "held-out": collections.Counter()}
    missed = {"colour": collections.Counter(), "held-out": collections.Counter()}
    shown = {"colour": collections.Counter(), "held-out": collections.Counter()}
    for i, (style, kind) in enumerate(kinds.items()):
        drawings = everything.only(style)
        if len(set(drawings.labels.tolist())) < FEWEST_CLASSES:
            continue
        count = int(SCENES[kind] * a.scale)
        hits = []
        for (label,), logits in answers(net, drawings, backgrounds, count, (1, 0, 0), SEED + 10 + i, a.side):
            guess = int(logits.argmax())
            hits.append(guess == label)
            if kind in shown:
                shown[kind][label] += 1
                if guess != label:
                    missed[kind][label] += 1
                    confusions[kind][(label, guess)] += 1
        result["top1"][style] = share(hits)
        pooled[kind] += hits
        print(kind, style, result["top1"][style], flush=True)
    for kind, hits in pooled.items():
        result["top1"][f"all {kind}"] = share(hits)
        print("all", kind, result["top1"][f"all {kind}"], flush=True)
    for kind in ("colour", "held-out"):
        drawings = scenes.Drawings(a.build, (kind,))
        hits = []
        for labels, logits in answers(net, drawings, backgrounds, int(600 * a.scale), (0, 1, 0), SEED + 50, a.side):
            if len(labels) == 2:
                hits.append(set(labels) <= set(logits.topk(5).indices.tolist()))
        result["two_objects_top5"][kind] = share(hits)
        print("two objects, both in the top 5,", kind, result["two_objects_top5"][kind], flush=True)
    names = everything.classes
    for kind in ("colour", "held-out"):
        worst = sorted(((missed[kind][c] / n, names[c]) for c, n in shown[kind].items() if missed[kind][c]), reverse=True)[:20]
        result[f"worst {kind}"] = {c: round(1 - m, 2) for m, c in worst}
        result[f"confusions {kind}"] = [f"{names[t]} taken for {names[p]}: {n}" for (t, p), n in confusions[kind].most_common(20)]
        print(kind, "worst:", result[f"worst {kind}"])
        print(kind, "confusions:", result[f"confusions {kind}"])
    if a.out:
        pathlib.Path(a.out).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
