//! The caption head's layers: `weights/emoji50-captions/caption_head.py` has the same in PyTorch,
//! under the same names.

use std::ops::Range;

use super::HeadFile;
use super::layers::Layers;
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Tensor};
use crate::ops::{Conv2d, EXTRAS, GATES};

/// Reads a layer of a network and the words so far, and gives a score for each word that may come.
/// On the GPU but for the words' vectors.
pub struct CaptionHead {
    /// [words, inputs of a word]
    embed: Vec<f32>,
    inputs: usize,
    /// From the layer to the features that the head reads, standardised.
    pub(super) reduction: Conv2d,
    pub(super) stem: Conv2d,
    /// Of x and y.
    pub(super) place: Conv2d,
    /// 3×3, with batch norm.
    pub(super) blocks: Vec<Conv2d>,
    /// What makes the first state of the largest value of each channel, and of their means.
    pub(super) begin: [Conv2d; 2],
    pub(super) key: Conv2d,
    pub(super) key_extras: Conv2d,
    pub(super) key_past: Tensor, // [keys]
    /// The look's query [keys] and the match's threshold [1], each of the state and of the word.
    pub(super) query: [Conv2d; 2],
    pub(super) threshold: [Conv2d; 2],
    /// What a look makes of the features and of the cells that it sees.
    pub(super) seen: [Conv2d; 2],
    pub(super) gru: Gru,
    /// Scores of all words: of what was seen, of the features seen, of the state.
    pub(super) name: Conv2d,
    pub(super) read: Conv2d,
    pub(super) out: Conv2d,
    /// 1, and (1, 0): what adds up grids as an outer product.
    pub(super) one: Tensor,
    pub(super) first: Tensor,
    /// Cells as they are: what adds two grids of them.
    pub(super) itself: Conv2d,
}

/// The sums of a recurrent unit, [`GATES`] a unit, by what they are of.
pub(super) struct Gru {
    pub word: Conv2d,
    pub seen: Conv2d,
    pub keys: Conv2d,
    pub extras: Conv2d,
    pub state: Conv2d,
}

