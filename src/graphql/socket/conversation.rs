//! A conversation with one client over its socket: who it is, what it asked for, what it is told.
//!
//! Promises that nobody is told anything without a good token: it is looked up when the client greets, before each operation,
//! before each event of a subscription, and every few seconds. The socket is closed once the token is revoked or expired, or
//! gives another role than the one that the client was let in with. Never keeps more than a few messages for a client
//! that does not read: it is closed. The handshake starts it; it ends with the socket, or with the service.

use std::{collections::HashMap, sync::Arc, time::Duration};

use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError, Session,
};
use async_graphql::Request;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    super::{context::Caller, executor::Schemas, http::answer},
    frames::MessageLimit,
    operation::{Operation, Output, Outputs},
    protocol::{self, Close, Protocol, Refused, Step},
};
use crate::{app::App, auth, clock::new_id, store::StoreError};

/// How long a client may take to greet.
const GREETING: Duration = Duration::from_secs(10);
/// How often it is looked whether the token is still good.
const LOOK: Duration = Duration::from_secs(5);
/// After how many looks without a word from the client it is asked for one; after as many more it is gone.
const SILENT_LOOKS: u32 = 6;
/// How long a message may wait for a client that does not read.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many outputs of all operations wait for the socket.
const OUTPUTS: usize = 16;

/// See the module.
pub(super) struct Conversation {
    app: Arc<App>,
    schemas: Schemas,
    session: Session,
    /// The largest message that is read.
    limit: MessageLimit,
    protocol: Protocol,
    /// What the client greeted with.
    token: Option<String>,
    /// Who the client was let in as.
    identity: Option<Caller>,
    operations: HashMap<u64, Operation>,
    outputs: mpsc::Receiver<(u64, Output)>,
    sender: Outputs,
    /// The operation that has to listen before the next message is read: so a client knows by any answer that it does.
    beginning: Option<u64>,
    silent_looks: u32,
    /// One of the sockets that the token may have open.
    admitted: Option<OwnedSemaphorePermit>,
}

/// Whether the conversation goes on: none where it does, else how it ends, if there is still somebody to be told.
type Ends = Option<Option<Close>>;

impl Conversation {
    pub(super) fn new(
        app: Arc<App>,
        schemas: Schemas,
        session: Session,
        limit: MessageLimit,
    ) -> Self {
        let (sender, outputs) = mpsc::channel(OUTPUTS);
        Self {
            app,
            schemas,
            session,
            limit,
            protocol: Protocol::new(),
            token: None,
            identity: None,
            operations: HashMap::new(),
            outputs,
            sender,
            beginning: None,
            silent_looks: 0,
            admitted: None,
        }
    }

    /// Holds the conversation to its end.
    pub(super) async fn run(mut self, mut messages: AggregatedMessageStream) {
        let close = self.converse(&mut messages).await;
        self.operations.clear();
        let Some(Close { code, reason }) = close else {
            return;
        };
        tracing::debug!(code, reason, "a socket is closed");
        let reason = CloseReason {
            code: CloseCode::from(code),
            description: Some(reason),
        };
        let _ = timeout(PATIENCE, self.session.close(Some(reason))).await;
    }

