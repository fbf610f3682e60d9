//! The system call filter as a program of the kernel's: from the profile that Docker takes too, so that both engines keep to
//! one list. Pure.
//!
//! Numbers are looked up by halving, as ranges that are answered alike: a filter that goes through a list takes five times as
//! long to be installed, and each call pays for it as well.

use std::{collections::BTreeMap, str::FromStr};

use caisson_protocol::{Filters, Instruction};
use serde::Deserialize;
use syscalls::Sysno;

/// Why a profile cannot be a filter.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    #[error("the profile makes no sense")]
    Json(#[from] serde_json::Error),
    #[error("the profile answers with {0}, which this engine does not know")]
    Action(String),
    #[error("the profile compares by {0}, which this engine does not know")]
    Comparison(String),
    #[error("the profile has rules that depend on capabilities, of which no sandbox has any: leave them out")]
    Conditional,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: String,
    #[serde(default)]
    default_errno_ret: Option<u32>,
    #[serde(default)]
    syscalls: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    names: Vec<String>,
    action: String,
    #[serde(default)]
    errno_ret: Option<u32>,
    #[serde(default)]
    args: Vec<Comparison>,
    #[serde(default)]
    includes: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    excludes: serde_json::Map<String, serde_json::Value>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comparison {
    index: u32,
    value: u64,
    #[serde(default)]
    value_two: u64,
    op: String,
}

/// What becomes of one call, or of a range of them.
#[derive(Clone, PartialEq)]
struct Answer {
    /// The first that applies decides.
    ways: Vec<(Vec<Test>, u32)>,
    otherwise: u32,
}

/// Holds when an argument, as far as the mask goes, is the value.
#[derive(Clone, PartialEq)]
struct Test {
    argument: u32,
    mask: u64,
    value: u64,
}

const EPERM: u32 = 1;

/// What it takes to make a sandbox, and few profiles allow: a fork into namespaces, mounts, a host name, and less of root.
const OF_BIRTH: [Sysno; 7] =
    [Sysno::clone3, Sysno::unshare, Sysno::setns, Sysno::mount, Sysno::move_mount, Sysno::sethostname, Sysno::capset];

// The kernel's `linux/seccomp.h`, `linux/audit.h` and `linux/bpf_common.h`.
const KILL_PROCESS: u32 = 0x8000_0000;
const ERRNO: u32 = 0x0005_0000;
const ALLOW: u32 = 0x7fff_0000;
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;
/// From here on they are those of x32, a second list of the same calls.
const SECOND_LIST: u32 = 0x4000_0000;
const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const RETURN: u16 = 0x06;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_AT_LEAST: u16 = 0x35;

// In `struct seccomp_data`: number, architecture, instruction pointer, six arguments of 64 bits, little ends first.
const NUMBER_AT: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const ARGUMENTS_AT: u32 = 16;

/// # Errors
/// When the profile asks for something that this engine cannot do: it is never made weaker than it says.
pub fn compile(profile: &str) -> Result<Filters, FilterError> {
    let profile: Profile = serde_json::from_str(profile)?;
    let otherwise = action(&profile.default_action, profile.default_errno_ret)?;
    let mut calls: BTreeMap<u32, Answer> = BTreeMap::new();
    for rule in profile.syscalls {
        if !rule.includes.is_empty() || !rule.excludes.is_empty() {
            return Err(FilterError::Conditional);
        }
        let tests = rule.args.iter().map(test).collect::<Result<Vec<_>, _>>()?;
        let value = action(&rule.action, rule.errno_ret)?;
        // A name that this architecture does not have names no call.
        for number in rule.names.iter().filter_map(|name| Sysno::from_str(name).ok()) {
            let answer = calls.entry(number.id() as u32).or_insert(Answer { ways: Vec::new(), otherwise });
            if tests.is_empty() {
                answer.otherwise = value;
            } else {
                answer.ways.push((tests.clone(), value));
            }
        }
    }
    let otherwise = Answer { ways: Vec::new(), otherwise };
    let allowed = Answer { ways: Vec::new(), otherwise: ALLOW };
    // Of two filters the kernel takes the stricter answer: each call is decided by one and allowed by the other.
    let mut of_birth = BTreeMap::new();
    for call in OF_BIRTH {
        let answer = calls.insert(call.id() as u32, allowed.clone());
        of_birth.insert(call.id() as u32, answer.unwrap_or_else(|| otherwise.clone()));
    }
    Ok(Filters { nursery: program(calls, &otherwise), sandbox: program(of_birth, &allowed) })
}

fn program(calls: BTreeMap<u32, Answer>, others: &Answer) -> Vec<Instruction> {
    let ranges = ranges(calls, others);
    let mut program = vec![
        statement(LOAD, ARCHITECTURE_AT),
        jump(JUMP_EQUAL, ARCHITECTURE, 1, 0),
        statement(RETURN, KILL_PROCESS),
        statement(LOAD, NUMBER_AT),
        jump(JUMP_AT_LEAST, SECOND_LIST, 0, 1),
        statement(RETURN, KILL_PROCESS),
    ];
    halve(&ranges, &mut program);
    program
}

fn action(name: &str, errno: Option<u32>) -> Result<u32, FilterError> {
    match name {
        "SCMP_ACT_ALLOW" => Ok(ALLOW),
        "SCMP_ACT_ERRNO" => Ok(ERRNO | errno.unwrap_or(EPERM)),
        "SCMP_ACT_KILL_PROCESS" => Ok(KILL_PROCESS),
        other => Err(FilterError::Action(other.to_owned())),
    }
}

fn test(comparison: &Comparison) -> Result<Test, FilterError> {
    let Comparison { index, value, value_two, op } = comparison;
    match op.as_str() {
        "SCMP_CMP_EQ" => Ok(Test { argument: *index, mask: u64::MAX, value: *value }),
        "SCMP_CMP_MASKED_EQ" => Ok(Test { argument: *index, mask: *value, value: *value_two }),
        other => Err(FilterError::Comparison(other.to_owned())),
    }
}

/// All numbers, each range with where it begins.
fn ranges(calls: BTreeMap<u32, Answer>, others: &Answer) -> Vec<(u32, Answer)> {
    let mut ranges: Vec<(u32, Answer)> = vec![(0, others.clone())];
    let mut add = |begin: u32, answer: &Answer| match ranges.last_mut() {
        Some((last, _)) if *last == begin => ranges.last_mut().expect("it is there").1 = answer.clone(),
        Some((_, last)) if last == answer => {}
        _ => ranges.push((begin, answer.clone())),
    };
    for (number, answer) in &calls {
        add(*number, answer);
        if !calls.contains_key(&(number + 1)) {
            add(number + 1, others);
        }
    }
    ranges
}

/// The number is loaded.
fn halve(ranges: &[(u32, Answer)], program: &mut Vec<Instruction>) {
    let (left, right) = match ranges {
        [] => return,
        [(_, answer)] => return decide(answer, program),
        _ => ranges.split_at(ranges.len() / 2),
    };
    program.push(jump(JUMP_AT_LEAST, right[0].0, 0, 1));
    // Its target is known once the other half is there, and may be further than a comparison can jump.
    let far = program.len();
    program.push(statement(JUMP, 0));
    halve(left, program);
    program[far].k = (program.len() - far - 1) as u32;
    halve(right, program);
}

fn decide(answer: &Answer, program: &mut Vec<Instruction>) {
    for (tests, value) in &answer.ways {
        // Three instructions for each half of each argument.
        let end = program.len() + tests.len() * 6;
        for test in tests {
            let halves =
                [(0, test.mask as u32, test.value as u32), (4, (test.mask >> 32) as u32, (test.value >> 32) as u32)];
            for (offset, mask, value) in halves {
                program.push(statement(LOAD, ARGUMENTS_AT + 8 * test.argument + offset));
                program.push(statement(AND, mask));
                // Past the return.
                let past = (end - program.len()) as u8;
                program.push(jump(JUMP_EQUAL, value, 0, past));
            }
        }
        program.push(statement(RETURN, *value));
    }
    program.push(statement(RETURN, answer.otherwise));
}

fn statement(code: u16, k: u32) -> Instruction {
    Instruction { code, jump_true: 0, jump_false: 0, k }
}

fn jump(code: u16, k: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction { code, jump_true, jump_false, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = include_str!("../../../config/seccomp.json");

    /// What the program says to a call.
    fn run(program: &[Instruction], architecture: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let Instruction { code, jump_true, jump_false, k } = program[at];
            at += 1;
            let take = |condition: bool| usize::from(if condition { jump_true } else { jump_false });
            match code {
                LOAD => {
                    accumulator = match k {
                        NUMBER_AT => number,
                        ARCHITECTURE_AT => architecture,
                        offset => {
                            let at = offset - ARGUMENTS_AT;
                            (arguments[(at / 8) as usize] >> (8 * (at % 8))) as u32
                        }
                    };
                }
                AND => accumulator &= k,
                JUMP => at += k as usize,
                JUMP_EQUAL => at += take(accumulator == k),
                JUMP_AT_LEAST => at += take(accumulator >= k),
                RETURN => return k,
                other => panic!("{other}"),
            }
        }
    }

    /// What a sandbox is told, where refusals are alike: the lower answer is the stricter one.
    fn run_both(filters: &Filters, architecture: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let answer = |program: &[Instruction]| run(program, architecture, number, arguments);
        // As the kernel orders them: to end the process is the strictest, and has the highest bit.
        let strictness = |answer: &u32| (*answer & 0xffff_0000) as i32;
        [answer(&filters.nursery), answer(&filters.sandbox)].into_iter().min_by_key(strictness).unwrap()
    }

    fn asked(name: &str, arguments: [u64; 6]) -> u32 {
        let number = Sysno::from_str(name).unwrap().id() as u32;
        run_both(&compile(PROFILE).unwrap(), ARCHITECTURE, number, arguments)
    }

    #[test]
    fn a_nursery_may_do_what_makes_sandboxes_and_they_may_not() {
        let filters = compile(PROFILE).unwrap();
        for call in OF_BIRTH.into_iter().filter(|call| *call != Sysno::capset) {
            let number = call.id() as u32;
            assert_eq!(run(&filters.nursery, ARCHITECTURE, number, [0; 6]), ALLOW, "{call}");
            assert_ne!(run_both(&filters, ARCHITECTURE, number, [0; 6]), ALLOW, "{call}");
        }
        assert!(filters.sandbox.len() < 80, "{}", filters.sandbox.len());
    }

    #[test]
    fn every_call_gets_the_answer_that_the_profile_has_for_it() {
        let filters = compile(PROFILE).unwrap();
        let profile: Profile = serde_json::from_str(PROFILE).unwrap();
        let otherwise = action(&profile.default_action, profile.default_errno_ret).unwrap();
        for number in 0..600 {
            let name = Sysno::new(number).map(|call| call.name().to_owned()).unwrap_or_default();
            let rules = profile.syscalls.iter().filter(|rule| rule.names.contains(&name));
            // Arguments that no rule of ours asks for.
            let rule = rules.into_iter().find(|rule| rule.args.is_empty());
            let wanted = rule.map_or(otherwise, |rule| action(&rule.action, rule.errno_ret).unwrap());
            let odd = [0x7e02_0077; 6];
            assert_eq!(run_both(&filters, ARCHITECTURE, number as u32, odd), wanted, "{name} ({number})");
        }
        assert!(filters.nursery.len() < 1000, "{}", filters.nursery.len());
    }

    #[test]
    fn arguments_count_in_all_their_bits() {
        assert_eq!(asked("socket", [1, 1, 0, 0, 0, 0]), ALLOW);
        assert_eq!(asked("socket", [2, 1, 0, 0, 0, 0]), ERRNO | EPERM);
        assert_eq!(asked("socket", [1 << 32 | 1, 1, 0, 0, 0, 0]), ERRNO | EPERM);
        assert_eq!(asked("personality", [0xffff_ffff, 0, 0, 0, 0, 0]), ALLOW);
        assert_eq!(asked("personality", [1, 0, 0, 0, 0, 0]), ERRNO | EPERM);
        // Threads, and a new user namespace.
        assert_eq!(asked("clone", [0x3d_0f00, 0, 0, 0, 0, 0]), ALLOW);
        assert_eq!(asked("clone", [0x1000_0000, 0, 0, 0, 0, 0]), ERRNO | EPERM);
    }

    #[test]
    fn other_lists_of_calls_end_the_process() {
        let filters = compile(PROFILE).unwrap();
        assert_eq!(run_both(&filters, 0x4000_0003, 1, [0; 6]), KILL_PROCESS);
        assert_eq!(run_both(&filters, ARCHITECTURE, SECOND_LIST | 1, [0; 6]), KILL_PROCESS);
    }

    #[test]
    fn what_cannot_be_kept_to_is_refused() {
        let with = |rule: &str| {
            format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{{"names": ["read"], {rule}}}]}}"#)
        };
        let refused = |rule| compile(&with(rule)).unwrap_err().to_string();
        assert!(refused(r#""action": "SCMP_ACT_TRACE""#).contains("SCMP_ACT_TRACE"));
        assert!(
            refused(r#""action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}"#).contains("capabilities")
        );
        let odd = r#""action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_LT"}]"#;
        assert!(refused(odd).contains("SCMP_CMP_LT"));
        assert!(compile("{").is_err());
    }
}
