//! The protocol `graphql-transport-ws` as a state machine without I/O: takes messages of the client, returns the next step.
//!
//! Uses the close codes of the protocol, allows one operation per id at a time, and sends nothing about an operation after it was
//! completed. Driven by the conversation with a client.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use async_graphql::{Request, Response, ServerError};
use serde_json::{Map, Value, json};

use crate::graphql::http::{answer::to_json, parse};

/// The maximum number of operations that run on one socket.
pub(super) const MAX_OPERATIONS: usize = 64;
/// The maximum length of an operation id, in bytes.
const MAX_ID_BYTES: usize = 128;

/// The close code and reason of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    /// At most 123 bytes.
    pub(super) reason: String,
}

impl Close {
    pub(super) fn new(code: u16, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    pub(super) fn malformed(reason: &str) -> Self {
        Self::new(4400, reason)
    }

    pub(super) fn forbidden() -> Self {
        Self::new(4403, "Forbidden: a valid bearer token is required")
    }

    pub(super) fn init_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }
}

/// What `connection_init` brings to authenticate with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Credentials {
    /// The value of an `Authorization` header.
    pub(super) authorization: Option<String>,
    /// For the session of the cookie of the handshake: the proof that a page of this service opens the socket.
    pub(super) csrf: Option<String>,
}

/// The step that a message of the client leads to.
#[derive(Debug)]
pub(super) enum Step {
    Nothing,
    /// Authenticate, then call `acknowledge` or close.
    Authenticate(Credentials),
    Run {
        number: u64,
        request: Box<Request>,
    },
    /// Stop an operation that the client has completed.
    Stop {
        number: u64,
    },
    /// Send an error for an operation that is not run.
    Refuse {
        id: String,
        refusal: Refused,
    },
    /// Send this message.
    Send(String),
    Close(Close),
}

/// The error for an operation that is not run.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: &'static str,
    pub(super) message: &'static str,
}

const TOO_MANY: Refused = Refused {
    code: "TOO_COMPLEX",
    message: "Too many operations run on this connection: complete one of them first",
};
// Clients recognize this message and send the whole document.
const NOT_PERSISTED: Refused = Refused {
    code: "PERSISTED_QUERY_NOT_SUPPORTED",
    message: "PersistedQueryNotSupported",
};

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Initialized,
    Acknowledged,
}

struct Running {
    id: String,
    is_subscription: bool,
    has_answered: bool,
}

/// The state of one socket.
pub(super) struct Protocol {
    phase: Phase,
    /// Operations by number: a client may reuse an id once its operation has ended, but a number is never reused.
    running: BTreeMap<u64, Running>,
    begun: u64,
}

