//! How many files this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Two or three for each sandbox, of which there may be thousands. What is usual is enough for select, which nobody here uses.
pub fn allow_all() {
    let Rlimit { current: _, maximum } = getrlimit(Resource::Nofile);
    // Where it cannot be raised, making sandboxes fails at the limit, and says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
