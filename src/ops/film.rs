//! Feature-wise linear modulation, and its backward.

use crate::gpu::{Dispatch, Gpu, Tensor, grid};
use crate::operation::{FilmParams, Operation};
use crate::shader;

/// y = x + relu(gamma · t + beta), all [h, w, c] but gamma and beta [c]: `shaders/film.wgsl`.
pub fn film(
    gpu: &Gpu,
    y: &Tensor,
    x: &Tensor,
    t: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
) -> Dispatch {
    let (params, workgroups) = params([y, x, t], [gamma, beta]);
    let bindings = [&y.buffer, &x.buffer, &t.buffer, &gamma.buffer, &beta.buffer];
    gpu.dispatch(shader::film(), Operation::Film(params), &bindings, workgroups)
}

/// dL/dt of [`film`], of its dy; dL/dx is dy: `shaders/film_backward.wgsl`.
pub fn film_backward(
    gpu: &Gpu,
    dt: &Tensor,
    dy: &Tensor,
    t: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
) -> Dispatch {
    let (params, workgroups) = params([dt, dy, t], [gamma, beta]);
    let bindings = [&dt.buffer, &dy.buffer, &t.buffer, &gamma.buffer, &beta.buffer];
    gpu.dispatch(shader::film_backward(), Operation::FilmBackward(params), &bindings, workgroups)
}

fn params([out, x, t]: [&Tensor; 3], modulation: [&Tensor; 2]) -> (FilmParams, [u32; 3]) {
    for other in [x, t] {
        assert_eq!(
            [other.height, other.width, other.channels],
            [out.height, out.width, out.channels]
        );
    }
    modulation.iter().for_each(|m| assert_eq!([m.positions(), m.channels], [1, out.channels]));
    let count = out.positions() * out.c4();
    (FilmParams { count: count as u32, c4: out.c4() as u32 }, grid(count.div_ceil(64)))
}
