//! The HTTP side: who is connected, and what is held for them.

use prometheus::{Error, Gauge, Registry};

use super::make::gauge;

#[derive(Debug)]
pub struct Front {
    pub connections: Gauge,
    pub in_flight_bytes: Gauge,
    pub in_flight_bytes_limit: Gauge,
}

impl Front {
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        Ok(Self {
            connections: gauge(registry, "caisson_connections", "HTTP connections that are open.")?,
            in_flight_bytes: gauge(
                registry,
                "caisson_in_flight_bytes",
                "Memory set aside for requests and answers under way.",
            )?,
            in_flight_bytes_limit: gauge(
                registry,
                "caisson_in_flight_bytes_limit",
                "What may be set aside for requests and answers at once; beyond it they are turned away.",
            )?,
        })
    }
}
