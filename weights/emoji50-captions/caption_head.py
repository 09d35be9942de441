"""The caption head: reads layer3 of emoji50, and says word by word what is there and where.

The grid goes through a small network once. Then, for each word, a recurrent unit (GRU) that has read the words so far looks at the grid:
- `keys`: what each cell has for a look to find: its features, where it is, how far from where the last look's centre was, how well the last look
  matched it, how much of it earlier looks have seen. The query is made of the state and the word;
- the look, a softmax over cells (soft attention, Xu et al., Show, Attend and Tell, 2015, section 3.1.2), reads features, keys and extras. The
  extras that it reads are its own centre and how far that is from the last look's: what "left of" needs;
- `names`: scores of the classes, of what the look reads and nothing else. The unit's state only adds one number to all nouns of a
  language, so that it says when a noun comes, and the look says which.

Sources: Cho et al. 2014 for the GRU; Xu et al. 2015 for attention; coverage after See et al., Get to the Point, 2017, section 2.3.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

WORD, UNITS, WIDTH, BLOCKS, KEYS, SEEN = 64, 256, 128, 2, 64, 192
EXTRAS = 5


def coordinates(h, w):
    """x and y of each cell, in [-1, 1]: [2, h, w]."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij")
    return torch.stack([x, y])


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(WIDTH)

    def forward(self, x):
        return F.relu(x + self.bn(self.conv(x)))


class CaptionHead(nn.Module):
    def __init__(self, words, classes, channels, mean=None, std=None, dropout=0.0):
        """words: without nouns, of which there are two a class. mean, std: of the features a channel, over training's scenes."""
        super().__init__()
        self.words, self.classes = words, classes
        self.register_buffer("mean", torch.zeros(channels) if mean is None else mean)
        self.register_buffer("std", torch.ones(channels) if std is None else std)
        self.stem = nn.Conv2d(channels, WIDTH, 1)
        self.place = nn.Conv2d(2, WIDTH, 1, bias=False)
        self.blocks = nn.ModuleList([Block() for _ in range(BLOCKS)])
        self.begin = nn.Linear(2 * WIDTH, UNITS)
        self.key = nn.Conv2d(WIDTH, KEYS, 1)
        self.key_extras = nn.Conv2d(EXTRAS, KEYS, 1, bias=False)
        self.key_past = nn.Conv2d(1, KEYS, 1, bias=False)
        self.embed = nn.Embedding(words + 2 * classes, WORD)
        self.query = nn.Linear(UNITS + WORD, KEYS + 1)  # a cell's keys times the first, plus the last for the match only
        self.seen = nn.Linear(channels + WIDTH, SEEN)
        self.gru = nn.GRUCell(WORD + SEEN + KEYS + EXTRAS, UNITS)
        self.name = nn.Linear(SEEN, classes, bias=False)
        self.read = nn.Linear(channels, classes, bias=False)
        self.out = nn.Linear(UNITS, words + 2)  # scores of words, and what all English and all Chinese nouns get
        self.dropout = dropout

    def start(self, features):
        """What each step reads of features [S, channels, h, w], and the first state [S, UNITS]."""
        h, w = features.shape[2:]
        r = (features - self.mean[:, None, None]) / self.std[:, None, None]
        xy = coordinates(h, w).to(r)
        x = F.relu(self.stem(r) + self.place(xy[None]))
        for block in self.blocks:
            x = block(x)
        state = F.relu(self.begin(torch.cat([x.amax((2, 3)), 4 * x.mean((2, 3))], 1)))
        cells = torch.cat([r, x], 1).flatten(2).transpose(1, 2).contiguous()  # [S, N, channels + WIDTH]
        keys = self.key(x).flatten(2).transpose(1, 2).contiguous()
        look = torch.full((len(r), h * w), 1 / (h * w)).to(r)
        nothing = torch.zeros_like(look)
        return {"cells": cells.to(x.dtype), "keys": keys, "xy": xy.flatten(1).T, "look": look, "match": nothing, "past": nothing}, state

    def step(self, grid, state, word):
        """Logits, the next state and grid after a word [B]: captions of the first scene, as many of the second, and so on."""
        e = F.embedding(word, self.embed.weight)
        drop = lambda t: F.dropout(t, self.dropout, self.training)
        scenes, positions = grid["cells"].shape[:2]
        xy = grid["xy"].expand(len(word), -1, -1)
        centre = grid["look"][:, None] @ grid["xy"]
        extras = torch.cat([xy, xy - centre, grid["match"][:, :, None], grid["past"][:, :, None]], 2)
        weight = torch.cat([self.key_extras.weight, self.key_past.weight], 1)[:, :, 0, 0]
        of_scene = lambda t: t.view(scenes, -1, *t.shape[1:])  # [S, captions of a scene, ...]
        keys = F.relu(of_scene(extras @ weight.T) + grid["keys"][:, None]).flatten(0, 1)
        query, threshold = self.query(torch.cat([state, e], 1)).split([KEYS, 1], 1)
        score = (keys @ query[:, :, None])[:, :, 0].to(xy)
        look, match = score.softmax(1), torch.sigmoid(score + threshold)
        at = look.to(keys)
        cells = (of_scene(at) @ grid["cells"]).flatten(0, 1)
        r = cells[:, : self.read.in_features]
        seen = F.relu(self.seen(drop(cells)))
        state = self.gru(torch.cat([e, drop(seen), (at[:, None] @ keys)[:, 0], (look[:, None] @ extras[:, :, :EXTRAS])[:, 0]], 1), state)
        names = self.name(drop(seen)) + self.read(r)
        others, english, chinese = self.out(drop(state)).split([self.words, 1, 1], 1)
        logits = torch.cat([others, names + english, names + chinese], 1)
        return logits, state, grid | {"look": look, "match": match, "past": grid["past"] + look}

    def forward(self, features, said):
        """Logits [B, T, words and nouns] after each of words [B, T], B / S captions of each scene. Keeps `looks` [B, T, h * w] and `cells` [S, h * w, C]."""
        grid, state = self.start(features)
        self.cells = grid["cells"]
        times = len(said) // len(features)
        state = state.repeat_interleave(times, 0)
        grid |= {k: grid[k].repeat_interleave(times, 0) for k in ("look", "match", "past")}
        logits, looks = [], []
        for word in said.T:
            scores, state, grid = self.step(grid, state, word)
            logits.append(scores)
            looks.append(grid["look"])
        self.looks = torch.stack(looks, 1)
        return torch.stack(logits, 1)

    def names(self, cells):
        """Scores of the classes [..., classes] of cells [..., C], as of a look that sees such a cell alone."""
        return self.name(F.relu(self.seen(cells))) + self.read(cells[..., : self.read.in_features])

    @torch.no_grad()
    def greedy(self, features, start, longest, end):
        """The likeliest word each time, until `end` (which repeats): [S, longest]."""
        grid, state = self.start(features)
        for word in start:
            logits, state, grid = self.step(grid, state, torch.full((len(features),), word))
        said = []
        for _ in range(longest):
            word = logits.argmax(1)
            word = torch.where(said[-1] == end, end, word) if said else word
            said.append(word)
            logits, state, grid = self.step(grid, state, word)
        return torch.stack(said, 1)
