//! From a GraphQL response, or a refusal, to an HTTP response.
//!
//! Promises `extensions.code` and `extensions.requestId` on every error, statuses as the negotiated
//! media type asks, and no `data` where nothing was executed. Never shows the message of an inner
//! fault: that goes to the log, beside the request id. `serve` calls it; the socket uses
//! [`mark_errors`].

use actix_web::HttpResponse;
use actix_web::http::{
    StatusCode,
    header::{self, HeaderMap, HeaderName},
};
use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};

use super::guard::MutationByGet;
use super::negotiate::Media;
use crate::graphql::prompt::text;

const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
const INTERNAL: &str = "INTERNAL";
const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
const TOO_COMPLEX: &str = "TOO_COMPLEX";
const INTERNAL_MESSAGE: &str = "Something went wrong on our side";

/// Gives each error its code, where it has none, and the request id; an inner fault loses its
/// message to the log.
///
/// Without a code: what a limit refused is `TOO_COMPLEX`, what was refused before execution or
/// could not be read as an argument is `BAD_USER_INPUT`, all else is `INTERNAL`.
pub fn mark_errors(response: &mut Response, request_id: &str) {
    let executed = !is_request_error(response);
    for error in &mut response.errors {
        let given = match error
            .extensions
            .as_ref()
            .and_then(|extensions| extensions.get("code"))
        {
            Some(Value::String(code)) => Some(code.clone()),
            _ => None,
        };
        let code = given.unwrap_or_else(|| code_of(error, executed).to_owned());
        if code == INTERNAL {
            let path = serde_json::to_string(&error.path).unwrap_or_default();
            tracing::error!(request_id, path, error = error.message, "a resolver failed");
            INTERNAL_MESSAGE.clone_into(&mut error.message);
        }
        let extensions = error
            .extensions
            .get_or_insert_with(ErrorExtensionValues::default);
        if code == TOO_COMPLEX && extensions.get("limit").is_none() {
            extensions.set("limit", "depth");
        }
        extensions.set("code", code);
        extensions.set("requestId", request_id);
    }
}

/// An error that no resolver gave.
pub(in crate::graphql) fn error(message: &str, code: &str, request_id: &str) -> ServerError {
    let mut error = ServerError::new(message, None);
    let extensions = error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("code", code);
    extensions.set("requestId", request_id);
    error
}

/// The answer where the service itself failed; the reason is for the log alone.
pub(in crate::graphql) fn failure(reason: &str, request_id: &str) -> Response {
    let mut response = Response::from_errors(vec![error(reason, INTERNAL, request_id)]);
    mark_errors(&mut response, request_id);
    response
}

fn code_of(error: &ServerError, executed: bool) -> &'static str {
    let message = error.message.as_str();
    // How async-graphql words what it refuses to read at all.
    let limited = message == "recursion limit exceeded."
        || message.starts_with("The recursion depth of the query cannot be greater than");
    // How async-graphql words an argument that no value of its type could be made of.
    let misread =
        message.starts_with("Failed to parse \"") || message.starts_with("Expected input type \"");
    if limited {
        TOO_COMPLEX
    } else if misread || !executed {
        BAD_USER_INPUT
    } else {
        INTERNAL
    }
}

/// Whether the request was refused before any of it was executed.
fn is_request_error(response: &Response) -> bool {
    response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty())
}

/// Why a request is answered without being asked of the executor.
#[derive(Debug)]
pub(in crate::graphql) struct Refusal {
    status: StatusCode,
    pub(in crate::graphql) message: String,
    code: &'static str,
    /// What the caller needs to know for the next time.
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            code: BAD_USER_INPUT,
            header: None,
        }
    }

    pub(super) fn mutation_by_get() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Mutations are sent by POST").allowing("POST")
    }

    /// For whoever has no good token.
    pub(in crate::graphql) fn unauthenticated() -> Self {
        let refusal = Self::new(StatusCode::UNAUTHORIZED, "A valid bearer token is needed");
        Self {
            code: UNAUTHENTICATED,
            header: Some((header::WWW_AUTHENTICATE, "Bearer")),
            ..refusal
        }
    }

    /// Where it could not be found out who asks.
    pub(in crate::graphql) fn unavailable() -> Self {
        Self {
            code: INTERNAL,
            header: Some((header::RETRY_AFTER, "5")),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, INTERNAL_MESSAGE)
        }
    }

    /// Names the methods that would have been right.
    pub(super) fn allowing(self, methods: &'static str) -> Self {
        Self {
            header: Some((header::ALLOW, methods)),
            ..self
        }
    }
}

