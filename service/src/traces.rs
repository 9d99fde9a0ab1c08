//! Traces of deliveries, from the request to Kisi's confirmation, for an OTLP collector. Off unless `otlp_endpoint` is set.
//!
//! The id of a trace is the id of the delivery, and the id of its first span follows from it, so that any process continues the
//! trace without a stored context. Attributes hold no name, address, text or credential. A span never waits: when the queue of
//! the exporter is full, it is dropped.

use std::{sync::Arc, time::Duration};

use access::Instant;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    clock::{Clock, new_id},
    config::Config,
};

mod otlp;

/// How many spans wait for the exporter at most.
const QUEUE: usize = 4096;
/// How long a shutdown waits for the last spans.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// The HTTP client for traces could not be created.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for traces could not be created")]
pub struct CollectorError(#[from] reqwest::Error);

/// A handle to the exporter; none if tracing is off.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Exporter>>);

struct Exporter {
    queue: mpsc::Sender<Message>,
    clock: Clock,
    sampling_percent: u32,
}

enum Message {
    Span(Span),
    /// Answered once everything before it was sent.
    Flush(oneshot::Sender<()>),
}

/// The trace of one delivery.
#[derive(Clone)]
pub struct Trace {
    exporter: Arc<Exporter>,
    delivery: Uuid,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Kind {
    Internal,
    Server,
    Client,
}

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Number(i64),
}

/// A span that has not ended. It is sent by [`Span::end`].
pub struct Span {
    trace: Trace,
    id: u64,
    parent: Option<u64>,
    name: String,
    kind: Kind,
    started: Instant,
    ended: Instant,
    attributes: Vec<(&'static str, Value)>,
    has_failed: bool,
}

impl Traces {
    /// Starts the exporter, if the settings name a collector.
    ///
    /// # Errors
    /// When TLS cannot be set up, as without any root certificates.
    pub fn start(config: &Config, clock: Clock) -> Result<Self, CollectorError> {
        let Some(endpoint) = &config.otlp_endpoint else {
            return Ok(Self::default());
        };
        let collector = otlp::Collector::new(endpoint, config.otlp_headers.as_ref())?;
        let (queue, spans) = mpsc::channel(QUEUE);
        tokio::spawn(otlp::run(collector, spans));
        Ok(Self(Some(Arc::new(Exporter {
            queue,
            clock,
            sampling_percent: config.otlp_sampling_percent,
        }))))
    }

    /// The trace of a delivery; none if tracing is off or the delivery is not sampled. All processes sample the same ones.
    pub fn of(&self, delivery: Option<Uuid>) -> Option<Trace> {
        let (exporter, delivery) = (self.0.as_ref()?, delivery?);
        let is_sampled = root_id(delivery) % 100 < u64::from(exporter.sampling_percent);
        is_sampled.then(|| Trace {
            exporter: exporter.clone(),
            delivery,
        })
    }

    /// Sends the spans that wait, within a few seconds.
    pub async fn flush(&self) {
        let Some(exporter) = &self.0 else { return };
        let flushing = async {
            let (done, sent) = oneshot::channel();
            if exporter.queue.send(Message::Flush(done)).await.is_ok() {
                let _ = sent.await;
            }
        };
        if tokio::time::timeout(FLUSH_TIMEOUT, flushing).await.is_err() {
            tracing::warn!("the last traces were not sent in time");
        }
    }
}

impl Trace {
    /// The current time for spans.
    pub fn now(&self) -> Instant {
        self.exporter.clock.now()
    }

    /// The first span of the trace: the request.
    pub fn request(&self, name: &str, started: Instant) -> Span {
        Span {
            id: root_id(self.delivery),
            parent: None,
            ..self.span(name, Kind::Server, started)
        }
    }

    /// A span of work in this process.
    pub fn work(&self, name: &str, started: Instant) -> Span {
        self.span(name, Kind::Internal, started)
    }

    /// A span of a call to another system.
    pub fn call(&self, name: &str, started: Instant) -> Span {
        self.span(name, Kind::Client, started)
    }

    fn span(&self, name: &str, kind: Kind, started: Instant) -> Span {
        Span {
            trace: self.clone(),
            id: low_half(new_id()),
            parent: Some(root_id(self.delivery)),
            name: name.to_owned(),
            kind,
            started,
            ended: started,
            attributes: Vec::new(),
            has_failed: false,
        }
    }
}

impl Span {
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((key, Value::Text(value.into())));
        self
    }

    pub fn with_number(mut self, key: &'static str, value: i64) -> Self {
        self.attributes.push((key, Value::Number(value)));
        self
    }

    /// Whether the work failed.
    pub fn failed(mut self, has_failed: bool) -> Self {
        self.has_failed = has_failed;
        self
    }

    /// Ends the span now and queues it.
    pub fn end(mut self) {
        self.ended = self.trace.now();
        let queue = self.trace.exporter.queue.clone();
        let _ = queue.try_send(Message::Span(self));
    }
}

/// The id of the first span: the random half of the delivery's id, which is never zero.
fn root_id(delivery: Uuid) -> u64 {
    low_half(delivery)
}

fn low_half(id: Uuid) -> u64 {
    id.as_u64_pair().1
}
