#![doc = include_str!("README.md")]

pub mod api;
pub mod app;
pub mod calendar;
pub mod cli;
pub mod config;
pub mod dispatch;
pub mod engine;
pub mod job;
pub mod language;
pub mod observe;
pub mod pool;
pub mod sandbox;
pub mod simulate;
pub mod telemetry;
