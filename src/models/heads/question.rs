//! The question head's layers: `weights/emoji50-questions/head.py` has the same in PyTorch, under
//! the same names.

use super::HeadFile;
use super::layers::Layers;
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Tensor};
use crate::ops::{Conv2d, EXTRAS, GruCell, Linear, pack_gru_weight};

/// Reads a layer of a network and a question, and gives a score for each answer. On the GPU but for
/// the words' vectors.
pub struct QuestionHead {
    /// [words, inputs of the recurrent unit]
    embed: Vec<f32>,
    pub(super) gru: GruCell,
    /// What makes the anchor's query [channels] and threshold [1] of the question.
    pub(super) query: Linear,
    pub(super) threshold: Linear,
    /// From the layer to the features that the head reads, standardised.
    pub(super) reduction: Conv2d,
    pub(super) stem: Cells,
    pub(super) blocks: Vec<Block>,
    pub(super) last: Cells,
    /// Of the largest value of each of the last channels, and of their means.
    pub(super) dense: [Conv2d; 2],
    pub(super) answer: Conv2d,
    /// The query of the look at the answer [width], and a threshold of 0.
    pub(super) look: [Tensor; 2],
    pub(super) read: Conv2d,
}

/// A 1×1 convolution of a grid, and one of the positions' extras that is added to it.
pub(super) struct Cells {
    pub grid: Conv2d,
    pub extras: Conv2d,
}

/// A residual block whose channels the question modulates.
pub(super) struct Block {
    pub cells: Cells,
    /// 3×3, with batch norm.
    pub conv: Conv2d,
    pub gamma: Linear,
    pub beta: Linear,
}

impl QuestionHead {
    /// Uploads a head's weights.
    ///
    /// Errors: [`Error::TensorMissing`](crate::Error::TensorMissing),
    /// [`Error::TensorShape`](crate::Error::TensorShape).
    pub fn new(gpu: &Gpu, file: &HeadFile) -> Result<QuestionHead> {
        let [channels, of_layer, ..] = file.shape::<4>("reduction.weight")?;
        let [words, inputs] = file.shape("embed.weight")?;
        let [_, units] = file.shape("gru.weight_hh_l0")?;
        let [width, ..] = file.shape::<4>("stem.grid.weight")?;
        let [pooled, ..] = file.shape::<4>("last.grid.weight")?;
        let [answers, hidden] = file.shape("answer.weight")?;

        let gates = 3 * units;
        let of_input = file.f32("gru.weight_ih_l0", &[gates, inputs])?;
        let of_state = file.f32("gru.weight_hh_l0", &[gates, units])?;
        let biases = ["ih", "hh"].map(|of| file.f32(&format!("gru.bias_{of}_l0"), &[gates]));
        let [of_x, of_h] = biases;
        let gru = GruCell {
            of_input: pack_gru_weight(gpu, &of_input, inputs),
            of_state: pack_gru_weight(gpu, &of_state, units),
            bias: gpu.buffer(&[of_x?, of_h?].concat()),
            inputs,
            units,
        };

        let mut up = Layers::new(gpu, file);
        let size = (channels as f32).powf(-0.5);
        let query = up.linear("anchor", [channels + 1, units], (0, channels), size)?;
        let threshold = up.linear("anchor", [channels + 1, units], (channels, 1), 1.0)?;

        let [scale, bias] = up.standardised(channels)?;
        let reduction = up.conv("reduction", [channels, of_layer, 1], scale, bias)?;

        let stem = up.cells("stem", channels, width)?;
        let mut blocks = Vec::new();
        // A head without blocks would have no gradient through its stem's ReLU.
        while blocks.is_empty() || file.has(&format!("blocks.{}.conv.weight", blocks.len())) {
            let name = format!("blocks.{}", blocks.len());
            let [scale, bias] = up.norm(&format!("{name}.bn"), width)?;
            let film = format!("{name}.film");
            blocks.push(Block {
                cells: up.cells(&format!("{name}.cells"), width, width)?,
                conv: up.conv(&format!("{name}.conv"), [width, width, 3], scale, bias)?,
                gamma: up.linear(&film, [2 * width, units], (0, width), 1.0)?,
                beta: up.linear(&film, [2 * width, units], (width, width), 1.0)?,
            });
        }
        let last = up.cells("last", width, pooled)?;

        // The dense layer's columns: first those of the largest values, then those of four times
        // the means.
        let weight = file.f32("dense.weight", &[hidden, 2 * pooled])?;
        let columns = |first: usize| -> Vec<f32> {
            weight.chunks(2 * pooled).flat_map(|row| &row[first..][..pooled]).copied().collect()
        };
        let bias = file.f32("dense.bias", &[hidden])?;
        let dense = [
            up.conv_of("dense.max", columns(0), [hidden, pooled, 1], vec![1.0; hidden], bias),
            up.conv_of(
                "dense.mean",
                columns(pooled),
                [hidden, pooled, 1],
                vec![4.0; hidden],
                vec![0.0; hidden],
            ),
        ];
        let weight = file.f32("answer.weight", &[answers, hidden])?;
        let bias = file.f32("answer.bias", &[answers])?;
        let answer = up.conv_of("answer", weight, [answers, hidden, 1], vec![1.0; answers], bias);
        let weight = file.f32("read.weight", &[answers, channels])?;
        let (scale, bias) = (vec![1.0; answers], vec![0.0; answers]);
        let read = up.conv_of("read", weight, [answers, channels, 1], scale, bias);

        let look = [gpu.tensor(1, 1, width), gpu.tensor(1, 1, 1)];
        gpu.write(&look[0], &file.f32("look.weight", &[1, width])?);
        let embed = file.f32("embed.weight", &[words, inputs])?;
        Ok(QuestionHead {
            embed,
            gru,
            query,
            threshold,
            reduction,
            stem,
            blocks,
            last,
            dense,
            answer,
            look,
            read,
        })
    }

