"""Trains emoji50: torchvision's ResNet-50 (v1.5 layout) with width_per_group=16, on scenes composed on the fly, on a CPU.

    python train.py --build build --out run --minutes 95        (or --until 08:25, then --resume after an interruption)

One process per core, one thread each, gradients averaged every step: they meet once a step, where threads meet at every
operation, which on a machine with other work to do wastes most of the time.

The schedule follows the clock, not a step count: it always anneals by the deadline, however busy the machine is. The
price is that a run is repeatable in its data and initial weights (seeded) but not bit for bit in its length.

Does not export (export.py does) and does not measure more than a progress check (evaluate.py does). To change what is
learnt, change scenes.py; to change how, the constants below.
"""
import argparse
import datetime
import math
import os
import pathlib
import time

import safetensors.torch
import torch
import torch.distributed as dist
import torch.multiprocessing
import torch.nn.functional as F
import torchvision

import scenes

SEED = 20261124
KINDS = ("colour", "inked", "filled", "icon", "mono")
# (until this share of the run, canvas side, side of the window cut out of it, batch per worker, how often one/two/three objects).
# Small pictures first: a step at 64 px costs a ninth of one at 192 px, and shapes learnt there carry over. Windows show objects at the
# size in pixels that they have at 224 px, at half the cost.
STAGES = (
    (0.45, 64, 64, 48, (0.75, 0.25, 0.0)),
    (0.68, 96, 96, 48, (0.55, 0.40, 0.05)),
    (0.85, 128, 128, 32, (0.45, 0.45, 0.10)),
    (0.90, 160, 128, 32, (0.45, 0.45, 0.10)),
    (0.96, 224, 160, 20, (0.45, 0.45, 0.10)),
    (1.00, 224, 224, 16, (0.45, 0.45, 0.10)),
)
LR, FINAL_LR = 1.5e-3, 1e-5
WARMUP_STEPS, WARMUP_STEPS_FROM_INIT = 150, 20
EASY_UNTIL = 130_000  # scenes start easy and reach full difficulty after so many images
STYLE_SHARE = 0.6  # of the batches are distorted in style, in the end; the rest look as tests do
WEIGHT_DECAY = 0.05
LABEL_SMOOTHING = 0.05
# Beside the picture's loss: every object before all that is absent, what each 32-pixel cell of layer4 shows, and where each class is
# strongest.
EACH_LOSS, CELL_LOSS, PLACE_LOSS = 1.0, 0.5, 0.5
EMPTY_CELL = 0.1  # an empty cell's weight beside one filled by an object
EMA_DECAY = 0.998  # an average over about the last 500 steps
# The ImageNet statistics of torchvision's own preprocessing (torchvision.transforms presets), so that one page code serves both models.
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def build_network(classes):
    net = torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, [3, 4, 6, 3], num_classes=classes, width_per_group=16, zero_init_residual=True)
    return net.to(memory_format=torch.channels_last)


def normalise(images):
    return ((images - MEAN) / STD).to(memory_format=torch.channels_last)


def cell_logits(net, images):
    """The classifier applied to each position of layer4: [B, C, h, w]. Their mean over the positions is the network's answer, since
    average pooling and a linear layer commute; minus the bias and cut at zero they are Grad-CAM at layer4."""
    x = net.maxpool(net.relu(net.bn1(net.conv1(images))))
    x = net.layer4(net.layer3(net.layer2(net.layer1(x))))
    return F.conv2d(x, net.fc.weight[:, :, None, None], net.fc.bias)


def losses(cells, target, placed):
    """The picture's loss, the objects', the cells' and the places', from cell logits [B, C, h, w], soft targets [B, C] and, per object, labels [B]
    and coverage [B, S, S] (pixels; S a multiple of h)."""
    B, C, h, w = cells.shape
    labelled = target.sum(1) > 0
    logits = cells.mean((2, 3))
    picture = (F.cross_entropy(logits, target, label_smoothing=LABEL_SMOOTHING, reduction="none") * labelled).mean()
    # Objects: each beside what is absent only. The picture's loss lets a large object's relatives come before a small object.
    absent = logits.masked_fill(target > 0, -torch.inf).logsumexp(1)
    rows, classes = torch.nonzero(target, as_tuple=True)
    alone = logits[rows, classes]
    each = (torch.logaddexp(absent[rows], alone) - alone).mean()
    # Cells: an object's class where it is, no class in particular where nothing is.
    filled = [F.adaptive_avg_pool2d(cover[:, None], (h, w))[:, 0] for _, cover in placed]
    share = torch.zeros(B, C, h, w)
    for (labels, _), part in zip(placed, filled):
        share[torch.arange(B), labels] += part
    total = share.sum(1)
    empty = total < 0.1
    goal = torch.where(empty[:, None], 1 / C, share / total.clamp(min=1e-6)[:, None])
    weight = torch.where(empty, EMPTY_CELL, total)
    cell = (F.cross_entropy(cells, goal, reduction="none") * weight).sum() / weight.sum()
    # Places: of all cells, those that the object fills should have most of its class.
    place, count = torch.zeros(()), 0
    for (labels, _), part in zip(placed, filled):
        rows = torch.nonzero(target[torch.arange(B), labels] > 0).flatten()
        if len(rows) == 0:
            continue
        where = cells[rows, labels[rows]].flatten(1).softmax(1)
        inside = part[rows].flatten(1)
        hit = (where * inside / inside.amax(1, keepdim=True).clamp(min=1e-6)).sum(1)
        place = place - hit.clamp(min=1e-4).log().sum()
        count += len(rows)
    return picture, each, cell, place / max(count, 1)