    async fn converse(&mut self, messages: &mut AggregatedMessageStream) -> Option<Close> {
        let ended = self.app.feed.ended();
        let greeting = sleep(GREETING);
        tokio::pin!(ended, greeting);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let (is_open, may_hear) = (self.protocol.is_open(), self.beginning.is_none());
            let ends = tokio::select! {
                () = &mut ended => Some(Some(Close::new(1001, "The service is ending"))),
                () = &mut greeting, if !is_open => Some(Some(Close::not_greeted())),
                _ = looks.tick() => self.look().await,
                Some((number, output)) = self.outputs.recv() => self.tell(number, output).await,
                () = listens(&mut self.operations, self.beginning), if !may_hear => {
                    self.beginning = None;
                    None
                }
                message = messages.recv(), if may_hear => self.hear(message).await,
            };
            if let Some(close) = ends {
                return close;
            }
        }
    }

    async fn hear(&mut self, message: Option<Result<AggregatedMessage, ProtocolError>>) -> Ends {
        self.silent_looks = 0;
        match message {
            None => Some(None),
            Some(Err(problem)) => Some(Some(broken(&problem))),
            Some(Ok(AggregatedMessage::Text(text))) => self.take(&text).await,
            Some(Ok(AggregatedMessage::Binary(_))) => {
                Some(Some(Close::malformed("A message must be a text")))
            }
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                let answered = timeout(PATIENCE, self.session.pong(&bytes)).await;
                sent(answered)
            }
            Some(Ok(AggregatedMessage::Pong(_))) => None,
            Some(Ok(AggregatedMessage::Close(reason))) => {
                let code = reason.map_or(1000, |reason| reason.code.into());
                Some(Some(Close::new(code, "")))
            }
        }
    }

    async fn take(&mut self, text: &str) -> Ends {
        match self.protocol.take(text) {
            Step::Nothing => None,
            Step::Say(text) => self.say(text).await,
            Step::Close(close) => Some(Some(close)),
            Step::Stop { number } => {
                self.operations.remove(&number);
                None
            }
            Step::Refuse { id, refusal } => {
                let Refused { code, message } = refusal;
                let error = answer::error(message, code, &new_id().to_string());
                self.say(protocol::error(&id, &[error])).await
            }
            Step::Authenticate(header) => {
                self.token = header.as_deref().and_then(auth::bearer).map(str::to_owned);
                match self.caller().await {
                    Ok(caller) => self.welcome(caller).await,
                    Err(close) => Some(Some(close)),
                }
            }
            Step::Run { number, request } => match self.caller().await {
                Ok(caller) => {
                    self.start(number, *request, caller);
                    None
                }
                Err(close) => Some(Some(close)),
            },
        }
    }

    async fn welcome(&mut self, caller: Caller) -> Ends {
        self.admitted = self.schemas.admission.admit_socket(&caller);
        if self.admitted.is_none() {
            let reason = "Too many sockets of this token: close some of them";
            return Some(Some(Close::new(1013, reason)));
        }
        self.identity = Some(caller);
        self.limit.raise();
        let welcome = self.protocol.welcome();
        self.say(welcome).await
    }

    fn start(&mut self, number: u64, request: Request, caller: Caller) {
        let outputs = (number, self.sender.clone());
        let operation = Operation::start(self.app.clone(), &self.schemas, caller, request, outputs);
        if operation.listening.is_some() {
            self.protocol.goes_on(number);
            self.beginning = Some(number);
        }
        self.operations.insert(number, operation);
    }

    async fn tell(&mut self, number: u64, output: Output) -> Ends {
        if matches!(output, Output::Answer(_))
            && self.protocol.is_subscription(number)
            && let Err(close) = self.caller().await
        {
            return Some(Some(close));
        }
        let text = match output {
            Output::Answer(response) => self.protocol.answer(number, &response),
            Output::TooSlow => return Some(Some(too_slow())),
            Output::End => {
                self.operations.remove(&number);
                self.protocol.end(number)
            }
        };
        match text {
            Some(text) => self.say(text).await,
            None => None,
        }
    }

    async fn say(&mut self, text: String) -> Ends {
        sent(timeout(PATIENCE, self.session.text(text)).await)
    }

    /// Looks whether the token is still good and the client still there.
    async fn look(&mut self) -> Ends {
        if !self.protocol.is_open() {
            return None;
        }
        match self.look_up().await {
            Ok(Some(_)) => {}
            Ok(None) => return Some(Some(Close::forbidden())),
            Err(problem) => tracing::warn!(error = ?problem, "a token cannot be looked up"),
        }
        self.silent_looks += 1;
        match self.silent_looks {
            SILENT_LOOKS => sent(timeout(PATIENCE, self.session.ping(b"")).await),
            looks if looks > 2 * SILENT_LOOKS => Some(None),
            _ => None,
        }
    }

    /// Who asks, as long as it is whom the client was let in as; else how the socket is closed.
    async fn caller(&self) -> Result<Caller, Close> {
        match self.look_up().await {
            Ok(Some(caller)) => Ok(caller),
            Ok(None) => Err(Close::forbidden()),
            Err(problem) => {
                tracing::error!(error = ?problem, "a token cannot be looked up");
                Err(Close::new(1013, "Try again later"))
            }
        }
    }

    async fn look_up(&self) -> Result<Option<Caller>, StoreError> {
        let Some(token) = &self.token else {
            return Ok(None);
        };
        let caller = auth::by_token(&self.app, token).await?;
        let identity = self.identity.as_ref();
        Ok(caller.filter(|caller| identity.is_none_or(|known| known.is_same(caller))))
    }
}

/// Waits until an operation listens, or has failed to.
async fn listens(operations: &mut HashMap<u64, Operation>, number: Option<u64>) {
    let operation = number.and_then(|number| operations.get_mut(&number));
    if let Some(listening) = operation.and_then(|one| one.listening.as_mut()) {
        let _ = listening.await;
    }
}

fn sent<T, E>(sending: Result<Result<(), E>, T>) -> Ends {
    match sending {
        Ok(Ok(())) => None,
        // The client is gone.
        Ok(Err(_)) => Some(None),
        Err(_) => Some(Some(too_slow())),
    }
}

fn too_slow() -> Close {
    Close::new(1013, "Too slow: what is told is not read in time")
}

fn broken(problem: &ProtocolError) -> Close {
    match problem {
        ProtocolError::Overflow => Close::new(1009, "A message may have 256 KiB"),
        ProtocolError::Io(inner) if inner.kind() == std::io::ErrorKind::InvalidData => {
            Close::new(1007, "A text must be UTF-8")
        }
        ProtocolError::Io(_) => Close::new(1009, "A message may have 256 KiB"),
        _ => Close::new(1002, "This is no frame of a WebSocket"),
    }
}
