"""Composes labelled scenes of emoji drawings on procedural backgrounds, in batches, reproducibly.

A scene is one to three drawings pasted on a background without overlapping. Training scenes distort the drawings
strongly ("style" augmentation) so that the network learns shapes and not one vendor's pen; test scenes do not: they
only place, turn, scale, mirror and slightly relight them. Backgrounds are procedural, so no photograph's licence matters.

Does not read or write files except the drawings that render.mjs made. To add a background, add a branch to
`draw_background`; to add a distortion, add a step to `distort`.

Shapes: B scenes, S canvas side in pixels, I drawing side in pixels, C classes. Colours are RGB in [0, 1], drawings are
premultiplied by their alpha. Positions are in [-1, 1] (grid_sample's convention), scale is object side / canvas side.
"""
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

# Drawings are kept at several sizes and the one nearest the pasted size is used: otherwise a small object aliases.
LEVELS = (192, 96, 48)
POOL_SIDE = 256
# How often a training scene takes a drawing of each kind (render.mjs, lines.py); kinds that don't draw the class are passed over.
KIND_SHARES = {"colour": 0.4, "inked": 0.18, "filled": 0.24, "icon": 0.06, "mono": 0.12, "held-out": 1.0}
# Two objects keep this many canvas widths between their squares, at least.
GAP = 0.01


class Drawings:
    """The drawings of the given kinds of style ("colour", "inked", "filled", "icon", "mono", "held-out"), decoded, at every level."""

    def __init__(self, build_dir, kinds=None, styles=None):
        build_dir = pathlib.Path(build_dir)
        index = json.loads((build_dir / "index.json").read_text())
        self.classes = sorted({e["cls"] for e in index})
        number = {c: i for i, c in enumerate(self.classes)}
        self.entries = [e for e in index if (kinds is None or e["kind"] in kinds) and (styles is None or e["style"] in styles)]
        self.labels = torch.tensor([number[e["cls"]] for e in self.entries])  # [n]
        self.kinds = [e["kind"] for e in self.entries]
        self.levels = {}  # side -> uint8 [n, 5, side, side]: premultiplied RGB, alpha, edges
        if not self.entries:
            raise ValueError(f"no drawings of kinds {kinds} or styles {styles} in {build_dir}: run render.mjs first")
        stacks = {side: [] for side in LEVELS}
        for e in self.entries:
            full = Image.open(build_dir / e["file"]).convert("RGBA")
            rgba = np.asarray(full, dtype=np.float32) / 255
            rgba[..., :3] *= rgba[..., 3:]
            t = torch.from_numpy(rgba).permute(2, 0, 1)[None]
            t = torch.cat([t, edges(t)], 1)
            for side in LEVELS:
                small = F.interpolate(t, size=(side, side), mode="area")
                stacks[side].append((small * 255).round().to(torch.uint8))
        for side in LEVELS:
            self.levels[side] = torch.cat(stacks[side])
        self.sort()

    def sort(self):
        self.mono = torch.tensor([kind == "mono" for kind in self.kinds])  # [n]
        self.of_class = [{} for _ in self.classes]  # per class: kind -> drawings
        for i, (c, kind) in enumerate(zip(self.labels.tolist(), self.kinds)):
            self.of_class[c].setdefault(kind, []).append(i)

    def __len__(self):
        return len(self.entries)

    def only(self, style):
        """The drawings of one style, without decoding them again."""
        rows = torch.tensor([i for i, e in enumerate(self.entries) if e["style"] == style])
        part = object.__new__(Drawings)
        part.classes = self.classes
        part.entries = [self.entries[i] for i in rows.tolist()]
        part.labels, part.kinds = self.labels[rows], [self.kinds[i] for i in rows.tolist()]
        part.levels = {side: t[rows] for side, t in self.levels.items()}
        part.sort()
        return part

    def pick(self, g, count):
        """Draw `count` drawings: a uniform class, a kind by KIND_SHARES, then a uniform drawing of both."""
        drawn = [c for c in range(len(self.classes)) if len(self.of_class[c])]  # not every set draws every class
        classes = [drawn[i] for i in torch.randint(0, len(drawn), (count,), generator=g).tolist()]
        picked = []
        for c in classes:
            by_kind = self.of_class[c]
            shares = torch.tensor([KIND_SHARES[kind] for kind in by_kind])
            ids = list(by_kind.values())[torch.multinomial(shares, 1, generator=g).item()]
            picked.append(ids[torch.randint(0, len(ids), (1,), generator=g).item()])
        return torch.tensor(picked)


