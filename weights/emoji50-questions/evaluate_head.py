"""Measures an exported head on scenes that training did not see: what it answers, and where its answers' maps point.

    python evaluate_head.py --weights emoji50-questions.safetensors --cache cache --test test --out accuracy.json

Beside it the control: what is right if each template gets the answer that is the most frequent one to it in training's scenes,
which is all that can be known without the picture, but for which things tend to be large.

A map is Grad-CAM or HiResCAM of the answer's logit at layer3 (of the features that the head reads of it: the same, since they are
its product with a fixed matrix). Pointing: the maximum of the map, enlarged bilinearly to 224 px, lies in the box of an object
that the answer is about; a blank map is a miss. Heat: mean heat a pixel inside those boxes over that outside. With --occluded
the sizes of maps are compared with occlusion (occlusion.py).
"""
import argparse
import json
import pathlib
import random
from collections import Counter

import safetensors.torch
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr

import head
import language
import train_head
from features import SIDE
from occlusion import Agreement

METHODS = ("grad-cam", "hires-cam")
CONTROLS = 200
OCCLUDED = ("exists", "place", "largest")


def read_head(path, lang):
    """The head of an exported file, in f32."""
    state = {k: v.float() for k, v in safetensors.torch.load_file(path).items() if k != "reduction.weight"}
    net = head.QuestionHead(lang.words, len(lang.answers), len(state["mean"]))
    missing = net.load_state_dict(state, strict=False).missing_keys
    assert all(name.endswith("num_batches_tracked") for name in missing), missing
    return net.eval().requires_grad_(False)


def maps_of(net, features, words, lengths, targets=None, cut=F.relu):
    """Logits, and {method: [B, h, w]} of the target's logit (the likeliest answer's if None), cut at zero."""
    features = features.clone().requires_grad_()
    logits = net(features, words, lengths)
    target = logits.argmax(1) if targets is None else targets
    gradient = torch.autograd.grad(logits.gather(1, target[:, None]).sum(), features)[0]
    features = features.detach()
    maps = cut((gradient.mean((2, 3), keepdim=True) * features).sum(1)), cut((gradient * features).sum(1))
    return logits.detach(), dict(zip(METHODS, maps))


class Pointing:
    def __init__(self):
        self.maps = self.hits = self.either = self.blank = 0
        self.inside = self.outside = 0.0

    def add(self, heat, boxes, anchors):
        self.maps += 1
        big = F.interpolate(heat[None, None], size=(SIDE, SIDE), mode="bilinear", align_corners=False)[0, 0]
        if big.max() <= 0:
            self.blank += 1
            return
        big = big / big.max()
        y, x = divmod(int(big.argmax()), SIDE)
        into = lambda boxes: any(b[0] <= x < b[2] and b[1] <= y < b[3] for b in boxes)
        self.hits += into(boxes)
        self.either += into(boxes) or into(anchors)
        mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
        for x0, y0, x1, y1 in boxes:
            mask[int(y0) : int(y1), int(x0) : int(x1)] = True
        self.inside += float(big[mask].mean())
        self.outside += float(big[~mask].mean())

    def result(self):
        share = lambda n: round(n / self.maps, 4)
        return {
            "maps": self.maps, "on the answer": share(self.hits), "on answer or anchor": share(self.either), "blank": self.blank,
            "heat inside : outside": round(self.inside / max(self.outside, 1e-9), 2),
        }  # fmt: skip


def rank(a, b):
    """Spearman's correlation of two maps; None if one is blank."""
    a, b = a.flatten(), b.flatten()
    return float(spearmanr(a, b).statistic) if a.std() > 0 and b.std() > 0 else None


def mean(values):
    values = [v for v in values if v is not None]
    return {"pairs": len(values), "mean": round(sum(values) / len(values), 3)} if values else None


def scrambled(net, seed):
    """The same head with the numbers of every weight in another order."""
    g = torch.Generator().manual_seed(seed)
    state = {k: v.flatten()[torch.randperm(v.numel(), generator=g)].view_as(v) if v.dim() > 1 else v for k, v in net.state_dict().items()}
    other = head.QuestionHead(*net.embed.weight.shape[:1], net.answer.out_features, net.read.in_features)
    other.load_state_dict(state)
    return other.eval().requires_grad_(False)


def ask_all(lang, rng, scenes):
    """Each kind once a scene that allows one, English and Chinese in turns: (scene, kind, language, *language.ask)."""
    asked = []
    for row, objects in enumerate(scenes):
        for i, kind in enumerate(language.KINDS):
            which = language.LANGUAGES[(row + i) % 2]
            q = next((q for q in (language.ask(lang, rng, objects, kind, which) for _ in range(6)) if q), None)
            if q:
                asked.append((row, kind, which, *q))
    return asked