@torch.no_grad()
def recompute_batchnorm(net, batches):
    """Replace the running statistics by exact averages over `batches`: averaged weights need their own statistics."""
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    momenta = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # torch: cumulative average
    net.train()
    for images in batches:
        net(normalise(images))
    for m, momentum in zip(norms, momenta):
        m.momentum = momentum
    net.eval()


@torch.no_grad()
def top1(net, drawings, backgrounds, side, count, seed):
    g = torch.Generator().manual_seed(seed)
    right = total = 0
    for _ in range(math.ceil(count / 32)):
        images, target, _ = scenes.compose(g, side, drawings, backgrounds, 32, objects=(1, 0, 0), style=False)
        right += (net(normalise(images)).argmax(1) == target.argmax(1)).sum().item()
        total += 32
    return right / total


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--out", default="run")
    ap.add_argument("--minutes", type=float, default=95)
    ap.add_argument("--until", help="HH:MM today, instead of --minutes")
    ap.add_argument("--resume", action="store_true")
    ap.add_argument("--init", help="start from the last weights of this checkpoint, or from a .safetensors that export.py wrote, with a fresh optimiser (with --from-progress: fine-tuning)")
    ap.add_argument("--check-minutes", type=float, default=18)
    ap.add_argument("--workers", type=int, default=2)
    ap.add_argument("--seed", type=int, default=SEED)
    ap.add_argument("--lr", type=float, default=LR)
    ap.add_argument("--from-progress", type=float, default=0.0, help="start the schedule at this share (fine-tuning)")
    a = ap.parse_args()
    pathlib.Path(a.out).mkdir(parents=True, exist_ok=True)
    (pathlib.Path(a.out) / "train.pid").write_text("")
    torch.set_num_threads(1)
    drawings = scenes.Drawings(a.build, KINDS)
    unseen = scenes.Drawings(a.build, ("held-out",))
    torch.multiprocessing.spawn(work, (a, drawings, unseen), nprocs=a.workers)


