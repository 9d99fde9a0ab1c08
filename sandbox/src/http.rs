//! Handles one request from arrival to response: authentication, rate limit, injected faults and the
//! record of calls. Also starts the server.
//!
//! Contract: a call is recorded before it is handled; a connection that a fault closes carries no byte
//! of a response; the state is never locked during a wait. Knows no resource: `route` dispatches to
//! the resource modules. Called by actix for every request.

#![expect(missing_docs, reason = "the field names are self-explanatory")]

use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, RETRY_AFTER};
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{Answer, Outcome, Refusal};
use super::faults::{FaultKind, take_matching};
use super::page::Query;
use super::rows::{LOGIN_LIFE, Second};
use super::state::State;
use super::{Sandbox, access, delivery, route};

/// A recorded request and its result.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub at: Timestamp,
    pub method: String,
    pub path: String,
    pub query: String,
    /// `None` if there is no body, or the body is not JSON.
    pub body: Option<Value>,
    /// `None` until the response is sent; stays `None` if the connection was closed.
    pub status: Option<u16>,
    /// The request was a write and was executed.
    pub took_effect: bool,
}

/// The user and login of an authenticated request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caller {
    pub user: i64,
    pub login: i64,
}

/// The request as passed to the resource modules.
pub(super) struct Request<'a> {
    pub method: &'a str,
    pub query: &'a Query,
    pub body: Option<&'a Value>,
    pub caller: Option<Caller>,
    pub now: Second,
    pub elapsed: Duration,
}

impl Request<'_> {
    /// The caller, or 401.
    pub(super) fn caller(&self) -> Result<Caller, Refusal> {
        self.caller.ok_or_else(Refusal::unauthorized)
    }

    /// The caller, if a role on the organization grants this permission; else 401 or 403.
    pub(super) fn permitted(&self, state: &State, permission: &str) -> Result<Caller, Refusal> {
        let caller = self.caller()?;
        if access::permits(state, caller.user, permission) {
            Ok(caller)
        } else {
            Err(Refusal::denied())
        }
    }
}

/// Serves the sandbox until the returned server is stopped. The caller must await or spawn it.
///
/// # Errors
/// When the listener cannot be used.
pub(super) fn serve(sandbox: Sandbox, listener: TcpListener) -> io::Result<Server> {
    let shared = web::Data::new(sandbox);
    let server = HttpServer::new(move || {
        actix_web::rt::spawn(delivery::run(shared.as_ref().clone()));
        App::new()
            .app_data(shared.clone())
            .app_data(web::PayloadConfig::new(4 << 20))
            .default_service(web::to(answer))
    });
    Ok(server
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)?
        .run())
}

struct Arrival {
    /// The sequence number of the recorded call.
    call: usize,
    caller: Option<Caller>,
    fault: Option<FaultKind>,
    latency: Duration,
    refused: Option<Refusal>,
}

async fn answer(sandbox: web::Data<Sandbox>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let parsed = serde_json::from_slice::<Value>(&body).ok();
    let _under_way = InFlight::begin(&sandbox);
    let mut arrival = arrive(&sandbox, &request, parsed.clone());
    if !arrival.latency.is_zero() {
        tokio::time::sleep(arrival.latency).await;
    }
    let unreadable = !body.is_empty() && parsed.is_none();
    let refused = arrival.refused.take().or_else(|| match arrival.fault? {
        FaultKind::TooMany => Some(too_many(&sandbox, Duration::from_secs(1))),
        FaultKind::ServerError => Some(Refusal::server_error()),
        FaultKind::Unauthorized => Some(Refusal::unauthorized()),
        _ => None,
    });
    let early = arrival.fault == Some(FaultKind::HtmlBadGateway);
    let outcome = match refused {
        Some(refusal) => Err(refusal),
        None if arrival.fault == Some(FaultKind::Close) => return closed(),
        None if early => return finish(&sandbox, arrival.call, bad_gateway()),
        None if unreadable => Err(Refusal::bad_request("The request body is not valid JSON.")),
        None => handle(&sandbox, &request, parsed.as_ref(), &arrival),
    };
    match arrival.fault {
        Some(FaultKind::Lost) => return closed(),
        Some(FaultKind::Hang(extra)) => tokio::time::sleep(extra).await,
        _ => {}
    }
    finish(&sandbox, arrival.call, render(outcome, arrival.fault))
}

/// Counts a request as in flight until it is dropped.
struct InFlight(Sandbox);

