//! FullGrad: a piecewise linear network's logit is the sum of x·g over the input and of b·g over all
//! biases; the map adds up the size of both, each bias's share at the place where it works.
//!
//! Srinivas and Fleuret 2019, arXiv 1905.00780, as `grad-cam` has it: every channel's
//! |b·g| is scaled to 0..1 and stretched over the input, then all are added up. (The authors' own
//! code scales a whole layer at once.) Bias b of a convolution and g, the gradient of its output, are
//! those with batch norm gone through, which `grad-cam` calls the bias of the batch norm. Biases of
//! the classifier have no place in the picture.

use crate::error::{Error, Result};
use crate::explain::Loaded;
use crate::explain::objective::Objective;
use crate::gpu::Gpu;
use crate::image::heatmap::{normalise, resize};
use crate::models::ConvOutput;
use crate::ops::sparse;

impl Loaded {
    /// The raw map [h·w].
    pub(crate) async fn full_grad(
        &mut self,
        gpu: &Gpu,
        (class, objective): (usize, Objective),
    ) -> Result<Vec<f32>> {
        let (pass, seen) = self.seen()?;
        let (x, size) = (seen.input.clone(), (pass.input.height, pass.input.width));
        let dlogits = objective.gradient(class, &seen.logits, self.scores);
        let mut map = vec![0.0; size.0 * size.1];
        // Stretching is linear, so a layer's channels are added up before it.
        let mut add = |of: (usize, usize), channels: &mut dyn Iterator<Item = Vec<f32>>| {
            let mut sum = vec![0.0; of.0 * of.1];
            for terms in channels {
                sum.iter_mut().zip(normalise(&terms)).for_each(|(sum, v)| *sum += v);
            }
            map.iter_mut().zip(resize(&sum, of, size)).for_each(|(map, v)| *map += v);
        };

        let Loaded { model, pass: Some(pass), .. } = self else { return Err(Error::NoPhoto) };
        gpu.write(&pass.dlogits, &sparse(&dlogits));
        let mut hear = |ConvOutput { size, gradient, biases }: ConvOutput| {
            let each = gradient.chunks_exact(size.0 * size.1).zip(biases);
            add(size, &mut each.map(|(g, b)| g.iter().map(|g| (b * g).abs()).collect()));
        };
        let gradient = pass.run_backward_with_outputs(gpu, model, &mut hear).await?;
        let gradient = gpu.read(&gradient).await?;
        let planes = x.chunks_exact(size.0 * size.1).zip(gradient.chunks_exact(size.0 * size.1));
        add(size, &mut planes.map(|(x, g)| x.iter().zip(g).map(|(x, g)| (x * g).abs()).collect()));
        Ok(map)
    }
}
