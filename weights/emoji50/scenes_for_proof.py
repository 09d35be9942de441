"""Writes two-object scenes with exact masks, for proving that a heatmap for a class falls on that class's object.

    python scenes_for_proof.py --build build --out proof            500 scenes of trained styles, 500 of the held-out one
    python scenes_for_proof.py --build build --sample sample        16 small ones of trained styles, kept here for CI

Each scene is NNN.png (224 px RGB) and NNN_mask.png (grey: 0 background, 1 first object, 2 second object); scenes.json
lists them: {"file", "mask", "held_out", "objects": [{"class", "id", "style", "box": [x0, y0, x1, y1)}, ...]}, in
the order of the mask's values, "class" indexing labels.json. Coverage of half a pixel or more counts as the object.
The sample never holds openmoji: its licence (CC BY-SA) is for testing only.
"""
import argparse
import json
import pathlib

import torch
from PIL import Image

import scenes

SEED = 4242
SIDE = 224
SAMPLE_SCENES, SAMPLE_BYTES = 16, 34_000  # per picture: a noisy one, which PNG can't compress, is left to the large set


def write(out, kind, count, build, seed, first, limit=None):
    g = torch.Generator().manual_seed(seed)
    drawings = scenes.Drawings(build, (kind,))
    backgrounds = scenes.Backgrounds(g, 120)
    rows = []
    while len(rows) < count:
        images, _, placed = scenes.compose(g, SIDE, drawings, backgrounds, 20, objects=(0, 1, 0), style=False)
        if len(placed) < 2:
            continue
        (labels_a, cover_a, ids_a), (labels_b, cover_b, ids_b) = placed
        for b in range(20):
            masks = [cover_a[b] >= 0.5, cover_b[b] >= 0.5]
            # Turned drawings may reach out of their squares: scenes where they touch prove nothing.
            if len(rows) == count or (masks[0] & masks[1]).any() or min(m.sum() for m in masks) < 200:
                continue
            name = f"{first + len(rows):03d}"
            picture = out / f"{name}.png"
            Image.fromarray((images[b] * 255).round().byte().permute(1, 2, 0).numpy()).save(picture, optimize=True)
            if limit and picture.stat().st_size > limit:
                picture.unlink()
                continue
            Image.fromarray((masks[0].byte() + 2 * masks[1].byte()).numpy()).save(out / f"{name}_mask.png", optimize=True)
            objects = []
            for mask, labels, ids in zip(masks, (labels_a, labels_b), (ids_a, ids_b)):
                ys, xs = torch.nonzero(mask, as_tuple=True)
                box = [int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1]
                label = int(labels[b])
                objects.append({"class": label, "id": drawings.classes[label], "style": drawings.entries[int(ids[b])]["style"], "box": box})
            rows.append({"file": picture.name, "mask": f"{name}_mask.png", "held_out": kind == "held-out", "objects": objects})
    return rows


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--out")
    ap.add_argument("--sample")
    ap.add_argument("--count", type=int, default=500, help="scenes of each kind of style")
    a = ap.parse_args()
    torch.set_num_threads(1)
    for folder, plan in (
        (a.out, [("colour", a.count, SEED, 0, None), ("held-out", a.count, SEED + 1, a.count, None)]),
        (a.sample, [("colour", SAMPLE_SCENES, SEED + 2, 0, SAMPLE_BYTES)]),
    ):
        if not folder:
            continue
        out = pathlib.Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        rows = [row for kind, count, seed, first, limit in plan for row in write(out, kind, count, a.build, seed, first, limit)]
        (out / "scenes.json").write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
        print(folder, len(rows), "scenes")


if __name__ == "__main__":
    main()