def work(rank, a, drawings, unseen):
    out = pathlib.Path(a.out)
    with open(out / "train.pid", "a") as f:
        f.write(f"{os.getpid()} ")
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29471")
    # A pause of the processes (SIGSTOP) must not look like a dead peer.
    dist.init_process_group("gloo", rank=rank, world_size=a.workers, timeout=datetime.timedelta(hours=3))
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    g = torch.Generator().manual_seed(a.seed + 1000 * rank)
    log_file = open(out / "train.log", "a")

    def log(line):
        if rank:
            return
        line = f"{time.strftime('%H:%M:%S')} {line}"
        print(line, flush=True)
        log_file.write(line + "\n")
        log_file.flush()

    backgrounds = scenes.Backgrounds(g, 300)
    test_backgrounds = scenes.Backgrounds(torch.Generator().manual_seed(SEED + 1), 60)
    net = build_network(len(drawings.classes))
    shadow = build_network(len(drawings.classes))
    decayed = [p for p in net.parameters() if p.ndim > 1]
    plain = [p for p in net.parameters() if p.ndim <= 1]
    opt = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": plain, "weight_decay": 0}], lr=a.lr, betas=(0.9, 0.99), fused=True
    )
    average = {k: v.detach().clone() for k, v in net.named_parameters()}
    step = seen = 0
    warmup = WARMUP_STEPS_FROM_INIT if a.init else WARMUP_STEPS
    start = a.from_progress
    checkpoint = out / "checkpoint.pt"
    if a.init:
        if a.init.endswith(".safetensors"):
            weights = {name: tensor.float() for name, tensor in safetensors.torch.load_file(a.init).items()}
            missing = net.load_state_dict(weights, strict=False).missing_keys
            assert all(name.endswith("num_batches_tracked") for name in missing), missing
            seen = EASY_UNTIL
        else:
            first = torch.load(a.init, weights_only=True)
            net.load_state_dict(first["net"])
            seen = first["seen"]  # no beginner again
        average = {k: v.detach().clone() for k, v in net.named_parameters()}
    if a.resume and checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(saved["net"])
        opt.load_state_dict(saved["opt"])
        average = saved["average"]
        step, seen = saved["step"], saved["seen"]
        start = max(start, saved["progress"])
        g.manual_seed(a.seed + 1000 * rank + step)
    began = time.time()
    if a.until:
        hour, minute = map(int, a.until.split(":"))
        deadline = datetime.datetime.now().replace(hour=hour, minute=minute, second=0).timestamp()
    else:
        deadline = began + 60 * a.minutes * (1 - start)
    log(
        f"torch {torch.__version__} torchvision {torchvision.__version__} seed {a.seed} classes {len(drawings.classes)} drawings {len(drawings)} "
        f"held-out drawings {len(unseen)} parameters {sum(p.numel() for p in net.parameters())} from {start:.3f} at step {step}, {(deadline - began) / 60:.1f} minutes"
    )

    def averaged_network(side, objects, batches=24):
        shadow.load_state_dict({**net.state_dict(), **average})
        gb = torch.Generator().manual_seed(SEED + 2)
        make = lambda i: scenes.compose(gb, side, drawings, backgrounds, 48, objects=objects, style=i % 2 == 0)[0]
        recompute_batchnorm(shadow, (make(i) for i in range(batches)))
        return shadow

    def save(progress):
        part = checkpoint.with_suffix(".part")  # renamed when whole: a kill never leaves half a checkpoint
        torch.save({"net": net.state_dict(), "opt": opt.state_dict(), "average": average, "step": step, "seen": seen, "progress": progress, "classes": drawings.classes}, part)
        part.rename(checkpoint)

    last_save = last_check = last_log = time.time()
    logged = seen
    running, weight = torch.zeros(5), 0.0
    composing = 0.0
    last_side = stage_step = 0
    # Where the processor lacks its instructions, bf16 takes eleven times as long as f32.
    bf16 = torch.cpu._is_avx512_bf16_supported()
    net.train()
    while True:
        now = time.time()
        clock = torch.tensor([start + (1 - start) * (now - began) / (deadline - began)])
        dist.broadcast(clock, 0)
        progress = clock.item()
        if progress >= 1:
            break
        _, canvas, side, batch, objects = next(s for s in STAGES if progress < s[0])
        if side != last_side:
            last_side, stage_step = side, step
        lr = a.lr * min(1, (step + 1) / warmup) * (1 - progress) + FINAL_LR  # linear: enough of it is left to adapt to the last size
        for group in opt.param_groups:
            group["lr"] = lr
        if step % 4 == 0:
            backgrounds.draw(g, step // 4 % len(backgrounds.pool))
        ease = max(0.0, 1 - seen / EASY_UNTIL)
        style = torch.rand(1, generator=g).item() < STYLE_SHARE * (1 - 0.7 * ease)
        if ease > 0.5:
            objects = (1, 0, 0)
        images, _, placed = scenes.compose(g, canvas, drawings, backgrounds, batch, objects=objects, style=style, ease=ease)
        images, target, placed = scenes.window(g, side, images, placed, len(drawings.classes))
        composing += time.time() - now
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            cells = cell_logits(net, normalise(images)).float()
        picture, each, cell, place = losses(cells, target, placed)
        loss = picture + EACH_LOSS * each + CELL_LOSS * cell + PLACE_LOSS * place
        opt.zero_grad(set_to_none=True)
        loss.backward()
        gradients = torch.cat([p.grad.flatten() for p in net.parameters()])
        dist.all_reduce(gradients)
        gradients /= a.workers
        for p, mean in zip(net.parameters(), gradients.split([p.numel() for p in net.parameters()])):
            p.grad.copy_(mean.view_as(p))
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        opt.step()
        step += 1
        seen += batch * a.workers
        if rank:
            continue
        # Afresh at each size: weights of a smaller one in the average cost 20 points of accuracy at 224 px.
        decay = min(EMA_DECAY, (step - stage_step) / (step - stage_step + 10))
        with torch.no_grad():
            names, values = zip(*net.named_parameters())
            torch._foreach_lerp_([average[n] for n in names], list(values), 1 - decay)
            right = (cells.mean((2, 3)).argmax(1) == target.argmax(1)).float().mean().item()
        running = 0.98 * running + 0.02 * torch.tensor([picture.item(), right, each.item(), cell.item(), place.item()])
        weight = 0.98 * weight + 0.02
        if step % 50 == 0:
            spent = time.time() - last_log
            log(
                f"step {step} progress {progress:.3f} side {side} seen {seen} loss {running[0] / weight:.3f} top1 {running[1] / weight:.3f} "
                f"each {running[2] / weight:.3f} cells {running[3] / weight:.3f} places {running[4] / weight:.3f} "
                f"lr {lr:.5f} {(seen - logged) / spent:.0f} img/s composing {composing / spent:.2f}"
            )
            last_log, logged, composing = time.time(), seen, 0.0
        if time.time() - last_save > 180:
            save(progress)
            last_save = time.time()
        if time.time() - last_check > 60 * a.check_minutes:
            check = averaged_network(side, objects)
            log(
                f"check side {side}: trained styles {top1(check, drawings, test_backgrounds, side, 320, SEED + 3):.3f} "
                f"held-out style {top1(check, unseen, test_backgrounds, side, 320, SEED + 4):.3f}"
            )
            last_check = last_log = time.time()
            logged = seen
    if rank == 0:
        save(1.0)
    log(f"done: step {step} seen {seen}")


if __name__ == "__main__":
    main()