def edges(rgba):
    """Where colour or coverage changes inside a drawing: [1, 1, I, I] in [0, 1], a pen line about 4 % of it wide."""
    blurred = F.avg_pool2d(rgba, 3, 1, 1)
    spread = (F.max_pool2d(blurred, 5, 1, 2) + F.max_pool2d(-blurred, 5, 1, 2)).amax(1, keepdim=True)
    line = ((spread - 0.18) * 6).clamp(0, 1)
    return F.avg_pool2d(line, 3, 1, 1)


def uniform(g, *shape, lo=0.0, hi=1.0):
    return torch.rand(*shape, generator=g) * (hi - lo) + lo


def coin(g, p, *shape):
    return torch.rand(*shape, generator=g) < p


# ---------------------------------------------------------------------------------------------------- backgrounds


def draw_background(g, side=POOL_SIDE):
    """One background [3, side, side] of a random kind."""
    kind = int(torch.randint(0, 10, (1,), generator=g))
    yy, xx = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    a, b = uniform(g, 3, 1, 1), uniform(g, 3, 1, 1)
    theta = float(uniform(g, 1, hi=math.tau))
    along = xx * math.cos(theta) + yy * math.sin(theta)

    def clouds(cells, channels=3):
        low = uniform(g, 1, channels, cells, cells)
        return F.interpolate(low, size=(side, side), mode="bicubic", align_corners=False)[0].clamp(0, 1)

    if kind == 0:  # plain
        return a.expand(3, side, side).clone()
    if kind == 1:  # near white, the commonest page
        return (0.82 + 0.18 * uniform(g, 3, 1, 1)).expand(3, side, side).clone()
    if kind == 2:  # gradient
        t = ((along - along.min()) / (along.max() - along.min()))[None]
        return a * (1 - t) + b * t
    if kind == 3:  # soft blobs
        return clouds(int(torch.randint(2, 7, (1,), generator=g)))
    if kind == 4:  # fractal noise between two colours: grass, sand, stone
        t = sum(clouds(2 ** k + 1, 1) * 0.6 ** k for k in range(1, 7))
        t = (t - t.min()) / (t.max() - t.min())
        return a * (1 - t) + b * t
    if kind == 5:  # stripes
        wave = torch.sin(along * math.tau * float(uniform(g, 1, lo=2, hi=22)))
        t = (wave * float(uniform(g, 1, lo=0.5, hi=6)) * 0.5 + 0.5).clamp(0, 1)[None]
        return a * (1 - t) + b * t
    if kind == 6:  # checks or dots
        n = float(uniform(g, 1, lo=2, hi=14))
        wave = torch.sin(xx * math.tau * n) * torch.sin(yy * math.tau * n)
        t = (wave * 4 + float(uniform(g, 1, lo=-1, hi=1))).clamp(0, 1)[None]
        return a * (1 - t) + b * t
    if kind == 7:  # a landscape: sky, hills, ground
        sky = torch.tensor([0.55, 0.78, 0.97]).view(3, 1, 1) * (0.8 + 0.4 * yy[None]) + 0.15 * (a - 0.5)
        out = sky.clamp(0, 1)
        for k in range(int(torch.randint(1, 4, (1,), generator=g))):
            p = uniform(g, 4)
            ridge = 0.35 + 0.18 * k + 0.3 * (p[0] - 0.5) + (0.02 + 0.08 * p[1]) * torch.sin(xx[0] * (3 + 9 * p[2]) + 6 * p[3])
            ground = torch.tensor([0.35, 0.65, 0.3]).view(3, 1, 1) + 0.5 * (uniform(g, 3, 1, 1) - 0.5)
            out = torch.where((yy > ridge[None, :])[None], (ground + 0.15 * (clouds(33, 1) - 0.5)).clamp(0, 1), out)
        return out
    if kind == 8:  # clutter: ellipses and boxes
        out = a.expand(3, side, side).clone()
        for _ in range(int(torch.randint(4, 30, (1,), generator=g))):
            p = uniform(g, 6).tolist()
            u = (xx - p[0]) / (0.02 + 0.2 * p[2])
            v = (yy - p[1]) / (0.02 + 0.2 * p[3])
            inside = (u * u + v * v < 1) if p[4] < 0.5 else (u.abs().maximum(v.abs()) < 1)
            out = torch.where(inside[None], uniform(g, 3, 1, 1), out)
        return out
    cells = torch.rand(24, 2, generator=g)  # mosaic
    nearest = torch.stack([(xx - x) ** 2 + (yy - y) ** 2 for x, y in cells.tolist()]).argmin(0)
    return (a + 0.6 * (uniform(g, 24, 3) - 0.5)[nearest].permute(2, 0, 1)).clamp(0, 1)


