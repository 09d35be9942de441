//! Which values are the largest.

/// Indices of `values`, the largest value first; of equal ones the first.
pub fn largest_first(values: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order
}
