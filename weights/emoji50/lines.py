"""Draws two hands more beside render.mjs's, of every class: emoji fonts' glyphs, and line drawings coloured in.

    python lines.py [build-dir]        (after render.mjs; Symbola: apt-get install fonts-symbola, left out if it isn't there)

A set that inks every line and fills flatly between them looks like no vendor's shaded shapes. Such drawings are made here: the
lines are those of black-and-white glyphs and icons, what they enclose is filled with flat colours of the same class's colour drawings.
The held-out style is neither read nor measured for it.

Adds to index.json, replacing what an earlier run of itself added: kind "mono" (glyphs) and kind "filled". Does not compose scenes. To add
a font, add a row to FONTS; to colour another set's lines in, add its name to LINES.
"""
import io
import json
import pathlib
import re
import sys

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

HERE = pathlib.Path(__file__).resolve().parent
PACKS = HERE / "node_modules"
SEED = 20261125
SIZE, RIM = 192, 0.06  # as render.mjs
WORK = 2 * SIZE  # regions are found at twice the size and shrunk afterwards, which smooths their borders
# style -> files; of Noto Emoji three weights, since pens differ in width.
NOTO = str(PACKS / "@fontsource/noto-emoji/files/noto-emoji-*-{}-normal.woff")
FONTS = {
    "noto-emoji-300": NOTO.format(300),
    "noto-emoji-500": NOTO.format(500),
    "noto-emoji-700": NOTO.format(700),
    "symbola": "/usr/share/fonts/truetype/ancient-scripts/Symbola_hint.ttf",
}
LINES = (
    *FONTS, "emojione-monotone", "fluent-emoji-high-contrast", "fluent-24-regular", "hugeicons", "icon-park-outline", "iconoir", "lucide", "lucide-lab",
    "material-symbols-outline", "mingcute-line", "ph", "streamline", "tabler",
)  # fmt: skip
SOLID = ("emojione-monotone", "fluent-emoji-high-contrast", "fa6-solid", "game-icons", "mdi", "mingcute-fill")  # bodies of ink: their gaps are the lines
VARIANTS = 2  # of each drawing


def code_points():
    """class -> the characters that are it, by the names that colour sets give them."""
    classes = json.loads((HERE / "classes.json").read_text())
    class_of = {name: c["id"] for c in classes for name in [c["id"], *c["icons"]]}
    found = {}
    for pack in ("noto", "twemoji"):
        for code, name in json.loads((PACKS / f"@iconify-json/{pack}/chars.json").read_text()).items():
            if name in class_of and "-" not in code:
                found[chr(int(code, 16))] = (class_of[name], name)
    return found


