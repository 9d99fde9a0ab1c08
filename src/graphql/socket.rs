//! GraphQL over a WebSocket: the handshake. The protocol is `graphql-transport-ws`; it carries subscriptions, queries and
//! mutations.
//!
//! Pages of a foreign origin are refused, since browsers open WebSockets without a CORS check. Pages of this service, pages
//! of the origins in the settings, and clients that are not browsers are accepted. The handshake never carries the token: it
//! comes in the first message. Called by the route of the API.

mod conversation;
mod frames;
mod operation;
mod origin;
mod protocol;

use std::{pin::Pin, sync::Arc};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, dev,
    error::PayloadError,
    http::{
        StatusCode,
        header::{self, ContentEncoding},
    },
    web,
};
use futures_util::Stream;

pub use origin::is_own;

use super::{
    http::{MAX_BODY_BYTES, is_readable},
    service::GraphqlService,
};
use crate::{app::App, cookie};
use conversation::Conversation;
use frames::{LimitedFrames, MessageLimit};
use protocol::{Protocol, Step};

const PROTOCOL: &str = "graphql-transport-ws";

/// Whether the request has an Upgrade header for a WebSocket.
pub fn is_asked(headers: &header::HeaderMap) -> bool {
    let upgrades = headers.get_all(header::UPGRADE);
    upgrades
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Whether an authenticated connection accepts the text as a message, with a document that parses. Called by `crate::untrusted`.
pub(crate) fn is_message(text: &str) -> bool {
    let mut protocol = Protocol::new();
    protocol.acknowledge();
    match protocol.take(text) {
        Step::Run { request, .. } => is_readable(&request),
        Step::Close(_) | Step::Refuse { .. } => false,
        Step::Authenticate(_) | Step::Stop { .. } | Step::Send(_) | Step::Nothing => true,
    }
}

/// Whether the frames in `bytes` stay within the limits of a connection that is not authenticated yet.
pub(crate) fn keeps_limits(bytes: &[u8]) -> bool {
    frames::Scanner::new(MessageLimit::new()).scan(bytes)
}

type FrameStream = Pin<Box<dyn Stream<Item = Result<web::Bytes, PayloadError>>>>;

/// Upgrades the request to a WebSocket, or responds with the reason for the refusal.
pub fn open(
    app: Arc<App>,
    service: GraphqlService,
    request: &HttpRequest,
    body: web::Payload,
    request_id: &str,
) -> HttpResponse {
    if !origin::may_open(request.head(), &app.config.cors_origins) {
        let message = "This origin may not call the API from a browser";
        return refuse(StatusCode::FORBIDDEN, "FORBIDDEN", message, request_id);
    }
    if !offers_protocol(request.headers()) {
        let message = "Sec-WebSocket-Protocol must offer graphql-transport-ws";
        return refuse(
            StatusCode::BAD_REQUEST,
            "BAD_USER_INPUT",
            message,
            request_id,
        );
    }
    let limit = MessageLimit::new();
    let frames: FrameStream = Box::pin(LimitedFrames::new(body, limit.clone()));
    let mut frames = dev::Payload::Stream { payload: frames };
    let cookies = cookie::only_cookies(request.headers());
    let frames = web::Payload::from_request(request, &mut frames).into_inner();
    match frames.and_then(|body| actix_ws::handle_with_protocols(request, body, &[PROTOCOL])) {
        Ok((answer, session, messages)) => {
            let messages = messages
                .max_frame_size(MAX_BODY_BYTES)
                .aggregate_continuations()
                .max_continuation_size(MAX_BODY_BYTES);
            let conversation = Conversation::new(app, service, session, limit, cookies);
            actix_web::rt::spawn(conversation.run(messages));
            answer
        }
        Err(problem) => {
            let status = problem.as_response_error().status_code();
            let message = "The request is not a WebSocket handshake of version 13";
            refuse(status, "BAD_USER_INPUT", message, request_id)
        }
    }
}

fn offers_protocol(headers: &header::HeaderMap) -> bool {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|offered| offered.trim() == PROTOCOL)
}

fn refuse(status: StatusCode, code: &str, message: &str, request_id: &str) -> HttpResponse {
    let error = super::http::answer::error(message, code, request_id);
    // A compressed response has no Content-Length, and a connection that requests a protocol upgrade gets no chunked
    // response.
    HttpResponse::build(status)
        .insert_header(ContentEncoding::Identity)
        .json(serde_json::json!({ "errors": [error] }))
}
