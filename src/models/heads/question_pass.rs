//! The question head's forward and backward at one input size.

use super::question::{Cells, QuestionHead};
use super::record::{RELU, Record, through};
use crate::error::Result;
use crate::gpu::{Dispatch, Gpu, Tensor};
use crate::ops::{self, Convolutions, EXTRAS, Fused, ScratchBytes, Tuning};

/// Recorded dispatches, and what they write: from words and a layer's activations to scores, and
/// back from scores to the layer.
pub struct QuestionPass {
    /// The words' vectors, in the last of so many places as the longest question has.
    words: Vec<Tensor>,
    /// The recurrent unit's states: the first is zero, the last the question's.
    states: Vec<Tensor>,
    /// Of each word, then what the question makes of its last state.
    question: Vec<Dispatch>,
    forward: Vec<Dispatch>,
    backward: Vec<Dispatch>,
    logits: Tensor,   // [answers]
    dlogits: Tensor,  // [answers]
    gradient: Tensor, // as the layer's activations
    /// Everything that is not listed above, to be freed.
    others: Vec<Tensor>,
    convolutions: Convolutions,
}

impl QuestionPass {
    /// Allocates and records everything for a layer's `activations` [h, w, channels of the head],
    /// h and w the same and up to [`LARGEST_GRID`](super::LARGEST_GRID), and questions of up
    /// to `longest` words.
    pub fn new(
        gpu: &Gpu,
        head: &QuestionHead,
        tuning: Tuning,
        activations: &Tensor,
        longest: usize,
    ) -> QuestionPass {
        let grid = [activations.height, activations.width];
        let convs = head.grid_convs().map(|conv| (conv, grid));
        let convs: Vec<_> = convs.chain(head.vector_convs().map(|conv| (conv, [1, 1]))).collect();
        let convolutions = Convolutions::new(gpu, tuning, &ScratchBytes::of(gpu, &tuning, &convs));
        let new = |channels: usize| gpu.tensor(1, 1, channels);
        let words: Vec<Tensor> = (0..longest).map(|_| new(head.gru.inputs)).collect();
        let states: Vec<Tensor> = (0..=longest).map(|_| new(head.gru.units)).collect();
        let dlogits = new(head.answers());

        let mut rec = Record::new(gpu, &convolutions, grid);
        let asked = rec.question(head, &words, &states);
        let question = rec.take();
        let seen = rec.forward(head, activations, &asked);
        let forward = rec.take();
        let gradient = rec.backward(head, &asked, &seen, &dlogits, activations);
        let backward = rec.take();
        let (logits, others) = (seen.logits, rec.tensors);
        QuestionPass {
            words,
            states,
            question,
            forward,
            backward,
            logits,
            dlogits,
            gradient,
            others,
            convolutions,
        }
    }

    /// The logits [answers] of a question about what the activations now are. `words` are numbers
    /// below [`QuestionHead::words`], at least one and not more than the longest question has.
    pub async fn logits(
        &self,
        gpu: &Gpu,
        head: &QuestionHead,
        words: &[usize],
    ) -> Result<Vec<f32>> {
        let first = self.words.len() - words.len();
        gpu.write(&self.states[first], &vec![0.0; head.gru.units]);
        for (tensor, &word) in self.words[first..].iter().zip(words) {
            gpu.write(tensor, head.word(word));
        }
        gpu.run(&self.question[first..]);
        gpu.run(&self.forward);
        gpu.read(&self.logits).await
    }

    /// Queues d(logit of `answer`) / d(activations), of the question that was asked last; valid
    /// until the next one.
    pub fn backward(&self, gpu: &Gpu, answer: usize) -> &Tensor {
        let mut dlogits = vec![0.0; self.dlogits.channels];
        dlogits[answer] = 1.0;
        gpu.write(&self.dlogits, &dlogits);
        gpu.run(&self.backward);
        &self.gradient
    }

    /// Bytes of its tensors and of the scratch of convolutions.
    pub fn bytes(&self) -> u64 {
        self.tensors().map(Tensor::bytes).sum::<u64>()
            + self.convolutions.scratch_bytes()
            + self.convolutions.transposed_bytes()
    }

    fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.words.iter().chain(&self.states).chain(&self.others).chain([&self.dlogits])
    }
}

impl Drop for QuestionPass {
    fn drop(&mut self) {
        self.tensors().for_each(Tensor::free);
        self.convolutions.free();
    }
}

