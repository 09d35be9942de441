"""The question head: reads layer3 of emoji50 and a question, gives a score for each answer.

A question's words go through a GRU. Its last state sets what the grid is asked:
- `anchor`: how well each cell matches the question's noun. As a softmax over cells it gives the anchor's place, and every cell
  gets its offset from there ("left of the cat"); as a sigmoid a cell it says what is there at all, which makes things countable;
- FiLM blocks (Perez et al. 2018) on the grid: gamma and beta of each channel come from the question;
- `look`: a softmax over cells, whose mean of the features is read by a linear layer into the answers that name a thing.

Every 1x1 convolution also reads the cell's five extras: x, y in [-1, 1], both offsets from the anchor, the match.
Source of the FiLM block: Perez et al., FiLM: Visual Reasoning with a General Conditioning Layer, 2018, section 2.2.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

WORD, HIDDEN, WIDTH, BLOCKS, POOLED, DENSE = 128, 192, 64, 2, 128, 192
EXTRAS = 5


def coordinates(h, w):
    """x and y of each cell, in [-1, 1]: [2, h, w]."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij")
    return torch.stack([x, y])


class Cells(nn.Module):
    """A 1x1 convolution of a grid and of the cells' extras, then ReLU."""

    def __init__(self, c_in, c_out):
        super().__init__()
        self.grid = nn.Conv2d(c_in, c_out, 1)
        self.extras = nn.Conv2d(EXTRAS, c_out, 1, bias=False)

    def forward(self, x, extras):
        return F.relu(self.grid(x) + self.extras(extras))


class Film(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = Cells(WIDTH, WIDTH)
        self.conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(WIDTH, affine=False)
        self.film = nn.Linear(HIDDEN, 2 * WIDTH)
        with torch.no_grad():
            self.film.bias[:WIDTH] += 1  # gamma lies about 1

    def forward(self, x, extras, q):
        x = self.cells(x, extras)
        gamma, beta = self.film(q)[:, :, None, None].chunk(2, 1)
        return x + F.relu(gamma * self.bn(self.conv(x)) + beta)


class QuestionHead(nn.Module):
    def __init__(self, words, answers, channels, mean=None, std=None):
        """mean, std: of the features a channel, over training's scenes."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels) if mean is None else mean)
        self.register_buffer("std", torch.ones(channels) if std is None else std)
        self.embed = nn.Embedding(words, WORD, padding_idx=0)
        self.gru = nn.GRU(WORD, HIDDEN, batch_first=True)
        self.anchor = nn.Linear(HIDDEN, channels + 1)  # a cell's features times the first, plus the last for the sigmoid only
        self.stem = Cells(channels, WIDTH)
        self.blocks = nn.ModuleList([Film() for _ in range(BLOCKS)])
        self.last = Cells(WIDTH, POOLED)
        self.dense = nn.Linear(2 * POOLED, DENSE)
        self.answer = nn.Linear(DENSE, answers)
        self.look = nn.Linear(WIDTH, 1, bias=False)
        self.read = nn.Linear(channels, answers, bias=False)

    def question(self, words, lengths):
        """[B, HIDDEN] of words [B, T], padded with zeros."""
        return self.gru(self.embed(words))[0][torch.arange(len(words)), lengths - 1]

    def forward(self, features, words, lengths, rows=None):
        """Logits [B, answers] of features [S, channels, h, w]; `rows` [B]: which scene each question is about (one each if None).

        Keeps `anchor_weights` and `look_weights` [B, h * w], which training teaches to lie on the objects.
        """
        rows = torch.arange(len(words)) if rows is None else rows
        x = (features - self.mean[:, None, None]) / self.std[:, None, None]
        h, w = x.shape[2:]
        q = self.question(words, lengths)
        query, threshold = self.anchor(q).split([x.shape[1], 1], 1)
        flat = x.flatten(2)[rows]
        score = torch.bmm(query[:, None] / x.shape[1] ** 0.5, flat)[:, 0]
        self.anchor_weights = score.softmax(1)
        match = torch.sigmoid(score + threshold).view(-1, 1, h, w)
        xy = coordinates(h, w).to(x)
        place = self.anchor_weights @ xy.flatten(1).T
        extras = torch.cat([xy.expand(len(q), -1, -1, -1), xy - place[:, :, None, None], match], 1)
        x = F.relu(self.stem.grid(x)[rows] + self.stem.extras(extras))
        for block in self.blocks:
            x = block(x, extras, q)
        pooled = self.last(x, extras).flatten(2)
        dense = F.relu(self.dense(torch.cat([pooled.amax(2), 4 * pooled.mean(2)], 1)))
        self.look_weights = self.look(x.flatten(2).transpose(1, 2))[:, :, 0].softmax(1)
        return self.answer(dense) + self.read(torch.bmm(flat, self.look_weights[:, :, None])[:, :, 0])
