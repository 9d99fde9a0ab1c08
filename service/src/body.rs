//! Collects the body of a request, for every route that reads one.
//!
//! Limits how long a sender can keep the service waiting and how much memory it can use: bytes, time, and a minimum rate. A
//! compressed body is refused, so that nothing is decompressed before its sender is known. Callers look up the token or key of
//! the request first. Called by the webhook, Kisi event and GraphQL routes.

use std::time::Duration;

use actix_web::{
    error::PayloadError,
    http::{
        StatusCode,
        header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap},
    },
    web::Bytes,
};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

/// The limits of a body.
#[derive(Copy, Clone, Debug)]
pub struct BodyLimits {
    /// The maximum size, in bytes.
    pub bytes: usize,
    /// The maximum time from the first read to the last byte.
    pub time: Duration,
    /// The initial time that does not count against the rate.
    pub grace: Duration,
    /// The minimum rate after the grace, in bytes per second.
    pub rate: u32,
}

impl BodyLimits {
    /// The default limits of a route that accepts bodies of up to `bytes`.
    pub fn of(bytes: usize) -> Self {
        Self {
            bytes,
            time: Duration::from_secs(60),
            grace: Duration::from_secs(5),
            rate: 4 * 1024,
        }
    }

    /// The deadline for the next bytes, measured from the start, after `received` bytes have arrived.
    fn allowance(&self, received: usize) -> Duration {
        let received = u64::try_from(received).unwrap_or(u64::MAX);
        let millis = received.saturating_mul(1_000) / u64::from(self.rate.max(1));
        self.grace
            .saturating_add(Duration::from_millis(millis))
            .min(self.time)
    }
}

/// The reason why a body was not collected; the message is for its sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body is larger than this server accepts")]
    TooLarge,
    #[error("the body arrived too slowly: send it again")]
    TooSlow,
    /// The connection ended before the end of the body.
    #[error("the body ended early")]
    Truncated,
    #[error("the body must not be compressed")]
    Encoded,
}

impl BodyError {
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Truncated => StatusCode::BAD_REQUEST,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

/// Collects a body within its limits. A body that its headers already rule out is not read.
///
/// # Errors
/// The first limit that the body exceeds.
pub async fn collect(
    headers: &HeaderMap,
    mut body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    limits: BodyLimits,
) -> Result<Vec<u8>, BodyError> {
    let is_encoded = |value: &[u8]| !value.trim_ascii().eq_ignore_ascii_case(b"identity");
    if headers
        .get_all(CONTENT_ENCODING)
        .any(|value| is_encoded(value.as_bytes()))
    {
        return Err(BodyError::Encoded);
    }
    let announced = headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.bytes as u64) {
        return Err(BodyError::TooLarge);
    }
    let started = Instant::now();
    // Content-Length is not used for the capacity: announced bytes take no memory before they arrive.
    let mut bytes = Vec::new();
    loop {
        let deadline = started + limits.allowance(bytes.len());
        let Ok(next) = timeout_at(deadline, body.next()).await else {
            return Err(BodyError::TooSlow);
        };
        let chunk = match next {
            None => return Ok(bytes),
            Some(chunk) => chunk.map_err(|_| BodyError::Truncated)?,
        };
        if bytes.len().saturating_add(chunk.len()) > limits.bytes {
            return Err(BodyError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use futures_util::stream;

    use super::*;

    fn limits() -> BodyLimits {
        BodyLimits::of(10)
    }

    fn headers(name: actix_web::http::header::HeaderName, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    }

    fn chunks(
        chunks: &'static [&'static [u8]],
    ) -> impl Stream<Item = Result<Bytes, PayloadError>> + Unpin {
        stream::iter(chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))))
    }

    #[tokio::test]
    async fn a_body_within_its_limits_is_collected_whole() {
        let none = HeaderMap::new();
        let result = collect(&none, chunks(&[b"01234", b"", b"56789"]), limits()).await;
        assert_eq!(result.unwrap(), b"0123456789");
        let plain = headers(CONTENT_ENCODING, "Identity");
        assert_eq!(collect(&plain, chunks(&[]), limits()).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_body_is_refused_if_its_announced_or_actual_size_is_too_large() {
        let none = HeaderMap::new();
        let result = collect(&none, chunks(&[b"01234", b"567890"]), limits()).await;
        assert_eq!(result, Err(BodyError::TooLarge));
        let headers = headers(CONTENT_LENGTH, "11");
        let result = collect(&headers, stream::pending(), limits()).await;
        assert_eq!(result, Err(BodyError::TooLarge), "without reading it");
    }

    #[tokio::test]
    async fn a_compressed_body_is_refused_without_reading_it() {
        for encoding in ["gzip", "br", "identity, gzip", ""] {
            let headers = headers(CONTENT_ENCODING, encoding);
            let result = collect(&headers, stream::pending(), limits()).await;
            assert_eq!(result, Err(BodyError::Encoded), "{encoding}");
        }
    }

    #[tokio::test]
    async fn a_stalled_body_is_refused_at_its_deadline() {
        let none = HeaderMap::new();
        for at_once in [
            BodyLimits {
                grace: Duration::ZERO,
                rate: u32::MAX,
                ..limits()
            },
            BodyLimits {
                time: Duration::ZERO,
                ..limits()
            },
        ] {
            let body = chunks(&[b"0", b"1"]).chain(stream::pending());
            let result = collect(&none, body, at_once).await;
            assert_eq!(result, Err(BodyError::TooSlow));
            let result = collect(&none, chunks(&[b"0", b"1"]), at_once).await;
            assert_eq!(
                result.unwrap(),
                b"01",
                "bytes that are already there need no time"
            );
        }
    }

    #[test]
    fn the_deadline_moves_with_the_received_bytes_up_to_the_maximum_time() {
        let limits = BodyLimits::of(1 << 20);
        assert_eq!(limits.allowance(0), Duration::from_secs(5));
        assert_eq!(limits.allowance(40 * 1024), Duration::from_secs(15));
        assert_eq!(limits.allowance(1 << 20), Duration::from_secs(60));
        assert_eq!(limits.allowance(usize::MAX), Duration::from_secs(60));
    }

    #[tokio::test]
    async fn a_truncated_body_is_refused() {
        let broken = stream::iter([
            Ok(Bytes::from_static(b"0")),
            Err(PayloadError::Incomplete(None)),
        ]);
        let result = collect(&HeaderMap::new(), broken, limits()).await;
        assert_eq!(result, Err(BodyError::Truncated));
        let statuses = [
            (BodyError::TooLarge, 413),
            (BodyError::TooSlow, 408),
            (BodyError::Truncated, 400),
            (BodyError::Encoded, 415),
        ];
        for (error, status) in statuses {
            assert_eq!(error.status().as_u16(), status);
        }
    }
}
