//! The HTTP face: the table of contents of every route, and what the handlers share.
//!
//! Axum, hyper and tower-http are known here and nowhere else. A handler decodes a request into a job, hands it to the
//! dispatcher and writes the report down; it decides nothing about sandboxes.

mod auth;
mod body;
mod connections;
mod fault;
mod hints;
mod id;
mod languages;
mod middleware;
mod native;
mod quota;
mod room;
mod seed;
mod sending;
mod status;
mod text;
mod timing;
mod trace;

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{get, post, put},
};
use tokio::net::TcpListener;

pub use connections::Connections;
use quota::Quotas;
pub use quota::{KeyLimits, Rate};
pub use room::Room;
pub use seed::ExitStatus;

use crate::{dispatch::Dispatch, language::Catalogue, observe::Observer};

/// All that the handlers need.
pub struct Api {
    pub dispatch: Arc<Dispatch>,
    pub catalogue: Arc<Catalogue>,
    pub config: ApiConfig,
    pub room: Room,
    pub observer: Arc<dyn Observer>,
    /// Renders the Prometheus text format, version 0.0.4.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

#[derive(Debug, Clone)]
pub struct ApiConfig {
    pub connections: Connections,
    /// Also bounds the files of a request: no encoding that JSON offers is shorter than what it stands for.
    pub max_body_bytes: usize,
    pub max_files: usize,
    /// For requests that name no deadline.
    pub default_deadline: Duration,
    pub max_deadline: Duration,
    /// None: everybody may do everything.
    pub keys: Vec<ApiKey>,
    /// What the seed's dialect reports as `exit_status`.
    pub seed_exit_status: ExitStatus,
    pub build: Build,
    /// Which part of the traces that begin here are sampled.
    pub trace_ratio: f64,
}

/// Lets its bearer do what its scopes say.
#[derive(Clone)]
pub struct ApiKey {
    /// Appears in logs; no two have the same. Clients that wait take turns by it.
    pub name: String,
    pub token: String,
    pub scopes: Vec<Scope>,
    pub limits: KeyLimits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Run code.
    Execute,
    /// Look at the service itself.
    Admin,
}

/// What `GET /v1/status` says about the program that answers.
#[derive(Debug, Clone)]
pub struct Build {
    pub version: String,
    /// The engine that makes the sandboxes and its version.
    pub engine: String,
}

/// Serves until `stop` is ready, then lets the requests that are being answered come to their end.
pub async fn serve(listener: TcpListener, api: Api, stop: impl Future<Output = ()>) {
    let (connections, observer) = (api.config.connections, Arc::clone(&api.observer));
    connections.serve(listener, router(api), observer, stop).await;
}

pub fn router(api: Api) -> Router {
    let api = Arc::new(api);
    let open = Router::new()
        .route("/healthz", get(status::alive))
        .route("/readyz", get(status::ready))
        .route("/", get(seed::greet).fallback(seed::unsupported));
    let known = Router::new()
        .route("/v1/languages", get(languages::list))
        .route_layer(from_fn_with_state(Arc::clone(&api), auth::anybody));
    let quotas = Arc::new(Quotas::new(&api.config.keys));
    let execute = Router::new()
        .route("/v1/execute", post(native::execute))
        .route("/v1/judge", post(native::judge))
        .route("/execute", post(seed::execute).fallback(seed::unsupported))
        // Inside of who it is: layers that are added later come first.
        .route_layer(from_fn_with_state((Arc::clone(&api), quotas), quota::keep))
        .route_layer(from_fn_with_state(Arc::clone(&api), auth::execute));
    let admin = Router::new()
        .route("/v1/status", get(status::show))
        .route("/v1/pools/{language}/hints", put(hints::put).delete(hints::delete))
        .route("/metrics", get(status::metrics))
        .route_layer(from_fn_with_state(Arc::clone(&api), auth::admin));
    Router::new()
        .merge(open)
        .merge(known)
        .merge(execute)
        .merge(admin)
        .fallback(middleware::not_found)
        .method_not_allowed_fallback(middleware::method_not_allowed)
        .layer(middleware::catch_panics())
        .layer(from_fn_with_state(Arc::clone(&api), middleware::identify))
        .with_state(api)
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("name", &self.name).field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_show_its_token() {
        let limits = KeyLimits::default();
        let key = ApiKey { name: "ci".into(), token: "hunter2".into(), scopes: vec![Scope::Execute], limits };
        assert_eq!(format!("{key:?}"), r#"ApiKey { name: "ci", scopes: [Execute], .. }"#);
    }
}