impl CaptionHead {
    /// Uploads a head's weights.
    ///
    /// Errors: [`Error::TensorMissing`](crate::Error::TensorMissing),
    /// [`Error::TensorShape`](crate::Error::TensorShape).
    pub fn new(gpu: &Gpu, file: &HeadFile) -> Result<CaptionHead> {
        let [channels, of_layer, ..] = file.shape::<4>("reduction.weight")?;
        let [all_words, inputs] = file.shape("embed.weight")?;
        let [_, units] = file.shape("gru.weight_hh")?;
        let [width, ..] = file.shape::<4>("stem.weight")?;
        let [keys, ..] = file.shape::<4>("key.weight")?;
        let [classes, seen] = file.shape("name.weight")?;

        let mut up = Layers::new(gpu, file);
        let [scale, bias] = up.standardised(channels)?;
        let reduction = up.conv("reduction", [channels, of_layer, 1], scale, bias)?;
        let stem_bias = file.f32("stem.bias", &[width])?;
        let stem = up.conv("stem", [width, channels, 1], vec![1.0; width], stem_bias)?;
        let place = up.conv("place", [width, 2, 1], vec![1.0; width], vec![0.0; width])?;
        let mut blocks = Vec::new();
        while file.has(&format!("blocks.{}.conv.weight", blocks.len())) {
            let name = format!("blocks.{}", blocks.len());
            let [scale, bias] = up.norm(&format!("{name}.bn"), width)?;
            blocks.push(up.conv(&format!("{name}.conv"), [width, width, 3], scale, bias)?);
        }

        let begin = Matrix::read(file, "begin", [units, 2 * width])?;
        let of_begin = [
            up.columns(&begin, 0..width, 1.0),
            up.columns(&begin.unbiased(), width..2 * width, 4.0),
        ];
        let key_bias = file.f32("key.bias", &[keys])?;
        let key = up.conv("key", [keys, width, 1], vec![1.0; keys], key_bias)?;
        let key_extras =
            up.conv("key_extras", [keys, EXTRAS, 1], vec![1.0; keys], vec![0.0; keys])?;
        let key_past = gpu.tensor(1, 1, keys);
        gpu.write(&key_past, &file.f32("key_past.weight", &[keys, 1, 1, 1])?);

        let query = Matrix::read(file, "query", [keys + 1, units + inputs])?;
        let [query, threshold] = [query.rows(0..keys), query.rows(keys..keys + 1)].map(|rows| {
            [
                up.columns(&rows, 0..units, 1.0),
                up.columns(&rows.unbiased(), units..units + inputs, 1.0),
            ]
        });
        let of_seen = Matrix::read(file, "seen", [seen, channels + width])?;
        let of_seen = [
            up.columns(&of_seen, 0..channels, 1.0),
            up.columns(&of_seen.unbiased(), channels..channels + width, 1.0),
        ];
        let gru = Gru::new(&mut up, units, [inputs, seen, keys, EXTRAS])?;

        // Nouns of both languages have the same scores of what was seen, and those of one language
        // the same of the state: see `caption_head.py`.
        let Some(others) = all_words.checked_sub(2 * classes) else {
            let (name, found) = ("embed.weight".into(), vec![all_words, inputs]);
            let expected = vec![2 * classes, inputs];
            return Err(crate::Error::TensorShape { name, expected, found });
        };
        let twice = |name: &str, columns: usize| -> Result<Matrix> {
            let nouns = file.f32(&format!("{name}.weight"), &[classes, columns])?;
            let weight = [vec![0.0; others * columns], nouns.clone(), nouns].concat();
            Ok(Matrix::new(name, weight, vec![0.0; all_words]))
        };
        let name = up.columns(&twice("name", seen)?, 0..seen, 1.0);
        let read = up.columns(&twice("read", channels)?, 0..channels, 1.0);
        let out = Matrix::read(file, "out", [others + 2, units])?;
        let rows = (0..others).chain((0..2 * classes).map(|noun| others + noun / classes));
        let out = up.columns(&out.rows(rows), 0..units, 1.0);

        let itself = Matrix::new("itself", identity(width), vec![0.0; width]);
        let itself = up.columns(&itself, 0..width, 1.0);
        let (one, first) = (gpu.tensor(1, 1, 1), gpu.tensor(1, 1, 2));
        gpu.write(&one, &[1.0]);
        gpu.write(&first, &[1.0, 0.0]);
        let embed = file.f32("embed.weight", &[all_words, inputs])?;
        Ok(CaptionHead {
            embed,
            inputs,
            reduction,
            stem,
            place,
            blocks,
            begin: of_begin,
            key,
            key_extras,
            key_past,
            query,
            threshold,
            seen: of_seen,
            gru,
            name,
            read,
            out,
            one,
            first,
            itself,
        })
    }

    /// Channels of the layer that it reads.
    pub fn channels(&self) -> usize {
        self.reduction.c_in
    }

    /// How many words it knows, nouns included.
    pub fn words(&self) -> usize {
        self.out.c_out
    }

    /// Numbers of a word's vector.
    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    /// The vector of a word.
    pub(super) fn word(&self, word: usize) -> &[f32] {
        &self.embed[word * self.inputs..][..self.inputs]
    }

    /// The convolutions that read a grid.
    pub(super) fn grid_convs(&self) -> impl Iterator<Item = &Conv2d> {
        let grid =
            [&self.reduction, &self.stem, &self.place, &self.key, &self.key_extras, &self.itself];
        grid.into_iter().chain(&self.blocks)
    }

    /// Those of one position.
    pub(super) fn vector_convs(&self) -> impl Iterator<Item = &Conv2d> {
        let Gru { word, seen, keys, extras, state } = &self.gru;
        let gru = [word, seen, keys, extras, state, &self.name, &self.read, &self.out];
        let pairs = [&self.begin, &self.query, &self.threshold, &self.seen];
        gru.into_iter().chain(pairs.into_iter().flatten())
    }

    /// Bytes that the weights take on the GPU.
    pub fn bytes(&self) -> u64 {
        self.buffers().into_iter().map(Buffer::bytes).sum()
    }

    fn buffers(&self) -> Vec<&Buffer> {
        let convs = self.grid_convs().chain(self.vector_convs());
        let tensors = [&self.key_past, &self.one, &self.first].into_iter().map(Tensor::as_buffer);
        convs.flat_map(|conv| [&conv.weight, &conv.scale_bias]).chain(tensors).collect()
    }
}

