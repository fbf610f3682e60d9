//! What compiles made, for submissions that are the same to the last byte: source, flags, limits, language. Off unless the
//! operator gives it memory: some contests forbid it, and by the time that a compile takes one can learn that somebody sent
//! the same before.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    job::{Program, Stage},
    observe::Observer,
};

#[derive(Debug)]
pub(super) struct CompileCache {
    most_bytes: usize,
    observer: Arc<dyn Observer>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By the program itself: two that share a hash are still two.
    entries: HashMap<Program, Entry>,
    bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    compiled: Compiled,
    bytes: usize,
    made: Instant,
    last_use: u64,
}

/// What a compile made and how it went.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub artifact: Arc<Vec<u8>>,
    pub stage: Stage,
}

/// A single artifact that is larger is not kept: it would drive out many.
pub const MOST_ARTIFACT: u64 = 8 << 20;

/// An image may be built again under the same name, and its compiler be another.
const LIFETIME: Duration = Duration::from_secs(3600);

impl CompileCache {
    pub fn new(most_bytes: usize, observer: Arc<dyn Observer>) -> Self {
        Self { most_bytes, observer, state: Mutex::default() }
    }

    pub fn is_on(&self) -> bool {
        self.most_bytes > 0
    }

    pub fn get(&self, program: &Program) -> Option<Compiled> {
        let mut state = self.state();
        state.uses += 1;
        let now = state.uses;
        let entry = state.entries.get_mut(program)?;
        if entry.made.elapsed() > LIFETIME {
            state.remove(program);
            self.observer.compiles_kept(state.bytes);
            return None;
        }
        entry.last_use = now;
        Some(entry.compiled.clone())
    }

    pub fn put(&self, program: &Program, compiled: Compiled) {
        let source: usize = program.files.iter().map(|file| file.path.as_str().len() + file.content.len()).sum();
        let words: usize =
            program.compile.iter().flat_map(|step| &*step.argv).map(|word| word.len() + size_of::<String>()).sum();
        let bytes = compiled.artifact.len() + compiled.stage.output_bytes() + source + words;
        if bytes > self.most_bytes || compiled.artifact.len() as u64 > MOST_ARTIFACT {
            return;
        }
        let mut state = self.state();
        state.remove(program);
        while state.bytes + bytes > self.most_bytes {
            // Never empty: without entries there would be room.
            let oldest =
                state.entries.iter().min_by_key(|(_, entry)| entry.last_use).map(|(program, _)| program.clone());
            let Some(oldest) = oldest else { return };
            state.remove(&oldest);
        }
        state.bytes += bytes;
        state.uses += 1;
        let entry = Entry { compiled, bytes, made: Instant::now(), last_use: state.uses };
        state.entries.insert(program.clone(), entry);
        // While nobody else changes it: what is told last is what is there.
        self.observer.compiles_kept(state.bytes);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, program: &Program) {
        if let Some(entry) = self.entries.remove(program) {
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::job::{Captured, Exit, LanguageId, Outcome, SourceFile, Usage, WorkPath};

    /// What was told last.
    #[derive(Debug, Default)]
    struct Told(AtomicUsize);

    impl Observer for Told {
        fn compiles_kept(&self, bytes: usize) {
            self.0.store(bytes, Ordering::SeqCst);
        }
    }

    fn cache(most_bytes: usize) -> (CompileCache, Arc<Told>) {
        let told = Arc::new(Told::default());
        (CompileCache::new(most_bytes, told.clone()), told)
    }

    fn program(name: &str) -> Program {
        let file = SourceFile { path: WorkPath::known("main"), content: name.as_bytes().to_vec() };
        Program { language: LanguageId::new("c"), files: vec![file], compile: None }
    }

    /// So that it costs 100 bytes together with its program.
    fn compiled() -> Compiled {
        let stage = Stage {
            outcome: Outcome::Ok,
            stdout: Captured::default(),
            stderr: Captured::default(),
            exit: Exit::Code(0),
            usage: Usage::default(),
            message: None,
            armed: false,
        };
        Compiled { artifact: Arc::new(vec![0; 95]), stage }
    }

    fn held(cache: &CompileCache, names: &[&str]) -> Vec<bool> {
        names.iter().map(|name| cache.get(&program(name)).is_some()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_used_longest_ago_makes_room() {
        let (cache, told) = cache(200);
        cache.put(&program("a"), compiled());
        cache.put(&program("b"), compiled());
        assert_eq!(held(&cache, &["a", "b"]), [true, true]);
        assert_eq!(held(&cache, &["a"]), [true]);
        cache.put(&program("c"), compiled());
        assert_eq!(held(&cache, &["a", "b", "c"]), [true, false, true]);
        // The same once more takes no further room.
        cache.put(&program("c"), compiled());
        assert_eq!(held(&cache, &["a", "c"]), [true, true]);
        assert_eq!(told.0.load(Ordering::SeqCst), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_that_is_too_large_or_too_old() {
        let (small, _) = cache(99);
        small.put(&program("a"), compiled());
        assert_eq!(held(&small, &["a"]), [false]);
        let (cache, told) = cache(1000);
        cache.put(&program("a"), compiled());
        assert_eq!(told.0.load(Ordering::SeqCst), 100);
        tokio::time::advance(LIFETIME + Duration::from_secs(1)).await;
        assert_eq!(held(&cache, &["a"]), [false]);
        assert_eq!(told.0.load(Ordering::SeqCst), 0);
    }
}
