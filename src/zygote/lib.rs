//! Preloaded into a language's interpreter by the nursery (`agent/zygote.rs`): when it opens its source it becomes what sandboxes are
//! forked from, and goes on from there in each of their jobs. Anywhere else the library does nothing.
//!
//! The nursery runs on a stack of its own, so that a job's program comes back to the interpreter's, which nothing has touched.

use std::{
    cell::UnsafeCell,
    ffi::{CStr, CString, c_char, c_int, c_void},
    fs::File,
    io::{self, Read},
    mem::MaybeUninit,
    os::fd::{FromRawFd, OwnedFd},
    ptr::NonNull,
    sync::Mutex,
};

use caisson_agent::{
    channel::Channel,
    nursery,
    zygote::{Title, VARIABLE, Zygote},
};
use caisson_protocol::{Begin, decode};

/// What the nursery has handed over, until the interpreter opens its source.
struct Handed {
    channel: OwnedFd,
    begin: Begin,
    title: Title,
}

// SAFETY: there is one thread.
unsafe impl Send for Handed {}

static HANDED: Mutex<Option<Handed>> = Mutex::new(None);

/// Where the interpreter was.
static PROGRAM: Place = Place(UnsafeCell::new(MaybeUninit::uninit()));

struct Place(UnsafeCell<MaybeUninit<libc::ucontext_t>>);

// SAFETY: the interpreter has one thread when it opens its source, and so have all that come of it until they are a program again.
unsafe impl Sync for Place {}

/// Of the nursery and all that is forked from it but programs: what the main thread of a program has.
const STACK: usize = 8 << 20;

/// Run by the loader before the interpreter.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn(c_int, *const *mut c_char, *const *mut c_char) = at_start;

extern "C" fn at_start(_: c_int, argv: *const *mut c_char, env: *const *mut c_char) {
    // SAFETY: the environment, as the loader hands it over.
    let Some(value) = (unsafe { handed(env) }) else { return };
    match Handed::by(&value, argv) {
        Ok(handed) => {
            if let Some(zygote) = &handed.begin.zygote {
                // SAFETY: as above, and the interpreter has not begun.
                unsafe { replace(env, &zygote.env) };
            }
            *HANDED.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(handed);
        }
        Err(error) => end(&Err(error)),
    }
}

impl Handed {
    fn by(value: &str, argv: *const *mut c_char) -> io::Result<Self> {
        let numbers =
            value.split_once(',').and_then(|(channel, begin)| Some((channel.parse().ok()?, begin.parse().ok()?)));
        let (channel, begin): (c_int, c_int) = numbers.ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: what the nursery leaves open for us, and for nobody else.
        let (channel, words) = unsafe { (OwnedFd::from_raw_fd(channel), OwnedFd::from_raw_fd(begin)) };
        rustix::io::fcntl_setfd(&channel, rustix::io::FdFlags::CLOEXEC)?;
        let mut bytes = Vec::new();
        File::from(words).read_to_end(&mut bytes)?;
        let (begin, _) = decode(&bytes).map_err(io::Error::other)?;
        // SAFETY: the arguments, as the loader hands them over; at which the interpreter looks before it opens its source.
        let title = unsafe {
            let (place, length) = extent(argv);
            Title::new(NonNull::new(place.cast()).ok_or(io::ErrorKind::InvalidInput)?, length)
        };
        Ok(Self { channel, begin, title })
    }

    fn is_source(&self, path: &CStr) -> bool {
        self.begin.zygote.as_ref().is_some_and(|zygote| {
            let path = path.to_bytes();
            path.strip_prefix(b"/work/").unwrap_or(path) == zygote.entry.as_bytes()
        })
    }
}

/// What the nursery has put into the environment, if it has.
///
/// # Safety
/// `env` is the process's environment.
unsafe fn handed(env: *const *mut c_char) -> Option<String> {
    let ours = format!("{VARIABLE}=");
    // SAFETY: it ends with null.
    unsafe {
        let mut entries = (0..).map(|at| *env.add(at)).take_while(|entry| !entry.is_null());
        let value = entries.find_map(|entry| CStr::from_ptr(entry).to_bytes().strip_prefix(ours.as_bytes()))?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

/// Puts the interpreter's environment in the place of that which brought us here, so that no program sees a trace of it, in /proc
/// either.
///
/// # Safety
/// `env` is the process's environment, which nobody has looked at yet.
unsafe fn replace(env: *const *mut c_char, by: &[String]) {
    unsafe extern "C" {
        static mut environ: *mut *mut c_char;
    }
    let (place, length) = unsafe { extent(env) };
    let mut entries = Vec::new();
    let mut at = 0;
    for entry in by {
        let bytes = entry.as_bytes();
        if at + bytes.len() < length {
            // SAFETY: within the place; the zero after it is there, or comes below.
            unsafe {
                let entry = place.add(at);
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), entry.cast(), bytes.len());
                entry.add(bytes.len()).write(0);
                entries.push(entry);
            }
            at += bytes.len() + 1;
        } else if let Ok(entry) = CString::new(bytes) {
            // Only where ours was longer.
            entries.push(entry.into_raw());
        }
    }
    entries.push(std::ptr::null_mut());
    // SAFETY: the rest of the place; and a list that is never freed, for a process with one thread.
    unsafe {
        std::ptr::write_bytes(place.add(at), 0, length - at);
        environ = entries.leak().as_mut_ptr();
    }
}

