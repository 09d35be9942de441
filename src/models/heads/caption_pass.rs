//! The caption head's forward and backward at one input size.
//!
//! A caption is a step a word, each recorded once: forward reads what the step before left, and
//! backward what the step behind it leaves. So backward may begin at any word: what would come
//! from behind it is zero there.

use super::caption::CaptionHead;
use super::record::{RELU, Record, through};
use crate::error::Result;
use crate::gpu::{Dispatch, Gpu, Tensor};
use crate::ops::{self, Convolutions, EXTRAS, Fused, GATES, ScratchBytes, Tuning};

/// Recorded dispatches, and what they write: from a layer's activations to words, and back from
/// words' scores to the layer.
pub struct CaptionPass {
    /// Up to the first state.
    begin: Vec<Dispatch>,
    steps: Vec<Step>,
    /// From the first step's gradients to the layer's.
    end: Vec<Dispatch>,
    gradient: Tensor, // as the layer's activations
    /// Everything that is not a step's own, to be freed.
    others: Vec<Tensor>,
    convolutions: Convolutions,
}

/// One word read, and scores of the next.
struct Step {
    forward: Vec<Dispatch>,
    backward: Vec<Dispatch>,
    word: Tensor,    // [inputs of a word]
    logits: Tensor,  // [words]
    dlogits: Tensor, // [words]
    look: Tensor,    // [h, w, 2]
    /// What its backward adds to: gradients that the next step's left.
    behind: Gradients,
}

/// A caption's words and how much spoke for each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub words: Vec<usize>,
    /// Of each word those of all words that might have come.
    pub logits: Vec<Vec<f32>>,
}

impl CaptionPass {
    /// Allocates and records everything for a layer's `activations` [h, w, channels of the head],
    /// h and w the same and up to [`LARGEST_GRID`](super::LARGEST_GRID), and `steps` words
    /// read.
    pub fn new(
        gpu: &Gpu,
        head: &CaptionHead,
        tuning: Tuning,
        activations: &Tensor,
        steps: usize,
    ) -> CaptionPass {
        let grid = [activations.height, activations.width];
        let convs = head.grid_convs().map(|conv| (conv, grid));
        let convs: Vec<_> = convs.chain(head.vector_convs().map(|conv| (conv, [1, 1]))).collect();
        let convolutions = Convolutions::new(gpu, tuning, &ScratchBytes::of(gpu, &tuning, &convs));

        let mut rec = Record::new(gpu, &convolutions, grid);
        let seen = rec.begin(head, activations);
        let begin = rec.take();
        let (mut state, mut forwards) = (seen.before(&mut rec), Vec::new());
        for _ in 0..steps {
            let word = rec.vector(head.inputs());
            let made = rec.step(head, &seen, &state, word);
            state = made.after.clone();
            forwards.push((made, rec.take()));
        }
        let mut behind = Gradients::new(&mut rec, &seen);
        let mut recorded = Vec::new();
        for (i, (made, forward)) in forwards.into_iter().enumerate().rev() {
            let (dlogits, first) = (rec.vector(head.words()), i == 0);
            let gradients = rec.step_backward(head, &seen, &made, &dlogits, &behind, first);
            let backward = rec.take();
            let Made { word, logits, after, .. } = made;
            let look = after.look;
            recorded.push(Step { forward, backward, word, logits, dlogits, look, behind });
            behind = gradients;
        }
        recorded.reverse();
        let gradient = rec.begin_backward(head, &seen, &behind);
        assert_eq!(gradient.channels, activations.channels);
        let end = rec.take();
        let others = rec.tensors;
        CaptionPass { begin, steps: recorded, end, gradient, others, convolutions }
    }

