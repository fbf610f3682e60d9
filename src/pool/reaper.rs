//! Destroys what was used, off every request's path and, as far as that goes, out of every program's way: a removal costs
//! the processors many times what a small program does. So a sandbox whose job ended in good order rests until it is calm on a
//! processor ([`policy::CALM`]), and is then removed.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, sleep},
};
use tracing::{debug, warn};

use super::{activity::Activity, policy};
use crate::{
    engine::{Engine, Weight},
    observe::Observer,
    sandbox::Remains,
};

/// A sandbox that would not go is tried again at this pace, for as long as the service lives: its share of the budget
/// and its uids are not free before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often is looked whether it is calm, while somebody rests.
const LOOK: Duration = Duration::from_millis(20);

/// Ends when every custody and the ledger are gone. `creators` bounds how many are destroyed at once.
pub async fn run(
    mut remains: mpsc::UnboundedReceiver<Remains>,
    engine: Arc<dyn Engine>,
    observer: Arc<dyn Observer>,
    activity: Arc<Activity>,
    creators: usize,
) {
    let is_felt = engine.weight() == Weight::Heavy;
    let hands = Arc::new(Semaphore::new(if is_felt { creators } else { creators * policy::LIGHT_AT_ONCE }));
    let mut resting: VecDeque<(Remains, Instant)> = VecDeque::new();
    // One more reference for each sandbox whose removal has been decided.
    let going = Arc::new(());
    let bury = |remains, hand: Option<OwnedSemaphorePermit>| {
        let (engine, observer) = (Arc::clone(&engine), Arc::clone(&observer));
        let (activity, hands, going) = (Arc::clone(&activity), Arc::clone(&hands), Arc::clone(&going));
        // Counted before the task gets to run, or all who rest would take the same processor for theirs.
        let begun = hand.map(|hand| Hand::new(hand, &activity));
        tokio::spawn(async move {
            bury(remains, &*engine, &*observer, &activity, hands, begun).await;
            drop(going);
        });
    };
    loop {
        tokio::select! {
            // Never `None` while somebody rests: each holds on to the ledger.
            received = remains.recv() => match received {
                Some(remains) if is_felt && remains.is_resting() => resting.push_back((remains, Instant::now())),
                Some(remains) => bury(remains, None),
                None => return,
            },
            () = sleep(LOOK), if !resting.is_empty() => {}
        }
        while let Some((first, since)) = resting.front() {
            let going = (Arc::strong_count(&going) - 1).saturating_sub(activity.stuck());
            let free = (first.budget_left() + going).saturating_sub(activity.withheld());
            let is_urgent = activity.is_closed() || policy::must_go(since.elapsed(), free);
            // Of these one at a time is begun, so that the next may wait when it is not calm any more.
            let hand = if activity.calm() > 0 { Arc::clone(&hands).try_acquire_owned().ok() } else { None };
            if !is_urgent && hand.is_none() {
                break;
            }
            let Some((remains, _)) = resting.pop_front() else { break };
            bury(remains, hand);
        }
    }
}

/// The right to remove one sandbox; a processor is busy with it.
struct Hand {
    _permit: OwnedSemaphorePermit,
    activity: Arc<Activity>,
}

impl Hand {
    fn new(permit: OwnedSemaphorePermit, activity: &Arc<Activity>) -> Self {
        activity.busy().removing += 1;
        Self { _permit: permit, activity: Arc::clone(activity) }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.activity.busy().removing -= 1;
    }
}

async fn bury(
    mut remains: Remains,
    engine: &dyn Engine,
    observer: &dyn Observer,
    activity: &Arc<Activity>,
    hands: Arc<Semaphore>,
    mut ready_hand: Option<Hand>,
) {
    let since = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut stuck = None;
    if activity.is_closed() {
        // Nobody is left whom it could disturb that all end at once.
        remains.hang_up();
    }
    loop {
        let hand = match ready_hand.take() {
            Some(hand) => hand,
            None => {
                let permit = Arc::clone(&hands).acquire_owned().await.expect("the semaphore is never closed");
                Hand::new(permit, activity)
            }
        };
        remains.hang_up();
        let result = engine.destroy(remains.id(), remains.how).await;
        drop(hand);
        match result {
            Ok(()) => break,
            Err(error) => {
                warn!(sandbox.id = %remains.id(), error = &error as &dyn std::error::Error, "a sandbox would not go");
                stuck.get_or_insert_with(|| activity.one_is_stuck());
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    observer.destroy_finished(since.elapsed());
    debug!(sandbox.id = %remains.id(), duration_ms = since.elapsed().as_millis() as u64, "gone");
    drop(stuck);
    remains.gone();
}