/// Strings that lie one behind the other: where, and in how many bytes.
///
/// # Safety
/// `strings` are the process's arguments or its environment, and not empty.
unsafe fn extent(strings: *const *mut c_char) -> (*mut c_char, usize) {
    // SAFETY: they end with null.
    unsafe {
        let first = *strings;
        let last = (0..).map(|at| *strings.add(at)).take_while(|string| !string.is_null()).last().unwrap_or(first);
        let end = last.add(CStr::from_ptr(last).count_bytes() + 1);
        (first, end.offset_from_unsigned(first))
    }
}

/// The interpreter opens a file. If it is its source this comes back in each job's program, and nowhere else.
fn about_to_open(path: *const c_char) {
    // SAFETY: the caller's path, as libc would read it.
    let Some(path) = (!path.is_null()).then(|| unsafe { CStr::from_ptr(path) }) else { return };
    let is_source = |handed: &Option<Handed>| handed.as_ref().is_some_and(|handed| handed.is_source(path));
    if HANDED.lock().is_ok_and(|handed| is_source(&handed))
        && let Err(error) = on_a_stack_of_its_own()
    {
        end(&Err(error));
    }
}

fn on_a_stack_of_its_own() -> io::Result<()> {
    let (protection, kind) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK);
    let mut ours = MaybeUninit::<libc::ucontext_t>::uninit();
    // SAFETY: the stack is new, never given back, and guarded by its lowest page; both contexts are filled in before they are gone
    // to; and nothing that the nursery's frames hold is used once a program has left them for good.
    unsafe {
        let stack = libc::mmap(std::ptr::null_mut(), STACK, protection, kind, -1, 0);
        if stack == libc::MAP_FAILED
            || libc::mprotect(stack, rustix::param::page_size(), libc::PROT_NONE) != 0
            || libc::getcontext(ours.as_mut_ptr()) != 0
        {
            return Err(io::Error::last_os_error());
        }
        let context = &mut *ours.as_mut_ptr();
        context.uc_stack.ss_sp = stack;
        context.uc_stack.ss_size = STACK;
        context.uc_link = std::ptr::null_mut();
        libc::makecontext(context, be_nursery, 0);
        if libc::swapcontext((*PROGRAM.0.get()).as_mut_ptr(), context) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

extern "C" fn be_nursery() {
    let result = HANDED.lock().map_err(|_| io::ErrorKind::Other.into()).and_then(|mut handed| {
        let Handed { channel, begin, title } = handed.take().ok_or(io::ErrorKind::NotFound)?;
        drop(handed);
        let told = begin.zygote.clone().ok_or(io::ErrorKind::InvalidData)?;
        let zygote = Zygote::new(told, title, go_on)?;
        nursery::serve(Channel::new(channel), &begin, Some(&zygote))
    });
    end(&result);
}

/// Back to where the interpreter was.
fn go_on() {
    // SAFETY: filled in by `swapcontext`, on a stack that is as it was then.
    unsafe { libc::setcontext((*PROGRAM.0.get()).as_ptr()) };
}

/// The nursery's end is nothing that the interpreter has a part in.
fn end(result: &io::Result<()>) -> ! {
    if let Err(error) = result {
        // The server reads it, and logs it.
        eprintln!("caisson-zygote: {error}");
    }
    // SAFETY: ends the process.
    unsafe { libc::_exit(c_int::from(result.is_err())) }
}

/// What libc itself has under the name.
fn real(name: &CStr) -> *mut c_void {
    // SAFETY: asks the loader only.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

macro_rules! before_opening {
    ($name:ident, $text:literal) => {
        /// # Safety
        /// As libc's.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(path: *const c_char, mode: *const c_char) -> *mut libc::FILE {
            type Opens = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut libc::FILE;
            about_to_open(path);
            let found = real($text);
            if found.is_null() {
                return std::ptr::null_mut();
            }
            // SAFETY: libc's function of this name, with what we were called with.
            unsafe { std::mem::transmute::<*mut c_void, Opens>(found)(path, mode) }
        }
    };
}

before_opening!(fopen, c"fopen");
before_opening!(fopen64, c"fopen64");
