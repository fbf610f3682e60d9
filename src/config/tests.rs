use std::{fs, path::PathBuf};

use toml::{Table, Value};

use super::*;
use crate::{
    job::{ArmingRules, ColdRule, WorkPath},
    language::{Armament, Template},
};

fn shipped() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/config/caisson.toml"))
}

/// The shipped configuration with these variables and flags.
fn load(variables: &[(&str, &str)], flags: &[&str]) -> Result<Config, Vec<String>> {
    load_from(shipped(), variables, flags)
}

fn load_from(file: PathBuf, variables: &[(&str, &str)], flags: &[&str]) -> Result<Config, Vec<String>> {
    let sources = Sources {
        file,
        variables: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
    };
    Config::load(&sources).map_err(|faults| faults.0.iter().map(Fault::to_string).collect())
}

/// A directory of its own with the shipped languages and this configuration file.
fn written(name: &str, text: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("caisson-config-{name}-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join("caisson.toml");
    fs::write(&file, text).unwrap();
    file
}

fn keys(table: &Table, above: &str, found: &mut Vec<String>) {
    for (name, value) in table {
        let key = format!("{above}{name}");
        match value {
            Value::Table(table) if !table.is_empty() => keys(table, &format!("{key}."), found),
            _ => found.push(key),
        }
    }
}

#[test]
fn the_shipped_file_shows_every_key_with_its_default() {
    let written: Table = fs::read_to_string(shipped()).unwrap().parse().unwrap();
    let defaults = Table::try_from(raw::Raw::default()).unwrap();
    let all = |table| {
        let mut found = Vec::new();
        keys(table, "", &mut found);
        found.sort();
        found
    };
    assert_eq!(all(&written), all(&defaults));
    assert_eq!(written.try_into::<raw::Raw>().unwrap(), raw::Raw::default());
}

#[test]
fn the_shipped_configuration_has_no_fault() {
    let config = load(&[], &[]).unwrap();
    assert!(config.languages.iter().any(|language| language.id == "python"));
    assert!(config.docker.seccomp.contains("SCMP_ACT_ERRNO"));
}

#[test]
fn a_flag_beats_a_variable_and_a_variable_beats_the_file() {
    let budget = |variables: &[(&str, &str)], flags: &[&str]| load(variables, flags).unwrap().pool.budget;
    assert_eq!(budget(&[], &[]), 64);
    assert_eq!(budget(&[("CAISSON_POOL__BUDGET", "40")], &[]), 40);
    assert_eq!(budget(&[("CAISSON_POOL__BUDGET", "40")], &["pool.budget=50"]), 50);
}

#[test]
fn text_needs_no_quotes_in_variables_and_flags() {
    let config = load(&[("CAISSON_POOL__OWNER", "blue")], &["log.filter=debug", "languages.enabled=[\"c\"]"]).unwrap();
    assert_eq!((config.pool.owner.as_str(), config.log.filter.as_str()), ("blue", "debug"));
    assert_eq!(config.languages.len(), 1);
    assert_eq!(load(&[("CAISSON_POOL__OWNER", "7")], &[]).unwrap().pool.owner, "7");
}

#[test]
fn pools_can_be_sized_one_by_one() {
    let config = load(&[("CAISSON_POOL__SIZES__PYTHON", "9")], &["pool.sizes.c=3"]).unwrap();
    let size = |id: &str| config.languages.iter().find(|language| language.id == id).unwrap().pool_size;
    assert_eq!((size("python"), size("c")), (9, 3));
}

#[test]
fn all_faults_are_told_at_once_with_their_key_their_origin_and_a_remedy() {
    let faults = load(
        &[("CAISSON_POOL__BUGDET", "1"), ("CAISSON_LOG__FORMAT", "xml"), ("CAISSON_POOL__SIZES__PYTHON", "70")],
        &["server.listen=0.0.0.0:80", "pool.queue=-1", "pool.cpus=many", "limits.run.memory_bytes=1073741824", "x"],
    )
    .unwrap_err();
    let file = "(variable CAISSON_";
    assert_eq!(
        faults,
        [
            format!("pool.bugdet: is no known key; did you mean `budget`? {file}POOL__BUGDET)"),
            "pool.queue: must not be negative (--set pool.queue)".to_owned(),
            "pool.cpus: must be a number, not a string (--set pool.cpus)".to_owned(),
            "--set x: must have the form section.key=value".to_owned(),
            "limits.run.memory_bytes: must be at most 536870912, is 1073741824 (--set limits.run.memory_bytes)"
                .to_owned(),
            "server.listen: is reachable from elsewhere, and whoever reaches it may run code: add at least one \
             [[server.keys]], or listen on 127.0.0.1 (--set server.listen)"
                .to_owned(),
            format!("log.format: must be `human` or `json`, not `xml` {file}LOG__FORMAT)"),
            format!(
                "pool.budget: is 64, but the pools together want 94 sandboxes: raise it, or lower pool.sizes or the \
                 languages' pool_size ({})",
                shipped().display()
            ),
        ]
    );
}

#[test]
fn a_weight_is_one_that_the_kernel_takes() {
    assert_eq!(load(&[], &[]).unwrap().docker.cpu_shares, 8192);
    assert_eq!(load(&[], &["docker.cpu_shares=0"]).unwrap().docker.cpu_shares, 0);
    for wrong in ["1", "262145"] {
        let faults = load(&[], &[&format!("docker.cpu_shares={wrong}")]).unwrap_err();
        let said = "docker.cpu_shares: must be 2 to 262144, or 0 to leave the weight to the engine";
        assert!(faults[0].starts_with(said), "{faults:?}");
    }
}

#[test]
fn there_is_always_a_sandbox_for_whoever_holds_one_already() {
    let faults = load(&[], &["pool.budget=4", "pool.run_slots=4", "languages.enabled=[\"c\"]"]).unwrap_err();
    let said = "pool.budget: is 4, and must be more than the 4 run slots (pool.run_slots)";
    assert!(faults.iter().any(|fault| fault.starts_with(said)), "{faults:?}");
    // Left to us, there are never too many.
    let loaded = load(&[], &["pool.budget=4", "languages.enabled=[\"c\"]"]).unwrap();
    assert!((1..4).contains(&loaded.pool.run_slots));
}

#[test]
fn a_job_that_could_never_be_held_in_memory_is_a_fault_of_the_configuration() {
    let flags = ["limits.ceiling.output_bytes=300000000", "languages.enabled=[\"c\"]"];
    assert_eq!(
        load(&[], &flags).unwrap_err(),
        [format!(
            "server.max_in_flight_bytes: is 1073741824, but one request for c may take 3425534208: raise it, or lower \
             output_bytes in limits.ceiling ({})",
            shipped().display()
        )]
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let faults = load_from("/nowhere/caisson.toml".into(), &[], &[]).unwrap_err();
    assert!(faults[0].starts_with("configuration file: /nowhere/caisson.toml cannot be read"), "{faults:?}");
}

#[test]
fn a_language_file_is_checked_like_the_rest() {
    let file = written("language", "[languages]\ndirectory = \"mine\"\n");
    let languages = file.with_file_name("mine");
    fs::create_dir_all(&languages).unwrap();
    fs::copy(shipped().with_file_name("seccomp.json"), file.with_file_name("seccomp.json")).unwrap();
    fs::write(
        languages.join("lua.toml"),
        "name = \"Lua\"\nversion = \"5.4\"\nimge = \"x\"\nsource_file = \"../x\"\nrun = [\"lua\"]\n[limits.run]\nprocesses = 0\n",
    )
    .unwrap();
    let faults = load_from(file.clone(), &[], &[]).unwrap_err();
    let origin = languages.join("lua.toml");
    let origin = origin.display();
    assert_eq!(
        faults,
        [
            format!("imge: is no known key; did you mean `image`? ({origin})"),
            format!("languages/lua.limits.run.processes: must be at least 1, is 0 ({origin})"),
            "languages/lua.image: is required".to_owned(),
            format!("languages/lua.source_file: must not hold an empty, `.` or `..` component ({origin})"),
            format!(
                "languages/lua.run: must begin with the path of a program, such as /usr/bin/python3 or ./main, not `lua` ({origin})"
            ),
        ]
    );
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
}

#[test]
fn what_is_armed_is_said_in_the_language_file() {
    let file = written("arm", "[languages]\ndirectory = \"mine\"\n");
    let languages = file.with_file_name("mine");
    fs::create_dir_all(&languages).unwrap();
    fs::copy(shipped().with_file_name("seccomp.json"), file.with_file_name("seccomp.json")).unwrap();
    let arming = |text: &str| {
        let head = "name = \"Lua\"\nversion = \"5\"\nimage = \"x\"\nsource_file = \"x.lua\"\nrun = [\"/lua\"]\n";
        fs::write(languages.join("lua.toml"), format!("{head}{text}")).unwrap();
        load_from(file.clone(), &[], &[]).map(|config| config.languages[0].arm.clone())
    };
    assert_eq!(arming("").unwrap(), None);
    let cold = ColdRule { holds: b"x=".to_vec(), within_lines: 2, unless: Some(b"y".to_vec()) };
    let rules = ArmingRules { most_bytes: 4096, is_alone: false, sees_memory: true, forks: false, cold: vec![cold] };
    let rules = Armament { command: None, rules, run_entry: None };
    let text = "[arm]\nmode = \"run\"\nmost_bytes = 4096\nsees_memory = true\n\
        cold_when = [{ holds = \"x=\", within_lines = 2, unless = \"y\" }]\n";
    assert_eq!(arming(text).unwrap(), Some(rules));
    let compiling =
        "compile = [\"/luac\", \"{sources}\"]\n[arm]\nmode = \"compile\"\ncommand = [\"/ready\", \"{sources}\"]\n";
    let command = Template::parse(&["/ready".to_owned(), "{sources}".to_owned()]).unwrap();
    let armament = arming(compiling).unwrap().unwrap();
    assert_eq!((armament.command, armament.run_entry), (Some(command), None));
    let made =
        |entry: &str| arming(&format!("compile = [\"/luac\"]\n[arm]\nmode = \"compile\"\nrun_entry = \"{entry}\"\n"));
    assert_eq!(made("a.out").unwrap().unwrap().run_entry, Some(WorkPath::parse("a.out").unwrap()));
    for (entry, problem) in [("d/b", "must be the name of a file that lies in no directory"), ("../b", ""), ("/b", "")]
    {
        let faults = made(entry).unwrap_err();
        assert!(faults.len() == 1 && faults[0].contains(&format!("arm.run_entry: {problem}")), "{entry}: {faults:?}");
    }
    // All else may stay in the file of a language that is to have none.
    for text in ["[arm]\nmode = \"off\"\nfork = true\n", "[arm]\nmode = \"off\"\nrun_entry = \"a\"\n"] {
        assert_eq!(arming(text).unwrap(), None, "{text}");
    }
    for (text, problem) in [
        ("[arm]\nmode = \"on\"\n", "arm.mode: must be `run`, `compile` or `off`, not `on`"),
        ("[arm]\nmode = \"run\"\nmost_bytes = 61441\n", "arm.most_bytes: must be at most 61440, is 61441"),
        ("[arm]\ncold_when = [{ holds = \"\" }]\n", "arm.cold_when: has a rule whose `holds` is empty"),
        ("compile = [\"/luac\"]\n[arm]\nmode = \"run\"\n", "arm.mode: must be `compile` where there is"),
        ("[arm]\nmode = \"compile\"\n", "arm.mode: must be `run` where there is no compile command"),
        ("[arm]\nmode = \"run\"\nrun_entry = \"a\"\n", "arm.run_entry: is for mode `compile`"),
        ("[arm]\nmode = \"run\"\ncommand = [\"ready\"]\n", "arm.command: must begin with the path of a program"),
    ] {
        let faults = arming(text).unwrap_err();
        assert!(faults.len() == 1 && faults[0].contains(problem), "{faults:?}");
    }
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
}

#[test]
fn the_runtime_is_found_out_or_the_engines_own_or_named() {
    for (written, meant) in
        [("auto", RuntimeChoice::Auto), ("", RuntimeChoice::Engine), ("kata", RuntimeChoice::Named("kata".into()))]
    {
        let flag = format!("docker.runtime={written}");
        assert_eq!(load(&[], &[&flag]).unwrap().docker.runtime, meant);
    }
    assert_eq!(load(&[], &[]).unwrap().docker.runtime, RuntimeChoice::Auto);
}

#[test]
fn a_language_may_name_a_runtime_of_its_own() {
    let file = written("runtime", "[languages]\ndirectory = \"mine\"\n[docker]\nruntime = \"crun\"\n");
    let languages = file.with_file_name("mine");
    fs::create_dir_all(&languages).unwrap();
    fs::copy(shipped().with_file_name("seccomp.json"), file.with_file_name("seccomp.json")).unwrap();
    let language = |name: &str, runtime: &str| {
        let text = format!(
            "name = \"{name}\"\nversion = \"1\"\nimage = \"x\"\nsource_file = \"x\"\nrun = [\"/x\"]\n{runtime}\n"
        );
        fs::write(languages.join(format!("{name}.toml")), text).unwrap();
    };
    language("lua", "");
    language("perl", "runtime = \"runsc\"");
    let config = load_from(file.clone(), &[], &[]).unwrap();
    let runtimes: Vec<_> = config.languages.iter().map(|language| language.runtime.as_deref()).collect();
    assert_eq!((config.docker.runtime, runtimes), (RuntimeChoice::Named("crun".into()), vec![None, Some("runsc")]));
    let origin = languages.join("perl.toml");
    for none in ["", "auto"] {
        language("perl", &format!("runtime = \"{none}\""));
        assert_eq!(
            load_from(file.clone(), &[], &[]).unwrap_err(),
            [format!(
                "languages/perl.runtime: must name a runtime that the engine knows; leave it out for the one of \
                 docker.runtime ({})",
                origin.display()
            )]
        );
    }
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
}

#[test]
fn keys_are_checked_and_never_shown() {
    let file = written(
        "keys",
        "[server]\nlisten = \"0.0.0.0:80\"\nkeys = [\n\
         {name = \"a\", token = \"0123456789abcdef\", scopes = [\"execute\"]},\n\
         {name = \"b\", token = \"0123456789abcdef\", scopes = [\"root\"]},\n\
         {name = \"\", token = \"short\", scopes = []},\n]\n\
         [languages]\ndirectory = \"{LANGUAGES}\"\n[docker]\nseccomp_profile = \"{SECCOMP}\"\n"
            .replace("{LANGUAGES}", &shipped().with_file_name("languages").display().to_string())
            .replace("{SECCOMP}", &shipped().with_file_name("seccomp.json").display().to_string())
            .as_str(),
    );
    let faults = load_from(file.clone(), &[], &[]).unwrap_err();
    let problems: Vec<_> = faults.iter().map(|fault| fault.split(" (").next().unwrap()).collect();
    assert_eq!(
        problems,
        [
            "server.keys[1].scopes: must be `execute` or `admin`, not `root`",
            "server.keys[2].name: must not be empty: it names the client in logs",
            "server.keys[2].token: must have at least 16 visible ASCII characters; `openssl rand -hex 24` makes one",
            "server.keys[2].scopes: must hold `execute`, `admin` or both",
            "server.keys[1].token: is the token of another key too",
        ]
    );
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
}

#[test]
fn limits_of_keys_are_checked() {
    let keys = |limits: &str| {
        let key = format!("[{{name = \"a\", token = \"0123456789abcdef\", scopes = [\"execute\"], {limits}}}]");
        load(&[], &[&format!("server.keys={key}")]).map(|config| config.server.keys[0].clone())
    };
    let key = keys("rate_per_second = 2.5").unwrap();
    let rate = key.rate.unwrap();
    assert_eq!((rate.per_second, rate.burst.get(), key.max_concurrent), (2.5, 3, None));
    let key = keys("rate_per_second = 2, burst = 9, max_concurrent = 4").unwrap();
    assert_eq!((key.rate.unwrap().burst.get(), key.max_concurrent), (9, Some(4)));
    assert_eq!(keys("rate_per_second = 0").unwrap().rate, None);
    for (limits, problem) in [
        (
            "rate_per_second = -1",
            "server.keys[0].rate_per_second: must be from 0.001 to 1000000, or 0 for no bound, is -1",
        ),
        ("rate_per_second = 1, burst = 5000000000", "server.keys[0].burst: must be at most 1000000, is 5000000000"),
        ("max_concurrent = 10000000", "server.keys[0].max_concurrent: must be at most 1000000, is 10000000"),
        ("burst = 3", "server.keys[0].burst: needs a rate_per_second"),
    ] {
        let faults = keys(limits).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(problem), "{faults:?}");
    }
}

#[test]
fn a_name_leads_to_one_language_only() {
    let faults = load(&[], &["languages.directory=languages"]).map(|mut config| {
        config.languages[1].aliases.push("BASH".to_owned());
        let mut faults = Vec::new();
        check::names(&config.languages, &mut |key, problem| faults.push(format!("{key}: {problem}")));
        faults
    });
    assert_eq!(faults.unwrap(), ["languages/binary.aliases: `BASH` already names `bash`"]);
}

#[test]
fn traces_are_exported_only_where_a_collector_is_named() {
    assert_eq!(load(&[], &["telemetry.otlp_sample_ratio=0.5"]).unwrap().telemetry.otlp, None);
    let flags = ["telemetry.otlp_endpoint=http://[::1]:4318/", "telemetry.otlp_sample_ratio=0.5"];
    let variables = [("CAISSON_TELEMETRY__OTLP_HEADERS__X-KEY", "hunter2")];
    let otlp = load(&variables, &flags).unwrap().telemetry.otlp.unwrap();
    assert_eq!((otlp.endpoint.as_str(), otlp.sample_ratio), ("http://[::1]:4318", 0.5));
    assert_eq!(otlp.headers, [("x-key".to_owned(), "hunter2".to_owned())]);
    assert!(!format!("{otlp:?}").contains("hunter2"));
}

#[test]
fn a_collector_that_cannot_be_reached_as_it_is_written_is_a_fault() {
    let first = |flag: &str| load(&[], &[flag]).unwrap_err().remove(0);
    let problem = first("telemetry.otlp_endpoint=https://collector:4318");
    assert!(
        problem.starts_with("telemetry.otlp_endpoint: must begin with http://: the service speaks no TLS"),
        "{problem}"
    );
    for endpoint in ["collector:4318", "http://", "http://:4318", "http://a:b", "http://a b", "http://u@a", "ftp://a"] {
        let problem = first(&format!("telemetry.otlp_endpoint={endpoint}"));
        assert!(problem.starts_with("telemetry.otlp_endpoint: must be http:// with a host"), "{problem}");
    }
    let problem = first("telemetry.otlp_endpoint=http://a:4318/v1/traces");
    assert!(problem.contains("must be without `/v1/traces`"), "{problem}");
    let problem = first("telemetry.otlp_sample_ratio=1.5");
    assert!(problem.contains("must be from 0"), "{problem}");
    let problem = first("telemetry.otlp_service_name=");
    assert!(problem.contains("must not be empty"), "{problem}");
    let problem = first("telemetry.otlp_headers.a:b=c");
    assert!(problem.contains("cannot be a header's"), "{problem}");
}

#[test]
fn a_schedule_is_checked_with_all_that_it_names() {
    let one = |schedule: &str| load(&[], &[&format!("pool.schedules=[{schedule}]"), "languages.enabled=[\"c\"]"]);
    let good = r#"{language = "c", cron = "0 14 * * 6", size = 24, hold_ms = 600000}"#;
    let schedules = one(good).unwrap().pool.schedules;
    assert_eq!((schedules[0].language.as_str(), schedules[0].size), ("c", 24));
    let faults = one(r#"{language = "d", cron = "0 25 * * 6", size = 65, hold_ms = 0}"#).unwrap_err();
    let starts = [
        "pool.schedules[0].size: must be at most 64, is 65",
        "pool.schedules[0].hold_ms: must be at least 1, is 0",
        "pool.schedules[0].cron: is no line of a crontab: ",
    ];
    assert!(
        faults.len() == 3 && faults.iter().zip(starts).all(|(fault, start)| fault.starts_with(start)),
        "{faults:?}"
    );
    let faults = one(&good.replace("\"c\"", "\"d\"")).unwrap_err();
    assert!(faults[0].starts_with("pool.schedules[0].language: names `d`, which is no language"), "{faults:?}");
    assert!(one(r#"{language = "c"}"#).unwrap_err()[0].contains("pool.schedules"));
}