impl InFlight {
    fn begin(sandbox: &Sandbox) -> Self {
        let mut state = sandbox.state();
        state.under_way += 1;
        state.most_under_way = state.most_under_way.max(state.under_way);
        drop(state);
        Self(sandbox.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way = state.under_way.saturating_sub(1);
    }
}

/// Everything that is decided before the injected latency: authentication, the rate limit, and which
/// fault applies.
fn arrive(sandbox: &Sandbox, request: &HttpRequest, body: Option<Value>) -> Arrival {
    let (now, elapsed) = (sandbox.now(), sandbox.elapsed());
    let state = &mut *sandbox.state();
    let caller = authenticate(state, request, now);
    let limit = state.switches.rate;
    let admitted = state
        .meter
        .admit(caller.map(|caller| caller.user), elapsed, limit);
    let (method, path) = (request.method().as_str(), request.path());
    let fault = admitted
        .is_ok()
        .then(|| take_matching(&mut state.faults, method, path))
        .flatten();
    let number = state.record(Call {
        at: now,
        method: method.to_owned(),
        path: path.to_owned(),
        query: request.query_string().to_owned(),
        body,
        status: None,
        took_effect: false,
    });
    Arrival {
        call: number,
        caller,
        fault,
        latency: state.switches.latency,
        refused: admitted.err().map(|wait| throttled(state, wait)),
    }
}

fn authenticate(state: &mut State, request: &HttpRequest, now: Timestamp) -> Option<Caller> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("KISI-LOGIN") {
        return None;
    }
    let id = state.login_by_secret(secret.trim())?;
    if id == state.key_login && state.key_refused {
        return None;
    }
    let login = state.logins.get_mut(id)?;
    let used = login.last_used.unwrap_or(login.stamps.created);
    let unused = now.duration_since(used.timestamp());
    if login.expire && Duration::try_from(unused).is_ok_and(|unused| unused > LOGIN_LIFE) {
        return None;
    }
    login.last_used = Some(Second::of(now));
    Some(Caller {
        user: login.user,
        login: id,
    })
}

fn handle(
    sandbox: &Sandbox,
    request: &HttpRequest,
    body: Option<&Value>,
    arrival: &Arrival,
) -> Outcome {
    let query = Query::parse(request.query_string());
    let mut guard = sandbox.state();
    let state = &mut *guard;
    let inquiry = Request {
        // Kisi's own client uses PUT for updates, as older documentation said.
        method: match request.method().as_str() {
            "PUT" => "PATCH",
            method => method,
        },
        query: &query,
        body,
        // The user or the login may have been deleted during the injected latency.
        caller: arrival
            .caller
            .filter(|caller| state.logins.get(caller.login).is_some()),
        now: Second::of(sandbox.now()),
        elapsed: sandbox.elapsed(),
    };
    let outcome = route(state, &inquiry, request.path());
    if outcome.is_ok()
        && inquiry.method != "GET"
        && let Some(call) = state.call_mut(arrival.call)
    {
        call.took_effect = true;
    }
    let is_change = inquiry.method != "GET" && outcome.is_ok();
    drop(guard);
    if is_change && let Some(look) = sandbox.watch.get() {
        look(sandbox);
    }
    outcome
}

fn finish(sandbox: &Sandbox, call: usize, response: HttpResponse) -> HttpResponse {
    if let Some(call) = sandbox.state().call_mut(call) {
        call.status = Some(response.status().as_u16());
    }
    response
}

fn too_many(sandbox: &Sandbox, wait: Duration) -> Refusal {
    throttled(&sandbox.state(), wait)
}

fn throttled(state: &State, wait: Duration) -> Refusal {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let retry_after = state.switches.retry_after.then_some(seconds.max(1));
    Refusal::TooMany {
        retry_after,
        body: state.switches.rate_body,
    }
}

fn render(outcome: Outcome, fault: Option<FaultKind>) -> HttpResponse {
    match outcome {
        Ok(Answer::Nothing) => HttpResponse::NoContent().finish(),
        Ok(Answer::One(value)) => HttpResponse::Ok().json(value),
        Ok(Answer::Many { mut rows, range }) => {
            let mut response = HttpResponse::Ok();
            let is_emptied = fault == Some(FaultKind::EmptyList);
            if is_emptied {
                rows.clear();
            }
            if let Some(range) = range {
                let range = if is_emptied { "*/0".to_owned() } else { range };
                response.insert_header(("X-Collection-Range", range));
            }
            match fault {
                Some(FaultKind::ShortPage) => rows.truncate(rows.len() / 2),
                Some(FaultKind::NotAList) => return response.json(json!({"message": "OK"})),
                _ => {}
            }
            response.json(rows)
        }
        Err(refusal) => refuse(&refusal),
    }
}

fn refuse(refusal: &Refusal) -> HttpResponse {
    let status =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponseBuilder::new(status);
    match refusal {
        Refusal::Fault { code, message, .. } => {
            response.json(json!({"error": message, "code": code}))
        }
        Refusal::Invalid(errors) => response.json(json!({"errors": errors})),
        Refusal::TooMany { retry_after, body } => {
            if let Some(seconds) = retry_after {
                response.insert_header((RETRY_AFTER, seconds.to_string()));
            }
            if *body {
                response.json(json!({"error": "Too many requests.", "code": "000429"}))
            } else {
                response.finish()
            }
        }
    }
}

fn bad_gateway() -> HttpResponse {
    HttpResponse::BadGateway()
        .content_type("text/html")
        .body("<html><body><h1>502 Bad Gateway</h1></body></html>")
}

/// A response that is never sent: its body fails before the first flush, so actix drops the
/// connection with the head still in its buffer.
fn closed() -> HttpResponse {
    HttpResponse::Ok().body(Unsendable)
}

struct Unsendable;

impl MessageBody for Unsendable {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}
