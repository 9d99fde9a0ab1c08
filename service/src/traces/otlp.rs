//! Sends spans in batches to an OTLP collector, as JSON over HTTP. What cannot be sent is dropped: traces never delay the work.

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use tokio::sync::{mpsc, oneshot};
use url::Url;

use super::{Kind, Message, Span, Value};
use crate::{http_client, proxy::Proxies};

const TIMEOUT: Duration = Duration::from_secs(3);
/// How many spans are sent together, and for how long the first one waits for others.
const BATCH: usize = 512;
const LINGER: Duration = Duration::from_secs(1);
const LARGEST_ANSWER: usize = 64 << 10;

pub(super) struct Collector {
    url: Url,
    headers: HeaderMap,
    http: reqwest::Client,
}

impl Collector {
    pub(super) fn new(
        endpoint: &Url,
        headers: Option<&SecretString>,
    ) -> Result<Self, reqwest::Error> {
        let mut url = endpoint.clone();
        url.set_path(&format!("{}/v1/traces", url.path().trim_end_matches('/')));
        Ok(Self {
            url,
            headers: headers.map(parse_headers).unwrap_or_default(),
            http: http_client::builder(&Proxies::from_environment(), TIMEOUT).build()?,
        })
    }

    /// The status of the collector's answer; none without one.
    async fn send(&self, spans: &[Span]) -> Option<StatusCode> {
        let request = self
            .http
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body(spans).to_string());
        let answer = http_client::exchange(request, LARGEST_ANSWER).await;
        answer.ok().map(|answer| answer.status)
    }
}

/// `NAME=VALUE`, separated by commas. The configuration checks the text.
fn parse_headers(text: &SecretString) -> HeaderMap {
    let pairs = text.expose_secret().split(',').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let mut value = HeaderValue::try_from(value.trim()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name.trim()).ok()?, value))
    });
    pairs.collect()
}

/// Runs until all handles are dropped.
pub(super) async fn run(collector: Collector, mut queue: mpsc::Receiver<Message>) {
    let mut is_failing = false;
    loop {
        let (spans, flushed) = next_batch(&mut queue).await;
        let is_over = spans.is_empty() && flushed.is_none();
        if !spans.is_empty() {
            let status = collector.send(&spans).await;
            let has_failed = !status.is_some_and(|status| status.is_success());
            if has_failed && !is_failing {
                let status = status.map(|status| status.as_u16());
                tracing::warn!(
                    status,
                    "the OTLP collector does not accept traces; they are dropped until it does"
                );
            }
            is_failing = has_failed;
        }
        if let Some(flushed) = flushed {
            let _ = flushed.send(());
        }
        if is_over {
            return;
        }
    }
}

/// The next spans, and who waits until they are sent. Both are empty only when all handles are dropped.
async fn next_batch(
    queue: &mut mpsc::Receiver<Message>,
) -> (Vec<Span>, Option<oneshot::Sender<()>>) {
    let mut spans = Vec::new();
    let mut until = None;
    while spans.len() < BATCH {
        let next = match until {
            None => queue.recv().await,
            Some(until) => match tokio::time::timeout_at(until, queue.recv()).await {
                Ok(next) => next,
                Err(_) => break,
            },
        };
        match next {
            Some(Message::Span(span)) => spans.push(span),
            Some(Message::Flush(flushed)) => return (spans, Some(flushed)),
            None => break,
        }
        until = until.or(Some(tokio::time::Instant::now() + LINGER));
    }
    (spans, None)
}

/// An `ExportTraceServiceRequest` in OTLP's JSON encoding.
fn body(spans: &[Span]) -> Json {
    let resource = [
        attribute("service.name", &Value::Text("latchkey".to_owned())),
        attribute(
            "service.version",
            &Value::Text(env!("CARGO_PKG_VERSION").to_owned()),
        ),
    ];
    let spans: Vec<Json> = spans.iter().map(encode).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "latchkey" }, "spans": spans }],
    }] })
}

fn encode(span: &Span) -> Json {
    let nanos = |micros: i64| format!("{micros}000");
    let attributes = span.attributes.iter();
    let attributes: Vec<Json> = attributes
        .map(|(key, value)| attribute(key, value))
        .collect();
    let mut json = json!({
        "traceId": span.trace.delivery.simple().to_string(),
        "spanId": format!("{:016x}", span.id),
        "name": span.name,
        "kind": match span.kind { Kind::Internal => 1, Kind::Server => 2, Kind::Client => 3 },
        "startTimeUnixNano": nanos(span.started.micros()),
        "endTimeUnixNano": nanos(span.ended.micros()),
        "attributes": attributes,
        "status": { "code": if span.has_failed { 2 } else { 0 } },
    });
    if let (Some(parent), Some(fields)) = (span.parent, json.as_object_mut()) {
        fields.insert("parentSpanId".to_owned(), format!("{parent:016x}").into());
    }
    json
}

fn attribute(key: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({ "stringValue": text }),
        // OTLP's JSON writes integers of 64 bits as text.
        Value::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": key, "value": value })
}
