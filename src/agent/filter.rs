//! A second system call filter, behind the engine's: what depends on *whom* a call is aimed at. PID 1 has the job's uid, so
//! uids do not protect it from the job; the kernel protects it from signals, but not from all that can be set for it.
//!
//! PID 1, or the nursery that it comes of, puts itself under it before there is any job, and every process of a job is born under
//! it: that costs a job nothing. Arguments that the kernel takes for `int` are compared by their low halves, as the kernel does.

use std::io;

use caisson_protocol::Instruction;

/// Calls with an argument that has one of these values are refused with EPERM.
struct Refused {
    call: libc::c_long,
    argument: u32,
    values: &'static [u32],
}

const INIT: &[u32] = &[1];

/// Whoever owns a descriptor's events is sent a signal of the setter's choice; a lease is a signal and a lock at once; a hint
/// stays with its file.
const OWN_LEASE_AND_HINT: &[u32] = &[
    libc::F_SETOWN as u32,
    // F_SETSIG and F_SETOWN_EX.
    10,
    15,
    // F_SET_RW_HINT and F_SET_FILE_RW_HINT.
    1036,
    1038,
    libc::F_SETLEASE as u32,
    libc::F_NOTIFY as u32,
];

/// FIOSETOWN and SIOCSPGRP set an owner too. The others set attributes of files, of which nobody clears those of a directory
/// that outlives the job: FS_IOC_SETFLAGS, its form for 32 bits, and FS_IOC_FSSETXATTR.
const OWN_AND_ATTRIBUTES: &[u32] = &[0x8901, 0x8902, 0x4008_6602, 0x4004_6602, 0x401c_5820];

const REFUSED: [Refused; 12] = [
    Refused { call: libc::SYS_kill, argument: 0, values: INIT },
    Refused { call: libc::SYS_tkill, argument: 0, values: INIT },
    Refused { call: libc::SYS_tgkill, argument: 0, values: INIT },
    Refused { call: libc::SYS_tgkill, argument: 1, values: INIT },
    Refused { call: libc::SYS_rt_sigqueueinfo, argument: 0, values: INIT },
    Refused { call: libc::SYS_rt_tgsigqueueinfo, argument: 0, values: INIT },
    Refused { call: libc::SYS_rt_tgsigqueueinfo, argument: 1, values: INIT },
    Refused { call: libc::SYS_prlimit64, argument: 0, values: INIT },
    Refused { call: libc::SYS_setpriority, argument: 1, values: INIT },
    Refused { call: libc::SYS_sched_setaffinity, argument: 0, values: INIT },
    Refused { call: libc::SYS_fcntl, argument: 1, values: OWN_LEASE_AND_HINT },
    Refused { call: libc::SYS_ioctl, argument: 1, values: OWN_AND_ATTRIBUTES },
];

// Offsets in the kernel's `struct seccomp_data`: nr, arch, instruction pointer, six arguments of 64 bits.
const NUMBER: u32 = 0;
const ARGUMENTS: u32 = 16;
/// Of the low half, where little ends come first.
const fn low_half(argument: u32) -> u32 {
    ARGUMENTS + 8 * argument
}

pub fn enter() -> io::Result<()> {
    install(&program())
}

/// As the kernel takes it.
pub type Program = [libc::sock_filter];

/// What the server sent, made ready once for all sandboxes.
pub fn ready(instructions: &[Instruction]) -> Vec<libc::sock_filter> {
    let ready = |instruction: &Instruction| {
        let Instruction { code, jump_true, jump_false, k } = *instruction;
        libc::sock_filter { code, jt: jump_true, jf: jump_false, k }
    };
    instructions.iter().map(ready).collect()
}

/// Upon those that are in force. From here on nobody gains privileges.
pub fn install(program: &Program) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        // The kernel only reads it.
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: numbers, and a structure that outlives the call and points to one that does.
    let result = unsafe {
        match libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) {
            0 => libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program, 0, 0),
            failed => failed,
        }
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Other architectures' numbers are the engine's filter's: it lets none of them pass.
fn program() -> Vec<libc::sock_filter> {
    let load = |offset| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    let answer = |value| statement(libc::BPF_RET | libc::BPF_K, value);
    let mut program = Vec::new();
    for Refused { call, argument, values } in &REFUSED {
        let count = values.len() as u8;
        program.push(load(NUMBER));
        // Not this call: past the load, the comparisons and the refusal.
        program.push(unless_equal(*call as u32, count + 2));
        program.push(load(low_half(*argument)));
        for (left, value) in (1..=count).rev().zip(*values) {
            // To the refusal, which stands behind the other comparisons; the last one skips it if it fails.
            program.push(jump_if_equal(*value, left - 1, u8::from(left == 1)));
        }
        program.push(answer(libc::SECCOMP_RET_ERRNO | libc::EPERM as u32));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    program
}

fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

fn jump_if_equal(k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, jt, jf, k }
}

fn unless_equal(k: u32, past: u8) -> libc::sock_filter {
    jump_if_equal(k, 0, past)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the program says to a call.
    fn run(number: libc::c_long, arguments: [u64; 6]) -> u32 {
        let program = program();
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let libc::sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            match u32::from(code) {
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                    accumulator = match k {
                        NUMBER => number as u32,
                        offset => arguments[((offset - ARGUMENTS) / 8) as usize] as u32,
                    };
                }
                code if code == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => {
                    at += usize::from(if accumulator == k { jt } else { jf });
                }
                _ => return k,
            }
        }
    }

    fn is_refused(number: libc::c_long, arguments: [u64; 6]) -> bool {
        run(number, arguments) == libc::SECCOMP_RET_ERRNO | libc::EPERM as u32
    }

    #[test]
    fn nothing_may_be_aimed_at_pid_1() {
        for Refused { call, argument, values } in &REFUSED {
            for value in *values {
                let mut arguments = [77; 6];
                arguments[*argument as usize] = u64::from(*value);
                assert!(is_refused(*call, arguments), "{call} {value}");
                // The kernel looks at the low half of an `int` only.
                arguments[*argument as usize] |= 1 << 32;
                assert!(is_refused(*call, arguments), "{call} {value} with dirt above");
            }
            assert!(!is_refused(*call, [77; 6]), "{call}");
        }
    }

    #[test]
    fn a_program_may_do_to_itself_what_it_likes() {
        for (call, arguments) in [
            (libc::SYS_kill, [0, 9, 0, 0, 0, 0]),
            (libc::SYS_kill, [u64::MAX, 9, 0, 0, 0, 0]),
            (libc::SYS_sched_setaffinity, [0, 8, 0, 0, 0, 0]),
            (libc::SYS_fcntl, [1, libc::F_SETFL as u64, 0, 0, 0, 0]),
            (libc::SYS_write, [1, 1, 1, 1, 1, 1]),
        ] {
            assert_eq!(run(call, arguments), libc::SECCOMP_RET_ALLOW, "{call}");
        }
    }
}
