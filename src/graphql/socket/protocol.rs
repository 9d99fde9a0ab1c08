//! The protocol `graphql-transport-ws`, without a socket: what a text means in the present state, and what is said back.
//!
//! Promises the closing codes of the protocol, one operation an id at a time, and not a word about an operation after it was
//! completed. Never waits, never asks anything. The conversation with a client drives it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use async_graphql::{Request, Response, ServerError};
use serde_json::{Map, Value, json};

use crate::graphql::http::parse;

/// How many operations may run on one socket.
pub(super) const MOST_OPERATIONS: usize = 64;
/// The longest id that a client may give to an operation, in bytes.
const MOST_ID: usize = 128;

/// Why a socket is closed.
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
        Self::new(4403, "Forbidden: a valid bearer token is needed")
    }

    pub(super) fn not_greeted() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }
}

/// What is to be done after a message.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing.
    Nothing,
    /// Find out whose token it is; then `welcome`, or close.
    Authenticate(Option<String>),
    /// Run an operation.
    Run { number: u64, request: Box<Request> },
    /// Stop one, for nobody listens to it.
    Stop { number: u64 },
    /// An operation that is not run.
    Refuse { id: String, refusal: Refused },
    /// Say this.
    Say(String),
    /// Close the socket.
    Close(Close),
}

/// Why an operation is not run.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: &'static str,
    pub(super) message: &'static str,
}

const TOO_MANY: Refused = Refused {
    code: "TOO_COMPLEX",
    message: "Too many operations run on this connection: complete one of them first",
};
// The words by which clients know that they have to send the whole document.
const NOT_PERSISTED: Refused = Refused {
    code: "PERSISTED_QUERY_NOT_SUPPORTED",
    message: "PersistedQueryNotSupported",
};

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Phase {
    Silent,
    Greeted,
    Open,
}

struct Running {
    id: String,
    is_subscription: bool,
    has_answered: bool,
}

/// The state of one socket.
pub(super) struct Protocol {
    phase: Phase,
    /// Operations by number: a client may use an id again once it is free, and a number is never used twice.
    running: BTreeMap<u64, Running>,
    begun: u64,
}

impl Protocol {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Silent,
            running: BTreeMap::new(),
            begun: 0,
        }
    }

    /// Whether the client has been let in.
    pub(super) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// What a text from the client leads to.
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
            "connection_init" => self.greet(payload.as_ref()),
            "ping" | "pong" if !payload.as_ref().is_none_or(Value::is_object) => Step::Close(
                Close::malformed("The payload of a ping or pong must be an object"),
            ),
            "ping" => Step::Say(match payload {
                Some(payload) => json!({ "type": "pong", "payload": payload }).to_string(),
                None => json!({ "type": "pong" }).to_string(),
            }),
            "pong" => Step::Nothing,
            "subscribe" | "complete" if self.phase != Phase::Open => {
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
            _ => Step::Close(Close::malformed("No such type of message")),
        }
    }

    fn greet(&mut self, payload: Option<&Value>) -> Step {
        if self.phase != Phase::Silent {
            return Step::Close(Close::new(4429, "Too many initialisation requests"));
        }
        self.phase = Phase::Greeted;
        match payload {
            None => Step::Authenticate(None),
            Some(Value::Object(payload)) => {
                let named =
                    |(name, _): &(&String, &Value)| name.eq_ignore_ascii_case("authorization");
                let header = payload.iter().find(named).and_then(|(_, it)| it.as_str());
                Step::Authenticate(header.map(str::to_owned))
            }
            Some(_) => Step::Close(Close::malformed(
                "The payload of connection_init must be an object",
            )),
        }
    }

    /// The client is let in.
    pub(super) fn welcome(&mut self) -> String {
        self.phase = Phase::Open;
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
        if self.running.values().any(|one| one.id == id) {
            let reason = format!("Subscriber for {id} already exists");
            return Step::Close(Close::new(
                4409,
                reason.chars().take(120).collect::<String>(),
            ));
        }
        if self.running.len() >= MOST_OPERATIONS {
            let refusal = TOO_MANY;
            return Step::Refuse { id, refusal };
        }
        // By its hash alone it would not be known whether the operation may be broken off.
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

    /// Whether an operation that runs is a subscription.
    pub(super) fn is_subscription(&self, number: u64) -> bool {
        let running = self.running.get(&number);
        running.is_some_and(|running| running.is_subscription)
    }

    /// An operation turned out to be a subscription.
    pub(super) fn goes_on(&mut self, number: u64) {
        if let Some(running) = self.running.get_mut(&number) {
            running.is_subscription = true;
        }
    }

    fn complete(&mut self, id: &str) -> Step {
        let found = self.running.iter().find(|(_, one)| one.id == id);
        let Some(number) = found.map(|(number, _)| *number) else {
            // It ended while the client's word was under way.
            return Step::Nothing;
        };
        self.running.remove(&number);
        Step::Stop { number }
    }

    /// What is said of an answer; nothing where nobody listens any more.
    pub(super) fn answer(&mut self, number: u64, response: &Response) -> Option<String> {
        let running = self.running.get_mut(&number)?;
        let is_first = !running.has_answered;
        running.has_answered = true;
        // What was refused before any of it ran ends the operation; so does a subscription that could not begin.
        let most = usize::from(running.is_subscription);
        let is_refused = is_first
            && response.is_err()
            && response.data == async_graphql::Value::Null
            && response.errors.iter().all(|error| error.path.len() <= most);
        if is_refused {
            let running = self.running.remove(&number)?;
            return Some(error(&running.id, &response.errors));
        }
        Some(json!({ "id": running.id, "type": "next", "payload": response }).to_string())
    }

    /// What is said when an operation has ended; nothing where that was said before.
    pub(super) fn end(&mut self, number: u64) -> Option<String> {
        let running = self.running.remove(&number)?;
        Some(json!({ "id": running.id, "type": "complete" }).to_string())
    }
}

/// Says that an operation failed, which ends it.
pub(super) fn error(id: &str, errors: &[ServerError]) -> String {
    json!({ "id": id, "type": "error", "payload": errors }).to_string()
}

fn id_of(message: &mut Map<String, Value>) -> Result<String, Close> {
    match message.remove("id") {
        Some(Value::String(id)) if !id.is_empty() && id.len() <= MOST_ID => Ok(id),
        _ => Err(Close::malformed(
            "The id of an operation must be a string of 1 to 128 bytes",
        )),
    }
}
