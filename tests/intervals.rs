//! The intervals of `examples/methods_table/`, against values that can be looked up or worked out.

#[path = "../examples/methods_table/intervals.rs"]
mod intervals;
use intervals::{Interval, bootstrap, wilson};

fn close(found: Option<Interval>, expected: [f64; 3], tolerance: f64) {
    let found = found.unwrap();
    let pairs = [found.value, found.low, found.high].into_iter().zip(expected);
    let gap = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(gap <= tolerance, "{found:?} instead of {expected:?}");
}

/// `scipy.stats.binomtest(k, n).proportion_ci(method="wilson")` of SciPy 1.17.
#[test]
fn shares_of_hits() {
    close(wilson(8, 10), [0.8, 0.490162, 0.943318], 1e-6);
    close(wilson(0, 10), [0.0, 0.0, 0.277533], 1e-6);
    close(wilson(950, 1000), [0.95, 0.934686, 0.961870], 1e-6);
    assert_eq!(wilson(0, 0), None);
}

#[test]
fn means_of_groups() {
    // A normal distribution's bounds, ± 1.96 · 0.5 / √400; of 2,000 draws they are some 3 % off.
    let coins: Vec<Vec<f64>> = (0..400).map(|n| vec![f64::from(n % 2)]).collect();
    close(bootstrap(&coins), [0.5, 0.451, 0.549], 0.005);
    // Two equal values in a group say no more than one.
    let twice: Vec<Vec<f64>> = (0..400).map(|n| vec![f64::from(n % 2); 2]).collect();
    assert_eq!(bootstrap(&twice), bootstrap(&coins));
    // Groups count by their size; an empty one says nothing.
    close(bootstrap(&[vec![3.0, 3.0, 3.0], vec![], vec![3.0]]), [3.0; 3], 0.0);
    let uneven = [vec![1.0, 1.0, 1.0], vec![5.0]];
    assert_eq!(bootstrap(&uneven).map(|mean| mean.value), Some(2.0));
    assert_eq!(bootstrap(&[vec![], vec![]]), None);
    assert_eq!(bootstrap(&[]), None);
}

#[test]
fn what_differs() {
    let differs = |values: &[f64]| {
        let groups: Vec<Vec<f64>> = values.iter().map(|&value| vec![value]).collect();
        bootstrap(&groups).unwrap().differs_from_zero()
    };
    assert!(differs(&[0.2, 0.3, 0.1, 0.25, 0.3]) && differs(&[-0.2, -0.3, -0.1, -0.25]));
    assert!(!differs(&[0.2, -0.3, 0.1, -0.25]) && !differs(&[0.0; 5]));
}
