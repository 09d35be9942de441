"""Trains the question head on cached features (features.py).

    python train_head.py --cache cache --seed 1 --minutes 40 --out run/seed1.pt

The learning rate falls with the clock once --hold of the time is over, as emoji50's does. Half of the batches are mirrored: the grid's columns are turned round, and
questions are made of the mirrored objects; an approximation, since features of a mirrored picture differ a little, that doubles
the scenes. Questions are new in each step, half of them Chinese. Both looks are taught from the objects' boxes (--teach).
Exported are weights averaged over the last steps; --out is written every two minutes, so that a stopped run is not lost. Each of
--workers processes has one thread, scenes and questions of its own; gradients are averaged.
"""
import argparse
import pathlib
import random

import torch
import torch.nn.functional as F

import head
import language
from features import SIDE
from training import Training, spawn

# How often each kind is asked. A scene that allows no question of the kind drawn gets none.
SHARES = {"exists": 0.15, "count": 0.25, "place": 0.27, "largest": 0.08, "more": 0.13, "relation": 0.12}


def pad(rows):
    width = max(map(len, rows))
    return torch.tensor([r + [0] * (width - len(r)) for r in rows])


def load(cache, name):
    """All of the cache's files whose names begin so, as one, and their scenes' objects."""
    parts = [torch.load(p, mmap=True) for p in sorted(pathlib.Path(cache).glob(f"{name}*.pt"))]
    data = {k: torch.cat([p[k] for p in parts]) for k in parts[0]}
    return data, [language.objects_of(*o) for o in zip(data["labels"], data["boxes"], data["areas"])]


def questions(lang, rng, scenes, each):
    """`each` questions a scene: rows of scenes, words, lengths, answers; and lists of kinds, of answers' classes, of anchors' classes."""
    asked = []
    for row, objects in enumerate(scenes):
        for kind in rng.choices(list(SHARES), SHARES.values(), k=each):
            q = language.ask(lang, rng, objects, kind, rng.choice(language.LANGUAGES))
            if q:
                asked.append((row, kind, *q))
    rows, kinds, words, answers, about, anchors = map(list, zip(*asked))
    return torch.tensor(rows), pad(words), torch.tensor([len(w) for w in words]), torch.tensor(answers), kinds, about, anchors


def filled(boxes, h):
    """How much of each of h x h cells a box covers: [..., 4] -> [..., h, h]."""
    edges = torch.linspace(0, SIDE, h + 1)
    share = lambda lo, hi: (torch.minimum(hi[..., None], edges[1:]) - torch.maximum(lo[..., None], edges[:-1])).clamp(min=0) * h / SIDE
    return share(boxes[..., 1], boxes[..., 3])[..., :, None] * share(boxes[..., 0], boxes[..., 2])[..., None, :]


def astray(look, cells, labels, classes):
    """How far a look [Q, N] is from where the classes' objects are: minus the log of its share that lies in their boxes."""
    mine = torch.tensor([[int(c) in cs for c in row] for row, cs in zip(labels.tolist(), classes)])
    some = mine.any(1)
    if not some.any():
        return 0.0
    inside = (cells * mine[:, :, None, None]).amax(1).flatten(1).clamp(max=1)
    return -(look[some] * inside[some]).sum(1).clamp(min=1e-4).log().mean()


def arguments():
    ap = argparse.ArgumentParser()
    ap.add_argument("--cache", default="cache")
    ap.add_argument("--out", required=True)
    ap.add_argument("--init", help="go on from these weights")
    ap.add_argument("--teach", type=float, default=0.3)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--minutes", type=float, default=40)
    ap.add_argument("--until", help="HH:MM today, instead of --minutes")
    ap.add_argument("--batch", type=int, default=32, help="scenes a step")
    ap.add_argument("--each", type=int, default=8, help="questions a scene and step")
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--hold", type=float, default=0.5)
    ap.add_argument("--workers", type=int, default=1)
    return ap.parse_args()


def work(rank, a):
    torch.manual_seed(a.seed)
    rng = random.Random(1000 * a.seed + rank)
    lang = language.Language()
    data, scenes = load(a.cache, "train")
    some = data["features"][:1500].float()
    net = head.QuestionHead(lang.words, len(lang.answers), some.shape[1], some.mean((0, 2, 3)), some.std((0, 2, 3)).clamp(min=1e-3))
    training = Training(rank, a, net, scenes, "questions")
    running = {}
    for progress in training.progress():
        chosen = torch.tensor(rng.choices(range(len(scenes)), k=a.batch))
        flip = rng.random() < 0.5
        features = data["features"][chosen].float()
        objects = [scenes[i] for i in chosen.tolist()]
        if flip:
            features, objects = features.flip(3), [language.mirrored(o) for o in objects]
        features = features.contiguous(memory_format=torch.channels_last)
        rows, words, lengths, answers, kinds, about, anchors = questions(lang, rng, objects, a.each)
        with training.autocast():
            logits = net(features, words, lengths, rows).float()
        right = (logits.argmax(1) == answers).float()
        loss = F.cross_entropy(logits, answers)
        cells = filled(data["boxes"][chosen], features.shape[2])[rows]
        cells = cells.flip(3) if flip else cells
        labels = data["labels"][chosen][rows]
        loss = loss + a.teach * astray(net.look_weights.float(), cells, labels, about)
        # Where no anchor is named, the noun asked for is the anchor.
        nouns = [b or (c if kind in ("exists", "count", "more") else []) for b, c, kind in zip(anchors, about, kinds)]
        loss = loss + a.teach * astray(net.anchor_weights.float(), cells, labels, nouns)
        training.learn(loss, len(answers))
        for kind, r in zip(kinds, right.tolist()):
            running[kind] = 0.995 * running.get(kind, r) + 0.005 * r
        running["loss"] = 0.98 * running.get("loss", loss.item()) + 0.02 * loss.item()
        if training.steps % 100 == 0:
            training.say(f"{training.so_far(progress)} loss {running['loss']:.3f} " + " ".join(f"{k} {running.get(k, 0):.3f}" for k in language.KINDS))


if __name__ == "__main__":
    spawn(work, arguments(), 29472)
