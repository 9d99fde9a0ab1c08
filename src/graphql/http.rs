//! GraphQL over HTTP with GET and POST, for any executor.
//!
//! Responds as the GraphQL-over-HTTP specification requires, with a code and a request id in every error. A mutation that has
//! started is finished even if the caller disconnects. Refused: mutations by GET, batches, and bodies that a browser may send
//! cross-origin without a preflight. The text of internal errors is never returned. The route of the API calls [`serve`]; the
//! socket marks its errors with [`answer::mark_errors`].

pub mod answer;
mod negotiate;
pub(super) mod parse;

#[cfg(test)]
mod tests;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use async_graphql::{Data, Request};
use tracing::Instrument;

use super::prepare::{OperationKind, QueriesOnly, documents};
use crate::body::{self, BodyError, BodyLimits};
use answer::{Refusal, Responder, SerializedResponse};
use negotiate::Media;

/// The largest accepted body, in bytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// Executes requests for [`serve`].
pub trait RequestExecutor: Clone + Send + Sync + 'static {
    /// Executes a request and serializes its response on the same thread: a response of thousands of parts is freed fastest
    /// by the thread that allocated it. A mutation by GET is refused, and a mutation that has started is finished even if this
    /// future is dropped. None if the execution panicked.
    fn execute(
        &self,
        request: Request,
        request_id: String,
    ) -> impl Future<Output = Option<SerializedResponse>> + Send;
}

/// Whether a body is a GraphQL request with a document that parses.
pub(crate) fn is_operation(body: &[u8]) -> bool {
    parse::from_body(body).is_ok_and(|request| is_readable(&request))
}

/// Whether the document of a request parses.
pub(crate) fn is_readable(request: &Request) -> bool {
    documents::parse(&request.query).is_ok()
}

/// Awaits a response. A mutation runs in a task of its own, so that it is finished even if this future is dropped: actix drops
/// it when the caller disconnects. None if the task panicked.
pub(super) async fn finished(
    kind: OperationKind,
    response: impl Future<Output = SerializedResponse> + Send + 'static,
) -> Option<SerializedResponse> {
    if kind != OperationKind::Mutation {
        return Some(response.await);
    }
    tokio::spawn(response.in_current_span()).await.ok()
}

/// Serves one GraphQL request. `data` adds what the resolvers need, such as the caller; `request_id` goes into every error
/// and into the log. Authentication happens before, or in the executor.
pub async fn serve(
    executor: &impl RequestExecutor,
    http: &HttpRequest,
    body: web::Payload,
    request_id: &str,
    data: impl FnOnce(&mut Data),
) -> HttpResponse {
    let accepted = negotiate::negotiate(http.headers());
    let answerer = Responder {
        media: accepted.unwrap_or(Media::Json),
        request_id,
    };
    if accepted.is_none() {
        return answerer.refuse(&Refusal::new(
            StatusCode::NOT_ACCEPTABLE,
            "Accept must allow application/graphql-response+json or application/json",
        ));
    }
    let mut request = match read(http, body).await {
        Ok(request) => request,
        Err(refusal) => return answerer.refuse(&refusal),
    };
    if http.method() == Method::GET {
        request.data.insert(QueriesOnly);
    }
    data(&mut request.data);
    match executor.execute(request, request_id.to_owned()).await {
        Some(response) => answerer.answer(response),
        None => answerer.fail("the execution of a mutation panicked"),
    }
}

/// The response to a request without a valid token: 401, in GraphQL form.
pub fn unauthenticated(http: &HttpRequest, request_id: &str) -> HttpResponse {
    refused(http, request_id, &Refusal::unauthenticated())
}

/// The response if the token cannot be looked up: 503, in GraphQL form.
pub fn unavailable(http: &HttpRequest, request_id: &str) -> HttpResponse {
    refused(http, request_id, &Refusal::unavailable())
}

fn refused(http: &HttpRequest, request_id: &str, refusal: &Refusal) -> HttpResponse {
    let media = negotiate::negotiate(http.headers()).unwrap_or(Media::Json);
    Responder { media, request_id }.refuse(refusal)
}

async fn read(http: &HttpRequest, body: web::Payload) -> Result<Request, Refusal> {
    if http.method() == Method::GET {
        return parse::from_query(http.query_string());
    }
    if http.method() != Method::POST {
        return Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "GraphQL requests must use GET or POST",
        )
        .allowing("GET, POST"));
    }
    parse::check_type(http.headers())?;
    let limits = BodyLimits::of(MAX_BODY_BYTES);
    let bytes = body::collect(http.headers(), body, limits).await?;
    parse::from_body(&bytes)
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let message = match error {
            BodyError::TooLarge => "The body is larger than 256 KiB",
            BodyError::TooSlow => "The body arrived too slowly: send the request again",
            BodyError::Truncated => "The body ended early: send the request again",
            BodyError::Encoded => "The body must not be compressed",
        };
        Self::new(error.status(), message)
    }
}
