"""What training has in common for heads: processes, gradients averaged over them, weights averaged over steps, and the file that is written.

Arguments that it reads: seed, minutes or until, workers, lr, hold, init, out.
"""
import copy
import datetime
import os
import pathlib
import time

import safetensors.torch
import torch
import torch.distributed as dist

AVERAGE = 0.998


def spawn(work, a, port):
    """Runs work(rank, a) in each of `a.workers` processes of one thread."""
    if a.until:
        hour, minute = map(int, a.until.split(":"))
        a.minutes = (time.mktime((*time.localtime()[:3], hour, minute, 0, 0, 0, -1)) - time.time()) / 60
    torch.multiprocessing.spawn(join, (work, a, port), nprocs=a.workers)


def join(rank, work, a, port):
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", str(port))
    # A process that has to wait for its turn must not look dead.
    dist.init_process_group("gloo", rank=rank, world_size=a.workers, timeout=datetime.timedelta(hours=3))
    torch.set_num_threads(1)
    work(rank, a)
    dist.destroy_process_group()


def weights(path):
    """Of a checkpoint, or of a head as it is shipped."""
    if path.endswith(".safetensors"):
        return {k: v.float() for k, v in safetensors.torch.load_file(path).items() if k != "reduction.weight"}
    return {k: v for k, v in torch.load(path)["state"].items() if not k.endswith("num_batches_tracked")}


class Training:
    """Steps of one process. `unit`: what is learnt from, in words."""

    def __init__(self, rank, a, net, scenes, unit):
        self.rank, self.a, self.net, self.unit = rank, a, net, unit
        if a.init:
            missing, unknown = net.load_state_dict(weights(a.init), strict=False)
            assert not unknown and all(name.endswith("num_batches_tracked") for name in missing), (missing, unknown)
        for p in net.parameters():  # all begin with the first one's
            dist.broadcast(p.data, 0)
        self.average = copy.deepcopy(net)
        self.opt = torch.optim.AdamW(net.parameters(), lr=a.lr, weight_decay=1e-2)
        self.began = self.saved = time.time()
        self.steps = self.seen = 0
        self.say(f"torch {torch.__version__}, {vars(a)}, {len(scenes)} scenes, {sum(p.numel() for p in net.parameters())} parameters")
        # Where the processor lacks its instructions, bf16 is slower than f32.
        self.bf16 = torch.cpu._is_avx512_bf16_supported()
        net.train()
        net.to(memory_format=torch.channels_last)

    def autocast(self):
        return torch.autocast("cpu", torch.bfloat16, enabled=self.bf16)

    def say(self, line):
        if self.rank == 0:
            print(line, flush=True)

    def progress(self):
        """How much of the time is over, the same in each process, while there is time: then the learning rate is set."""
        a = self.a
        while True:
            clock = torch.tensor([(time.time() - self.began) / (60 * a.minutes)])
            dist.broadcast(clock, 0)
            if clock.item() >= 1:
                return self.end()
            for group in self.opt.param_groups:
                group["lr"] = a.lr * min(1, (self.steps + 1) / 100) * min(1, (1 - clock.item()) / (1 - a.hold)) + 1e-5
            yield clock.item()

    def learn(self, loss, count):
        """A step from the loss of `count` units."""
        self.opt.zero_grad(set_to_none=True)
        loss.backward()
        parameters = list(self.net.parameters())
        gradients = torch.cat([p.grad.flatten() for p in parameters])
        dist.all_reduce(gradients)
        for p, mean in zip(parameters, (gradients / self.a.workers).split([p.numel() for p in parameters])):
            p.grad.copy_(mean.view_as(p))
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        self.opt.step()
        self.steps += 1
        self.seen += count * self.a.workers
        with torch.no_grad():
            keep = min(AVERAGE, self.steps / (self.steps + 10))
            for mean, now in zip(self.average.state_dict().values(), self.net.state_dict().values()):
                mean.lerp_(now, 1 - keep) if mean.is_floating_point() else mean.copy_(now)
        if time.time() - self.saved > 120:
            self.save()

    def so_far(self, progress):
        return f"step {self.steps} progress {progress:.3f} {self.unit} {self.seen} ({self.seen / (time.time() - self.began):.0f} a second)"

    def save(self):
        self.saved = time.time()
        if self.rank == 0:
            part = pathlib.Path(self.a.out).with_suffix(".part")
            part.parent.mkdir(parents=True, exist_ok=True)
            torch.save({"state": self.average.state_dict(), "arguments": vars(self.a), "steps": self.steps, self.unit: self.seen}, part)
            os.replace(part, self.a.out)

    def end(self):
        self.save()
        self.say(f"done: {self.steps} steps, {self.seen} {self.unit}")