impl Protocol {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::New,
            running: BTreeMap::new(),
            begun: 0,
        }
    }

    /// Whether the client is authenticated.
    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Acknowledged
    }

    /// Handles a text message of the client.
    pub(super) fn take(&mut self, text: &str) -> Step {
        let Ok(Value::Object(mut message)) = serde_json::from_str(text) else {
            return Step::Close(Close::malformed("A message must be a JSON object"));
        };
        let kind = match message.remove("type") {
            Some(Value::String(kind)) => kind,
            _ => return Step::Close(Close::malformed("A message needs a type")),
        };
        let payload = message.remove("payload").filter(|it| !it.is_null());
        match kind.as_str() {
            "connection_init" => self.connection_init(payload.as_ref()),
            "ping" | "pong" if !payload.as_ref().is_none_or(Value::is_object) => Step::Close(
                Close::malformed("The payload of a ping or pong must be an object"),
            ),
            "ping" => Step::Send(match payload {
                Some(payload) => json!({ "type": "pong", "payload": payload }).to_string(),
                None => json!({ "type": "pong" }).to_string(),
            }),
            "pong" => Step::Nothing,
            "subscribe" | "complete" if self.phase != Phase::Acknowledged => {
                Step::Close(Close::new(4401, "Unauthorized: send connection_init first"))
            }
            "subscribe" => match id_of(&mut message) {
                Ok(id) => self.subscribe(id, payload),
                Err(close) => Step::Close(close),
            },
            "complete" => match id_of(&mut message) {
                Ok(id) => self.complete(&id),
                Err(close) => Step::Close(close),
            },
            _ => Step::Close(Close::malformed("Unknown message type")),
        }
    }

    fn connection_init(&mut self, payload: Option<&Value>) -> Step {
        if self.phase != Phase::New {
            return Step::Close(Close::new(4429, "Too many initialisation requests"));
        }
        self.phase = Phase::Initialized;
        match payload {
            None => Step::Authenticate(Credentials::default()),
            Some(Value::Object(payload)) => {
                let text = |name: &str| {
                    let mut fields = payload.iter();
                    let field = fields.find(|(key, _)| key.eq_ignore_ascii_case(name));
                    field.and_then(|(_, it)| it.as_str()).map(str::to_owned)
                };
                Step::Authenticate(Credentials {
                    authorization: text("authorization"),
                    csrf: text("csrf"),
                })
            }
            Some(_) => Step::Close(Close::malformed(
                "The payload of connection_init must be an object",
            )),
        }
    }

    /// Marks the client as authenticated; returns the `connection_ack`.
    pub(super) fn acknowledge(&mut self) -> String {
        self.phase = Phase::Acknowledged;
        json!({ "type": "connection_ack" }).to_string()
    }

    fn subscribe(&mut self, id: String, payload: Option<Value>) -> Step {
        let Some(Value::Object(payload)) = payload else {
            return Step::Close(Close::malformed(
                "The payload of subscribe must be an object",
            ));
        };
        let mut request = match parse::from_parts(payload) {
            Ok(request) => request,
            Err(refusal) => return Step::Close(Close::malformed(&refusal.message)),
        };
        if self.running.values().any(|running| running.id == id) {
            let reason = format!("Subscriber for {id} already exists");
            return Step::Close(Close::new(
                4409,
                reason.chars().take(120).collect::<String>(),
            ));
        }
        if self.running.len() >= MAX_OPERATIONS {
            let refusal = TOO_MANY;
            return Step::Refuse { id, refusal };
        }
        // With a hash alone it would be unknown whether the operation may be aborted.
        if request.query.is_empty() {
            let refusal = NOT_PERSISTED;
            return Step::Refuse { id, refusal };
        }
        request.extensions.remove("persistedQuery");
        self.begun += 1;
        let running = Running {
            id,
            is_subscription: false,
            has_answered: false,
        };
        self.running.insert(self.begun, running);
        Step::Run {
            number: self.begun,
            request: Box::new(request),
        }
    }

    /// Whether a running operation is a subscription.
    pub(super) fn is_subscription(&self, number: u64) -> bool {
        let running = self.running.get(&number);
        running.is_some_and(|running| running.is_subscription)
    }

    /// Marks an operation as a subscription.
    pub(super) fn mark_subscription(&mut self, number: u64) {
        if let Some(running) = self.running.get_mut(&number) {
            running.is_subscription = true;
        }
    }

    fn complete(&mut self, id: &str) -> Step {
        let operation = self.running.iter().find(|(_, running)| running.id == id);
        let Some(number) = operation.map(|(number, _)| *number) else {
            // The operation ended while the client's message was in transit.
            return Step::Nothing;
        };
        self.running.remove(&number);
        Step::Stop { number }
    }

    /// The message for a response; `None` if the operation was completed.
    pub(super) fn answer(&mut self, number: u64, response: &Response) -> Option<String> {
        let running = self.running.get_mut(&number)?;
        let is_first = !running.has_answered;
        running.has_answered = true;
        // A refusal before execution ends the operation, and so does a subscription that could not start.
        let most = usize::from(running.is_subscription);
        let is_refused = is_first
            && response.is_err()
            && response.data == async_graphql::Value::Null
            && response.errors.iter().all(|error| error.path.len() <= most);
        if is_refused {
            let running = self.running.remove(&number)?;
            return Some(error(&running.id, &response.errors));
        }
        let id = Value::from(running.id.as_str());
        let payload = to_json(response).unwrap_or_else(|problem| {
            tracing::error!(%problem, "a response could not be serialized as JSON");
            r#"{"data":null}"#.to_owned()
        });
        Some(format!(
            r#"{{"id":{id},"type":"next","payload":{payload}}}"#
        ))
    }

    /// The `complete` message of an operation; `None` if it was completed before.
    pub(super) fn end(&mut self, number: u64) -> Option<String> {
        let running = self.running.remove(&number)?;
        Some(json!({ "id": running.id, "type": "complete" }).to_string())
    }
}

/// The `error` message of an operation, which ends it.
pub(super) fn error(id: &str, errors: &[ServerError]) -> String {
    json!({ "id": id, "type": "error", "payload": errors }).to_string()
}

fn id_of(message: &mut Map<String, Value>) -> Result<String, Close> {
    match message.remove("id") {
        Some(Value::String(id)) if !id.is_empty() && id.len() <= MAX_ID_BYTES => Ok(id),
        _ => Err(Close::malformed(
            "The id of an operation must be a string of 1 to 128 bytes",
        )),
    }
}
