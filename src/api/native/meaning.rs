//! What a well-formed request asks for, and whether it can be had.
//!
//! Kinds of fault are told in this order, all of one kind together: language, version, files and paths
//! (`invalid_file`), then all other wishes (`invalid_limit`). Whether a limit can be granted depends on the language, so
//! an unknown one is reported alone.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::request::{Request, Sources};
use crate::{
    api::{
        ApiConfig,
        body::{Faults, Place},
        fault::{Code, Fault},
    },
    job::{Ceiling, ClientId, Limits, MOST_ARTIFACTS, Output, Overflow, Overrides, SourceFile, Standing, WorkPath},
    language::{Catalogue, Language, Submission, Unknown, is_reserved_name},
};

/// Arguments, environment and compiler flags together. Linux takes no single string over 128 KiB and no more than a
/// quarter of the stack limit in all; the language's own words need room too.
pub(super) const MOST_WORDS_BYTES: usize = 96 * 1024;

/// Paths of all files together, which may become arguments of a compiler too. What the agent is handed for one program
/// holds both.
const MOST_PATHS_BYTES: usize = 64 * 1024;

/// Each takes an inode of a small file system.
const MOST_DIRECTORIES: usize = 1024;

impl Request {
    /// The language to use and what to hand it.
    pub fn resolve(
        self,
        id: String,
        catalogue: &Catalogue,
        config: &ApiConfig,
    ) -> Result<(Arc<Language>, Submission), Fault> {
        self.resolve_at(&Place::default(), id, catalogue, config)
    }

    /// The same, for a program that stands somewhere else in the request.
    pub(super) fn resolve_at(
        self,
        root: &Place,
        id: String,
        catalogue: &Catalogue,
        config: &ApiConfig,
    ) -> Result<(Arc<Language>, Submission), Fault> {
        let Self {
            language,
            version,
            sources,
            entrypoint,
            stdin,
            args,
            env,
            limits,
            overflow,
            compile_flags,
            compile_limits,
            output_encoding: _,
            artifacts,
            deadline_ms,
            priority,
            arm,
        } = self;
        let language = catalogue.find(&language, version.as_deref()).map_err(|unknown| unserved(unknown, root))?;

        let mut faults = Faults::default();
        let files = files(sources, language, config.max_files, &root.member("files"), &mut faults);
        let entrypoint = entry(entrypoint, &files, &root.member("entrypoint"), &mut faults);
        let artifacts = artifact_paths(artifacts, &root.member("artifacts"), &mut faults);
        faults.check(Code::InvalidFile)?;
        // Without a fault there is a file, and with a file there is an entry point.
        let Some(entrypoint) = entrypoint else {
            return Err(Fault::new(Code::InvalidFile, "`files` must not be empty"));
        };

        let mut faults = Faults::default();
        let compile = root.member("compile");
        let run_limits = grant(&limits, &language.run_limits, &language.ceiling, &root.member("limits"), &mut faults);
        let compile_limits =
            grant(&compile_limits, &language.compile_limits, &language.ceiling, &compile.member("limits"), &mut faults);
        let deadline = deadline(deadline_ms, config, &root.member("deadline_ms"), &mut faults);
        check_words(&args, &root.member("args"), &mut faults);
        check_words(&compile_flags, &compile.member("flags"), &mut faults);
        check_env(&env, &root.member("env"), &mut faults);
        check_size(&args, &env, &compile_flags, root, &mut faults);
        faults.check(Code::InvalidLimit)?;

        let submission = Submission {
            id,
            // Whose it is, the handler knows.
            standing: Standing { client: ClientId::default(), priority },
            files,
            entrypoint,
            stdin,
            args,
            env,
            compile_flags,
            compile_limits,
            run_limits,
            overflow: overflow.unwrap_or(Overflow::Cut),
            output: Output::Apart,
            arm,
            artifacts,
            deadline,
        };
        Ok((Arc::clone(language), submission))
    }
}

