"""Trains the caption head on cached features (emoji50-questions' features.py, scenes of at most three objects).

    python train_captions.py --cache cache --seed 1 --minutes 40 --out run/head.pt

Each scene is described in both languages in each step; half of the batches are mirrored. The learning rate falls with the clock once
--hold of the time is over. Looks are taught from the objects' boxes (--teach): a look should lie on the objects of the noun said,
or said next, as much on each. Where nothing is, no class should score higher than another (--quiet),
and each cell in the middle of an object should name it (--name). `read` starts as what the question head reads (--read), which knows the classes at this layer
already. Exported are weights averaged over the last steps; --out is written every two minutes.
Each of --workers processes has one thread and scenes of its own; gradients are averaged.
"""
import argparse
import math
import random

import safetensors.torch
import torch
import torch.nn.functional as F

import captions
from caption_head import CaptionHead
from train_head import filled, load, pad
from training import Training, spawn


EMPTY_CELLS, NAMED_CELLS = 8, 2  # a scene, an object


def batch(lang, scenes):
    """Both captions of each scene, one after the other: words read [B, T], words to say [B, T] (0: none), the class to look at [B, T] (-1: any)."""
    read, say, about = [], [], []
    for objects in scenes:
        largest = [c for c, _ in captions.groups_of(objects)][:2]
        for language in captions.LANGUAGES:
            said = captions.caption(lang, objects, language)
            start = lang.start(language)
            read.append(start + said[:-1])
            say.append([0] * (len(start) - 1) + said)
            coming, look = -1, []
            for word in reversed(say[-1]):  # before a noun is said its objects are looked at, so "above" knows of what
                coming = coming if lang.class_of(word) is None else lang.class_of(word)
                look.append(coming + 1)
            # Before the language is known, at the second group and then at the first: so it knows whether a direction will be said.
            about.append([largest[-1] + 1, largest[0] + 1] + look[-3::-1])
    return pad(read), pad(say), pad(about) - 1


def astray(looks, cells, labels, about):
    """How far looks [B, T, N] are from being spread evenly over the objects of the classes `about` [B, T], objects' boxes being `cells` [B, O, N]."""
    mine = (labels[:, None] == about[:, :, None]) & (about[:, :, None] >= 0)
    count = mine.sum(2)
    on = (looks @ cells.transpose(1, 2) * count[:, :, None]).clamp(1e-4, 1)
    return -(on.log() * mine).sum(2)[count > 0].div(count[count > 0]).mean()


def loud(net, cells):
    """How far the names of empty cells are from being all alike (Kullback-Leibler), of a few cells a scene; objects' boxes being `cells` [S, O, N]."""
    empty = (cells.amax(1) < 0.05).float() + 1e-6
    chosen = torch.multinomial(empty, EMPTY_CELLS)
    names = net.names(net.cells.gather(1, chosen[:, :, None].expand(-1, -1, net.cells.shape[2]))).float()
    return (names.logsumexp(2) - names.mean(2)).mean() - math.log(names.shape[2])


def shrunk(boxes):
    """Boxes [..., 4] of half the size about the same centres."""
    low, high = boxes.split(2, -1)
    return torch.cat([0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high], -1)


def misnamed(net, inner, labels):
    """How badly a few cells of each object name it (cross-entropy); objects' shrunk boxes being `inner` [S, O, N], classes `labels` [S, O]."""
    scene, which = torch.nonzero(labels >= 0, as_tuple=True)
    chosen = torch.multinomial(inner[scene, which] + 1e-6, NAMED_CELLS)
    names = net.names(net.cells[scene[:, None], chosen]).float()
    return F.cross_entropy(names.flatten(0, 1), labels[scene, which].repeat_interleave(NAMED_CELLS))


def arguments():
    ap = argparse.ArgumentParser()
    ap.add_argument("--cache", default="cache")
    ap.add_argument("--out", required=True)
    ap.add_argument("--init", help="go on from these weights")
    ap.add_argument("--read", help="a question head (safetensors) whose `read` this one starts with")
    ap.add_argument("--teach", type=float, default=0.3)
    ap.add_argument("--quiet", type=float, default=0.1)
    ap.add_argument("--name", type=float, default=0.3)
    ap.add_argument("--dropout", type=float, default=0.1)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--minutes", type=float, default=40)
    ap.add_argument("--until", help="HH:MM today, instead of --minutes")
    ap.add_argument("--batch", type=int, default=32, help="scenes a step and process")
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--hold", type=float, default=0.3)
    ap.add_argument("--workers", type=int, default=1)
    return ap.parse_args()


def work(rank, a):
    torch.manual_seed(1000 * a.seed + rank)
    rng = random.Random(1000 * a.seed + rank)
    lang = captions.Language()
    data, scenes = load(a.cache, "train")
    some = data["features"][:1500].float()
    net = CaptionHead(lang.first_noun, lang.classes, some.shape[1], some.mean((0, 2, 3)), some.std((0, 2, 3)).clamp(min=1e-3), a.dropout)
    if a.read:
        net.read.weight.data.copy_(safetensors.torch.load_file(a.read)["read.weight"][-lang.classes :].float())
    training = Training(rank, a, net, scenes, "captions")
    running = {}
    for progress in training.progress():
        chosen = torch.tensor(rng.choices(range(len(scenes)), k=a.batch))
        features, objects = data["features"][chosen].float(), [scenes[i] for i in chosen.tolist()]
        cells, inner = (filled(b, features.shape[2]) for b in (data["boxes"][chosen], shrunk(data["boxes"][chosen])))
        if rng.random() < 0.5:
            features, cells, inner, objects = features.flip(3), cells.flip(3), inner.flip(3), [captions.mirrored(o) for o in objects]
        read, goal, about = batch(lang, objects)
        with training.autocast():
            logits = net(features.contiguous(memory_format=torch.channels_last), read)
        logits = logits.float()
        each = F.cross_entropy(logits.flatten(0, 1), goal.flatten(), ignore_index=0)
        twice = lambda t: t.repeat_interleave(len(captions.LANGUAGES), 0)
        look = astray(net.looks.float(), twice(cells.flatten(2)), twice(data["labels"][chosen]), about)
        with training.autocast():
            empty, middle = loud(net, cells.flatten(2)), misnamed(net, inner.flatten(2), data["labels"][chosen])
        loss = each + a.teach * look + a.quiet * empty + a.name * middle
        training.learn(loss, len(read))
        right, noun = (logits.argmax(2) == goal), goal >= lang.first_noun
        now = {"loss": each, "astray": look, "empty": empty, "middle": middle, "nouns": right[noun].float().mean(), "others": right[(goal > 0) & ~noun].float().mean(), "captions": (right | (goal == 0)).all(1).float().mean()}
        for name, value in now.items():
            running[name] = 0.98 * running.get(name, value.item()) + 0.02 * value.item()
        if training.steps % 50 == 0:
            training.say(f"{training.so_far(progress)} " + " ".join(f"{k} {v:.3f}" for k, v in running.items()))


if __name__ == "__main__":
    spawn(work, arguments(), 29473)
