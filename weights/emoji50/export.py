"""Writes emoji50.safetensors (f16, torchvision's key names) and labels.json from a training checkpoint.

    python export.py --build build --checkpoint run/checkpoint.pt [run-b/checkpoint.pt ...]

Several checkpoints, fine-tuned from the same weights, are averaged (Wortsman et al. 2022, "Model soups"). Exports the averaged weights (--raw: the last ones) with batch-norm statistics computed for them at 224 px. `num_batches_tracked` is left out:
inference has no use for it. Does not measure: evaluate.py reads what this wrote, so that what is measured is what ships.
"""
import argparse
import json
import pathlib

import safetensors.torch
import torch

import scenes
import train

HERE = pathlib.Path(__file__).resolve().parent


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--checkpoint", nargs="+", default=["run/checkpoint.pt"])
    ap.add_argument("--out", default=str(HERE))
    ap.add_argument("--batches", type=int, default=40)
    ap.add_argument("--raw", action="store_true", help="the last weights instead of the averaged ones")
    a = ap.parse_args()
    torch.set_num_threads(1)
    runs = [torch.load(path, weights_only=True) for path in a.checkpoint]
    drawings = scenes.Drawings(a.build, train.KINDS)
    for path, run in zip(a.checkpoint, runs):
        if run["classes"] != drawings.classes:
            raise SystemExit(f"{path} knows {len(run['classes'])} classes, {a.build} draws {len(drawings.classes)}: render again or train again")
    net = train.build_network(len(drawings.classes))
    states = [{**run["net"], **({} if a.raw else run["average"])} for run in runs]
    net.load_state_dict({name: sum(state[name] for state in states) / len(states) for name in states[0]})
    g = torch.Generator().manual_seed(train.SEED + 5)
    backgrounds = scenes.Backgrounds(g, 100)
    # Undistorted scenes, since that is what it will be shown.
    batch = lambda i: scenes.compose(g, 224, drawings, backgrounds, 32, style=False)[0]
    train.recompute_batchnorm(net, (batch(i) for i in range(a.batches)))
    out = pathlib.Path(a.out)
    tensors = {k: v.half().contiguous() for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise SystemExit(f"{name} doesn't fit f16")
    safetensors.torch.save_file(tensors, out / "emoji50.safetensors", {"format": "pt", "step": str(sum(run["step"] for run in runs)), "seen": str(sum(run["seen"] for run in runs))})
    names = {c["id"]: c for c in json.loads((HERE / "classes.json").read_text())}
    # weights/imagenet/search_terms.py --pinyin adds the sounds of the Chinese names.
    labels = [json.dumps({k: names[c][k] for k in ("id", "en", "zh")}, ensure_ascii=False) for c in drawings.classes]
    (out / "labels.json").write_text("[\n" + ",\n".join(labels) + "\n]\n")
    print(f"{len(tensors)} tensors, {len(labels)} labels, steps {[run['step'] for run in runs]}, {(out / 'emoji50.safetensors').stat().st_size} bytes")


if __name__ == "__main__":
    main()