fn unserved(unknown: Unknown, root: &Place) -> Fault {
    let mut faults = Faults::default();
    let code = match unknown {
        Unknown::Language => {
            faults.add(&root.member("language"), "is not a known language; see GET /v1/languages");
            Code::UnknownLanguage
        }
        Unknown::Version(configured) => {
            faults.add(&root.member("version"), format!("is not served; configured: {}", configured.join(", ")));
            Code::UnknownVersion
        }
    };
    faults.check(code).expect_err("a fault was added above")
}

fn files(sources: Sources, language: &Language, most: usize, place: &Place, faults: &mut Faults) -> Vec<SourceFile> {
    let given = match sources {
        Sources::Source(content) => return vec![SourceFile { path: language.source_file.clone(), content }],
        Sources::Files(given) => given,
    };
    if given.is_empty() || given.len() > most {
        faults.add(place, format!("must hold at least one and at most {most} files"));
        return Vec::new();
    }
    let mut files: Vec<SourceFile> = Vec::with_capacity(given.len());
    let mut places: HashMap<WorkPath, Place> = HashMap::new();
    for (index, file) in given.into_iter().enumerate() {
        let place = place.item(index).member("path");
        match WorkPath::parse(&file.path) {
            Err(fault) => faults.add(&place, fault.to_string()),
            Ok(path) if places.contains_key(&path) => faults.add(&place, "is given twice"),
            Ok(path) => {
                places.insert(path.clone(), place);
                files.push(SourceFile { path, content: file.content });
            }
        }
    }
    let names: HashSet<&str> = places.keys().map(WorkPath::as_str).collect();
    for file in &files {
        if let Some(parent) = file.path.parents().find(|parent| names.contains(parent)) {
            faults.add(&places[&file.path], format!("lies below `{parent}`, which is a file"));
        }
    }
    if names.iter().map(|name| name.len()).sum::<usize>() > MOST_PATHS_BYTES {
        faults.add(place, format!("must have paths of at most {MOST_PATHS_BYTES} bytes together"));
    }
    let directories: HashSet<&str> = files.iter().flat_map(|file| file.path.parents()).collect();
    if directories.len() > MOST_DIRECTORIES {
        faults.add(place, format!("must lie in at most {MOST_DIRECTORIES} directories"));
    }
    files
}

fn entry(asked: Option<String>, files: &[SourceFile], place: &Place, faults: &mut Faults) -> Option<WorkPath> {
    let Some(asked) = asked else { return files.first().map(|file| file.path.clone()) };
    let found = files.iter().find(|file| file.path.as_str() == asked);
    if found.is_none() {
        faults.add(place, "is none of the files");
    }
    found.map(|file| file.path.clone())
}

fn artifact_paths(asked: Vec<String>, place: &Place, faults: &mut Faults) -> Vec<WorkPath> {
    if asked.len() > MOST_ARTIFACTS {
        faults.add(place, format!("must hold at most {MOST_ARTIFACTS} paths"));
        return Vec::new();
    }
    let mut paths = Vec::with_capacity(asked.len());
    for (index, path) in asked.iter().enumerate() {
        match WorkPath::parse(path) {
            Err(fault) => faults.add(&place.item(index), fault.to_string()),
            Ok(path) if paths.contains(&path) => faults.add(&place.item(index), "is given twice"),
            Ok(path) => paths.push(path),
        }
    }
    paths
}

pub(super) fn grant(
    asked: &Overrides,
    defaults: &Limits,
    ceiling: &Ceiling,
    place: &Place,
    faults: &mut Faults,
) -> Limits {
    asked.apply(defaults, ceiling).unwrap_or_else(|refused| {
        for fault in refused {
            faults.add(&place.member(fault.field), fault.detail);
        }
        *defaults
    })
}

