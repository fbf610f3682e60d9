//! Who answers for a sandbox. A custody exists before its sandbox does and ends only when the engine has confirmed that
//! the sandbox is gone; until then it holds a share of the budget and a pair of uids that nobody else gets.

use std::{
    collections::{HashSet, VecDeque},
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{Notify, futures::Notified, mpsc};

use super::Session;
use crate::{
    engine::{Destroy, SandboxId},
    job::LanguageId,
    observe::{Observer, SandboxState},
};

#[derive(Debug, Clone)]
pub struct LedgerConfig {
    pub owner: String,
    pub boot: String,
    /// Sandboxes on the host at once, dying ones included.
    pub budget: usize,
    /// The first of the uids that sandboxes run under; two for each share of the budget.
    pub uid_base: u32,
}

/// Every sandbox that this service answers for.
#[derive(Debug)]
pub struct Ledger {
    config: LedgerConfig,
    next: AtomicU64,
    book: Mutex<Book>,
    /// Unbounded, as it must never refuse; the budget bounds what can be in it.
    reaper: mpsc::UnboundedSender<Remains>,
    /// Told whenever one is gone.
    gone: Notify,
    observer: Arc<dyn Observer>,
}

#[derive(Debug)]
struct Book {
    known: HashSet<SandboxId>,
    /// Taken from the front, returned to the back: a pair of uids rests as long as can be.
    free: VecDeque<Slot>,
}

/// A share of the budget: its number decides the uids.
#[derive(Debug)]
struct Slot(u32);

/// The duty to destroy one sandbox. Dropping it hands the duty to the reaper.
#[derive(Debug)]
pub struct Custody {
    /// `None` only once dropped.
    duty: Option<Duty>,
    state: SandboxState,
    how: Destroy,
    resting: Option<Session>,
}

#[derive(Debug)]
struct Duty {
    id: SandboxId,
    number: u64,
    language: LanguageId,
    slot: Slot,
    ledger: Arc<Ledger>,
}

/// A sandbox that is to be destroyed. Ends with [`Remains::gone`], and with nothing else.
#[derive(Debug)]
pub struct Remains {
    duty: Duty,
    pub how: Destroy,
    /// The line to an agent that has nothing to do any more. While it is held the sandbox costs no processor time.
    resting: Option<Session>,
}

impl Ledger {
    pub fn new(config: LedgerConfig, observer: Arc<dyn Observer>) -> (Arc<Self>, mpsc::UnboundedReceiver<Remains>) {
        let (reaper, remains) = mpsc::unbounded_channel();
        let free = (0..).take(config.budget).map(Slot).collect();
        let book = Mutex::new(Book { known: HashSet::new(), free });
        let ledger = Self { config, next: AtomicU64::new(1), book, reaper, gone: Notify::new(), observer };
        (Arc::new(ledger), remains)
    }

    /// The right and the duty to make one sandbox; `None` while the budget is used up.
    pub fn take(self: &Arc<Self>, language: &LanguageId) -> Option<Custody> {
        let mut book = self.book();
        let slot = book.free.pop_front()?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = SandboxId::new(&self.config.owner, &self.config.boot, number);
        book.known.insert(id.clone());
        drop(book);
        self.observer.sandbox_moved(language, None, Some(SandboxState::Booting));
        let duty = Duty { id, number, language: language.clone(), slot, ledger: Arc::clone(self) };
        Some(Custody { duty: Some(duty), state: SandboxState::Booting, how: Destroy::Force, resting: None })
    }

    pub fn known(&self) -> HashSet<SandboxId> {
        self.book().known.clone()
    }

    pub fn knows(&self, id: &SandboxId) -> bool {
        self.book().known.contains(id)
    }

    /// Of all sandboxes that it may ever answer for.
    pub fn uids(&self) -> Range<u32> {
        let LedgerConfig { uid_base, budget, .. } = self.config;
        uid_base..uid_base + 2 * budget as u32
    }

    pub fn free(&self) -> usize {
        self.book().free.len()
    }

    pub fn budget(&self) -> usize {
        self.config.budget
    }

    /// Until one more is gone.
    pub fn one_gone(&self) -> Notified<'_> {
        self.gone.notified()
    }

    /// Until the last one is gone.
    pub async fn empty(&self) {
        loop {
            let gone = self.gone.notified();
            tokio::pin!(gone);
            // Listens before it looks, or the last one could leave in between.
            gone.as_mut().enable();
            if self.book().known.is_empty() {
                return;
            }
            gone.await;
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Custody {
    pub fn id(&self) -> &SandboxId {
        &self.duty().id
    }

    pub fn number(&self) -> u64 {
        self.duty().number
    }

    pub fn language(&self) -> &LanguageId {
        &self.duty().language
    }

    /// Of the job and of PID 1.
    pub fn job_uid(&self) -> u32 {
        let duty = self.duty();
        duty.ledger.config.uid_base + 2 * duty.slot.0
    }

    pub fn agent_uid(&self) -> u32 {
        self.job_uid() + 1
    }

    pub fn moved_to(&mut self, state: SandboxState) {
        let duty = self.duty();
        duty.ledger.observer.sandbox_moved(&duty.language, Some(self.state), Some(state));
        self.state = state;
    }

    /// Whether it is enough to hang up for the sandbox to end by itself.
    pub fn agent_will_leave(&mut self, will: bool) {
        self.how = if will { Destroy::Leaving } else { Destroy::Force };
    }

    /// Keeps the agent on the line, so that its sandbox need not be removed at once.
    pub fn rest(&mut self, session: Session) {
        self.resting = Some(session);
    }

    fn duty(&self) -> &Duty {
        self.duty.as_ref().expect("only drop takes the duty")
    }
}

impl Drop for Custody {
    fn drop(&mut self) {
        self.moved_to(SandboxState::Destroying);
        let Some(duty) = self.duty.take() else { return };
        let ledger = Arc::clone(&duty.ledger);
        // Without a reaper the service is past its drain; the next one's janitor finds what is left.
        let _ = ledger.reaper.send(Remains { duty, how: self.how, resting: self.resting.take() });
    }
}

impl Remains {
    pub fn id(&self) -> &SandboxId {
        &self.duty.id
    }

    /// Whether nothing of its job is left but files, so that its removal may wait for a better moment.
    pub fn is_resting(&self) -> bool {
        self.resting.is_some()
    }

    /// Lets the agent leave. From here on the sandbox is on its way out.
    pub fn hang_up(&mut self) {
        self.resting = None;
    }

    /// How many more sandboxes there may be.
    pub fn budget_left(&self) -> usize {
        self.duty.ledger.free()
    }

    /// The engine has confirmed that nothing is left of it.
    pub fn gone(self) {
        let Duty { id, number: _, language, slot, ledger } = self.duty;
        ledger.observer.sandbox_moved(&language, Some(SandboxState::Destroying), None);
        let mut book = ledger.book();
        book.known.remove(&id);
        book.free.push_back(slot);
        drop(book);
        ledger.gone.notify_waiters();
    }
}