    /// Describes what the activations now are: `start` is read first, then each time the likeliest
    /// word, until that is `end` or there are no steps left. All are numbers below
    /// [`CaptionHead::words`]; `end` is not among those said, but its logits are the last.
    pub async fn describe(
        &self,
        gpu: &Gpu,
        head: &CaptionHead,
        start: &[usize],
        end: usize,
    ) -> Result<Said> {
        gpu.run(&self.begin);
        let mut said = Said::default();
        for (i, step) in self.steps.iter().enumerate() {
            let spoken = i + 1 >= start.len();
            let word = if i < start.len() { start[i] } else { said.words[i - start.len()] };
            gpu.write(&step.word, head.word(word));
            gpu.run(&step.forward);
            if spoken {
                let logits = gpu.read(&step.logits).await?;
                let next = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
                said.logits.push(logits);
                match next {
                    Some(next) if next != end => said.words.push(next),
                    _ => break,
                }
            }
        }
        Ok(said)
    }

    /// Where the head looked in a step [h, w, 2]: in the first channel a share of each position, which
    /// add up to 1.
    pub fn look(&self, step: usize) -> &Tensor {
        &self.steps[step].look
    }

    /// Queues dL/d(activations) of an L whose gradients by some steps' logits are `dlogits`: pairs
    /// of a step and [words], first steps first. Valid until the next one.
    pub fn backward(&self, gpu: &Gpu, dlogits: &[(usize, Vec<f32>)]) -> &Tensor {
        let Some(&(last, _)) = dlogits.last() else { return &self.gradient };
        for (i, step) in self.steps[..=last].iter().enumerate() {
            let zeros = vec![0.0; step.dlogits.channels];
            let of_step = dlogits.iter().find(|(of, _)| *of == i).map(|(_, dlogits)| dlogits);
            gpu.write(&step.dlogits, of_step.unwrap_or(&zeros));
        }
        self.steps[last].behind.clear(gpu);
        self.steps[..=last].iter().rev().for_each(|step| gpu.run(&step.backward));
        gpu.run(&self.end);
        &self.gradient
    }

    /// Bytes of its tensors and of the scratch of convolutions.
    pub fn bytes(&self) -> u64 {
        self.others.iter().map(Tensor::bytes).sum::<u64>()
            + self.convolutions.scratch_bytes()
            + self.convolutions.transposed_bytes()
    }
}

impl Drop for CaptionPass {
    fn drop(&mut self) {
        self.others.iter().for_each(Tensor::free);
        self.convolutions.free();
    }
}

/// What the grid gives to all steps.
struct Seen {
    features: Tensor, // [h, w, channels]
    /// What the stem put out, and each block.
    cells: Vec<Tensor>, // [h, w, width]
    keys: Tensor,     // [h, w, keys]
    state: Tensor,    // [units]
    ones: Tensor,     // [h, w, 1]
}

/// What a step hands on to the next.
#[derive(Clone)]
struct State {
    state: Tensor, // [units]
    look: Tensor,  // [h, w, 2]
    past: Tensor,  // [h, w, 1]
}

/// What a step's forward leaves for its backward.
struct Made {
    word: Tensor,
    extras: Tensor, // [h, w, 5]
    keys: Tensor,   // [h, w, keys]
    query: Tensor,  // [keys]
    seen: Tensor,   // [seen]
    sums: Tensor,   // [5 · units]
    logits: Tensor, // [words]
    after: State,
}

/// Gradients of what steps read and hand on.
struct Gradients {
    state: Tensor,    // [units]
    look: Tensor,     // [h, w, 2]
    past: Tensor,     // [h, w, 2], in the first
    features: Tensor, // [h, w, channels]
    cells: Tensor,    // [h, w, width]
}

impl Seen {
    /// The last of the cells.
    fn last(&self) -> &Tensor {
        &self.cells[self.cells.len() - 1]
    }

    /// What the first step reads: nothing was looked at, everywhere alike.
    fn before(&self, rec: &mut Record) -> State {
        let (look, past) = (rec.grid(2), rec.grid(1));
        let positions = look.positions();
        let mut planes = vec![1.0 / positions as f32; positions];
        planes.resize(2 * positions, 0.0);
        rec.run.gpu.write(&look, &planes);
        State { state: self.state.clone(), look, past }
    }
}