fn deadline(asked_ms: Option<f64>, config: &ApiConfig, place: &Place, faults: &mut Faults) -> Duration {
    let most_ms = config.max_deadline.as_secs_f64() * 1e3;
    match asked_ms {
        None => config.default_deadline,
        Some(ms) if ms > 0.0 && ms <= most_ms => Duration::from_secs_f64(ms / 1e3),
        Some(_) => {
            faults.add(place, format!("must be greater than 0 and at most {most_ms} ms"));
            config.default_deadline
        }
    }
}

pub(super) fn check_words(words: &[String], place: &Place, faults: &mut Faults) {
    for (index, _) in words.iter().enumerate().filter(|(_, word)| word.contains('\0')) {
        faults.add(&place.item(index), "must not hold a NUL");
    }
}

fn check_env(env: &[(String, String)], place: &Place, faults: &mut Faults) {
    for (name, value) in env {
        if !is_env_name(name) {
            faults.add(&place.member(name), "must have a name of letters, digits and `_` that begins with no digit");
        } else if is_reserved_name(name) {
            faults.add(&place.member(name), "is a reserved name");
        }
        if value.contains('\0') {
            faults.add(&place.member(name), "must not hold a NUL");
        }
    }
}

fn is_env_name(name: &str) -> bool {
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    begins && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Complains about the largest of the three, because that is where to save.
fn check_size(args: &[String], env: &[(String, String)], flags: &[String], root: &Place, faults: &mut Faults) {
    let parts = [
        (words_bytes(args), root.member("args")),
        (env_bytes(env), root.member("env")),
        (words_bytes(flags), root.member("compile").member("flags")),
    ];
    let total: usize = parts.iter().map(|(bytes, _)| bytes).sum();
    let largest = parts.iter().max_by_key(|(bytes, _)| *bytes);
    if let Some((_, place)) = largest.filter(|_| total > MOST_WORDS_BYTES) {
        faults.add(place, too_many_words());
    }
}

/// The arguments of all cases of a judging, which repeat those that all have in common.
#[derive(Default)]
pub(super) struct Words {
    bytes: usize,
}

/// Of all cases together, with what a string itself takes. A thousand cases with a dozen arguments each are far below.
const MOST_WORDS_TOGETHER: usize = 8 << 20;

impl Words {
    pub fn add(&mut self, words: &[String], place: &Place) -> Result<(), Fault> {
        self.bytes += words_bytes(words) + size_of_val(words);
        let mut faults = Faults::default();
        if self.bytes > MOST_WORDS_TOGETHER {
            faults.add(
                place,
                format!("is too much: all cases together may have {MOST_WORDS_TOGETHER} bytes of arguments"),
            );
        }
        faults.check(Code::InvalidLimit)
    }
}

/// As Linux counts them: each with its end.
pub(super) fn words_bytes<'a>(words: impl IntoIterator<Item = &'a String>) -> usize {
    words.into_iter().map(|word| word.len() + 1).sum()
}

pub(super) fn env_bytes(env: &[(String, String)]) -> usize {
    env.iter().map(|(name, value)| name.len() + value.len() + 2).sum()
}

