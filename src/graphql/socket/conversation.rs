//! The conversation with one client on its WebSocket: authentication, operations and outgoing messages.
//!
//! Nothing is sent without a valid token, which is looked up at `connection_init`, before each operation, before each event of a
//! subscription, and every few seconds. The socket is closed when the token is revoked or expired, or when its role has changed.
//! Only a few messages are buffered for a client that does not read; then its socket is closed. The handshake starts the
//! conversation; it ends with the socket or with the service.

use std::{collections::HashMap, sync::Arc, time::Duration};

use actix_web::http::header::HeaderMap;
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError, Session,
};
use async_graphql::Request;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    super::{http::answer, service::GraphqlService},
    frames::MessageLimit,
    operation::{Operation, Output, Outputs},
    protocol::{self, Close, Credentials, Protocol, Refused, Step},
};
use crate::{
    app::App,
    auth::{self, Caller},
    clock::new_id,
    cookie,
    store::StoreError,
};

/// The time that a client has to send `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// The interval between checks of the token.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// After this many checks without a message, the client is pinged; after as many more, it counts as gone.
const SILENT_CHECKS: u32 = 6;
/// How long sending a message may take to a client that does not read.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// The capacity of the queue of outputs of all operations.
const OUTPUTS: usize = 16;

pub(super) struct Conversation {
    app: Arc<App>,
    service: GraphqlService,
    session: Session,
    /// The maximum size of an incoming message.
    limit: MessageLimit,
    protocol: Protocol,
    /// The headers of the handshake with its cookies.
    cookies: HeaderMap,
    /// The token from `connection_init`, or of the session of the cookie.
    token: Option<String>,
    /// The caller that was authenticated at `connection_init`.
    identity: Option<Caller>,
    operations: HashMap<u64, Operation>,
    outputs: mpsc::Receiver<(u64, Output)>,
    sender: Outputs,
    /// The subscription that must be listening before the next message is handled, so that any later answer tells the client that
    /// it is.
    beginning: Option<u64>,
    silent_looks: u32,
    /// Counts this socket against the limit of open sockets of its token.
    admitted: Option<OwnedSemaphorePermit>,
}

/// `None` to continue; `Some(None)` if the client is gone; `Some(Some(close))` to close the socket.
type Control = Option<Option<Close>>;

impl Conversation {
    pub(super) fn new(
        app: Arc<App>,
        service: GraphqlService,
        session: Session,
        limit: MessageLimit,
        cookies: HeaderMap,
    ) -> Self {
        let (sender, outputs) = mpsc::channel(OUTPUTS);
        Self {
            app,
            service,
            session,
            limit,
            protocol: Protocol::new(),
            cookies,
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

    /// Runs the conversation until it ends.
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
        let _ = timeout(SEND_TIMEOUT, self.session.close(Some(reason))).await;
    }

    async fn converse(&mut self, messages: &mut AggregatedMessageStream) -> Option<Close> {
        let ended = self.app.feed.ended();
        let greeting = sleep(INIT_TIMEOUT);
        tokio::pin!(ended, greeting);
        let mut looks = interval(CHECK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let (is_open, may_hear) = (self.protocol.is_open(), self.beginning.is_none());
            let ends = tokio::select! {
                () = &mut ended => Some(Some(Close::new(1001, "The service is shutting down"))),
                () = &mut greeting, if !is_open => Some(Some(Close::init_timeout())),
                _ = looks.tick() => self.check().await,
                Some((number, output)) = self.outputs.recv() => self.forward(number, output).await,
                () = listens(&mut self.operations, self.beginning), if !may_hear => {
                    self.beginning = None;
                    None
                }
                message = messages.recv(), if may_hear => self.receive(message).await,
            };
            if let Some(close) = ends {
                return close;
            }
        }
    }

    async fn receive(
        &mut self,
        message: Option<Result<AggregatedMessage, ProtocolError>>,
    ) -> Control {
        self.silent_looks = 0;
        match message {
            None => Some(None),
            Some(Err(problem)) => Some(Some(broken(&problem))),
            Some(Ok(AggregatedMessage::Text(text))) => self.handle(&text).await,
            Some(Ok(AggregatedMessage::Binary(_))) => {
                Some(Some(Close::malformed("A message must be a text frame")))
            }
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                let answered = timeout(SEND_TIMEOUT, self.session.pong(&bytes)).await;
                sent(answered)
            }
            Some(Ok(AggregatedMessage::Pong(_))) => None,
            Some(Ok(AggregatedMessage::Close(reason))) => {
                let code = reason.map_or(1000, |reason| reason.code.into());
                Some(Some(Close::new(code, "")))
            }
        }
    }

