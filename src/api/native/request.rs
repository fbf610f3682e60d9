//! The shape of a request: which fields there are and of which type. What they mean is decided in `meaning`.

use serde_json::Value;

use super::Encoding;
use crate::{
    api::{
        body::{Faults, Object, Place},
        fault::{Code, Fault},
    },
    job::{Arm, Overflow, Overrides, Priority},
};

/// A request that has the right shape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    pub language: String,
    pub version: Option<String>,
    pub sources: Sources,
    pub entrypoint: Option<String>,
    pub stdin: Vec<u8>,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub limits: Overrides,
    pub overflow: Option<Overflow>,
    pub compile_flags: Vec<String>,
    pub compile_limits: Overrides,
    pub output_encoding: Encoding,
    pub artifacts: Vec<String>,
    pub deadline_ms: Option<f64>,
    pub priority: Priority,
    pub arm: Arm,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// One file under the language's own file name.
    Source(Vec<u8>),
    Files(Vec<File>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub path: String,
    pub content: Vec<u8>,
}

impl Default for Sources {
    fn default() -> Self {
        Self::Files(Vec::new())
    }
}

impl Request {
    /// The request, or every fault of its shape at once.
    pub fn decode(document: Value) -> Result<Self, Fault> {
        let mut found = Faults::default();
        let faults = &mut found;
        let mut body = Object::new(document, Place::default(), faults);
        let stdin = body.bytes("stdin", "stdin_encoding", faults).unwrap_or_default();
        let artifacts = body.strings("artifacts", faults);
        let request = Self { stdin, artifacts, ..Self::of_submission(&mut body, faults) };
        body.finish(faults);
        found.check(Code::MalformedRequest)?;
        Ok(request)
    }

    /// A program, and what holds for the whole request.
    pub(super) fn of_submission(body: &mut Object, faults: &mut Faults) -> Self {
        let program = Self::of_program(body, faults);
        let encodings = [("utf8", Encoding::Utf8), ("base64", Encoding::Base64)];
        let output_encoding = body.choice("output_encoding", &encodings, faults).unwrap_or_default();
        let deadline_ms = body.number("deadline_ms", faults);
        let priorities = [("interactive", Priority::Interactive), ("batch", Priority::Batch)];
        let priority = body.choice("priority", &priorities, faults).unwrap_or_default();
        let choices = [("auto", Arm::Auto), ("off", Arm::Off)];
        let arm = body.choice("arm", &choices, faults).unwrap_or_default();
        Self { output_encoding, deadline_ms, priority, arm, ..program }
    }

    /// All that says what to run, and nothing of what it is run on.
    pub(super) fn of_program(body: &mut Object, faults: &mut Faults) -> Self {
        let language = body.required_string("language", faults);
        let version = body.string("version", faults);
        let sources = sources(body, faults);
        let entrypoint = body.string("entrypoint", faults);
        let args = body.strings("args", faults);
        let env = body.string_map("env", faults);
        let (limits, overflow) = match body.object("limits", faults) {
            Some(mut limits) => {
                let policies = [("cut", Overflow::Cut), ("kill", Overflow::Kill)];
                let overflow = limits.choice("output_policy", &policies, faults);
                (overrides(limits, faults), overflow)
            }
            None => Default::default(),
        };
        let (compile_flags, compile_limits) = match body.object("compile", faults) {
            Some(mut compile) => {
                let flags = compile.strings("flags", faults);
                let limits = compile.object("limits", faults).map(|limits| overrides(limits, faults));
                compile.finish(faults);
                (flags, limits.unwrap_or_default())
            }
            None => Default::default(),
        };
        Self {
            language,
            version,
            sources,
            entrypoint,
            args,
            env,
            limits,
            overflow,
            compile_flags,
            compile_limits,
            ..Self::default()
        }
    }
}

fn sources(body: &mut Object, faults: &mut Faults) -> Sources {
    let (has_source, has_files) = (body.holds("source"), body.holds("files"));
    if has_source && has_files {
        faults.add(&body.place("files"), "must not be given together with `source`");
    } else if !has_source && !has_files && !body.is_absent() {
        faults.add(&body.place("source"), "or `files` is required");
    }
    let source = body.string("source", faults);
    let files = body.objects("files", faults, file);
    match source {
        Some(source) => Sources::Source(source.into_bytes()),
        None => Sources::Files(files),
    }
}