    /// Channels of the layer that it reads.
    pub fn channels(&self) -> usize {
        self.reduction.c_in
    }

    /// How many words it knows; the first is padding.
    pub fn words(&self) -> usize {
        self.embed.len() / self.gru.inputs
    }

    pub fn answers(&self) -> usize {
        self.answer.c_out
    }

    /// The vector of a word.
    pub(super) fn word(&self, word: usize) -> &[f32] {
        &self.embed[word * self.gru.inputs..][..self.gru.inputs]
    }

    /// The convolutions that read a grid.
    pub(super) fn grid_convs(&self) -> impl Iterator<Item = &Conv2d> {
        let cells = self.blocks.iter().map(|block| &block.cells).chain([&self.stem, &self.last]);
        let blocks = self.blocks.iter().map(|block| &block.conv);
        blocks.chain(cells.flat_map(|cells| [&cells.grid, &cells.extras])).chain([&self.reduction])
    }

    /// Those of one position.
    pub(super) fn vector_convs(&self) -> impl Iterator<Item = &Conv2d> {
        self.dense.iter().chain([&self.answer, &self.read])
    }

    /// Bytes that the weights take on the GPU.
    pub fn bytes(&self) -> u64 {
        self.buffers().into_iter().map(Buffer::bytes).sum()
    }

    fn buffers(&self) -> Vec<&Buffer> {
        let linears = [&self.query, &self.threshold].into_iter();
        let linears = linears.chain(self.blocks.iter().flat_map(|b| [&b.gamma, &b.beta]));
        let gru = [&self.gru.of_input, &self.gru.of_state, &self.gru.bias];
        self.grid_convs()
            .chain(self.vector_convs())
            .flat_map(|conv| [&conv.weight, &conv.scale_bias])
            .chain(linears.flat_map(|linear| [&linear.weight, &linear.scale_bias]))
            .chain(gru)
            .chain(self.look.iter().map(Tensor::as_buffer))
            .collect()
    }
}

impl Drop for QuestionHead {
    fn drop(&mut self) {
        self.buffers().into_iter().for_each(Buffer::free);
    }
}

impl Layers<'_> {
    fn cells(&mut self, name: &str, c_in: usize, c_out: usize) -> Result<Cells> {
        let (grid, extras) = (format!("{name}.grid"), format!("{name}.extras"));
        let bias = self.file.f32(&format!("{grid}.bias"), &[c_out])?;
        let (ones, zeros) = (vec![1.0; c_out], vec![0.0; c_out]);
        Ok(Cells {
            grid: self.conv(&grid, [c_out, c_in, 1], ones.clone(), bias)?,
            extras: self.conv(&extras, [c_out, EXTRAS, 1], ones, zeros)?,
        })
    }
}
