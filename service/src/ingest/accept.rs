//! The webhook endpoint: `POST /webhooks/{key}`. Answers with the statuses that the documentation lists, never with a redirect or
//! 410, and with a 2xx only for what is stored. The signature is verified before the body is parsed.

use access::Instant;
use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{StatusCode, header::RETRY_AFTER},
    web,
};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::{
    adapter::{self, Present, TranslateError},
    addresses::LookupError,
    arrivals::Received,
    batch::{Job, Outcome},
    queue::QueueError,
    signature::{self, SignatureError, Verified},
    statement::Event,
};
use crate::{
    app::App,
    body::{self, BodyError, BodyLimits},
    clock::new_id,
    id::{Kind, encode},
    metrics::DeliveryOutcome,
    secret::{SecretError, SecretKind},
    store::row::Source,
};

/// How many unsigned requests get a delivery of their own, by their ids, while a source waits to be read.
const MOST_HINTS: i64 = 8;

/// The path of a source's webhook endpoint.
pub fn path(source: &Source) -> String {
    format!("/webhooks/{}", source.path_key)
}

pub fn configure(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/webhooks/{key}")
            .route(web::post().to(receive))
            .route(web::get().to(probe))
            .route(web::head().to(probe)),
    );
}

/// Why a webhook request was rejected; the sender gets the text.
#[derive(Debug, thiserror::Error)]
enum WebhookError {
    #[error("no source has this address: copy the webhook address from the source again")]
    NoSource,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("{0}")]
    SignatureError(#[from] SignatureError),
    #[error("the event could not be stored: send it again")]
    NotStored(#[from] QueueError),
    #[error("the address could not be looked up: send the event again")]
    Lookup(#[from] LookupError),
    #[error(
        "the signature could not be checked: an admin has to set the source's signature settings again (updateSource)"
    )]
    Settings,
    #[error("the signature could not be checked: send the event again")]
    Secret(#[from] SecretError),
}

impl ResponseError for WebhookError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoSource => StatusCode::NOT_FOUND,
            Self::Body(error) => error.status(),
            Self::SignatureError(_) => StatusCode::UNAUTHORIZED,
            Self::NotStored(_) | Self::Lookup(_) | Self::Settings | Self::Secret(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if self.status_code() == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, "5"));
            tracing::error!(error = ?self, "a webhook could not be accepted; the sender is asked to send it again");
        }
        response.json(json!({ "error": self.to_string() }))
    }
}

async fn probe(app: web::Data<App>, key: web::Path<String>) -> Result<HttpResponse, WebhookError> {
    find(&app, &key).await?;
    Ok(HttpResponse::Ok().finish())
}

async fn find(app: &App, key: &str) -> Result<Source, WebhookError> {
    let source = app.addresses.find(key).await?;
    source.ok_or(WebhookError::NoSource)
}

