//! What more than one suite needs.

pub mod fleet;
