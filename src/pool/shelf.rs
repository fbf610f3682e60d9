//! The ready sandboxes of one language, and the requests that wait for the next one.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use deadpool::unmanaged;
use tokio::sync::oneshot;

use crate::sandbox::Ready;

/// deadpool keeps the sandboxes; only `try_add` and `try_remove` are used. Its own `get` would lend a sandbox and take it
/// back used, and its own waiting is not in order of arrival.
pub struct Shelf {
    idle: unmanaged::Pool<Ready>,
    /// Held while the shelf is looked at, so that no sandbox is shelved past somebody who just began to wait.
    queue: Mutex<VecDeque<oneshot::Sender<Ready>>>,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelf").field("ready", &self.ready()).field("waiting", &self.waiting()).finish()
    }
}

pub enum Taken {
    Ready(Box<Ready>),
    /// The next sandbox that nobody before us waits for.
    Wait(oneshot::Receiver<Ready>),
}

impl Shelf {
    /// `capacity` is never reached: the budget is the bound.
    pub fn new(capacity: usize) -> Self {
        Self { idle: unmanaged::Pool::new(capacity), queue: Mutex::new(VecDeque::new()) }
    }

    /// The sandbox shelved last, or a place in the queue. Whatever died on the shelf is dropped on the way.
    pub fn take(&self) -> Taken {
        let mut queue = self.queue();
        if let Some(ready) = self.pop() {
            return Taken::Ready(Box::new(ready));
        }
        let (sender, receiver) = oneshot::channel();
        queue.push_back(sender);
        Taken::Wait(receiver)
    }

    /// The sandbox shelved last, if there is any.
    pub fn take_ready(&self) -> Option<Ready> {
        let _queue = self.queue();
        self.pop()
    }

    /// To whoever has waited longest, else onto the shelf.
    pub fn offer(&self, mut ready: Ready) {
        let mut queue = self.queue();
        while let Some(waiter) = queue.pop_front() {
            match waiter.send(ready) {
                Ok(()) => return,
                // It has left the queue without a word.
                Err(back) => ready = back,
            }
        }
        // A full or closed shelf drops it, and so hands it to the reaper.
        let _ = self.idle.try_add(ready);
    }

    /// Drops every idle sandbox that is not worth keeping; tells how many.
    pub fn sift(&self, mut keep: impl FnMut(&mut Ready) -> bool) -> usize {
        // The lock keeps a claim from finding the shelf empty meanwhile.
        let _queue = self.queue();
        let mut kept = Vec::with_capacity(self.idle.status().size);
        let mut dropped = 0;
        while let Ok(mut ready) = self.idle.try_remove() {
            if keep(&mut ready) {
                kept.push(ready);
            } else {
                dropped += 1;
            }
        }
        // The shelf is a stack: what came off last goes back first.
        for ready in kept.into_iter().rev() {
            let _ = self.idle.try_add(ready);
        }
        dropped
    }

    /// Sends everybody who waits away: their receiver ends.
    pub fn turn_away(&self) {
        self.queue().clear();
    }

    pub fn ready(&self) -> usize {
        // Not while they are sifted, which takes them off for a moment.
        let _queue = self.queue();
        self.idle.status().size
    }

    pub fn waiting(&self) -> usize {
        self.queue().iter().filter(|waiter| !waiter.is_closed()).count()
    }

    fn pop(&self) -> Option<Ready> {
        while let Ok(mut ready) = self.idle.try_remove() {
            if ready.is_alive() {
                return Some(ready);
            }
        }
        None
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<oneshot::Sender<Ready>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