async fn receive(
    app: web::Data<App>,
    key: web::Path<String>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, WebhookError> {
    let received_at = app.clock.now();
    let source = find(&app, &key).await?;
    let limits = BodyLimits::of(app.config.webhook_max_bytes);
    let body = body::collect(request.headers(), body, limits).await?;
    let secrets = secrets(&app, &source, received_at.micros())?;
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let present = Present {
        now: received_at,
        tolerance: app.config.webhook_tolerance,
    };
    let verification = signature::of_source(&source).ok_or(WebhookError::Settings)?;
    let verified = signature::verify(
        &verification,
        &secrets,
        header,
        body,
        present.now,
        present.tolerance,
    )
    .inspect_err(|refused| {
        let reason = refused.reason();
        app.metrics.webhook_rejected(reason);
        app.rejections.count(&source, reason, received_at.micros());
        app.arrivals
            .count(&source, Received::Rejected, received_at.micros());
    })?;
    let job = job(&source, verified, present);
    let (translated, fails, id) = (warnings(&job.event), job.fails(), job.id);
    let storing = app.clock.now();
    let outcome = app.queue.store_in_time(job).await?;
    // A repeat, and what shares another delivery, belong to that one's trace.
    let is_new = matches!(&outcome, Outcome::Stored { delivery, .. } if *delivery == id);
    let received = match &outcome {
        Outcome::Stored { .. } if fails => Received::Failed,
        _ => Received::Stored,
    };
    app.arrivals.count(&source, received, received_at.micros());
    app.metrics
        .delivery(source.platform, counted(&outcome, fails));
    let answer = response(&source, outcome, translated);
    app.metrics.webhook(answer.status().as_str());
    if is_new {
        trace(&app, &source, id, (received_at, storing), answer.status());
    }
    Ok(answer)
}

/// What the sender is told of a translation: the parts that could not be used, or why nothing could.
fn warnings(event: &Result<Event, TranslateError>) -> Result<Vec<String>, TranslateError> {
    let event = event.as_ref().map_err(Clone::clone)?;
    let all = event.failure.iter().chain(&event.warnings);
    Ok(all.cloned().collect())
}

/// The answer to a webhook that is stored.
fn response(
    source: &Source,
    outcome: Outcome,
    translated: Result<Vec<String>, TranslateError>,
) -> HttpResponse {
    match (outcome, translated) {
        (Outcome::Duplicate { delivery }, _) => answer(StatusCode::OK, delivery, "duplicate"),
        (Outcome::Stored { delivery, .. }, Ok(warnings)) if !warnings.is_empty() => {
            HttpResponse::Accepted().json(json!({
                "delivery": encode(Kind::Delivery, delivery),
                "status": "accepted",
                "warnings": warnings,
            }))
        }
        (Outcome::Stored { delivery, .. }, Ok(_)) => {
            answer(StatusCode::ACCEPTED, delivery, "accepted")
        }
        (Outcome::Stored { delivery, .. }, Err(wrong))
            if adapter::sender_can_fix(source.platform) =>
        {
            HttpResponse::UnprocessableEntity().json(json!({
                "delivery": encode(Kind::Delivery, delivery),
                "status": "failed",
                "error": wrong.message,
                "field": wrong.field,
            }))
        }
        (Outcome::Stored { delivery, .. }, Err(_)) => {
            answer(StatusCode::ACCEPTED, delivery, "failed")
        }
    }
}

/// Begins the trace of a stored delivery: its request, and within it the wait for the commit.
fn trace(
    app: &App,
    source: &Source,
    delivery: Uuid,
    (received_at, storing): (Instant, Instant),
    status: StatusCode,
) {
    let Some(trace) = app.traces.of(Some(delivery)) else {
        return;
    };
    trace.work("store delivery", storing).end();
    let span = trace.request("POST /webhooks/{key}", received_at);
    span.with("latchkey.club", source.club_id.to_string())
        .with("latchkey.source", source.id.to_string())
        .with_number("http.response.status_code", i64::from(status.as_u16()))
        .end();
}

/// Translates a verified request. Anybody who knows the address can send any number of unsigned requests under any ids, so those
/// above the limit that wait for the same reading share one delivery.
fn job(source: &Source, verified: Verified, present: Present) -> Job {
    let waiting = source.read_asked.saturating_sub(source.read_answered);
    let is_hint = verified.envelope().unsigned;
    let collapses = is_hint && (verified.delivery().is_empty() || waiting >= MOST_HINTS);
    let external_id = if collapses {
        format!("nudge:{}", source.read_answered)
    } else {
        verified.delivery().to_owned()
    };
    let event = adapter::translate(source, &verified);
    Job {
        id: new_id(),
        club: source.club_id,
        source: source.id,
        external_id,
        headers: verified.envelope().to_json(),
        received_at: present.now.micros(),
        event: event.and_then(|event| adapter::not_from_the_future(event, present)),
        again: false,
        has_signed_id: verified.has_signed_id(),
        collapses,
        is_retry: false,
        names_erased: false,
        body: verified.into_bytes(),
    }
}

fn counted(outcome: &Outcome, fails: bool) -> DeliveryOutcome {
    match outcome {
        Outcome::Duplicate { .. } => DeliveryOutcome::Duplicate,
        Outcome::Stored { .. } if fails => DeliveryOutcome::Failed,
        Outcome::Stored { .. } => DeliveryOutcome::Accepted,
    }
}

fn answer(status: StatusCode, delivery: Uuid, word: &str) -> HttpResponse {
    let id = encode(Kind::Delivery, delivery);
    HttpResponse::build(status).json(json!({ "delivery": id, "status": word }))
}

/// The secrets that are valid now: the current one, and the previous one until its grace period ends.
fn secrets(app: &App, source: &Source, now: i64) -> Result<Vec<SecretString>, SecretError> {
    let old = source
        .old_secret
        .as_ref()
        .filter(|_| source.old_secret_until.is_some_and(|until| until > now));
    [
        (SecretKind::SourceSecret, source.secret.as_ref()),
        (SecretKind::OldSourceSecret, old),
    ]
    .into_iter()
    .filter_map(|(kind, sealed)| Some(app.sealer.open(kind, source.id, sealed?)))
    .collect()
}