def glyphs(files):
    """character -> its coverage [WORK, WORK] in [0, 1], centred, with render.mjs's rim."""
    wanted, drawn = code_points(), {}
    for file in sorted(pathlib.Path("/").glob(files.lstrip("/"))):
        font = TTFont(file)
        here = [c for c in wanted if ord(c) in font.getBestCmap()]
        if not here:
            continue
        font.flavor = None  # FreeType may lack what unpacks .woff
        plain = io.BytesIO()
        font.save(plain)
        pen = ImageFont.truetype(io.BytesIO(plain.getvalue()), WORK)
        for c in here:
            image = Image.new("L", (2 * WORK, 2 * WORK))
            ImageDraw.Draw(image).text((WORK // 2, WORK // 2), c, 255, pen, anchor="la")
            box = image.getbbox()
            if box is None:
                continue
            image = image.crop(box)
            scale = WORK / (1 + 2 * RIM) / max(image.size)
            image = image.resize([max(1, round(n * scale)) for n in image.size], Image.LANCZOS)
            square = Image.new("L", (WORK, WORK))
            square.paste(image, [(WORK - n) // 2 for n in image.size])
            drawn[c] = np.asarray(square, np.float32) / 255
    return {(*wanted[c], f"{ord(c):x}"): alpha for c, alpha in drawn.items()}


def grown(mask, radius):
    """By distance, not by ndimage's binary_dilation, which takes a hundred times as long."""
    return mask if not mask.any() else ndimage.distance_transform_edt(~mask) <= radius


def shrunk(mask, radius):
    return ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] > radius


def palette(rgb, weight):
    """The flat colours of a drawing, commonest first: float [n, 3] in [0, 1]."""
    pixels = (rgb[weight > 0.6] * 255).astype(np.uint8)
    if len(pixels) < 16:
        return np.array([[0.8, 0.8, 0.8]])
    reduced = Image.fromarray(pixels[None]).quantize(6, kmeans=2)
    counts = sorted(reduced.getcolors(), reverse=True)
    colours = np.array(reduced.getpalette()[: 3 * 256]).reshape(-1, 3)
    return np.array([colours[i] for _, i in counts]) / 255


def coloured(alpha, solid, reference, g):
    """A line drawing (coverage [WORK, WORK]) with what it encloses filled in colours of `reference` (RGBA [SIZE, SIZE], 0..1): RGBA uint8."""
    ink = alpha > 0.5
    if solid:  # a body of ink: its border and the gaps in it are the lines
        body = ndimage.binary_fill_holes(ink)
        ink = body & ~shrunk(ink, g.uniform(2, 5))
    elif g.random() < 0.35:  # another pen
        ink = grown(ink, g.uniform(1, 4))
    # Lines often stop short of one another: what is enclosed but for a gap counts as enclosed.
    gap = g.uniform(3, 8)
    closed = shrunk(grown(ink, gap), gap)
    body = ndimage.binary_fill_holes(closed | ink)
    regions, count = ndimage.label(body & ~(closed | ink))
    # Pixels that only closing took join the nearest region.
    nearest = ndimage.distance_transform_edt(regions == 0, return_distances=False, return_indices=True)
    regions = np.where(body & ~ink, regions[tuple(nearest)], 0)
    thick = shrunk(ink, 13)  # what is black all over may be any dark part: sometimes it is coloured, too
    if g.random() < 0.5 and thick.any():
        extra, more = ndimage.label(grown(thick, 9))
        regions, count = np.where(extra > 0, extra + count, regions), count + more
        ink = ink & ~(extra > 0)
    # The reference, moved onto the drawing's box: often the same thing in the same pose, so that parts get the colours of parts.
    ys, xs = np.nonzero(body)
    ry, rx = np.nonzero(reference[..., 3] > 0.5)
    if len(ys) == 0 or len(ry) == 0:
        return None
    colours = palette(reference[..., :3], reference[..., 3])
    patch = reference[ry.min() : ry.max() + 1, rx.min() : rx.max() + 1]
    h, w = np.ptp(ys) + 1, np.ptp(xs) + 1
    patch = np.asarray(Image.fromarray((patch * 255).astype(np.uint8)).resize((int(w), int(h)), Image.BILINEAR), np.float32) / 255
    under = np.zeros((WORK, WORK, 4), np.float32)
    under[ys.min() : ys.min() + h, xs.min() : xs.min() + w] = patch
    in_place = g.random() < 0.6
    fill, cover = np.zeros((WORK, WORK, 3), np.float32), np.zeros((WORK, WORK), bool)
    sizes = ndimage.sum_labels(np.ones_like(regions), regions, np.arange(1, count + 1))
    for rank, label in enumerate(np.argsort(-sizes) + 1):
        here = regions == label
        if sizes[label - 1] == 0:
            continue
        seen = under[here]
        seen = seen[seen[:, 3] > 0.6, :3]
        if in_place and len(seen) > 0.2 * sizes[label - 1]:
            colour = colours[np.argmin(((np.median(seen, 0) - colours) ** 2).sum(1))]
        elif rank == 0:
            colour = colours[0]
        else:
            colour = colours[min(int(g.geometric(0.5)) - 1, len(colours) - 1)]
        fill[here], cover[here] = colour, True
    line = g.uniform(0, 0.12) * np.ones(3) if g.random() < 0.85 else 0.35 * colours[0]
    fill[ink] = line
    cover |= ink
    rgba = np.dstack([fill * cover[..., None], cover]).astype(np.float32)
    rgba = rgba.reshape(SIZE, 2, SIZE, 2, 4).mean((1, 3))
    rgba[..., :3] /= np.maximum(rgba[..., 3:], 1e-6)
    return (rgba * 255).round().astype(np.uint8)


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build")
    index = [e for e in json.loads((build / "index.json").read_text()) if e["kind"] != "filled" and e["style"] not in FONTS]
    new, lines = [], []
    for style, files in FONTS.items():
        for (cls, icon, code), alpha in glyphs(files).items():
            file = f"png/{style}__{code}.png"
            shade = Image.fromarray((alpha * 255).astype(np.uint8)).resize((SIZE, SIZE), Image.BOX)
            black = Image.new("RGBA", (SIZE, SIZE))
            black.putalpha(shade)
            black.save(build / file)
            entry = {"file": file, "style": style, "kind": "mono", "icon": icon, "cls": cls}
            new.append(entry)
            lines.append((entry, alpha))
    for e in index:
        if e["style"] in LINES + SOLID and e["kind"] == "mono":
            alpha = Image.open(build / e["file"]).getchannel("A").resize((WORK, WORK), Image.BICUBIC)
            lines.append((e, np.asarray(alpha, np.float32) / 255))
    references = {}
    for e in index:
        if e["kind"] == "colour":
            references.setdefault(e["cls"], []).append(e)
    g = np.random.default_rng(SEED)
    for e, alpha in lines:
        same = [r for r in references[e["cls"]] if r["icon"] == e["icon"]] or references[e["cls"]]
        for k, i in enumerate(g.permutation(len(same))[:VARIANTS]):
            reference = np.asarray(Image.open(build / same[i]["file"]).convert("RGBA"), np.float32) / 255
            drawing = coloured(alpha, e["style"] in SOLID, reference, g)
            if drawing is None:
                continue
            file = re.sub(r"\.png$", f"+filled{k}.png", e["file"])
            Image.fromarray(drawing).save(build / file)
            new.append({**e, "file": file, "style": e["style"] + "+filled", "kind": "filled"})
    (build / "index.json").write_text(json.dumps(index + new))
    count = {}
    for e in new:
        count[e["style"]] = count.get(e["style"], 0) + 1
    print(len(new), "drawings more,", len({e["cls"] for e in new}), "classes", count)


if __name__ == "__main__":
    main()
