//! The sums of a row of a depthwise convolution's output. `relaxed_simd/kernel.rs` compiles this
//! file, too: it may neither panic nor need a stack.

/// Outputs side by side that are summed at a time: neighbours share most of their inputs.
pub const OUTPUTS: usize = 4;

/// sums [groups, c4, OUTPUTS]: of each vec4 of channels those of [`OUTPUTS`] neighbours, with a
/// window of K×K and stride S.
///
/// `ring` [K, length] holds the rows of x that the windows lie on, with their padding; `first` is
/// the place of the uppermost, and the last is followed by the first. w [K, K, c4].
/// `multiply_add(a, b, c)` is a·b + c. What is shorter than that ends it: no panic.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // `kernel.rs` has no structs to share
pub fn row<V: Copy, const K: usize, const S: usize>(
    ring: &[V],
    length: usize,
    first: usize,
    w: &[V],
    sums: &mut [[V; OUTPUTS]],
    c4: usize,
    zero: V,
    multiply_add: impl Fn(V, V, V) -> V,
) {
    if c4 == 0 {
        return;
    }
    for (group, sums) in sums.chunks_exact_mut(c4).enumerate() {
        for (c, sums) in sums.iter_mut().enumerate() {
            let mut found = [zero; OUTPUTS];
            for ky in 0..K {
                let mut window = [zero; K];
                for (kx, to) in window.iter_mut().enumerate() {
                    let Some(&w) = w.get((ky * K + kx) * c4 + c) else { return };
                    *to = w;
                }
                let x_at = (first + ky) % K * length + group * OUTPUTS * S * c4 + c;
                for ix in 0..(OUTPUTS - 1) * S + K {
                    let Some(&x) = ring.get(x_at + ix * c4) else { return };
                    for (ox, sum) in found.iter_mut().enumerate() {
                        if (ox * S..ox * S + K).contains(&ix) {
                            *sum = multiply_add(x, window[ix - ox * S], *sum);
                        }
                    }
                }
            }
            *sums = found;
        }
    }
}