impl Drop for CaptionHead {
    fn drop(&mut self) {
        self.buffers().into_iter().for_each(Buffer::free);
    }
}

impl Gru {
    /// `torch.nn.GRUCell` of inputs side by side (word, seen, keys, extras) as the sums that
    /// [`gru_gates`](crate::ops::gru_gates) reads: r and z of input and state, n of the input, n of
    /// the state, and the state itself.
    fn new(up: &mut Layers, units: usize, inputs: [usize; 4]) -> Result<Gru> {
        let all: usize = inputs.iter().sum();
        let read = |of: &str, columns: usize| {
            let weight = up.file.f32(&format!("gru.weight_{of}"), &[3 * units, columns])?;
            Ok((weight, up.file.f32(&format!("gru.bias_{of}"), &[3 * units])?))
        };
        let ((of_input, input_bias), (of_state, state_bias)) =
            (read("ih", all)?, read("hh", units)?);
        let zeros = |columns: usize| vec![0.0; units * columns];
        let (open, new) = of_input.split_at(2 * units * all);
        let input = [open, new, &zeros(all), &zeros(all)].concat();
        let input = Matrix::new("gru.input", input, vec![0.0; GATES * units]);
        let (open, new) = of_state.split_at(2 * units * units);
        let state = [open, &zeros(units), new, &identity(units)].concat();
        let ((of_x, new_of_x), (of_h, new_of_h)) =
            (input_bias.split_at(2 * units), state_bias.split_at(2 * units));
        let open: Vec<f32> = of_x.iter().zip(of_h).map(|(x, h)| x + h).collect();
        let bias = [&open, new_of_x, new_of_h, &zeros(1)].concat();
        let state = Matrix::new("gru.state", state, bias);

        let mut next = 0;
        let [word, seen, keys, extras] = inputs.map(|columns| {
            next += columns;
            up.columns(&input, next - columns..next, 1.0)
        });
        Ok(Gru { word, seen, keys, extras, state: up.columns(&state, 0..units, 1.0) })
    }
}

/// [size, size]
fn identity(size: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; size * size];
    matrix.iter_mut().step_by(size + 1).for_each(|v| *v = 1.0);
    matrix
}

/// A linear layer's numbers: weight [rows, columns], bias [rows].
struct Matrix {
    name: String,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Matrix {
    fn new(name: &str, weight: Vec<f32>, bias: Vec<f32>) -> Matrix {
        Matrix { name: name.into(), weight, bias }
    }

    fn read(file: &HeadFile, name: &str, [rows, columns]: [usize; 2]) -> Result<Matrix> {
        let weight = file.f32(&format!("{name}.weight"), &[rows, columns])?;
        Ok(Matrix::new(name, weight, file.f32(&format!("{name}.bias"), &[rows])?))
    }

    fn columns(&self) -> usize {
        self.weight.len() / self.bias.len()
    }

    fn rows(&self, rows: impl Iterator<Item = usize> + Clone) -> Matrix {
        let columns = self.columns();
        let weight = rows.clone().flat_map(|row| &self.weight[row * columns..][..columns]);
        let weight = weight.copied().collect();
        Matrix::new(&self.name, weight, rows.map(|row| self.bias[row]).collect())
    }

    fn unbiased(&self) -> Matrix {
        Matrix::new(&self.name, self.weight.clone(), vec![0.0; self.bias.len()])
    }
}

impl Layers<'_> {
    /// A linear layer of some of a matrix's columns, times `scale`, as the 1×1 convolution of one
    /// position that it is; with the matrix's bias, which of several parts one should have.
    fn columns(&mut self, matrix: &Matrix, columns: Range<usize>, scale: f32) -> Conv2d {
        let (rows, c_in) = (matrix.bias.len(), columns.len());
        let weight = matrix.weight.chunks(matrix.columns()).flat_map(|row| &row[columns.clone()]);
        let (weight, name) = (weight.copied().collect(), format!("{}.{columns:?}", matrix.name));
        self.conv_of(&name, weight, [rows, c_in, 1], vec![scale; rows], matrix.bias.clone())
    }
}
