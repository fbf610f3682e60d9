//! What the benches make of many measurements.

use crate::bench_figures::{percentile, spread};

#[test]
fn a_percentile_is_one_of_the_values() {
    let values = [4.0, 1.0, 3.0, 2.0];
    assert_eq!([0.0, 0.5, 0.9, 1.0].map(|share| percentile(&values, share)), [1.0, 2.0, 4.0, 4.0]);
    assert!(percentile(&[], 0.5).is_nan());
}

#[test]
fn a_machine_that_does_the_same_work_in_twice_the_time_has_a_wide_spread() {
    assert_eq!(spread(&[vec![10.0], vec![10.0, 99.0], vec![20.0]]), 1.0);
    assert_eq!(spread(&[vec![10.0], vec![10.0]]), 0.0);
}
