//! Where a request stands in the trace of whoever sent it: W3C Trace Context, <https://www.w3.org/TR/trace-context/>.
//! What comes is taken as it is said or not at all, so that nothing of a header gets anywhere but digits that were looked
//! at.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use tracing::Span;

use super::{id, timing};
use crate::job::Claim;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Ids are hexadecimal digits in lower case, and none is all zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// 32 digits, the sender's or our own.
    pub id: String,
    /// 16 digits: ours.
    pub span: String,
    /// The sender's span, if the trace is the sender's.
    pub parent: Option<String>,
    /// Somebody records it.
    pub is_sampled: bool,
    /// What the sender's systems say to each other; handed back unread.
    state: Option<HeaderValue>,
}

/// What `traceparent` says.
#[derive(Debug, PartialEq, Eq)]
struct Parent<'a> {
    trace: &'a str,
    span: &'a str,
    is_sampled: bool,
}

/// `00-` and the three other fields of version 00. Later versions may only append to it.
const LENGTH: usize = 55;
const SAMPLED: u8 = 1;

/// Members of `tracestate`.
const MOST_MEMBERS: usize = 32;
/// The specification asks for 512 to be kept; more is refused, so that nobody has his own headers doubled by us.
const MOST_STATE: usize = 512;

impl Trace {
    /// Goes on with the sender's trace if there is a valid one, and begins one otherwise.
    ///
    /// `ratio`: which part of the traces that begin here are sampled. Those of others are as they say.
    pub fn of(headers: &HeaderMap, ratio: f64) -> Self {
        let span = id::fresh_half();
        match only(headers).and_then(parse) {
            Some(Parent { trace, span: parent, is_sampled }) => {
                let state = state(headers);
                Self { id: trace.to_owned(), span, parent: Some(parent.to_owned()), is_sampled, state }
            }
            // Without its parent a state says nothing.
            None => {
                let id = id::fresh();
                let is_sampled = is_in(ratio, &id);
                Self { id, span, parent: None, is_sampled, state: None }
            }
        }
    }

    /// Says in an answer's head which trace and which span of it this was.
    pub fn describe(&self, headers: &mut HeaderMap) {
        let Self { id, span, parent: _, is_sampled, state } = self;
        if let Ok(value) = HeaderValue::try_from(format!("00-{id}-{span}-{:02x}", u8::from(*is_sampled))) {
            headers.insert(TRACEPARENT, value);
        }
        if let Some(state) = state {
            headers.insert(TRACESTATE, state.clone());
        }
    }
}

/// What became of the request that this is a part of.
pub fn tell(outcome: &'static str, claim: Claim) {
    Span::current().record("outcome", outcome).record("claim", timing::name(claim));
}

/// Who sends two sends none that can be believed.
fn only(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

fn parse(header: &str) -> Option<Parent<'_>> {
    let (known, rest) = header.split_at_checked(LENGTH)?;
    let fields: Vec<_> = known.split('-').collect();
    let [version, trace, span, flags] = fields[..] else { return None };
    let lengths = [version, trace, span, flags].map(str::len);
    let is_hex = known.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    if lengths != [2, 32, 16, 2] || !is_hex || version == "ff" || is_zero(trace) || is_zero(span) {
        return None;
    }
    // Version 00 ends here. Of a later one nobody knows what else it says, but that a `-` comes first.
    let ends_well = if version == "00" { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
    let flags = u8::from_str_radix(flags, 16).ok()?;
    ends_well.then_some(Parent { trace, span, is_sampled: flags & SAMPLED != 0 })
}

fn is_zero(id: &str) -> bool {
    id.bytes().all(|byte| byte == b'0')
}

/// All of it, in the order in which it came, or nothing.
fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines: Option<Vec<_>> = headers.get_all(TRACESTATE).iter().map(|value| value.to_str().ok()).collect();
    let state = lines?.join(",");
    let members: Vec<_> = state.split(',').map(str::trim).filter(|member| !member.is_empty()).collect();
    let mut keys: Vec<_> = members.iter().filter_map(|member| Some(member.split_once('=')?.0)).collect();
    keys.sort_unstable();
    keys.dedup();
    let is_valid = state.len() <= MOST_STATE
        && (1..=MOST_MEMBERS).contains(&members.len())
        // A key that is there twice, or a member without one, is missing here.
        && keys.len() == members.len()
        && members.iter().all(|member| is_member(member));
    if is_valid { HeaderValue::try_from(members.join(",")).ok() } else { None }
}

/// `key=value` in the letters of the specification.
fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let is_key_byte = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let begins_well = key.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
    let is_value_byte = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
    begins_well
        && key.len() <= 256
        && key.bytes().all(is_key_byte)
        && (1..=256).contains(&value.len())
        && value.bytes().all(is_value_byte)
}

