"""Maps against occlusion: is a map large where a grey patch changes the score that it explains?

    python features.py --build build --out cache/occluded.pt --count 40 --seed 900031 --most 3 --occlude    # questions: 900032, --most 4

evaluate_head.py and evaluate_captions.py take such a file as --occluded. Patches of 32 pixels lie side by side, 49 a scene, in the scene's mean
colour. Compared are sizes, not signs: a patch over a distractor raises a score, and its map is negative there. Beside the maps stands what the
exact boxes reach: no localiser does better, since most patches cover nothing and their order is noise.
"""
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr

PATCH = 32
BOXES = "the exact boxes"


def occluded(image):
    """[P, 3, H, W]: an image [3, H, W] with a patch in each place, row by row."""
    side = image.shape[1] // PATCH
    many = image.repeat(side * side, 1, 1, 1)
    for i in range(side * side):
        y, x = i // side * PATCH, i % side * PATCH
        many[i, :, y : y + PATCH, x : x + PATCH] = image.mean((1, 2))[:, None, None]
    return many


def covered(boxes, side):
    """How much of each patch [side, side] lies in the boxes."""
    mask = torch.zeros(side * PATCH, side * PATCH)
    for x0, y0, x1, y1 in boxes:
        mask[int(y0) : int(y1), int(x0) : int(x1)] = 1
    return F.avg_pool2d(mask[None], PATCH)[0]


class Agreement:
    """Rank correlations of maps' sizes with losses' sizes."""

    def __init__(self):
        self.of = {}

    def add(self, maps, losses, boxes):
        """Maps {method: [h, w]}, not cut at zero; what the score loses to each patch [P]; the boxes of what it is about."""
        side = round(len(losses) ** 0.5)
        sizes = {m: F.adaptive_avg_pool2d(heat.abs()[None], side)[0] for m, heat in maps.items()}
        for m, size in (sizes | {BOXES: covered(boxes, side)}).items():
            if size.std() > 0 and losses.std() > 0:
                self.of.setdefault(m, []).append(float(spearmanr(size.flatten(), losses.abs()).statistic))

    def result(self):
        return {m: {"maps": len(found), "mean": round(sum(found) / len(found), 3)} for m, found in self.of.items()}
