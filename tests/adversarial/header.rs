//! What a program says of itself: `key: value` lines of comment at its top.

use std::collections::BTreeMap;

const KEYS: [&str; 13] = [
    "tries",
    "open",
    "status",
    "via",
    "beside",
    "limits",
    "within_ms",
    "stdout",
    "stdout_ends",
    "says",
    "artifacts",
    "flags",
    "compile_limits",
];

#[derive(Debug)]
pub struct Header(BTreeMap<String, String>);

impl Header {
    /// Ends at the first line that is no comment. `mark` is what a line of comment begins with.
    pub fn parse(source: &str, mark: &str) -> Result<Self, String> {
        let mut values = BTreeMap::new();
        for line in source.lines().map_while(|line| line.strip_prefix(mark)) {
            let Some((key, value)) = line.trim_start().split_once(": ") else {
                return Err(format!("`{line}` is not `key: value`"));
            };
            if !KEYS.contains(&key) {
                return Err(format!("there is no key `{key}`"));
            }
            if values.insert(key.to_owned(), value.trim().to_owned()).is_some() {
                return Err(format!("`{key}` is there twice"));
            }
        }
        for needed in ["tries", "status"] {
            if values.get(needed).is_none_or(String::is_empty) {
                return Err(format!("`{needed}` is missing"));
            }
        }
        Ok(Self(values))
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        debug_assert!(KEYS.contains(&key));
        self.0.get(key).map(String::as_str)
    }

    /// A value that can be one thing only, and says whether it is there.
    pub fn flag(&self, key: &str, only: &str) -> Result<bool, String> {
        match self.get(key) {
            None => Ok(false),
            Some(value) if value == only => Ok(true),
            Some(value) => Err(format!("`{key}` is `{value}`, not `{only}`")),
        }
    }

    pub fn json<T: serde::de::DeserializeOwned>(&self, key: &str) -> Result<Option<T>, String> {
        let value = self.get(key).map(serde_json::from_str).transpose();
        value.map_err(|error| format!("`{key}`: {error}"))
    }
}

#[test]
fn a_header_that_is_wrong_is_refused() {
    let wrong = |source: &str| Header::parse(source, "//").unwrap_err();
    assert_eq!(wrong("// status: ok\nint main"), "`tries` is missing");
    assert_eq!(wrong("// tries: \n// status: ok"), "`tries` is missing");
    assert_eq!(wrong("// tries: it\nint x;\n// status: ok"), "`status` is missing");
    assert_eq!(wrong("// tries: it\n// statos: ok"), "there is no key `statos`");
    assert_eq!(wrong("// tries: it\n// tries: it"), "`tries` is there twice");
    assert_eq!(wrong("// a comment"), "` a comment` is not `key: value`");
    let header = Header::parse("// tries: it\n// status: ok\n// via: execute\n// limits: {", "//").unwrap();
    assert!(header.flag("via", "judge").is_err() && header.json::<serde_json::Value>("limits").is_err());
}
