//! The soak of `make soak`, in short.

use std::time::Duration;

use crate::soak::{Plan, soak};

#[test]
fn a_short_soak_loses_nothing_says_nothing_wrong_and_leaves_nothing() {
    let figures = soak(Plan { jobs: 150, between: Duration::from_secs(2) });
    let table = figures.table();
    println!("{table}");
    assert!(figures.faults().is_empty(), "{table}");
    // A soak in which most is disturbed would show nothing.
    assert!(figures.count("as expected") > 100, "{table}");
}
