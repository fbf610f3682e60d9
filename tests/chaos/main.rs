//! What the service promises while something around it is broken, on a real engine. Fails without one. Which fault, which
//! promise, which test: the README beside this file.

#[path = "../support/engine.rs"]
#[expect(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod engine;
#[path = "../adversarial/header.rs"]
mod header;
#[path = "../support/private_engine.rs"]
#[expect(dead_code, reason = "shared with the docker suite, which has it forget a runtime")]
mod private_engine;
#[path = "../support/server.rs"]
#[expect(dead_code, reason = "shared with the benches, of which one needs more room")]
mod server;
#[path = "soak/run.rs"]
#[expect(dead_code, reason = "shared with the bench of that name, which writes more of it down")]
mod soak;

mod image;
mod load;
mod promises;
mod proxy;
mod settled;

mod agents;
mod blow;
mod clock;
mod daemon;
mod descriptors;
mod disk;
mod endurance;
mod images;
mod sandboxes;
mod service;
