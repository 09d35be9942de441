//! What each position knows of its place, forward and backward.

use crate::operation::OffsetsParams;

/// extras [positions, 5] of look [positions, 2], both padded to vec4.
pub fn offsets(extras: &mut [f32], look: &[f32], p: &OffsetsParams) {
    let rows = || coordinates(p).zip(look.chunks_exact(4));
    let centre = rows().fold([0.0; 2], |[cx, cy], ([x, y], look)| {
        [look[0].mul_add(x, cx), look[0].mul_add(y, cy)]
    });
    for (extras, ([x, y], look)) in extras.chunks_exact_mut(8).zip(rows()) {
        extras.copy_from_slice(&[x, y, x - centre[0], y - centre[1], look[1], 0.0, 0.0, 0.0]);
    }
}

/// dlook [positions, 2] of dextras [positions, 5], both padded to vec4.
pub fn offsets_backward(dlook: &mut [f32], dextras: &[f32], p: &OffsetsParams) {
    let rows = || coordinates(p).zip(dextras.chunks_exact(8));
    let dcentre = rows().fold([0.0; 2], |[dx, dy], (_, d)| [dx - d[2], dy - d[3]]);
    for (dlook, ([x, y], d)) in dlook.chunks_exact_mut(4).zip(rows()) {
        dlook.copy_from_slice(&[x * dcentre[0] + y * dcentre[1], d[4], 0.0, 0.0]);
    }
}

/// As `shaders/shared/coordinates.wgsl`, position by position.
fn coordinates(p: &OffsetsParams) -> impl Iterator<Item = [f32; 2]> {
    let &OffsetsParams { height, width } = p;
    let along = |at: u32, size: u32| 2.0 * at as f32 / (size.max(2) - 1) as f32 - 1.0;
    (0..height).flat_map(move |y| (0..width).map(move |x| [along(x, width), along(y, height)]))
}