/// What every answer to one request shares.
pub(super) struct Answerer<'a> {
    pub(super) media: Media,
    pub(super) request_id: &'a str,
}

/// A response as it is written: `data` is absent, not null, where nothing was executed.
fn written(response: &Response, with_data: bool) -> Result<Vec<u8>, serde_json::Error> {
    let mut body = Vec::with_capacity(USUAL_LENGTH);
    let mut part = |name: &str, write: &dyn Fn(&mut Vec<u8>) -> Result<(), serde_json::Error>| {
        body.push(if body.is_empty() { b'{' } else { b',' });
        body.extend_from_slice(name.as_bytes());
        write(&mut body)
    };
    if with_data {
        part("\"data\":", &|body| text::write(body, &response.data))?;
    }
    if !response.errors.is_empty() {
        part("\"errors\":", &|body| {
            serde_json::to_writer(body, &response.errors)
        })?;
    }
    if !response.extensions.is_empty() {
        part("\"extensions\":", &|body| {
            serde_json::to_writer(body, &response.extensions)
        })?;
    }
    body.extend_from_slice(if body.is_empty() { b"{}" } else { b"}" });
    Ok(body)
}

/// A guess at the length of an answer, in bytes.
const USUAL_LENGTH: usize = 1024;

/// A response, written, or why there is none.
pub struct Written {
    refusal: Option<Refusal>,
    is_request_error: bool,
    body: Result<Vec<u8>, serde_json::Error>,
    headers: HeaderMap,
}

impl Written {
    /// Of what the executor gave.
    pub(in crate::graphql) fn new(mut response: Response, request_id: &str) -> Self {
        let mut errors = response.errors.iter();
        let is_by_get = errors.any(|error| error.source::<MutationByGet>().is_some());
        mark_errors(&mut response, request_id);
        let is_request_error = is_request_error(&response);
        let body = written(&response, !is_request_error);
        let mut headers = HeaderMap::new();
        for (name, value) in &response.http_headers {
            let name = header::HeaderName::from_bytes(name.as_str().as_bytes());
            let value = header::HeaderValue::from_bytes(value.as_bytes());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.append(name, value);
            }
        }
        Self {
            refusal: is_by_get.then(Refusal::mutation_by_get),
            is_request_error,
            body,
            headers,
        }
    }

    /// Of a request that was not executed.
    pub(in crate::graphql) fn refused(refusal: Refusal) -> Self {
        Self {
            refusal: Some(refusal),
            is_request_error: true,
            body: Ok(Vec::new()),
            headers: HeaderMap::new(),
        }
    }
}

impl Answerer<'_> {
    /// The answer of the executor: 200, but for a refused request 400 where the media type lets
    /// statuses speak.
    pub(super) fn answer(&self, written: Written) -> HttpResponse {
        if let Some(refusal) = &written.refusal {
            return self.refuse(refusal);
        }
        let status = match self.media {
            Media::GraphqlResponse if written.is_request_error => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        let mut answer = self.send(status, written.body);
        for (name, value) in written.headers {
            answer.headers_mut().append(name, value);
        }
        answer
    }

    /// The answer where the executor was not asked.
    pub(super) fn refuse(&self, refusal: &Refusal) -> HttpResponse {
        let mut answer = self.fault(refusal.status, refusal.code, &refusal.message);
        if let Some((name, value)) = &refusal.header {
            let value = header::HeaderValue::from_static(value);
            answer.headers_mut().insert(name.clone(), value);
        }
        answer
    }

    /// The answer where the service itself failed; the reason is for the log alone.
    pub(super) fn fail(&self, reason: &str) -> HttpResponse {
        tracing::error!(
            request_id = self.request_id,
            error = reason,
            "a GraphQL request failed"
        );
        self.fault(
            StatusCode::INTERNAL_SERVER_ERROR,
            INTERNAL,
            INTERNAL_MESSAGE,
        )
    }

    fn fault(&self, status: StatusCode, code: &str, message: &str) -> HttpResponse {
        let response = Response::from_errors(vec![error(message, code, self.request_id)]);
        self.send(status, written(&response, false))
    }

    fn send(&self, status: StatusCode, body: Result<Vec<u8>, serde_json::Error>) -> HttpResponse {
        match body {
            Ok(bytes) => HttpResponse::build(status)
                .insert_header((header::CONTENT_TYPE, self.media.content_type()))
                .insert_header((header::VARY, "Accept"))
                // An answer depends on who asks, which no cache can see.
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .body(bytes),
            Err(error) => {
                tracing::error!(request_id = self.request_id, %error, "no JSON could be written");
                HttpResponse::InternalServerError().finish()
            }
        }
    }
}
