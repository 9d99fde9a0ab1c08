//! Parses a query string or a body into a GraphQL request.
//!
//! Accepts one request in the shape of the specification; errors name the part that is wrong. Refuses batches, and content types
//! other than JSON: for JSON, a browser asks by preflight before it sends it to another origin. Called by `serve`; the document
//! itself is not parsed here.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use async_graphql::{Request, Value, Variables};
use serde_json::{Map, Value as Json};

use super::answer::Refusal;

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, message)
}

/// Refuses everything except uncompressed JSON in UTF-8.
pub(super) fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let refusal = |message| Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    let mut types = headers.get_all(header::CONTENT_TYPE);
    let text = match (types.next(), types.next()) {
        (Some(one), None) => one.to_str().unwrap_or_default(),
        _ => return refusal("Content-Type must be application/json"),
    };
    let mut parts = text.split(';').map(str::trim);
    if !parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
    {
        return refusal("Content-Type must be application/json");
    }
    let other_charset = parts
        .filter_map(|part| part.split_once('='))
        .any(|(name, value)| {
            name.eq_ignore_ascii_case("charset")
                && !value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        });
    if other_charset {
        return refusal("The charset must be utf-8");
    }
    let compressed = headers
        .get_all(header::CONTENT_ENCODING)
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if compressed {
        refusal("The body must not be compressed")
    } else {
        Ok(())
    }
}

/// Parses the body of a POST.
pub(super) fn from_body(body: &[u8]) -> Result<Request, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Json::Object(parts)) => from_parts(parts),
        Ok(Json::Array(_)) => Err(bad("Batches are not supported: send one request")),
        Ok(_) => Err(bad("The body must be a JSON object")),
        Err(_) => Err(bad("The body is not JSON")),
    }
}

/// Parses the query string of a GET. An empty parameter counts as absent.
pub(super) fn from_query(query: &str) -> Result<Request, Refusal> {
    let mut parts = Map::new();
    for (name, text) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = match name.as_ref() {
            _ if text.is_empty() => continue,
            "query" | "operationName" => Json::String(text.into_owned()),
            "variables" | "extensions" => serde_json::from_str(&text)
                .map_err(|_| bad(format!("The parameter {name} is not JSON")))?,
            _ => continue,
        };
        if parts.insert(name.clone().into_owned(), value).is_some() {
            return Err(bad(format!("The parameter {name} is given twice")));
        }
    }
    from_parts(parts)
}

/// Builds a request from its parts, whatever the transport.
pub(in crate::graphql) fn from_parts(mut parts: Map<String, Json>) -> Result<Request, Refusal> {
    let query = text(&mut parts, "query")?;
    let operation_name = text(&mut parts, "operationName")?;
    let variables = object(&mut parts, "variables")?;
    let extensions = object(&mut parts, "extensions")?;
    // A persisted query is identified by the hash in the extensions.
    if query.is_none() && !extensions.contains_key("persistedQuery") {
        return Err(bad("The parameter query is missing"));
    }
    let mut request = Request::new(query.unwrap_or_default())
        .variables(Variables::from_json(Json::Object(variables)));
    request.operation_name = operation_name;
    for (name, value) in extensions {
        let value = Value::from_json(value)
            .map_err(|_| bad(format!("The extension {name} cannot be read")))?;
        request.extensions.insert(name, value);
    }
    Ok(request)
}

fn text(parts: &mut Map<String, Json>, name: &str) -> Result<Option<String>, Refusal> {
    match parts.remove(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(format!("The parameter {name} must be a string"))),
    }
}

fn object(parts: &mut Map<String, Json>, name: &str) -> Result<Map<String, Json>, Refusal> {
    match parts.remove(name) {
        None | Some(Json::Null) => Ok(Map::new()),
        Some(Json::Object(object)) => Ok(object),
        Some(_) => Err(bad(format!("The parameter {name} must be an object"))),
    }
}