def under_patches(net, lang, cache, name, seed):
    """Rank correlations of maps with occlusion, of questions whose answers are seen in one place."""
    data, scenes = train_head.load(cache, name)
    agreement = Agreement()
    for row, kind, _, words, answer, about, _ in ask_all(lang, random.Random(seed), scenes):
        if kind not in OCCLUDED or not about:
            continue
        features, patched = data["features"][row : row + 1].float(), data["occluded"][row].float()
        words, lengths = torch.tensor([words]), torch.tensor([len(words)])
        target = torch.tensor([answer])
        logits, maps = maps_of(net, features, words, lengths, target, cut=lambda heat: heat)
        count = len(patched)
        losses = logits[0, answer] - net(patched, words.expand(count, -1), lengths.expand(count))[:, answer]
        boxes = [data["boxes"][row, k].tolist() for k in range(4) if int(data["labels"][row, k]) in about]
        agreement.add({m: heat[0] for m, heat in maps.items()}, losses, boxes)
    return agreement.result()


def write(result, path):
    text = json.dumps(result, indent=1, ensure_ascii=False)
    print(text)
    if path:
        pathlib.Path(path).write_text(text + "\n")


def arguments(weights):
    """What can be asked of both heads' measurements."""
    ap = argparse.ArgumentParser()
    ap.add_argument("--weights", default=weights)
    ap.add_argument("--cache", default="cache")
    ap.add_argument("--test", default="test")
    ap.add_argument("--seed", type=int, default=77)
    ap.add_argument("--scenes", type=int, help="only so many")
    ap.add_argument("--occluded", help="measure nothing but this: scenes in the cache of which there are occluded features")
    ap.add_argument("--out")
    return ap


def main():
    a = arguments("emoji50-questions.safetensors").parse_args()
    torch.set_num_threads(1)
    lang = language.Language()
    net = read_head(a.weights, lang)
    if a.occluded:
        return write({"scenes": a.occluded, "occlusion": under_patches(net, lang, a.cache, a.occluded, a.seed)}, a.out)
    data, scenes = train_head.load(a.cache, a.test)
    scenes = scenes[: a.scenes]
    asked = ask_all(lang, random.Random(a.seed), scenes)
    often = {}
    for _, kind, _, words, answer, _, _ in ask_all(lang, random.Random(a.seed), train_head.load(a.cache, "train")[1]):
        often.setdefault((kind, len(words)), Counter())[answer] += 1
    guesses = [often[kind, len(words)].most_common(1)[0][0] == answer for _, kind, _, words, answer, _, _ in asked]
    rows, kinds, languages, words, answers, about, anchors = map(list, zip(*asked))
    rows, words, lengths, answers = torch.tensor(rows), train_head.pad(words), torch.tensor([len(w) for w in words]), torch.tensor(answers)
    logits, maps = [], {m: [] for m in METHODS}
    for part in torch.arange(len(rows)).split(256):
        features = data["features"][rows[part]].float()
        found, some = maps_of(net, features, words[part], lengths[part])
        logits.append(found)
        for m in METHODS:
            maps[m].append(some[m])
    right = (torch.cat(logits).argmax(1) == answers).tolist()

    def accuracy(chosen, right=right):
        some = [r for r, yes in zip(right, chosen) if yes]
        return {"questions": len(some), "right": round(sum(some) / len(some), 4)}

    result = {"test": a.test, "scenes": len(scenes), "accuracy": {}}
    for which in (*language.LANGUAGES, "both"):
        mine = [which in (l, "both") for l in languages]
        result["accuracy"][which] = {k: accuracy([m and k in (kind, "all") for m, kind in zip(mine, kinds)]) for k in (*language.KINDS, "all")}
    result["accuracy"]["without the picture"] = {k: accuracy([k in (kind, "all") for kind in kinds], guesses) for k in (*language.KINDS, "all")}
    maps = {m: torch.cat(v) for m, v in maps.items()}
    boxes = lambda row, classes: [data["boxes"][row, k].tolist() for k in range(4) if int(data["labels"][row, k]) in classes]
    result["pointing"], result["controls"] = {m: {} for m in METHODS}, {m: {} for m in METHODS}
    of_scene = {}
    for j, row in enumerate(rows.tolist()):
        of_scene.setdefault(row, []).append(j)
    pairs = [
        (one, other) for js in of_scene.values() for n, one in enumerate(js) for other in js[:n]
        if about[one] and about[other] and set(about[one]).isdisjoint(about[other])
    ][:CONTROLS]  # fmt: skip
    chosen = torch.arange(0, len(rows), max(1, len(rows) // CONTROLS))
    target = torch.cat(logits)[chosen].argmax(1)
    _, others = maps_of(scrambled(net, a.seed), data["features"][rows[chosen]].float(), words[chosen], lengths[chosen], target)
    for m in METHODS:
        for kind in language.KINDS:
            pointing = Pointing()
            for j in range(len(rows)):
                if kinds[j] == kind and about[j] and not (kind == "count" and len(about[j]) > 1):
                    pointing.add(maps[m][j], boxes(rows[j], about[j]), boxes(rows[j], anchors[j]))
            result["pointing"][m][kind] = pointing.result()
        result["controls"][m]["scrambled weights"] = mean([rank(maps[m][j], others[m][i]) for i, j in enumerate(chosen.tolist())])
        result["controls"][m]["another question, about something else"] = mean([rank(maps[m][x], maps[m][y]) for x, y in pairs])
    write(result, a.out)



if __name__ == "__main__":
    main()
