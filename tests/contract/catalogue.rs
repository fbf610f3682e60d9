//! Three languages: one that is interpreted, an older version of it, and one that is compiled.

use std::time::Duration;

use caisson::{
    job::{Ceiling, LanguageId, Limits, WorkPath},
    language::{Language, Template},
};

use crate::server::REGISTRY;

pub fn languages() -> Vec<Language> {
    vec![
        Language { aliases: vec!["py".into(), "python3".into()], ..python("python", "3.13.1") },
        python("python-3.12", "3.12.7"),
        Language {
            key: LanguageId::new("c"),
            id: "c".into(),
            name: "C".into(),
            version: "14.2.0".into(),
            aliases: vec!["gcc".into()],
            image: format!("{REGISTRY}/c"),
            // What sandboxes are made with is nobody's business either.
            runtime: Some("runsc".into()),
            source_file: path("main.c"),
            extensions: vec!["c".into()],
            compile: Some(template(&["/usr/bin/gcc", "{flags}", "-o", "main", "{sources}"])),
            run: template(&["./main", "{args}"]),
            rehearse: None,
            arm: None,
            env: Vec::new(),
            compile_limits: Limits { memory_bytes: 512 << 20, ..limits() },
            run_limits: limits(),
            ceiling: Ceiling(ceiling()),
            pool_size: 1,
        },
    ]
}

fn python(key: &str, version: &str) -> Language {
    Language {
        key: LanguageId::new(key),
        id: "python".into(),
        name: "Python".into(),
        version: version.into(),
        aliases: Vec::new(),
        image: format!("{REGISTRY}/python"),
        runtime: None,
        source_file: path("main.py"),
        extensions: vec!["py".into()],
        compile: None,
        run: template(&["/usr/bin/python3", "{entrypoint}", "{args}"]),
        rehearse: None,
        arm: None,
        env: vec![("PYTHONUNBUFFERED".into(), "1".into())],
        compile_limits: limits(),
        run_limits: limits(),
        ceiling: Ceiling(ceiling()),
        pool_size: 1,
    }
}

fn limits() -> Limits {
    Limits {
        cpu_time: Duration::from_secs(5),
        wall_time: Duration::from_secs(10),
        memory_bytes: 256 << 20,
        output_bytes: 64 << 10,
        processes: 64,
        file_size_bytes: 16 << 20,
        open_files: 256,
        stack_bytes: 64 << 20,
    }
}

fn ceiling() -> Limits {
    Limits {
        cpu_time: Duration::from_secs(30),
        wall_time: Duration::from_secs(60),
        memory_bytes: 1 << 30,
        output_bytes: 1 << 20,
        processes: 128,
        file_size_bytes: 64 << 20,
        open_files: 1024,
        stack_bytes: 256 << 20,
    }
}

fn path(path: &str) -> WorkPath {
    WorkPath::parse(path).expect("a path below the work directory")
}

fn template(words: &[&str]) -> Template {
    let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
    Template::parse(&words).expect("a command")
}
