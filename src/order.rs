//! Sorting, once for the whole program: a sort for every type and comparison would cost the page four kilobytes of code each.

/// 0..`count`, those with the largest `value` first, equals in their own order.
pub fn largest_first(count: usize, value: &dyn Fn(usize) -> f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
    order
}

#[cfg(test)]
mod tests {
    #[test]
    fn largest_first_and_stable() {
        let values = [1.0, 3.0, f64::NEG_INFINITY, 3.0, -2.0, 1.0];
        assert_eq!(super::largest_first(values.len(), &|at| values[at]), [1, 3, 0, 5, 4, 2]);
    }
}
