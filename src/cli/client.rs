//! A running server, as the commands that are its clients see it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

/// Where the server is and how it knows us.
#[derive(Debug, Args)]
pub struct Address {
    #[arg(long, alias = "url", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// Holds the key that the server asks for
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

#[derive(Debug)]
pub struct Server {
    url: String,
    key: Option<String>,
}

/// What the server can run.
#[derive(Debug, Default, Deserialize)]
pub struct Languages {
    languages: Vec<Language>,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
pub struct Language {
    pub id: String,
    pub aliases: Vec<String>,
    pub extensions: Vec<String>,
}

/// The longest deadline a server grants by default, and then some for the way.
const PATIENCE: Duration = Duration::from_secs(330);

/// What a server takes by default. A larger body may be why the connection broke off.
const USUAL_BODY_BYTES: usize = 4 << 20;

impl Address {
    pub fn server(&self) -> anyhow::Result<Server> {
        let Self { server, key_file } = self;
        let key = key_file.as_deref().map(read_key).transpose()?;
        Ok(Server { url: server.trim_end_matches('/').to_owned(), key })
    }
}

fn read_key(file: &Path) -> anyhow::Result<String> {
    let key = fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
    Ok(key.trim().to_owned())
}

impl Server {
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    pub fn languages(&self) -> anyhow::Result<Languages> {
        let list = self.read(self.request("GET", "/v1/languages").body(())?)?;
        serde_json::from_value(list).context("the server's list of languages is not understood")
    }

    /// The answer of a 200; anything else is an error in the server's words.
    pub fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string();
        let bytes = body.len();
        let request = self.request("POST", path).header("content-type", "application/json").body(body)?;
        let answer = self.read(request);
        match answer {
            Err(error) if bytes > USUAL_BODY_BYTES && error.is::<ureq::Error>() => Err(error.context(format!(
                "the request has {bytes} bytes, which may be more than the server's server.max_body_bytes"
            ))),
            answer => answer,
        }
    }

    /// What is text and not JSON: /metrics.
    pub fn text(&self, path: &str) -> anyhow::Result<String> {
        let body = self.bytes(self.request("GET", path).body(())?)?;
        String::from_utf8(body).context("the answer is no text")
    }

    fn request(&self, method: &str, path: &str) -> ureq::http::request::Builder {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        match &self.key {
            Some(key) => request.header("authorization", format!("Bearer {key}")),
            None => request,
        }
    }

    fn read<B: ureq::AsSendBody>(&self, request: ureq::http::Request<B>) -> anyhow::Result<Value> {
        parse(&self.bytes(request)?)
    }

    /// The body of a success.
    fn bytes<B: ureq::AsSendBody>(&self, request: ureq::http::Request<B>) -> anyhow::Result<Vec<u8>> {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into();
        let mut response = agent.run(request).with_context(|| format!("no answer from {}", self.url))?;
        let body = response.body_mut().with_config().limit(u64::MAX).read_to_vec().context("the answer broke off")?;
        if !response.status().is_success() {
            bail!("{}", told(&parse(&body)?));
        }
        Ok(body)
    }
}

fn parse(body: &[u8]) -> anyhow::Result<Value> {
    serde_json::from_slice(body).context("the answer is no JSON; is this a caisson server?")
}

/// What a problem+json says to people, and which key of the server's configuration would let the request through.
fn told(problem: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let code = text(&problem["code"]);
    let detail = text(&problem["detail"]);
    let mut told = format!("{code}: {detail}");
    // A single fault is the whole detail already.
    for fault in problem["errors"].as_array().into_iter().flatten().filter(|fault| fault["detail"] != detail) {
        told = format!("{told}\n  {}", text(&fault["detail"]));
    }
    match code.as_str() {
        "payload_too_large" => {
            format!("{told}\n  remedy: a larger server.max_body_bytes in the server's configuration")
        }
        _ if told.contains("over the ceiling") => {
            format!("{told}\n  remedy: ask for less, or a higher limits.ceiling in the server's configuration")
        }
        _ => told,
    }
}

impl Languages {
    /// The one language that goes with these names; names that go with none, such as headers, have no say.
    pub fn of<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> anyhow::Result<&Language> {
        let names: Vec<_> = names.into_iter().collect();
        let fitting: Vec<_> =
            self.languages.iter().filter(|language| names.iter().any(|name| language.goes_with(name))).collect();
        match fitting.as_slice() {
            [language] => Ok(language),
            [] => Err(anyhow!("no language of the server goes with the name of {}", few(&names))),
            several => {
                // Several versions of one language are one language: the server takes the newest.
                let ids: BTreeSet<_> = several.iter().map(|language| language.id.as_str()).collect();
                if ids.len() == 1 {
                    return Ok(several[0]);
                }
                Err(anyhow!("several languages go with {}: {}", few(&names), Vec::from_iter(ids).join(", ")))
            }
        }
    }

    pub fn ids(&self) -> Vec<&str> {
        self.languages.iter().map(|language| language.id.as_str()).collect()
    }
}

/// Names for a message, which need not be all of them.
fn few(names: &[&str]) -> String {
    const FEW: usize = 4;
    let shown = names.iter().take(FEW).copied().collect::<Vec<_>>().join(", ");
    if names.len() > FEW { format!("{shown} …") } else { shown }
}

impl Language {
    pub fn goes_with(&self, name: &str) -> bool {
        let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|found| self.extensions.iter().any(|known| known == found))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn languages() -> Languages {
        let language = |id: &str, extensions: &[&str]| json!({"id": id, "aliases": [], "extensions": extensions});
        let python = language("python", &["py"]);
        let all = [language("c", &["c"]), language("cpp", &["cpp", "cc"]), python.clone(), python];
        serde_json::from_value(json!({"languages": all})).unwrap()
    }

    #[test]
    fn a_language_is_told_from_the_names_of_its_sources_alone() {
        let languages = languages();
        let id = |names: &[&str]| languages.of(names.iter().copied()).map(|language| language.id.clone()).ok();
        assert_eq!(id(&["sum.c", "sum.h", "README"]).as_deref(), Some("c"));
        assert_eq!(id(&["a.cc", "lib/b.cpp"]).as_deref(), Some("cpp"));
        assert_eq!(id(&["a.py"]).as_deref(), Some("python"));
        assert_eq!((id(&["a.kt"]), id(&["c"]), id(&["a.c", "b.py"])), (None, None, None));
    }

    #[test]
    fn a_refusal_names_the_key_that_would_let_the_request_through() {
        let told = told(&json!({"code": "payload_too_large", "detail": "the body is over the cap of 4194304 bytes"}));
        assert_eq!(
            told,
            "payload_too_large: the body is over the cap of 4194304 bytes\n  remedy: a larger server.max_body_bytes in \
             the server's configuration"
        );
    }
}
