"""Measures an exported head on scenes that training did not see: what it says, and where its words' maps point.

    python evaluate_captions.py --weights emoji50-captions.safetensors --cache cache --test test --out accuracy.json

Said: objects named (precision, recall), counts (of things rightly named), places (of scenes where a clear direction is there to be said,
or one is claimed: one that isn't said counts as wrong), whole captions.

Maps: Grad-CAM and HiResCAM of a noun's log-probability at layer3 (of the features that the head reads of it: the same, since they
are its product with a fixed matrix), of all nouns whose things are there. Pointing and heat as in emoji50-questions' evaluate_head.py. Beside
them the attention itself, and for comparison maps of the noun's score before the softmax. With --occluded the sizes of maps are
compared with occlusion (emoji50-questions' occlusion.py).
"""

import safetensors.torch
import torch
import torch.nn.functional as F

import captions
import train_captions
from caption_head import CaptionHead
from evaluate_head import CONTROLS, METHODS, Pointing, arguments, mean, rank, write
from occlusion import Agreement


BEFORE_SOFTMAX = 300  # scenes


def read_head(path, lang):
    """The head of an exported file, in f32."""
    state = {k: v.float() for k, v in safetensors.torch.load_file(path).items() if k != "reduction.weight"}
    net = CaptionHead(lang.first_noun, lang.classes, len(state["mean"]))
    missing = net.load_state_dict(state, strict=False).missing_keys
    assert all(name.endswith("num_batches_tracked") for name in missing), missing
    return net.eval().requires_grad_(False)


def judge(lang, said, objects):
    """Things named rightly, named, there; counts right; the place: right, wrong, or None; whether all is right."""
    counts, where = captions.understood(lang, said)
    ranked = captions.groups_of(objects)
    groups = dict(ranked)
    named = [c for c in counts if c in groups]
    counted = sum(counts[c] == len(groups[c]) for c in named)
    clear = len(ranked) > 1 and captions.groups_relation(ranked[0][1], ranked[1][1])
    place = False if clear else None
    if where:
        a, direction, b = where
        # Training says a direction only where it is clear; one that is said is right where it is the larger of both offsets.
        place = a in groups and b in groups and captions.groups_relation(groups[a], groups[b], clear=1.0) == direction
    return len(named), len(counts), len(groups), counted, place, set(counts) == set(groups) and counted == len(groups) and place is not False


def scores_of(net, lang, features, language, words):
    """Features that can be differentiated by, and scores [W, words] of what might have come in each of the words' places."""
    features = features[None].clone().requires_grad_()
    start = lang.start(language)
    return features, net(features, torch.tensor([(start + words)[:-1]]))[0, len(start) - 1 :]


def maps_of(features, score, cut=F.relu):
    """{method: [h, w]} of a score, cut at zero."""
    gradient = torch.autograd.grad(score, features, retain_graph=True)[0]
    features = features.detach()
    maps = cut((gradient.mean((2, 3), keepdim=True) * features).sum(1)), cut((gradient * features).sum(1))
    return dict(zip(METHODS, (m[0] for m in maps)))


def scrambled(net, seed):
    """The same head with the numbers of every weight in another order."""
    g = torch.Generator().manual_seed(seed)
    state = {k: v.flatten()[torch.randperm(v.numel(), generator=g)].view_as(v) if v.dim() > 1 else v for k, v in net.state_dict().items()}
    other = CaptionHead(net.words, net.classes, net.read.in_features)
    other.load_state_dict(state)
    return other.eval().requires_grad_(False)


def nouns_of(lang, data, i, said):
    """The words of a scene's caption, and (place, word, boxes) of those that name a thing that is there."""
    words = said[: said.index(lang.end)] if lang.end in said else said
    named = []
    for t, word in enumerate(words):
        c = lang.class_of(word)
        boxes = [data["boxes"][i, k].tolist() for k in range(4) if c is not None and int(data["labels"][i, k]) == c]
        named += [(t, word, boxes)] if boxes else []
    return words, named