/// What a question asks of the grid.
struct Asked {
    query: Tensor,     // [channels]
    threshold: Tensor, // [1]
    /// gamma and beta [width] of each block.
    films: Vec<[Tensor; 2]>,
}

/// What the forward pass leaves for the backward.
struct Seen {
    features: Tensor, // [h, w, channels]
    anchor: Tensor,   // [h, w, 2]
    stem: Tensor,     // [h, w, width]
    /// Of each block what its 1×1 and its 3×3 convolutions put out.
    blocks: Vec<[Tensor; 2]>,
    last: Tensor,   // [h, w, pooled]
    hidden: Tensor, // [hidden]
    look: Tensor,   // [h, w, 2]
    logits: Tensor, // [answers]
}

impl Record<'_> {
    fn linear(&mut self, x: &Tensor, linear: &ops::Linear) -> Tensor {
        let y = self.vector(linear.classes);
        self.run.push(ops::linear(self.run.gpu, &y, x, linear));
        y
    }

    /// relu(grid(x) + extras(e))
    fn cells(&mut self, x: &Tensor, extras: &Tensor, cells: &Cells) -> Tensor {
        let of_extras = self.conv(extras, &cells.extras, Fused::default());
        self.conv(x, &cells.grid, Fused { residual: Some(&of_extras), ..RELU })
    }

    // Forward and backward are each other upside-down; read them side by side.
    //
    //   state = gru(words);  query, threshold, gamma, beta = linear(state)
    //   r = reduction(activations);  anchor = attention(r, query);  e = offsets(anchor)
    //   x = relu(stem(r) + stem(e))
    //   of each block: c = relu(cells(x) + cells(e));  t = conv(c);  x = c + relu(gamma · t + beta)
    //   l = relu(last(x) + last(e));  h = relu(dense(max(l)) + dense(mean(l)))
    //   look = attention(x);  logits = answer(h) + read(Σ look · r)

    /// Forward only: words have no place on the grid.
    fn question(&mut self, head: &QuestionHead, words: &[Tensor], states: &[Tensor]) -> Asked {
        for (i, word) in words.iter().enumerate() {
            let [before, after] = [&states[i], &states[i + 1]];
            self.run.push(ops::gru_cell(self.run.gpu, after, word, before, &head.gru));
        }
        let state = &states[words.len()];
        let films = head.blocks.iter();
        let films = films.map(|b| [&b.gamma, &b.beta].map(|linear| self.linear(state, linear)));
        let films = films.collect();
        let query = self.linear(state, &head.query);
        Asked { query, threshold: self.linear(state, &head.threshold), films }
    }

    fn forward(&mut self, head: &QuestionHead, activations: &Tensor, asked: &Asked) -> Seen {
        let gpu = self.run.gpu;
        let features = self.conv(activations, &head.reduction, Fused::default());
        let (anchor, extras) = (self.grid(2), self.grid(EXTRAS));
        self.run.push(ops::attention(gpu, &anchor, &features, &asked.query, &asked.threshold));
        self.run.push(ops::offsets(gpu, &extras, &anchor));
        let stem = self.cells(&features, &extras, &head.stem);
        let (mut x, mut blocks) = (stem.clone(), Vec::new());
        for (block, [gamma, beta]) in head.blocks.iter().zip(&asked.films) {
            let c = self.cells(&x, &extras, &block.cells);
            let t = self.conv(&c, &block.conv, Fused::default());
            x = self.grid(c.channels);
            self.run.push(ops::film(gpu, &x, &c, &t, gamma, beta));
            blocks.push([c, t]);
        }
        let last = self.cells(&x, &extras, &head.last);
        let [largest, mean] = [(); 2].map(|_| self.vector(last.channels));
        self.run.push(ops::max_pool2d(gpu, &largest, &last, self.whole()));
        self.run.push(ops::global_average_pool(gpu, &mean, &last));
        let of_largest = self.conv(&largest, &head.dense[0], Fused::default());
        let hidden =
            self.conv(&mean, &head.dense[1], Fused { residual: Some(&of_largest), ..RELU });
        let (look, looked) = (self.grid(2), self.vector(features.channels));
        let [query, threshold] = &head.look;
        self.run.push(ops::attention(gpu, &look, &x, query, threshold));
        self.run.push(ops::weighted_sum(gpu, &looked, &look, &features));
        let read = self.conv(&looked, &head.read, Fused::default());
        let residual = Fused { residual: Some(&read), ..Default::default() };
        let logits = self.conv(&hidden, &head.answer, residual);
        Seen { features, anchor, stem, blocks, last, hidden, look, logits }
    }

    /// The gradient of the activations.
    fn backward(
        &mut self,
        head: &QuestionHead,
        asked: &Asked,
        seen: &Seen,
        dlogits: &Tensor,
        activations: &Tensor,
    ) -> Tensor {
        let gpu = self.run.gpu;
        let Seen { features, anchor, stem, blocks, last, hidden, look, .. } = seen;
        // logits = answer(h) + read(Σ look · r)
        let dhidden = self.conv_backward(dlogits, &head.answer, through(hidden));
        let dlooked = self.conv_backward(dlogits, &head.read, Fused::default());
        // h = dense(max(l)) + dense(mean(l)): dl of the means is a share of theirs everywhere
        let dlargest = self.conv_backward(&dhidden, &head.dense[0], Fused::default());
        let dmean = self.conv_backward(&dhidden, &head.dense[1], Fused::default());
        let (of_largest, indices) = (self.grid(last.channels), self.vector(last.c4()));
        let window = self.whole();
        let find =
            ops::max_pool2d_backward(gpu, &of_largest, &dlargest, last, &indices, window, None);
        self.run.extend(find);
        let share = self.grid(1);
        gpu.write(&share, &vec![1.0 / last.positions() as f32; last.positions()]);
        let dlast = self.grid(last.channels);
        let both = Fused { residual: Some(&of_largest), ..through(last) };
        self.run.push(ops::outer_product(gpu, &dlast, &share, &dmean, both));
        // l = relu(last(x) + last(e))
        let mut dextras = self.conv_backward(&dlast, &head.last.extras, Fused::default());
        let of_last = self.conv_backward(&dlast, &head.last.grid, Fused::default());
        // look = attention(x)
        let (dlook, ds) = (self.grid(2), self.grid(1));
        self.run.push(ops::weighted_sum_backward(gpu, &dlook, &dlooked, features, None));
        self.run.push(ops::attention_backward(gpu, &ds, &dlook, look));
        let mut dx = self.grid(of_last.channels);
        let residual = Fused { residual: Some(&of_last), ..Default::default() };
        self.run.push(ops::outer_product(gpu, &dx, &ds, &head.look[0], residual));
        for (i, block) in head.blocks.iter().enumerate().rev() {
            let ([c, t], [gamma, beta]) = (&blocks[i], &asked.films[i]);
            // x = c + relu(gamma · t + beta)
            let dt = self.grid(t.channels);
            self.run.push(ops::film_backward(gpu, &dt, &dx, t, gamma, beta));
            // t = conv(c)
            let with_x = Fused { residual: Some(&dx), ..through(c) };
            let dc = self.conv_backward(&dt, &block.conv, with_x);
            // c = relu(cells(x) + cells(e)); the first block's x is the stem's, behind a ReLU
            let so_far = Fused { residual: Some(&dextras), ..Default::default() };
            dextras = self.conv_backward(&dc, &block.cells.extras, so_far);
            let mask = if i == 0 { through(stem) } else { Fused::default() };
            dx = self.conv_backward(&dc, &block.cells.grid, mask);
        }
        // x = relu(stem(r) + stem(e))
        let so_far = Fused { residual: Some(&dextras), ..Default::default() };
        let dextras = self.conv_backward(&dx, &head.stem.extras, so_far);
        let of_stem = self.conv_backward(&dx, &head.stem.grid, Fused::default());
        // logits = … + read(Σ look · r)
        let with_look = self.grid(features.channels);
        let residual = Fused { residual: Some(&of_stem), ..Default::default() };
        self.run.push(ops::outer_product(gpu, &with_look, look, &dlooked, residual));
        // e = offsets(anchor);  anchor = attention(r, query)
        let (danchor, ds) = (self.grid(2), self.grid(1));
        self.run.push(ops::offsets_backward(gpu, &danchor, &dextras));
        self.run.push(ops::attention_backward(gpu, &ds, &danchor, anchor));
        let dfeatures = self.grid(features.channels);
        let residual = Fused { residual: Some(&with_look), ..Default::default() };
        self.run.push(ops::outer_product(gpu, &dfeatures, &ds, &asked.query, residual));
        // r = reduction(activations)
        let dx = self.conv_backward(&dfeatures, &head.reduction, Fused::default());
        assert_eq!(dx.channels, activations.channels);
        dx
    }
}
