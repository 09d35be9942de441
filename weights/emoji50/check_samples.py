"""Says what emoji50.safetensors sees in the page's samples; fails if an object isn't among its first five answers.

    python check_samples.py

Resizes the whole square picture to 224 px, as the page does. Does not look at heatmaps.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image

import evaluate
import train

HERE = pathlib.Path(__file__).resolve().parent


def main():
    torch.set_num_threads(1)
    labels = [row["id"] for row in json.loads((HERE / "labels.json").read_text())]
    net = evaluate.load_network(HERE / "emoji50.safetensors", len(labels))
    failed = []
    for sample in json.loads((HERE / "samples/samples.json").read_text()):
        picture = Image.open(HERE / "samples" / sample["file"]).convert("RGB").resize((224, 224), Image.BILINEAR)
        image = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            p = net(train.normalise(image)).softmax(1)[0]
        top = p.topk(5).indices.tolist()
        print(sample["file"], " ".join(f"{labels[i]} {100 * p[i]:.0f}%" for i in top))
        failed += [f"{sample['file']}: {c}" for c in sample["classes"] if labels.index(c) not in top]
    if failed:
        sys.exit("not among the first five: " + ", ".join(failed))


if __name__ == "__main__":
    main()