def under_patches(net, lang, cache, name):
    """Rank correlations of nouns' maps with occlusion: of what their log-probabilities lose, the words before being given."""
    data, scenes = train_captions.load(cache, name)
    agreement = Agreement()
    for i in range(len(scenes)):
        language, patched = captions.LANGUAGES[i % 2], data["occluded"][i].float()
        start = lang.start(language)
        said = net.greedy(data["features"][i : i + 1].float(), start, lang.longest, lang.end)[0].tolist()
        words, named = nouns_of(lang, data, i, said)
        if not named:
            continue
        features, scores = scores_of(net, lang, data["features"][i].float(), language, words)
        read = torch.tensor([(start + words)[:-1]]).expand(len(patched), -1)
        under = net(patched, read)[:, len(start) - 1 :].log_softmax(2)
        for t, word, boxes in named:
            score = scores[t].log_softmax(0)[word]
            agreement.add(maps_of(features, score, cut=lambda heat: heat), score.detach() - under[:, t, word], boxes)
    return agreement.result()


def main():
    ap = arguments("emoji50-captions.safetensors")
    ap.add_argument("--maps", type=int, help="maps of only so many scenes")
    a = ap.parse_args()
    torch.set_num_threads(1)
    lang = captions.Language()
    net = read_head(a.weights, lang)
    if a.occluded:
        return write({"scenes": a.occluded, "occlusion": under_patches(net, lang, a.cache, a.occluded)}, a.out)
    data, scenes = train_captions.load(a.cache, a.test)
    scenes = scenes[: a.scenes]
    result, said = {"test": a.test, "scenes": len(scenes), "captions": {}}, {}
    all_judged = []
    for language in captions.LANGUAGES:
        said[language] = torch.cat([
            net.greedy(data["features"][part].float(), lang.start(language), lang.longest, lang.end) for part in torch.arange(len(scenes)).split(200)
        ]).tolist()  # fmt: skip
        judged = [judge(lang, words, objects) for words, objects in zip(said[language], scenes)]
        all_judged += judged
        result["captions"][language] = figures(judged)
    result["captions"]["both"] = figures(all_judged)
    result["examples"] = [[lang.text(w for w in said[l][i] if w != lang.end) for l in captions.LANGUAGES] for i in range(8)]

    kinds = (*METHODS, "attention", *(f"{m} of the score before the softmax" for m in METHODS))
    pointing = {k: Pointing() for k in kinds}
    scramble, others, pairs = scrambled(net, a.seed), {m: [] for m in METHODS}, {m: [] for m in METHODS}
    for i in range(min(len(scenes), a.maps or len(scenes))):
        language = captions.LANGUAGES[i % 2]
        words, named = nouns_of(lang, data, i, said[language][i])
        if not named:
            continue
        features, scores = scores_of(net, lang, data["features"][i].float(), language, words)
        looks = net.looks[0, -len(words) :].detach()
        first = None
        for t, word, boxes in named:
            maps = maps_of(features, scores[t].log_softmax(0)[word])
            for m in METHODS:
                pointing[m].add(maps[m], boxes, [])
            pointing["attention"].add(looks[t].view(maps[METHODS[0]].shape), boxes, [])
            if i < BEFORE_SOFTMAX:
                for m, heat in maps_of(features, scores[t][word]).items():
                    pointing[f"{m} of the score before the softmax"].add(heat, boxes, [])
            if first is None and i < CONTROLS:
                other, other_scores = scores_of(scramble, lang, data["features"][i].float(), language, words)
                theirs = maps_of(other, other_scores[t].log_softmax(0)[word])
                for m in METHODS:
                    others[m].append(rank(maps[m], theirs[m]))
            elif first is not None and first[0] != word and i < 2 * CONTROLS:
                for m in METHODS:
                    pairs[m].append(rank(maps[m], first[1][m]))
            first = first or (word, maps)
    result["object words"] = {}
    for k in kinds:
        found = pointing[k].result()
        result["object words"][k] = {"maps": found["maps"], "in its box": found["on the answer"], "blank": found["blank"], "heat inside : outside": found["heat inside : outside"]}
    result["controls"] = {m: {"scrambled weights": mean(others[m]), "another word of the caption": mean(pairs[m])} for m in METHODS}
    write(result, a.out)



def figures(judged):
    hit, named, there, counted = (sum(j[k] for j in judged) for k in range(4))
    places = [j[4] for j in judged if j[4] is not None]
    share = lambda n, of: round(n / max(of, 1), 4)
    return {
        "captions": len(judged), "precision": share(hit, named), "recall": share(hit, there), "counts right": share(counted, hit),
        "places judged": len(places), "places right": share(sum(places), len(places)), "whole caption right": share(sum(j[5] for j in judged), len(judged)),
    }  # fmt: skip


if __name__ == "__main__":
    main()