    async fn handle(&mut self, text: &str) -> Control {
        match self.protocol.take(text) {
            Step::Nothing => None,
            Step::Send(text) => self.send(text).await,
            Step::Close(close) => Some(Some(close)),
            Step::Stop { number } => {
                self.operations.remove(&number);
                None
            }
            Step::Refuse { id, refusal } => {
                let Refused { code, message } = refusal;
                let error = answer::error(message, code, &new_id().to_string());
                self.send(protocol::error(&id, &[error])).await
            }
            Step::Authenticate(Credentials {
                authorization,
                csrf,
            }) => {
                self.token = match authorization {
                    Some(header) => auth::bearer(&header).map(str::to_owned),
                    None => cookie::session(&self.cookies, csrf.as_deref(), self.app.is_https()),
                };
                match self.caller().await {
                    Ok(caller) => self.acknowledge(caller).await,
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

    async fn acknowledge(&mut self, caller: Caller) -> Control {
        self.admitted = self.service.admission.admit_socket(&caller);
        if self.admitted.is_none() {
            let reason = "Too many open sockets for this token: close some of them";
            return Some(Some(Close::new(1013, reason)));
        }
        self.identity = Some(caller);
        self.limit.raise();
        let welcome = self.protocol.acknowledge();
        self.send(welcome).await
    }

    fn start(&mut self, number: u64, request: Request, caller: Caller) {
        let outputs = (number, self.sender.clone());
        let operation = Operation::start(self.app.clone(), &self.service, caller, request, outputs);
        if operation.listening.is_some() {
            self.protocol.mark_subscription(number);
            self.beginning = Some(number);
        }
        self.operations.insert(number, operation);
    }

    async fn forward(&mut self, number: u64, output: Output) -> Control {
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
            Some(text) => self.send(text).await,
            None => None,
        }
    }

    async fn send(&mut self, text: String) -> Control {
        sent(timeout(SEND_TIMEOUT, self.session.text(text)).await)
    }

    /// Checks that the token is still valid and the client still connected.
    async fn check(&mut self) -> Control {
        if !self.protocol.is_open() {
            return None;
        }
        match self.look_up().await {
            Ok(Some(_)) => {}
            Ok(None) => return Some(Some(Close::forbidden())),
            Err(problem) => {
                tracing::warn!(error = ?problem, "a token could not be looked up in the store")
            }
        }
        self.silent_looks += 1;
        match self.silent_looks {
            SILENT_CHECKS => sent(timeout(SEND_TIMEOUT, self.session.ping(b"")).await),
            looks if looks > 2 * SILENT_CHECKS => Some(None),
            _ => None,
        }
    }

    /// The caller, if it is still the one that was authenticated; else the reason to close the socket.
    async fn caller(&self) -> Result<Caller, Close> {
        match self.look_up().await {
            Ok(Some(caller)) => Ok(caller),
            Ok(None) => Err(Close::forbidden()),
            Err(problem) => {
                tracing::error!(error = ?problem, "a token could not be looked up in the store");
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

/// Waits until a subscription listens, or has failed to start.
async fn listens(operations: &mut HashMap<u64, Operation>, number: Option<u64>) {
    let operation = number.and_then(|number| operations.get_mut(&number));
    if let Some(listening) = operation.and_then(|operation| operation.listening.as_mut()) {
        let _ = listening.await;
    }
}

fn sent<T, E>(sending: Result<Result<(), E>, T>) -> Control {
    match sending {
        Ok(Ok(())) => None,
        // The client is gone.
        Ok(Err(_)) => Some(None),
        Err(_) => Some(Some(too_slow())),
    }
}

fn too_slow() -> Close {
    Close::new(
        1013,
        "Too slow: the client does not read its messages in time",
    )
}

fn broken(problem: &ProtocolError) -> Close {
    match problem {
        ProtocolError::Overflow => Close::new(1009, "A message may have at most 256 KiB"),
        ProtocolError::Io(inner) if inner.kind() == std::io::ErrorKind::InvalidData => {
            Close::new(1007, "A text frame must be UTF-8")
        }
        ProtocolError::Io(_) => Close::new(1009, "A message may have at most 256 KiB"),
        _ => Close::new(1002, "This is not a valid WebSocket frame"),
    }
}