class Backgrounds:
    """A pool of drawn backgrounds; scenes take random crops of it, relit. Drawing each afresh would cost more."""

    def __init__(self, g, count):
        self.pool = torch.empty(count, 3, POOL_SIDE, POOL_SIDE, dtype=torch.uint8)
        self.small = torch.empty(count, 3, POOL_SIDE // 2, POOL_SIDE // 2, dtype=torch.uint8)  # for small canvases: a quarter of the work
        for i in range(count):
            self.draw(g, i)

    def draw(self, g, i):
        """Draw the pool's background number i (anew)."""
        image = draw_background(g)
        self.pool[i] = (image * 255).to(torch.uint8)
        self.small[i] = (F.avg_pool2d(image, 2) * 255).to(torch.uint8)

    def take(self, g, count, side):
        ids = torch.randint(0, len(self.pool), (count,), generator=g)
        images = (self.small if side <= 96 else self.pool)[ids].float() / 255
        zoom = uniform(g, count, lo=0.45, hi=1.0)
        room = 1 - zoom
        sx, sy = zoom * torch.where(coin(g, 0.5, count), -1.0, 1.0), zoom
        zero = torch.zeros(count)
        theta = torch.stack(
            [torch.stack([sx, zero, uniform(g, count, lo=-1) * room], -1), torch.stack([zero, sy, uniform(g, count, lo=-1) * room], -1)], 1
        )
        out = F.grid_sample(images, F.affine_grid(theta, (count, 3, side, side), align_corners=False), align_corners=False)
        mix = torch.eye(3) + torch.randn(count, 3, 3, generator=g) * 0.12
        return torch.einsum("bij,bjhw->bihw", mix, out).clamp(0, 1)


# ---------------------------------------------------------------------------------------------------- drawings


def colour_matrix(g, count, strong):
    """Random hue turn, saturation and channel gain, [count, 3, 3]. `strong` [count] turns the hue all the way."""
    axis = torch.full((3,), 1 / math.sqrt(3))
    angle = torch.where(strong, uniform(g, count, lo=-math.pi, hi=math.pi), torch.randn(count, generator=g) * 0.15)
    k = torch.tensor([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    c, s = torch.cos(angle).view(-1, 1, 1), torch.sin(angle).view(-1, 1, 1)
    turn = torch.eye(3) * c + k * s + torch.outer(axis, axis) * (1 - c)  # Rodrigues' rotation about the grey axis
    saturation = torch.where(coin(g, 0.08, count), torch.zeros(count), uniform(g, count, lo=0.4, hi=1.5)).view(-1, 1, 1)
    grey = torch.full((3, 3), 1 / 3)
    gain = torch.diag_embed(1 + torch.randn(count, 3, generator=g) * 0.1)
    return gain @ (saturation * torch.eye(3) + (1 - saturation) * grey) @ turn


def distort(g, d, mono):
    """Change the pen of drawings d [B, 5, I, I] (premultiplied RGB, alpha, edges); returns [B, 4, I, I]."""
    B, _, I, _ = d.shape
    rgb, alpha, line = d[:, :3], d[:, 3:4], d[:, 4:5]
    each = (B, 1, 1, 1)
    # Monochrome glyphs: any pen colour, half of them on a filled body.
    pen = uniform(g, B, 3, 1, 1)
    rgb = torch.where(mono.view(each), pen * alpha, rgb)
    # Colours.
    rgb = torch.einsum("bij,bjhw->bihw", colour_matrix(g, B, coin(g, 0.2, B)), rgb)
    rgb = rgb + alpha * uniform(g, *each, lo=-0.12, hi=0.12)
    rgb = rgb.clamp(min=0).minimum(alpha)
    # Towards flat pastel, and posterised.
    white = torch.where(coin(g, 0.2, *each), uniform(g, *each, hi=0.5), torch.zeros(each))
    rgb = rgb * (1 - white) + alpha * white
    n = uniform(g, *each, lo=2, hi=6).round()
    rgb = torch.where(coin(g, 0.18, *each), ((rgb * n).round() / n).minimum(alpha), rgb)
    # Light from one side, or its absence of meaning.
    shade = F.interpolate(uniform(g, B, 1, 2, 2, lo=0.6, hi=1.3), size=(I, I), mode="bilinear", align_corners=True)
    rgb = torch.where(coin(g, 0.3, *each), (rgb * shade).minimum(alpha), rgb)
    # Ink lines inside, as a comic would draw it; sometimes nothing but lines on white or on nothing.
    ink = torch.where(coin(g, 0.8, *each), uniform(g, B, 1, 1, 1, hi=0.2).expand(B, 3, 1, 1), uniform(g, B, 3, 1, 1))
    lines_only = coin(g, 0.1, *each) & ~mono.view(each)
    body = torch.where(coin(g, 0.7, *each), torch.ones(each), pen)
    rgb = torch.where(lines_only, alpha * body, rgb)
    strength = torch.where(coin(g, 0.35, *each) | lines_only, uniform(g, *each, lo=0.6, hi=1.0), torch.zeros(each)) * line
    cover = alpha.maximum(strength)
    rgb = (rgb * (1 - strength) + ink * strength).minimum(cover)
    alpha = cover
    # An outline around the silhouette: mostly ink, sometimes a sticker's white rim.
    reach = 2 * max(1, round(I * float(uniform(g, 1, lo=0.01, hi=0.04)))) + 1
    grown = F.max_pool2d(alpha, reach, 1, reach // 2)
    rim = torch.where(coin(g, 0.75, *each), ink, torch.ones(B, 3, 1, 1))
    outlined = coin(g, 0.35, *each)
    rgb = torch.where(outlined, rgb + rim * (grown - alpha).clamp(min=0), rgb)
    alpha = torch.where(outlined, grown, alpha)
    # A bite taken out: something stands in front of it.
    size, at = uniform(g, B, 2, lo=0.1, hi=0.4), uniform(g, B, 2, lo=0.1, hi=0.9)
    t = torch.linspace(0, 1, I)
    hole = ((t[None, :, None] - at[:, :1, None]).abs() < size[:, :1, None] / 2) & ((t[None, None, :] - at[:, 1:, None]).abs() < size[:, 1:, None] / 2)
    keep = ~(hole[:, None] & coin(g, 0.12, *each))
    return torch.cat([rgb, alpha], 1) * keep


def paste(g, canvas, drawings, ids, scale, cx, cy, rotation, mirror, style):
    """Paste one drawing per scene on canvas [B, 3, S, S]; returns the new canvas and the object's coverage [B, S, S]."""
    B, _, S, _ = canvas.shape
    squeeze, shear = torch.ones(B), torch.zeros(B)
    if style:  # other proportions, and now and then another pose: a trumpet lies flat in one hand and stands upright in another
        squeeze = torch.exp(torch.randn(B, generator=g) * 0.16)
        shear = torch.randn(B, generator=g) * 0.1
        rotation = torch.where(coin(g, 0.35, B), torch.randn(B, generator=g).clamp(-2.5, 2.5) * 0.6, rotation)
    c, s = torch.cos(rotation) / scale, torch.sin(rotation) / scale
    rotate = torch.stack([torch.stack([c, s], -1), torch.stack([-s, c], -1)], 1)  # [B, 2, 2]
    shape = torch.zeros(B, 2, 2)
    shape[:, 0, 0] = torch.where(mirror, -1.0, 1.0) * squeeze
    shape[:, 0, 1] = shear
    shape[:, 1, 1] = 1 / squeeze
    linear = shape @ rotate
    shift = -(linear @ torch.stack([cx, cy], -1)[..., None])
    grid = F.affine_grid(torch.cat([linear, shift], 2), (B, 1, S, S), align_corners=False)
    if style:  # a gentle warp: another hand would have drawn it a little differently
        flow = torch.randn(B, 2, 4, 4, generator=g) * uniform(g, B, 1, 1, 1, lo=0.03, hi=0.12) * coin(g, 0.6, B, 1, 1, 1)
        field = F.interpolate(flow, size=(32, 32), mode="bicubic", align_corners=True)
        grid = grid + F.grid_sample(field, grid, padding_mode="border", align_corners=True).permute(0, 2, 3, 1)
    out = torch.zeros(B, 4, S, S)
    wanted = scale * S * 1.15
    if style:  # now and then a coarser level: a blurred drawing
        wanted = torch.where(coin(g, 0.08, B), wanted * 0.45, wanted)
    level = torch.zeros(B, dtype=torch.long)
    for i, side in enumerate(LEVELS[1:], 1):
        level = torch.where(wanted <= side * 1.25, i, level)
    for i, side in enumerate(LEVELS):
        rows = torch.nonzero(level == i).flatten()
        if len(rows) == 0:
            continue
        d = drawings.levels[side][ids[rows]].float() / 255
        d = distort(g, d, drawings.mono[ids[rows]]) if style else d[:, :4]
        out[rows] = F.grid_sample(d, grid[rows], align_corners=False)
    return canvas * (1 - out[:, 3:]) + out[:, :3], out[:, 3]


def place(g, count, objects, lo, hi, tries=24):
    """Scales and centres of `objects` squares per scene that don't touch: [objects, count] each, and which fitted."""
    scale = uniform(g, tries, objects, count, lo=lo, hi=hi)
    room = 1 - scale
    cx, cy = uniform(g, tries, objects, count, lo=-1) * room, uniform(g, tries, objects, count, lo=-1) * room
    fits = torch.ones(tries, count, dtype=torch.bool)
    for i in range(objects):
        for j in range(i):
            apart = torch.maximum((cx[:, i] - cx[:, j]).abs(), (cy[:, i] - cy[:, j]).abs())
            fits &= apart > scale[:, i] + scale[:, j] + 2 * GAP
    first = fits.float().argmax(0)
    take = lambda t: t.gather(0, first.view(1, 1, count).expand(1, objects, count))[0]
    return take(scale), take(cx), take(cy), fits.any(0)


def compose(g, side, drawings, backgrounds, count, objects=(0.5, 0.42, 0.08), style=True, ids=None, ease=0.0):
    """`count` scenes: images [B, 3, S, S], soft targets [B, C], and per object (labels [B], coverage [B, S, S], drawings [B]);
    the coverage of an object that a scene lacks is all zero.

    objects: how often one, two or three of them. style: training's distortions. ids: the first objects' drawings.
    ease: 1 for beginners (large objects on calm backgrounds) to 0; from hard scenes alone, learning takes long to start.
    """
    images = backgrounds.take(g, count, side)
    images = images.lerp(images.mean((2, 3), keepdim=True), ease)
    number = 1 + torch.multinomial(torch.tensor(objects, dtype=torch.float), count, replacement=True, generator=g)
    ranges = {1: (0.35 + 0.4 * ease, 0.95), 2: (0.25, 0.6), 3: (0.22, 0.42)}
    scale, cx, cy = torch.ones(3, count), torch.zeros(3, count), torch.zeros(3, count)
    for n, (lo, hi) in ranges.items():
        s, x, y, fits = place(g, count, n, lo, hi)
        rows = (number == n) & fits
        scale[:n, rows], cx[:n, rows], cy[:n, rows] = s[:, rows], x[:, rows], y[:, rows]
        missed = (number == n) & ~fits  # nowhere to put them all: one object only
        number[missed] = 1
        scale[0, missed] = s[0, missed]
        cx[0, missed], cy[0, missed] = x[0, missed], y[0, missed]
    target = torch.zeros(count, len(drawings.classes))
    placed, picked = [], []
    for k in range(int(number.max())):
        chosen = ids if (k == 0 and ids is not None) else drawings.pick(g, count)
        for _ in range(4):  # no class twice in one scene: "the cat" would be ambiguous
            twice = torch.zeros(count, dtype=torch.bool)
            for labels, _ in placed:
                twice |= labels == drawings.labels[chosen]
            if not twice.any():
                break
            chosen[twice] = drawings.pick(g, int(twice.sum()))
        picked.append(chosen)
        rotation = torch.randn(count, generator=g).clamp(-2, 2) * 0.2
        rows = torch.nonzero(number > k).flatten()
        mirror = coin(g, 0.5, count)
        new, cover = paste(g, images[rows], drawings, chosen[rows], scale[k, rows], cx[k, rows], cy[k, rows], rotation[rows], mirror[rows], style)
        images[rows] = new
        full = torch.zeros(count, side, side)
        full[rows] = cover
        labels = drawings.labels[chosen]
        target[rows, labels[rows]] += 1
        placed.append((labels, full))
    target = target / target.sum(1, keepdim=True)
    # Relight the whole picture: mildly in tests, more in training.
    wide = 1.0 if style else 0.4
    each = (count, 1, 1, 1)
    images = (images - 0.5) * (1 + wide * uniform(g, *each, lo=-0.4, hi=0.25)) + 0.5 + wide * uniform(g, *each, lo=-0.15, hi=0.15)
    images = images + torch.randn(images.shape, generator=g) * uniform(g, *each, hi=0.06) * wide * coin(g, 0.5, *each)
    if style:
        images = torch.where(coin(g, 0.04, *each), images.mean(1, keepdim=True), images)
    return images.clamp(0, 1), target, [(labels, cover, ids) for (labels, cover), ids in zip(placed, picked)]


def window(g, side, images, placed, classes):
    """A random square window of `side` pixels out of scenes from `compose`, the same of all: objects keep their size in pixels while a
    picture costs less. Returns images, soft targets by how much of each object is still there, and (labels, coverage) per object.

    An object of which less than a quarter is in the window is no target; a scene may be left with none (a row of zeros).
    """
    room = images.shape[-1] - side
    y, x = torch.randint(0, room + 1, (2,), generator=g).tolist()
    cut = lambda t: t[..., y : y + side, x : x + side]
    target = torch.zeros(len(images), classes)
    seen = []
    for labels, cover, _ in placed:
        left = cut(cover).sum((1, 2)) / cover.sum((1, 2)).clamp(min=1)
        target.scatter_add_(1, labels[:, None], torch.where(left > 0.25, left, 0.0)[:, None])
        seen.append((labels, cut(cover)))
    return cut(images), target / target.sum(1, keepdim=True).clamp(min=1e-6), seen