/// As OpenTelemetry's TraceIdRatioBased: whoever asks for the same ratio decides alike on the same trace.
fn is_in(ratio: f64, trace: &str) -> bool {
    let lower = u64::from_str_radix(&trace[16..], 16).unwrap_or(u64::MAX);
    lower >> 1 < (ratio * (1u64 << 63) as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap()))
            .collect()
    }

    fn known(version: &str, flags: &str) -> String {
        format!("{version}-{TRACE}-{SPAN}-{flags}")
    }

    fn described(trace: &Trace) -> (String, Option<String>) {
        let mut headers = HeaderMap::new();
        trace.describe(&mut headers);
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap().to_owned());
        (text(TRACEPARENT).unwrap(), text(TRACESTATE))
    }

    #[test]
    fn a_valid_parent_is_taken_at_its_word() {
        for (flags, is_sampled) in [("00", false), ("01", true), ("02", false), ("03", true), ("ff", true)] {
            let header = known("00", flags);
            assert_eq!(parse(&header), Some(Parent { trace: TRACE, span: SPAN, is_sampled }), "{flags}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        for rest in ["", "-", "-what-the-future-will-be-like", "-FF"] {
            assert!(parse(&(known("cc", "01") + rest)).is_some(), "{rest}");
        }
        for rest in [".", "0", " "] {
            assert_eq!(parse(&(known("cc", "01") + rest)), None, "{rest}");
        }
    }

    #[test]
    fn what_the_specification_forbids_is_no_parent() {
        let zeros = |trace: &str, span: &str| format!("00-{trace}-{span}-01");
        for header in [
            String::new(),
            "00".into(),
            known("ff", "01"),
            known("00", "01") + "-",
            known("00", "01") + "-01",
            known("00", "01").to_uppercase(),
            known("00", "0A"),
            known("0A", "01"),
            known("00", "1"),
            known("0", "01"),
            known("00", "+1"),
            known("00", "01").replace('-', "_"),
            zeros(&"0".repeat(32), SPAN),
            zeros(TRACE, &"0".repeat(16)),
            zeros(&TRACE.to_uppercase(), SPAN),
            zeros(&TRACE.replace('a', "g"), SPAN),
            // As long in all, but not in its parts.
            zeros(&TRACE[1..], &format!("{SPAN}0")),
            format!(" {}", known("00", "01")),
            "ä".repeat(40),
        ] {
            assert_eq!(parse(&header), None, "{header:?}");
        }
    }

    #[test]
    fn a_trace_goes_on_under_a_span_of_our_own() {
        let trace = Trace::of(&headers(&[("traceparent", &known("00", "01"))]), 0.0);
        assert_eq!((trace.id.as_str(), trace.parent.as_deref(), trace.is_sampled), (TRACE, Some(SPAN), true));
        assert_ne!(trace.span, SPAN);
        assert_eq!(described(&trace), (format!("00-{TRACE}-{}-01", trace.span), None));
    }

    #[test]
    fn what_is_no_parent_is_replaced() {
        let twice = [("traceparent", &*known("00", "01")), ("traceparent", &*known("00", "01"))];
        for sent in [&[][..], &[("traceparent", &*known("ff", "01"))], &twice] {
            let trace = Trace::of(&headers(sent), 0.0);
            assert!(trace.id != TRACE && trace.parent.is_none() && !trace.is_sampled, "{sent:?}");
            let header = described(&trace).0;
            let parent = parse(&header).unwrap();
            assert_eq!((parent.trace, parent.span), (&*trace.id, &*trace.span));
        }
    }

    #[test]
    fn a_state_is_handed_back_with_its_trace_and_never_without() {
        let sent = known("00", "00");
        let state = |lines: &[&str], parent: &str| {
            let mut sent = vec![("traceparent", parent)];
            sent.extend(lines.iter().map(|line| ("tracestate", *line)));
            described(&Trace::of(&headers(&sent), 0.0)).1
        };
        assert_eq!(
            state(&["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"], &sent).unwrap(),
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
        );
        assert_eq!(state(&["a=1", " b@c=2 ,, "], &sent).unwrap(), "a=1,b@c=2");
        assert_eq!(state(&["a=1"], "no parent"), None);
        let long = format!("a={}", "x".repeat(257));
        let many: Vec<_> = (0..33).map(|number| format!("k{number}=1")).collect();
        let wide = ["a", "b", "c"].map(|key| format!("{key}={}", "x".repeat(200))).join(",");
        for invalid in
            ["", "a", "=1", "a=", "A=1", "a=1,a=2", "a=b=c", "_a=1", "a=\u{e4}", &long, &many.join(","), &wide]
        {
            assert_eq!(state(&[invalid], &sent), None, "{invalid:?}");
        }
    }

    #[test]
    fn a_ratio_decides_on_the_trace_alone() {
        let trace = |lower: u64| format!("{:016x}{lower:016x}", 7);
        for lower in [0, 1 << 62, u64::MAX] {
            assert!(is_in(1.0, &trace(lower)) && !is_in(0.0, &trace(lower)), "{lower}");
        }
        assert!(is_in(0.25, &trace(u64::MAX / 8)) && !is_in(0.25, &trace(u64::MAX / 2)));
    }
}
