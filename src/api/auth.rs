//! Who may do what: `Authorization: Bearer <token>` or `X-Api-Key: <token>`.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use subtle::ConstantTimeEq;

use super::{
    Api, ApiKey, Scope,
    fault::{Code, Fault},
};
use crate::job::ClientId;

/// Any key will do.
pub async fn anybody(State(api): State<Arc<Api>>, request: Request, next: Next) -> Result<Response, Fault> {
    admit(&api.config.keys, None, request, next).await
}

pub async fn execute(State(api): State<Arc<Api>>, request: Request, next: Next) -> Result<Response, Fault> {
    admit(&api.config.keys, Some(Scope::Execute), request, next).await
}

pub async fn admin(State(api): State<Arc<Api>>, request: Request, next: Next) -> Result<Response, Fault> {
    admit(&api.config.keys, Some(Scope::Admin), request, next).await
}

async fn admit(keys: &[ApiKey], needed: Option<Scope>, mut request: Request, next: Next) -> Result<Response, Fault> {
    if let Some(key) = check(keys, needed, request.headers())? {
        tracing::Span::current().record("client", key.name.as_str());
        request.extensions_mut().insert(ClientId::new(&key.name));
    }
    Ok(next.run(request).await)
}

/// Whose request it is, as far as that was asked.
pub fn client(request: &Request) -> ClientId {
    request.extensions().get().cloned().unwrap_or_default()
}

/// The key that opens the door; none where there are no keys at all.
fn check<'k>(keys: &'k [ApiKey], needed: Option<Scope>, headers: &HeaderMap) -> Result<Option<&'k ApiKey>, Fault> {
    if keys.is_empty() {
        return Ok(None);
    }
    let token = token(headers).ok_or_else(|| {
        Fault::new(Code::Unauthenticated, "send a key as `Authorization: Bearer <key>` or `X-Api-Key: <key>`")
    })?;
    let key = find(keys, token).ok_or_else(|| Fault::new(Code::Unauthenticated, "the key is not known"))?;
    if needed.is_some_and(|scope| !key.scopes.contains(&scope)) {
        return Err(Fault::new(Code::Forbidden, "the key lacks the scope that this route asks for"));
    }
    Ok(Some(key))
}

fn token(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token.trim_ascii())
    });
    bearer.or_else(|| headers.get("x-api-key").map(|value| value.as_bytes()))
}

/// Looks at every key and at every byte, so that the time it takes tells nothing but a token's length.
fn find<'k>(keys: &'k [ApiKey], token: &[u8]) -> Option<&'k ApiKey> {
    keys.iter().fold(None, |found, key| if bool::from(key.token.as_bytes().ct_eq(token)) { Some(key) } else { found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::KeyLimits;

    fn key(name: &str, token: &str, scope: Scope) -> ApiKey {
        ApiKey { name: name.into(), token: token.into(), scopes: vec![scope], limits: KeyLimits::default() }
    }

    fn keys() -> Vec<ApiKey> {
        vec![key("judge", "secret-1", Scope::Execute), key("ops", "secret-2", Scope::Admin)]
    }

    fn asked(name: &'static str, value: &'static str, needed: Option<Scope>) -> Result<String, Code> {
        let headers =
            HeaderMap::from_iter([(header::HeaderName::from_static(name), header::HeaderValue::from_static(value))]);
        check(&keys(), needed, &headers).map(|key| key.unwrap().name.clone()).map_err(|fault| fault.code)
    }

    #[test]
    fn both_headers_carry_a_key() {
        assert_eq!(asked("authorization", "Bearer secret-1", Some(Scope::Execute)), Ok("judge".into()));
        assert_eq!(asked("authorization", "bearer  secret-1", Some(Scope::Execute)), Ok("judge".into()));
        assert_eq!(asked("x-api-key", "secret-2", Some(Scope::Admin)), Ok("ops".into()));
    }

    #[test]
    fn a_key_that_is_missing_or_wrong_is_not_the_same_as_one_that_lacks_the_scope() {
        assert_eq!(asked("accept", "secret-1", None), Err(Code::Unauthenticated));
        assert_eq!(asked("authorization", "Basic secret-1", None), Err(Code::Unauthenticated));
        assert_eq!(asked("authorization", "Bearer secret-", None), Err(Code::Unauthenticated));
        assert_eq!(asked("authorization", "Bearer", None), Err(Code::Unauthenticated));
        assert_eq!(asked("x-api-key", "secret-1", Some(Scope::Admin)), Err(Code::Forbidden));
        assert_eq!(asked("x-api-key", "secret-2", Some(Scope::Execute)), Err(Code::Forbidden));
        assert_eq!(asked("x-api-key", "secret-2", None), Ok("ops".into()));
    }

    #[test]
    fn without_keys_everybody_may_do_everything() {
        assert_eq!(check(&[], Some(Scope::Admin), &HeaderMap::new()).unwrap().map(|key| &key.name), None);
    }
}
