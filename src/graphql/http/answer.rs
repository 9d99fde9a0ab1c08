//! Turns a GraphQL response, or a refusal, into an HTTP response.
//!
//! Every error has `extensions.code` and `extensions.requestId`, the status follows the negotiated media type, and `data` is
//! absent if nothing was executed. The message of an internal error goes only to the log, with the request id. Called by `serve`;
//! the socket uses [`mark_errors`].

use actix_web::HttpResponse;
use actix_web::http::{
    StatusCode,
    header::{self, HeaderMap, HeaderName},
};
use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};

use super::negotiate::Media;
use crate::graphql::{prepare::operation::MutationByGet, resolve::json};

const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
const INTERNAL: &str = "INTERNAL";
const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
const TOO_COMPLEX: &str = "TOO_COMPLEX";
const INTERNAL_MESSAGE: &str = "Something went wrong on our side";

/// Sets the request id on each error, and a code if it has none. Replaces the message of an internal error, which is logged.
///
/// The default code is `TOO_COMPLEX` for an exceeded parser limit, `BAD_USER_INPUT` for a refusal before execution or an invalid
/// argument, and `INTERNAL` for everything else.
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

/// An error from outside a resolver.
pub(in crate::graphql) fn error(message: &str, code: &str, request_id: &str) -> ServerError {
    let mut error = ServerError::new(message, None);
    let extensions = error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("code", code);
    extensions.set("requestId", request_id);
    error
}

/// The response after a failure of the service; the reason goes only to the log.
pub(in crate::graphql) fn failure(reason: &str, request_id: &str) -> Response {
    let mut response = Response::from_errors(vec![error(reason, INTERNAL, request_id)]);
    mark_errors(&mut response, request_id);
    response
}

fn code_of(error: &ServerError, executed: bool) -> &'static str {
    let message = error.message.as_str();
    // The messages of async-graphql for a document beyond its parser limits.
    let limited = message == "recursion limit exceeded."
        || message.starts_with("The recursion depth of the query cannot be greater than");
    // The messages of async-graphql for an argument that is not a value of its type.
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

/// A refusal of a request before it reaches the executor.
#[derive(Debug)]
pub(in crate::graphql) struct Refusal {
    status: StatusCode,
    pub(in crate::graphql) message: String,
    code: &'static str,
    /// A header that tells the caller how to succeed, such as `Allow`.
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
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Mutations must be sent by POST",
        )
        .allowing("POST")
    }

    /// The refusal of a request without a valid token.
    pub(in crate::graphql) fn unauthenticated() -> Self {
        let refusal = Self::new(StatusCode::UNAUTHORIZED, "A valid bearer token is required");
        Self {
            code: UNAUTHENTICATED,
            header: Some((header::WWW_AUTHENTICATE, "Bearer")),
            ..refusal
        }
    }

    /// The refusal of a request whose token cannot be looked up.
    pub(in crate::graphql) fn unavailable() -> Self {
        Self {
            code: INTERNAL,
            header: Some((header::RETRY_AFTER, "5")),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, INTERNAL_MESSAGE)
        }
    }

    /// Sets the `Allow` header.
    pub(super) fn allowing(self, methods: &'static str) -> Self {
        Self {
            header: Some((header::ALLOW, methods)),
            ..self
        }
    }
}

/// Builds the HTTP responses to one request.
pub(super) struct Responder<'a> {
    pub(super) media: Media,
    pub(super) request_id: &'a str,
}

/// A response as JSON.
///
/// # Errors
///
/// If a value cannot be serialized.
pub(in crate::graphql) fn to_json(response: &Response) -> Result<String, serde_json::Error> {
    let body = serialize(response, true)?;
    String::from_utf8(body).map_err(serde::ser::Error::custom)
}

/// Serializes a response; without `with_data`, `data` is absent instead of null.
fn serialize(response: &Response, with_data: bool) -> Result<Vec<u8>, serde_json::Error> {
    let mut body = Vec::with_capacity(USUAL_LENGTH);
    let mut part = |name: &str, write: &dyn Fn(&mut Vec<u8>) -> Result<(), serde_json::Error>| {
        body.push(if body.is_empty() { b'{' } else { b',' });
        body.extend_from_slice(name.as_bytes());
        write(&mut body)
    };
    if with_data {
        part("\"data\":", &|body| json::write(body, &response.data))?;
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

/// The initial capacity of a response body, in bytes.
const USUAL_LENGTH: usize = 1024;

/// A serialized response, or the refusal to send instead.
pub struct SerializedResponse {
    refusal: Option<Refusal>,
    is_request_error: bool,
    body: Result<Vec<u8>, serde_json::Error>,
    headers: HeaderMap,
}

impl SerializedResponse {
    /// Serializes the response of the executor.
    pub(in crate::graphql) fn new(mut response: Response, request_id: &str) -> Self {
        let mut errors = response.errors.iter();
        let is_by_get = errors.any(|error| error.source::<MutationByGet>().is_some());
        mark_errors(&mut response, request_id);
        let is_request_error = is_request_error(&response);
        let body = serialize(&response, !is_request_error);
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

    /// A request that was refused before execution.
    pub(in crate::graphql) fn refused(refusal: Refusal) -> Self {
        Self {
            refusal: Some(refusal),
            is_request_error: true,
            body: Ok(Vec::new()),
            headers: HeaderMap::new(),
        }
    }
}

impl Responder<'_> {
    /// The HTTP response to an executed request: 200, or 400 for a request error if the media type is
    /// `application/graphql-response+json`.
    pub(super) fn answer(&self, response: SerializedResponse) -> HttpResponse {
        if let Some(refusal) = &response.refusal {
            return self.refuse(refusal);
        }
        let status = match self.media {
            Media::GraphqlResponse if response.is_request_error => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        let mut answer = self.send(status, response.body);
        for (name, value) in response.headers {
            answer.headers_mut().append(name, value);
        }
        answer
    }

    /// The HTTP response to a refused request.
    pub(super) fn refuse(&self, refusal: &Refusal) -> HttpResponse {
        let mut answer = self.fault(refusal.status, refusal.code, &refusal.message);
        if let Some((name, value)) = &refusal.header {
            let value = header::HeaderValue::from_static(value);
            answer.headers_mut().insert(name.clone(), value);
        }
        answer
    }

    /// The HTTP response after a failure of the service; the reason goes only to the log.
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
        self.send(status, serialize(&response, false))
    }

    fn send(&self, status: StatusCode, body: Result<Vec<u8>, serde_json::Error>) -> HttpResponse {
        match body {
            Ok(bytes) => HttpResponse::build(status)
                .insert_header((header::CONTENT_TYPE, self.media.content_type()))
                .insert_header((header::VARY, "Accept"))
                // The response depends on the caller, which a cache does not know.
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .body(bytes),
            Err(error) => {
                tracing::error!(request_id = self.request_id, %error, "the response could not be serialized as JSON");
                HttpResponse::InternalServerError().finish()
            }
        }
    }
}