pub(super) fn too_many_words() -> String {
    format!("is too long: arguments, environment and flags may have {MOST_WORDS_BYTES} bytes together")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        api::{Build, Connections, ExitStatus},
        job::LanguageId,
        language::Template,
    };

    fn config() -> ApiConfig {
        ApiConfig {
            connections: Connections { most: 1, patience: Duration::from_secs(1) },
            max_body_bytes: 4 << 20,
            max_files: 3,
            default_deadline: Duration::from_secs(30),
            max_deadline: Duration::from_secs(60),
            keys: Vec::new(),
            seed_exit_status: ExitStatus::Program,
            trace_ratio: 0.0,
            build: Build { version: "0".into(), engine: "none".into() },
        }
    }

    fn catalogue() -> Catalogue {
        let limits = Limits {
            cpu_time: Duration::from_secs(5),
            wall_time: Duration::from_secs(10),
            memory_bytes: 256 << 20,
            output_bytes: 1 << 20,
            processes: 64,
            file_size_bytes: 64 << 20,
            open_files: 256,
            stack_bytes: 64 << 20,
        };
        let template = |words: &[&str]| Template::parse(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>());
        Catalogue::new(vec![Language {
            key: LanguageId::new("c"),
            id: "c".into(),
            name: "C".into(),
            version: "14.2".into(),
            aliases: vec!["gcc".into()],
            image: "image".into(),
            runtime: None,
            source_file: WorkPath::parse("main.c").unwrap(),
            extensions: vec!["c".into()],
            compile: template(&["/usr/bin/gcc", "{flags}", "{sources}"]).ok(),
            run: template(&["./a.out", "{args}"]).unwrap(),
            rehearse: None,
            arm: None,
            env: Vec::new(),
            compile_limits: limits,
            run_limits: limits,
            ceiling: Ceiling(limits),
            pool_size: 1,
        }])
    }

    /// A request for C with these fields over `{"language": "c", "source": ""}`.
    fn resolve(fields: Value) -> Result<Submission, Fault> {
        let mut document = json!({"language": "c"});
        if fields.get("files").is_none() {
            document["source"] = json!("");
        }
        for (name, value) in fields.as_object().unwrap() {
            document[name] = value.clone();
        }
        let request = Request::decode(document).unwrap();
        request.resolve("id".into(), &catalogue(), &config()).map(|(_, submission)| submission)
    }

    fn refused(fields: Value) -> (Code, Vec<String>) {
        let fault = resolve(fields).unwrap_err();
        (fault.code, fault.errors.into_iter().map(|error| error.pointer).collect())
    }

    fn one(code: Code, pointer: &str) -> (Code, Vec<String>) {
        (code, vec![pointer.to_owned()])
    }

    #[test]
    fn a_request_that_names_little_gets_the_defaults() {
        let submission = resolve(json!({"source": "int main;"})).unwrap();
        assert_eq!(submission.files[0].path.as_str(), "main.c");
        assert_eq!(submission.entrypoint.as_str(), "main.c");
        assert_eq!(submission.deadline, Duration::from_secs(30));
        assert_eq!((submission.overflow, submission.output), (Overflow::Cut, Output::Apart));
    }

    #[test]
    fn an_unknown_language_is_told_from_an_unknown_version() {
        assert_eq!(refused(json!({"language": "cobol"})), one(Code::UnknownLanguage, "/language"));
        assert_eq!(refused(json!({"version": "^13"})), one(Code::UnknownVersion, "/version"));
        assert!(resolve(json!({"language": "GCC", "version": "14"})).is_ok());
    }

    #[test]
    fn files_that_cannot_stand_side_by_side_are_refused() {
        let file = |path: &str| json!({"path": path, "content": ""});
        let files = json!({"files": [file("a"), file("a"), file("../b")]});
        let expected = (Code::InvalidFile, vec!["/files/1/path".to_owned(), "/files/2/path".to_owned()]);
        assert_eq!(refused(files), expected);
        assert_eq!(refused(json!({"files": [file("a/b/c"), file("a/b")]})), one(Code::InvalidFile, "/files/0/path"));
        assert!(resolve(json!({"files": [file("a/b"), file("ab"), file("a/c")]})).is_ok());
    }

    #[test]
    fn files_that_need_too_much_room_for_their_names_are_refused() {
        let config = ApiConfig { max_files: 300, ..config() };
        let refused = |paths: Vec<String>| {
            let files: Vec<_> = paths.iter().map(|path| json!({"path": path, "content": ""})).collect();
            let request = Request::decode(json!({"language": "c", "files": files})).unwrap();
            let fault = request.resolve("id".into(), &catalogue(), &config).unwrap_err();
            (fault.code, fault.errors[0].pointer.clone(), fault.detail)
        };
        let deep = (0..40).map(|number| format!("{number}/{}f", format!("{number}/").repeat(30))).collect();
        let (code, pointer, detail) = refused(deep);
        assert_eq!((code, pointer.as_str()), (Code::InvalidFile, "/files"));
        assert!(detail.contains("1024 directories"), "{detail}");
        let long = (0..300).map(|number| format!("{number}{}", "x".repeat(240))).collect();
        let (code, pointer, detail) = refused(long);
        assert_eq!((code, pointer.as_str()), (Code::InvalidFile, "/files"));
        assert!(detail.contains("65536 bytes together"), "{detail}");
    }

    #[test]
    fn no_file_at_all_is_as_wrong_as_too_many() {
        assert_eq!(refused(json!({"files": []})), one(Code::InvalidFile, "/files"));
        let files: Vec<_> = (0..4).map(|number| json!({"path": number.to_string(), "content": ""})).collect();
        assert_eq!(refused(json!({"files": files})), one(Code::InvalidFile, "/files"));
    }

    #[test]
    fn the_entry_point_is_one_of_the_files() {
        let files = json!([{"path": "a.c", "content": ""}, {"path": "b.c", "content": ""}]);
        assert_eq!(resolve(json!({"files": files})).unwrap().entrypoint.as_str(), "a.c");
        assert_eq!(resolve(json!({"files": files, "entrypoint": "b.c"})).unwrap().entrypoint.as_str(), "b.c");
        assert_eq!(refused(json!({"files": files, "entrypoint": "c.c"})), one(Code::InvalidFile, "/entrypoint"));
        assert_eq!(refused(json!({"entrypoint": "b.c"})), one(Code::InvalidFile, "/entrypoint"));
    }

    #[test]
    fn artifacts_are_few_and_stay_below_the_work_directory() {
        assert_eq!(refused(json!({"artifacts": ["a", "/b"]})), one(Code::InvalidFile, "/artifacts/1"));
        assert_eq!(refused(json!({"artifacts": ["a", "a"]})), one(Code::InvalidFile, "/artifacts/1"));
        let many: Vec<_> = (0..65).map(|number| number.to_string()).collect();
        assert_eq!(refused(json!({"artifacts": many})), one(Code::InvalidFile, "/artifacts"));
    }

    #[test]
    fn limits_of_both_stages_and_the_deadline_are_checked_together() {
        let fields = json!({
            "limits": {"cpu_time_ms": 0, "processes": 65}, "compile": {"limits": {"wall_time_ms": 1e9}}, "deadline_ms": 60_001
        });
        let pointers = ["/limits/cpu_time_ms", "/limits/processes", "/compile/limits/wall_time_ms", "/deadline_ms"];
        assert_eq!(refused(fields), (Code::InvalidLimit, pointers.map(str::to_owned).to_vec()));
    }

    #[test]
    fn words_that_no_program_can_be_given_are_refused() {
        let fields = json!({
            "args": ["ok", "a\u{0}"], "compile": {"flags": ["\u{0}"]},
            "env": {"1A": "", "A": "\u{0}", "B": "", "LD_PRELOAD": "x", "a=b": ""}
        });
        let pointers = ["/args/1", "/compile/flags/0", "/env/1A", "/env/A", "/env/LD_PRELOAD", "/env/a=b"];
        assert_eq!(refused(fields), (Code::InvalidLimit, pointers.map(str::to_owned).to_vec()));
    }

    #[test]
    fn the_largest_of_too_many_words_is_named() {
        let third = "x".repeat(MOST_WORDS_BYTES / 3);
        let fields = json!({"args": [third], "env": {"A": third}, "compile": {"flags": [third, "yy"]}});
        assert_eq!(refused(fields), one(Code::InvalidLimit, "/compile/flags"));
        assert!(resolve(json!({"args": [third, third]})).is_ok());
    }
}