fn file(mut file: Object, faults: &mut Faults) -> File {
    let path = file.required_string("path", faults);
    file.require("content", faults);
    let content = file.bytes("content", "encoding", faults).unwrap_or_default();
    file.finish(faults);
    File { path, content }
}

pub(super) fn overrides(mut limits: Object, faults: &mut Faults) -> Overrides {
    let overrides = Overrides {
        cpu_time_ms: limits.number("cpu_time_ms", faults),
        wall_time_ms: limits.number("wall_time_ms", faults),
        memory_bytes: limits.number("memory_bytes", faults),
        output_bytes: limits.number("output_bytes", faults),
        processes: limits.number("processes", faults),
        file_size_bytes: limits.number("file_size_bytes", faults),
        open_files: limits.number("open_files", faults),
        stack_bytes: limits.number("stack_bytes", faults),
    };
    limits.finish(faults);
    overrides
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointers(document: Value) -> Vec<String> {
        let fault = Request::decode(document).unwrap_err();
        assert_eq!(fault.code, Code::MalformedRequest);
        fault.errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_request_with_every_field_is_taken_over_whole() {
        let request = Request::decode(json!({
            "language": "c", "version": "14", "entrypoint": "b.c", "stdin": "AP8=", "stdin_encoding": "base64",
            "files": [{"path": "a.h", "content": "x"}, {"path": "b.c", "content": "eQ==", "encoding": "base64"}],
            "args": ["1"], "env": {"A": "b"}, "limits": {"cpu_time_ms": 1.5, "output_policy": "kill"},
            "compile": {"flags": ["-O2"], "limits": {"memory_bytes": 7}}, "output_encoding": "base64",
            "artifacts": ["out"], "deadline_ms": 9, "priority": "batch", "arm": "off"
        }))
        .unwrap();
        let file = |path: &str, content: &str| File { path: path.into(), content: content.into() };
        let expected = Request {
            language: "c".into(),
            version: Some("14".into()),
            sources: Sources::Files(vec![file("a.h", "x"), file("b.c", "y")]),
            entrypoint: Some("b.c".into()),
            stdin: vec![0, 255],
            args: vec!["1".into()],
            env: vec![("A".into(), "b".into())],
            limits: Overrides { cpu_time_ms: Some(1.5), ..Overrides::default() },
            overflow: Some(Overflow::Kill),
            compile_flags: vec!["-O2".into()],
            compile_limits: Overrides { memory_bytes: Some(7.0), ..Overrides::default() },
            output_encoding: Encoding::Base64,
            artifacts: vec!["out".into()],
            deadline_ms: Some(9.0),
            priority: Priority::Batch,
            arm: Arm::Off,
        };
        assert_eq!(request, expected);
    }

    #[test]
    fn every_fault_of_the_shape_is_reported_at_once() {
        let document = json!({
            "version": 3, "files": [{"path": 1, "content": "ÿ", "encoding": "base64", "mode": 7}, "x", {}],
            "stdin": 1, "stdin_encoding": "hex", "args": ["a", 1], "env": {"A/B": 1}, "limit": {},
            "limits": {"cpu_time_ms": "1", "cpu": 1, "output_policy": "maim"}, "compile": {"flags": "-O2", "limits": []},
            "output_encoding": true, "artifacts": {}, "deadline_ms": "soon", "priority": "low", "entrypoint": []
        });
        let expected = [
            "/stdin_encoding",
            "/stdin",
            "/artifacts",
            "/language",
            "/version",
            "/files/0/path",
            "/files/0/content",
            "/files/0/mode",
            "/files/1",
            "/files/2/path",
            "/files/2/content",
            "/entrypoint",
            "/args/1",
            "/env/A~1B",
            "/limits/output_policy",
            "/limits/cpu_time_ms",
            "/limits/cpu",
            "/compile/flags",
            "/compile/limits",
            "/output_encoding",
            "/deadline_ms",
            "/priority",
            "/limit",
        ];
        assert_eq!(pointers(document), expected);
    }

    #[test]
    fn exactly_one_of_source_and_files_is_given() {
        assert_eq!(pointers(json!({"language": "c"})), ["/source"]);
        assert_eq!(pointers(json!({"language": "c", "source": "", "files": []})), ["/files"]);
        assert!(Request::decode(json!({"language": "c", "source": "", "files": null})).is_ok());
    }
}
