"""Writes a trained head, of questions or of captions, as f16 safetensors, with the matrix that makes its features of layer3.

    python export_head.py --checkpoint run/seed1.pt --cache cache --out emoji50-questions.safetensors
"""
import argparse
import pathlib

import safetensors.torch
import torch

from training import weights


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--checkpoint", required=True, nargs="+", help="of several of one training the mean")
    ap.add_argument("--cache", default="cache")
    ap.add_argument("--out", default="emoji50-questions.safetensors")
    a = ap.parse_args()
    states = [weights(path) for path in a.checkpoint]
    state = {k: sum(one[k] for one in states) / len(states) for k in states[0]}
    state["reduction.weight"] = torch.load(pathlib.Path(a.cache) / "reduction.pt")[:, :, None, None]
    safetensors.torch.save_file({k: v.half().contiguous() for k, v in state.items()}, a.out)
    print(f"{a.out}: {pathlib.Path(a.out).stat().st_size} bytes, {sum(v.numel() for v in state.values())} numbers")


if __name__ == "__main__":
    main()
