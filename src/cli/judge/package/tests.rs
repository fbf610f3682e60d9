use std::fs;

use super::*;

/// A package that has all it must, with these files in place of its own or on top.
fn read(files: &[(&str, &str)]) -> anyhow::Result<Package> {
    let directory = tempfile::tempdir().unwrap();
    let usual = [
        ("problem.yaml", "name: Sum"),
        ("data/secret/1.in", "1 2\n"),
        ("data/secret/1.ans", "3\n"),
        ("submissions/accepted/sum.py", "print(3)"),
    ];
    for (path, content) in usual.iter().chain(files) {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    Package::read(directory.path())
}

fn fault(files: &[(&str, &str)]) -> String {
    format!("{:#}", read(files).unwrap_err())
}

fn comparison(problem: &str) -> Comparison {
    match read(&[("problem.yaml", problem)]).unwrap().validation {
        Validation::Default(comparison) => comparison,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_least_there_can_be_is_compared_by_words() {
    let package = read(&[]).unwrap();
    assert_eq!((package.name.as_str(), package.limits), ("Sum", Limits::default()));
    assert_eq!(package.validation, Validation::Default(Comparison::default()));
    let [case] = package.cases.as_slice() else { panic!("{:?}", package.cases) };
    assert_eq!(
        (case.id.as_str(), case.input.as_slice(), case.answer.as_slice()),
        ("secret/1", &b"1 2\n"[..], &b"3\n"[..])
    );
    let [submission] = package.submissions.as_slice() else { panic!("{:?}", package.submissions) };
    assert_eq!((submission.path.as_str(), submission.expected.label().as_str()), ("accepted/sum.py", "accepted"));
}

#[test]
fn samples_come_first_and_groups_in_the_order_of_their_names() {
    let names = ["sample/9", "secret/1-big", "secret/10", "secret/2/a", "secret/2/b", "secret/2b"];
    let paths: Vec<_> = names.iter().flat_map(|name| [format!("data/{name}.in"), format!("data/{name}.ans")]).collect();
    let files: Vec<_> = paths.iter().map(|path| (path.as_str(), "")).collect();
    let ids: Vec<_> = read(&files).unwrap().cases.into_iter().map(|case| case.id).collect();
    assert_eq!(ids, ["sample/9", "secret/1", "secret/1-big", "secret/10", "secret/2/a", "secret/2/b", "secret/2b"]);
}

#[test]
fn limits_are_taken_from_whoever_says_them() {
    let legacy =
        "name: x\nlimits: {memory: 64, output: 1, compilation_time: 10, compilation_memory: 128, time_multiplier: 5}";
    let limits = |files: &[(&str, &str)]| read(files).unwrap().limits;
    assert_eq!(
        limits(&[("problem.yaml", legacy)]),
        Limits {
            time_s: None,
            memory_mib: Some(64.0),
            output_mib: Some(1.0),
            compilation_s: Some(10.0),
            compilation_memory_mib: Some(128.0),
        }
    );
    let dated = ("problem.yaml", "problem_format_version: 2025-09\nname: {sv: Summa}\nlimits: {time_limit: 1.5}");
    assert_eq!(limits(&[dated]).time_s, Some(1.5));
    let of_domjudge = ("domjudge-problem.ini", "short-name = sum\ntimelimit='2.5'\n");
    assert_eq!(limits(&[dated, of_domjudge]).time_s, Some(2.5));
    assert_eq!(limits(&[dated, of_domjudge, (".timelimit", "3\n")]).time_s, Some(3.0));
    assert_eq!(read(&[dated]).unwrap().name, "Summa");
}

#[test]
fn flags_of_the_default_validator_are_its_comparison() {
    assert!(comparison("validator_flags: case_sensitive").case_sensitive);
    assert!(comparison("validator_flags: space_change_sensitive").space_change_sensitive);
    let both = comparison("validation: default\nvalidator_flags: float_tolerance 1e-6");
    assert_eq!((both.absolute, both.relative), (Some(1e-6), Some(1e-6)));
    let one = comparison("validator_flags: float_absolute_tolerance 0.01");
    assert_eq!((one.absolute, one.relative), (Some(0.01), None));
    // The dated format says it with the data.
    let package = read(&[("data/test_group.yaml", "output_validator_args: [float_relative_tolerance, 1e-4]")]).unwrap();
    let relative = Comparison { relative: Some(1e-4), ..Comparison::default() };
    assert_eq!(package.validation, Validation::Default(relative));
}

#[test]
fn a_validator_is_a_file_a_directory_or_files_side_by_side() {
    let paths = |files: &[(&str, &str)]| match read(files).unwrap().validation {
        Validation::Custom(validator) | Validation::Interactive(validator) => {
            (validator.path, validator.files.into_iter().map(|file| file.path).collect::<Vec<_>>())
        }
        Validation::Default(_) => panic!("custom validation was asked for"),
    };
    let custom = ("problem.yaml", "validation: custom interactive\nvalidator_flags: fast");
    let path = "output_validators/check/check.cpp";
    assert_eq!(
        paths(&[custom, (path, ""), ("output_validators/check/lib/v.h", "")]),
        ("output_validators/check".to_owned(), vec!["check.cpp".to_owned(), "lib/v.h".to_owned()])
    );
    assert_eq!(
        paths(&[custom, ("output_validators/check.cpp", ""), ("output_validators/v.h", "")]),
        ("output_validators".to_owned(), vec!["check.cpp".to_owned(), "v.h".to_owned()])
    );
    let dated = ("problem.yaml", "problem_format_version: 2023-07-draft\nname: x\ntype: [pass-fail, interactive]");
    assert_eq!(paths(&[dated, ("output_validator/check.py", "")]).0, "output_validator");
    let two = [custom, ("output_validators/one/a.cpp", ""), ("output_validators/two/b.cpp", "")];
    assert_eq!(fault(&two), "output_validators holds several validators; there can be only one");
    let script = [custom, ("output_validators/check/build", "")];
    assert!(fault(&script).starts_with("output_validators/check/build is not supported"), "{}", fault(&script));
    assert_eq!(fault(&[custom]), "output_validators is not there, and problem.yaml asks for it");
}

#[test]
fn a_case_has_the_flags_and_arguments_of_the_nearest_that_says_them() {
    let package = read(&[
        ("problem.yaml", "problem_format_version: 2025-09\nname: x"),
        ("output_validator/check.py", ""),
        ("data/test_group.yaml", "output_validator_args: [outer]\nargs: [a, b c]"),
        ("data/secret/group/test_group.yaml", "output_validator_args: [inner, '1']"),
        ("data/secret/group/1.in", ""),
        ("data/secret/group/1.ans", ""),
        ("data/secret/group/2.in", ""),
        ("data/secret/group/2.ans", ""),
        ("data/secret/group/2.yaml", "args: [own]\nhint: none"),
    ])
    .unwrap();
    let told: Vec<_> =
        package.cases.iter().map(|case| (case.id.as_str(), case.args.join("|"), case.flags.words.join("|"))).collect();
    let wanted = |id, args: &str, flags: &str| (id, args.to_owned(), flags.to_owned());
    assert_eq!(
        told,
        [
            wanted("secret/1", "a|b c", "outer"),
            wanted("secret/group/1", "a|b c", "inner|1"),
            wanted("secret/group/2", "own", "inner|1"),
        ]
    );
}

#[test]
fn what_is_expected_is_told_by_the_directory_or_by_a_tag() {
    let package = read(&[
        ("submissions/wrong_answer/a.c", ""),
        ("submissions/wrong_answer/b.c", "/* @EXPECTED_RESULTS@: TIMELIMIT, run-error */ int main;"),
        ("submissions/mixed/c/main.c", "// @expected_results@: CORRECT\r\nint x;"),
        ("submissions/partially_accepted/d.c", ""),
        ("submissions/rejected/e.c", ""),
        ("submissions/brute_force/f.c", ""),
        ("submissions/accepted/g.c", "// @EXPECTED_RESULTS@: CHECK-MANUALLY"),
    ])
    .unwrap();
    let told: Vec<_> = package
        .submissions
        .iter()
        .map(|submission| (submission.path.as_str(), submission.expected.label()))
        .filter(|(path, _)| *path != "accepted/sum.py")
        .collect();
    let wanted = |path, label: &str| (path, label.to_owned());
    assert_eq!(
        told,
        [
            wanted("accepted/g.c", "-"),
            wanted("brute_force/f.c", "time_limit_exceeded or runtime_error"),
            wanted("mixed/c", "accepted"),
            wanted("partially_accepted/d.c", "-"),
            wanted("rejected/e.c", "rejected"),
            wanted("wrong_answer/a.c", "wrong_answer"),
            wanted("wrong_answer/b.c", "time_limit_exceeded or runtime_error"),
        ]
    );
    let met_by = |path: &str, verdict| {
        package.submissions.iter().find(|submission| submission.path == path).unwrap().expected.is_met_by(verdict)
    };
    assert!(met_by("wrong_answer/a.c", "presentation_error") && met_by("wrong_answer/b.c", "memory_limit_exceeded"));
    assert!(met_by("rejected/e.c", "compile_error") && !met_by("rejected/e.c", "accepted"));
    assert!(!met_by("rejected/e.c", "judge_error"), "it says nothing about the program");
}

#[test]
fn faults_name_the_file() {
    for (files, wanted) in [
        (vec![("problem.yaml", "name: [")], "problem.yaml is not understood"),
        (vec![("problem.yaml", "- a")], "problem.yaml is not understood"),
        (vec![("problem.yaml", "limts: {}")], "problem.yaml: limts is no known key"),
        (vec![("problem.yaml", "limits: {memry: 1}")], "problem.yaml: limits.memry is no known key"),
        (vec![("problem.yaml", "limits: {memory: 0}")], "problem.yaml: limits.memory must be more than 0"),
        (vec![("problem.yaml", "limits: {memory: much}")], "problem.yaml is not understood"),
        (vec![("problem.yaml", "validation: custom multipass")], "problem.yaml: validation: `multipass`"),
        (vec![("problem.yaml", "type: submit-answer")], "problem.yaml: type: problems of the type submit-answer"),
        (vec![("problem.yaml", "validator_flags: fuzzy")], "problem.yaml: flags of the default validator: `fuzzy`"),
        (vec![("problem.yaml", "validator_flags: float_tolerance")], "float_tolerance needs a number"),
        (vec![("problem.yaml", "constants: {n: 1}")], "problem.yaml: constants"),
        (vec![(".timelimit", "soon")], ".timelimit: `soon` is no time limit"),
        (vec![("domjudge-problem.ini", "timelimit = -1")], "domjudge-problem.ini: `-1` is no time limit"),
        (vec![("data/secret/2.in", "")], "data/secret/2.ans is not there"),
        (vec![("data/secret/2.ans", "")], "data/secret/2.ans has no 2.in beside it"),
        (vec![("data/secret/1.files/x", "")], "data/secret/1.files: files for a single case"),
        (
            vec![("data/secret/testdata.yaml", "output_validator_flag: x")],
            "data/secret/testdata.yaml: output_validator_flag",
        ),
        (
            vec![
                ("data/secret/g/testdata.yaml", "output_validator_flags: case_sensitive"),
                ("data/secret/g/1.in", ""),
                ("data/secret/g/1.ans", ""),
            ],
            "data/secret/g/1.in is to be compared another way than data/secret/1.in (data/secret/g/testdata.yaml)",
        ),
        (vec![("submissions/acepted/a.c", "")], "submissions/acepted is no known directory"),
        (
            vec![("submissions/accepted/a.c", "@EXPECTED_RESULTS@: GOOD")],
            "submissions/accepted/a.c: @EXPECTED_RESULTS@: `GOOD`",
        ),
        (
            vec![("submissions/accepted/a.c", "@EXPECTED_RESULTS@:")],
            "submissions/accepted/a.c: @EXPECTED_RESULTS@ names",
        ),
    ] {
        let told = fault(&files);
        assert!(told.contains(wanted), "{told} is not {wanted}");
    }
}

#[test]
fn links_lead_nowhere_but_into_the_package() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for path in ["data/secret", "submissions/accepted"] {
        fs::create_dir_all(root.join(path)).unwrap();
    }
    fs::write(root.join("problem.yaml"), "").unwrap();
    fs::write(root.join("data/secret/1.in"), "").unwrap();
    fs::write(root.join("submissions/accepted/a.c"), "").unwrap();
    std::os::unix::fs::symlink("1.in", root.join("data/secret/1.ans")).unwrap();
    assert!(Package::read(root).is_ok());
    std::os::unix::fs::symlink("/etc/passwd", root.join("submissions/accepted/b.c")).unwrap();
    let told = format!("{:#}", Package::read(root).unwrap_err());
    assert_eq!(told, "submissions/accepted/b.c leads out of the package");
    fs::remove_file(root.join("submissions/accepted/b.c")).unwrap();
    std::os::unix::fs::symlink(".", root.join("data/secret/circle")).unwrap();
    let told = format!("{:#}", Package::read(root).unwrap_err());
    assert!(told.ends_with("lies too deep"), "{told}");
}

#[test]
fn no_bytes_make_it_panic() {
    let texts: [&[u8]; 8] =
        [b"", b"\xff\xfe", b"\0", b"a: &a [*a]", b"? [", b"{{{{{{{{", b"!!binary x", b"%YAML 9\n---\n&"];
    for name in
        ["problem.yaml", "data/secret/testdata.yaml", "domjudge-problem.ini", ".timelimit", "submissions/accepted/a.c"]
    {
        for text in texts {
            let directory = tempfile::tempdir().unwrap();
            for path in ["data/secret", "submissions/accepted"] {
                fs::create_dir_all(directory.path().join(path)).unwrap();
            }
            for path in ["problem.yaml", "data/secret/1.in", "data/secret/1.ans", "submissions/accepted/b.c"] {
                fs::write(directory.path().join(path), "").unwrap();
            }
            fs::write(directory.path().join(name), text).unwrap();
            if let Err(error) = Package::read(directory.path()) {
                assert!(format!("{error:#}").contains(name), "{error:#} does not name {name}");
            }
        }
    }
}