impl Gradients {
    /// Zero.
    fn new(rec: &mut Record, seen: &Seen) -> Gradients {
        Gradients {
            state: rec.vector(seen.state.channels),
            look: rec.grid(2),
            past: rec.grid(2),
            features: rec.grid(seen.features.channels),
            cells: rec.grid(seen.last().channels),
        }
    }

    fn clear(&self, gpu: &Gpu) {
        let Gradients { state, look, past, features, cells } = self;
        for tensor in [state, look, past, features, cells] {
            gpu.write(tensor, &vec![0.0; tensor.channels * tensor.positions()]);
        }
    }
}

/// `fused` and what is added.
fn plus<'a>(residual: &'a Tensor, fused: Fused<'a>) -> Fused<'a> {
    Fused { residual: Some(residual), ..fused }
}

impl Record<'_> {
    // Forward and backward are each other upside-down; read them side by side.
    //
    //   r = reduction(activations);  x = relu(stem(r) + place(x, y))
    //   of each block: x = relu(conv(x) + x)
    //   K = key(x);  h = relu(begin(max(x)) + begin(mean(x)))
    //   of each word w:
    //     e = offsets(look);  k = relu(extras(e) + past · key_past + K)
    //     q = query(h) + query(w);  t = threshold(h) + threshold(w)
    //     look = attention(k, q, t);  past = look + past
    //     v = relu(seen(Σ look · r) + seen(Σ look · x))
    //     s = gru(w) + gru(v) + gru(Σ look · k) + gru(Σ look · e) + gru(h);  h = gates(s)
    //     logits = out(h) + name(v) + read(Σ look · r)

    fn begin(&mut self, head: &CaptionHead, activations: &Tensor) -> Seen {
        let gpu = self.run.gpu;
        let features = self.conv(activations, &head.reduction, Fused::default());
        let xy = self.grid(2);
        gpu.write(&xy, &coordinates(self.grid));
        let placed = self.conv(&xy, &head.place, Fused::default());
        let mut cells = vec![self.conv(&features, &head.stem, plus(&placed, RELU))];
        for block in &head.blocks {
            let x = cells[cells.len() - 1].clone();
            cells.push(self.conv(&x, block, plus(&x, RELU)));
        }
        let x = cells[cells.len() - 1].clone();
        let keys = self.conv(&x, &head.key, Fused::default());
        let [largest, mean] = [(); 2].map(|_| self.vector(x.channels));
        self.run.push(ops::max_pool2d(gpu, &largest, &x, self.whole()));
        self.run.push(ops::global_average_pool(gpu, &mean, &x));
        let of_largest = self.conv(&largest, &head.begin[0], Fused::default());
        let state = self.conv(&mean, &head.begin[1], plus(&of_largest, RELU));
        let ones = self.grid(1);
        gpu.write(&ones, &vec![1.0; ones.positions()]);
        Seen { features, cells, keys, state, ones }
    }

    fn step(&mut self, head: &CaptionHead, seen: &Seen, before: &State, word: Tensor) -> Made {
        let (gpu, gru) = (self.run.gpu, &head.gru);
        let State { state, look, past } = before;
        let (extras, of_past) = (self.grid(EXTRAS), self.grid(seen.keys.channels));
        self.run.push(ops::offsets(gpu, &extras, look));
        let with_keys = plus(&seen.keys, Fused::default());
        self.run.push(ops::outer_product(gpu, &of_past, past, &head.key_past, with_keys));
        let keys = self.conv(&extras, &head.key_extras, plus(&of_past, RELU));

        let [query, threshold] = [&head.query, &head.threshold].map(|[of_state, of_word]| {
            let asked = self.conv(state, of_state, Fused::default());
            self.conv(&word, of_word, plus(&asked, Fused::default()))
        });
        let (look, sum) = (self.grid(2), self.grid(1));
        self.run.push(ops::attention(gpu, &look, &keys, &query, &threshold));
        let so_far = plus(past, Fused::default());
        self.run.push(ops::outer_product(gpu, &sum, &look, &head.one, so_far));

        let [r, x, k, e] = [&seen.features, seen.last(), &keys, &extras].map(|grid| {
            let looked = self.vector(grid.channels);
            self.run.push(ops::weighted_sum(gpu, &looked, &look, grid));
            looked
        });
        let of_features = self.conv(&r, &head.seen[0], Fused::default());
        let v = self.conv(&x, &head.seen[1], plus(&of_features, RELU));
        let mut sums = self.conv(&word, &gru.word, Fused::default());
        for (input, of_input) in
            [(&v, &gru.seen), (&k, &gru.keys), (&e, &gru.extras), (state, &gru.state)]
        {
            sums = self.conv(input, of_input, plus(&sums, Fused::default()));
        }
        let state = self.vector(state.channels);
        self.run.push(ops::gru_gates(gpu, &state, &sums));
        let named = self.conv(&v, &head.name, Fused::default());
        let read = self.conv(&r, &head.read, plus(&named, Fused::default()));
        let logits = self.conv(&state, &head.out, plus(&read, Fused::default()));
        let after = State { state, look, past: sum };
        Made { word, extras, keys, query, seen: v, sums, logits, after }
    }

    /// Gradients of what the step read, with those of the steps behind it.
    fn step_backward(
        &mut self,
        head: &CaptionHead,
        seen: &Seen,
        made: &Made,
        dlogits: &Tensor,
        behind: &Gradients,
        first: bool,
    ) -> Gradients {
        let (gpu, gru) = (self.run.gpu, &head.gru);
        let Made { extras, keys, query, sums, after, .. } = made;
        // logits = out(h) + name(v) + read(Σ look · r)
        let dstate = self.conv_backward(dlogits, &head.out, plus(&behind.state, Fused::default()));
        let of_name = self.conv_backward(dlogits, &head.name, Fused::default());
        let of_read = self.conv_backward(dlogits, &head.read, Fused::default());
        // h = gates(s);  s = gru(w) + gru(v) + gru(Σ look · k) + gru(Σ look · e) + gru(h)
        let dsums = self.vector(GATES * dstate.channels);
        self.run.push(ops::gru_gates_backward(gpu, &dsums, &dstate, sums));
        let dstate = self.conv_backward(&dsums, &gru.state, Fused::default());
        let dv = self.conv_backward(&dsums, &gru.seen, plus(&of_name, through(&made.seen)));
        let dk = self.conv_backward(&dsums, &gru.keys, Fused::default());
        let de = self.conv_backward(&dsums, &gru.extras, Fused::default());
        // v = relu(seen(Σ look · r) + seen(Σ look · x))
        let dr = self.conv_backward(&dv, &head.seen[0], plus(&of_read, Fused::default()));
        let dx = self.conv_backward(&dv, &head.seen[1], Fused::default());
        let look = &after.look;
        let features = self.looked_backward(look, &dr, &behind.features);
        let of_cells = self.looked_backward(look, &dx, &behind.cells);

        // past = look + past, and the sums of what look sees
        let mut dlook = self.grid(2);
        let so_far = plus(&behind.look, Fused::default());
        self.run.push(ops::outer_product(gpu, &dlook, &behind.past, &head.first, so_far));
        for (dy, grid) in [(&dr, &seen.features), (&dx, seen.last()), (&dk, keys), (&de, extras)] {
            let more = self.grid(2);
            self.run.push(ops::weighted_sum_backward(gpu, &more, dy, grid, Some(&dlook)));
            dlook = more;
        }
        // look = attention(k, q, t): dt is the sum of ds, since the softmax's share of it is zero
        let (ds, dquery, dthreshold) = (self.grid(1), self.vector(query.channels), self.vector(1));
        self.run.push(ops::attention_backward(gpu, &ds, &dlook, look));
        self.run.push(ops::weighted_sum(gpu, &dquery, &ds, keys));
        self.run.push(ops::weighted_sum(gpu, &dthreshold, &ds, &seen.ones));
        let looked = self.grid(keys.channels);
        self.run.push(ops::outer_product(gpu, &looked, look, &dk, Fused::default()));
        let dkeys = self.grid(keys.channels);
        let both = plus(&looked, through(keys));
        self.run.push(ops::outer_product(gpu, &dkeys, &ds, query, both));
        // q = query(h) + query(w);  t = threshold(h) + threshold(w)
        let dstate = self.conv_backward(&dquery, &head.query[0], plus(&dstate, Fused::default()));
        // The first state is behind a ReLU.
        let so_far = plus(&dstate, if first { through(&seen.state) } else { Fused::default() });
        let state = self.conv_backward(&dthreshold, &head.threshold[0], so_far);
        // k = relu(extras(e) + past · key_past + K);  K = key(x)
        let cells = self.conv_backward(&dkeys, &head.key, plus(&of_cells, Fused::default()));
        let past = self.grid(2);
        let so_far = Some(&behind.past);
        self.run.push(ops::weighted_sum_backward(gpu, &past, &head.key_past, &dkeys, so_far));
        let of_keys = self.conv_backward(&dkeys, &head.key_extras, Fused::default());
        let dextras = self.looked_backward(look, &de, &of_keys);
        // e = offsets(look)
        let look = self.grid(2);
        self.run.push(ops::offsets_backward(gpu, &look, &dextras));
        Gradients { state, look, past, features, cells }
    }

    /// dL/dx of y = Σ look · x, of its dy, and what is added.
    fn looked_backward(&mut self, look: &Tensor, dy: &Tensor, residual: &Tensor) -> Tensor {
        let dx = self.grid(dy.channels);
        let fused = plus(residual, Fused::default());
        self.run.push(ops::outer_product(self.run.gpu, &dx, look, dy, fused));
        dx
    }

    /// The gradient of the activations, of those that the first step's backward left.
    fn begin_backward(&mut self, head: &CaptionHead, seen: &Seen, behind: &Gradients) -> Tensor {
        let gpu = self.run.gpu;
        let x = seen.last();
        // h = relu(begin(max(x)) + begin(mean(x))): dx of the means is a share of theirs everywhere
        let dlargest = self.conv_backward(&behind.state, &head.begin[0], Fused::default());
        let dmean = self.conv_backward(&behind.state, &head.begin[1], Fused::default());
        let (of_largest, indices) = (self.grid(x.channels), self.vector(x.c4()));
        let window = self.whole();
        let find = ops::max_pool2d_backward(gpu, &of_largest, &dlargest, x, &indices, window, None);
        self.run.extend(find);
        let share = self.grid(1);
        gpu.write(&share, &vec![1.0 / x.positions() as f32; x.positions()]);
        let more = self.looked_backward(&share, &dmean, &behind.cells);
        let mut dx = self.conv_backward(&of_largest, &head.itself, plus(&more, through(x)));
        // x = relu(conv(x) + x), the first behind the stem's ReLU
        for (block, x) in head.blocks.iter().zip(&seen.cells).rev() {
            dx = self.conv_backward(&dx, block, plus(&dx, through(x)));
        }
        // x = relu(stem(r) + place(x, y));  r = reduction(activations)
        let so_far = plus(&behind.features, Fused::default());
        let dfeatures = self.conv_backward(&dx, &head.stem, so_far);
        self.conv_backward(&dfeatures, &head.reduction, Fused::default())
    }
}

/// x and y [2, h, w], as [`offsets`](ops::offsets) has them.
fn coordinates([height, width]: [usize; 2]) -> Vec<f32> {
    let along = |at: usize, size: usize| 2.0 * at as f32 / (size.max(2) - 1) as f32 - 1.0;
    let positions = 0..height * width;
    let x = positions.clone().map(|p| along(p % width, width));
    x.chain(positions.map(|p| along(p / width, height))).collect()
}
