//! GraphQL over HTTP, by GET and POST, for any executor.
//!
//! Promises the answers of the GraphQL-over-HTTP specification, a code and a request id on every
//! fault, and that a mutation which has begun is finished although its caller hangs up. Never runs
//! a mutation by GET, a batch, or a body that a browser may send from a foreign page unasked; never
//! lets the text of an inner fault out. The route of the API calls [`serve`]; the schema is built
//! through [`guard::guarded`]; the socket marks its errors with [`answer::mark_errors`].

pub mod answer;
mod documents;
pub mod guard;
pub mod limits;
mod negotiate;
mod nesting;
mod nul;
mod nulls;
pub(super) mod parse;

#[cfg(test)]
mod tests;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use async_graphql::{Data, Executor, Request};
use tracing::Instrument;

use crate::body::{self, BodyError, BodyLimits};
use answer::{Answerer, Refusal, Written};
use guard::{Kind, QueriesOnly};
use negotiate::Media;

/// The largest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// What runs requests for [`serve`].
pub trait Runs: Clone + Send + Sync + 'static {
    /// Runs a request, and writes its response there and then: what is made of thousands of pieces is best taken apart by
    /// the thread that made it. What may change something is finished though nobody awaits it
    /// any more. None where that panicked.
    fn run(
        &self,
        request: Request,
        request_id: String,
    ) -> impl Future<Output = Option<Written>> + Send;
}

impl<E: Executor> Runs for E {
    async fn run(&self, mut request: Request, request_id: String) -> Option<Written> {
        let kind = guard::kind_of(&mut request);
        let executor = self.clone();
        let written = async move { Written::new(executor.execute(request).await, &request_id) };
        finished(kind, written).await
    }
}

/// Whether a body is a request with a document that can be read.
pub(crate) fn is_operation(body: &[u8]) -> bool {
    parse::from_body(body).is_ok_and(|mut request| is_readable(&mut request))
}

/// Whether the document of a request can be read.
pub(crate) fn is_readable(request: &mut Request) -> bool {
    documents::parsed(request).is_ok()
}

/// Awaits what came of a request of a kind. What may change something runs by itself, and is finished where whoever awaits this
/// is gone: actix drops its futures when the caller leaves. A document that is wrong or known by its hash alone has no kind yet;
/// it may change something. None where it panicked.
pub(super) async fn finished(
    kind: Option<Kind>,
    written: impl Future<Output = Written> + Send + 'static,
) -> Option<Written> {
    if matches!(kind, Some(Kind::Query | Kind::Subscription)) {
        return Some(written.await);
    }
    tokio::spawn(written.in_current_span()).await.ok()
}

/// Answers one GraphQL request. `data` adds what the resolvers look up, such as who asks;
/// `request_id` goes into every error and beside it into the log. Who may ask at all is settled
/// before, or by what runs the request.
///
/// The schema behind it has to be [`guard::guarded`]: it is what refuses a mutation by GET.
pub async fn serve(
    runs: &impl Runs,
    http: &HttpRequest,
    body: web::Payload,
    request_id: &str,
    data: impl FnOnce(&mut Data),
) -> HttpResponse {
    let accepted = negotiate::negotiate(http.headers());
    let answerer = Answerer {
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
    match runs.run(request, request_id.to_owned()).await {
        Some(written) => answerer.answer(written),
        None => answerer.fail("the execution of a mutation panicked"),
    }
}

/// The answer to a request without a good token: 401, in the form of a GraphQL answer.
pub fn unauthenticated(http: &HttpRequest, request_id: &str) -> HttpResponse {
    refused(http, request_id, &Refusal::unauthenticated())
}

/// The answer where a token cannot be looked up: 503, in the form of a GraphQL answer.
pub fn unavailable(http: &HttpRequest, request_id: &str) -> HttpResponse {
    refused(http, request_id, &Refusal::unavailable())
}

fn refused(http: &HttpRequest, request_id: &str, refusal: &Refusal) -> HttpResponse {
    let media = negotiate::negotiate(http.headers()).unwrap_or(Media::Json);
    Answerer { media, request_id }.refuse(refusal)
}

async fn read(http: &HttpRequest, body: web::Payload) -> Result<Request, Refusal> {
    if http.method() == Method::GET {
        return parse::from_query(http.query_string());
    }
    if http.method() != Method::POST {
        return Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "GraphQL is asked by GET or POST",
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
            BodyError::TooSlow => "The body came too slowly",
            BodyError::Truncated => "The body broke off",
            BodyError::Encoded => "The body must not be compressed",
        };
        Self::new(error.status(), message)
    }
}
