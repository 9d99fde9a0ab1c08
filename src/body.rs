//! Collects the body of a request, for every route that reads one.
//!
//! Bounds what a sender can make the service wait for and keep: bytes, time, and the least rate at which they arrive. A body is
//! taken as it was sent: a compressed one is refused, so that nothing is decompressed before its sender is known. Callers look
//! up the token or key that a request names first. Called by the webhook, Kisi event and GraphQL routes.

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

/// What a body may take.
#[derive(Copy, Clone, Debug)]
pub struct BodyLimits {
    /// The largest body, in bytes.
    pub bytes: usize,
    /// The time from the first read to the last byte.
    pub time: Duration,
    /// The time that is not measured against the rate.
    pub grace: Duration,
    /// The least rate after the grace, in bytes a second.
    pub rate: u32,
}

impl BodyLimits {
    /// The limits of a route that takes bodies of so many bytes.
    pub fn of(bytes: usize) -> Self {
        Self {
            bytes,
            time: Duration::from_secs(60),
            grace: Duration::from_secs(5),
            rate: 4 * 1024,
        }
    }

    /// How long a body of which so many bytes have arrived may still be under way, from its beginning.
    fn allowance(&self, received: usize) -> Duration {
        let received = u64::try_from(received).unwrap_or(u64::MAX);
        let millis = received.saturating_mul(1_000) / u64::from(self.rate.max(1));
        self.grace
            .saturating_add(Duration::from_millis(millis))
            .min(self.time)
    }
}

/// Why a body was not collected; the text is for its sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More bytes than the route takes.
    #[error("the body is larger than this server takes")]
    TooLarge,
    /// It took too long.
    #[error("the body came too slowly: send it again")]
    TooSlow,
    /// The connection ended within it.
    #[error("the body ended early")]
    Truncated,
    /// It is compressed.
    #[error("the body must not be compressed")]
    Encoded,
}

impl BodyError {
    /// The status that says so.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Truncated => StatusCode::BAD_REQUEST,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

/// Collects a body within its limits. What its headers rule out is not read.
///
/// # Errors
/// The first limit that it does not keep.
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
    // What is announced takes no memory before it has come.
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
        let got = collect(&none, chunks(&[b"01234", b"", b"56789"]), limits()).await;
        assert_eq!(got.unwrap(), b"0123456789");
        let plain = headers(CONTENT_ENCODING, "Identity");
        assert_eq!(collect(&plain, chunks(&[]), limits()).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused_by_what_it_says_and_by_what_it_is() {
        let none = HeaderMap::new();
        let got = collect(&none, chunks(&[b"01234", b"567890"]), limits()).await;
        assert_eq!(got, Err(BodyError::TooLarge));
        let said = headers(CONTENT_LENGTH, "11");
        let got = collect(&said, stream::pending(), limits()).await;
        assert_eq!(got, Err(BodyError::TooLarge), "without reading it");
    }

    #[tokio::test]
    async fn what_is_compressed_is_refused_without_reading_it() {
        for encoding in ["gzip", "br", "identity, gzip", ""] {
            let said = headers(CONTENT_ENCODING, encoding);
            let got = collect(&said, stream::pending(), limits()).await;
            assert_eq!(got, Err(BodyError::Encoded), "{encoding}");
        }
    }

    #[tokio::test]
    async fn what_stops_coming_is_refused_when_its_time_is_up() {
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
            let got = collect(&none, body, at_once).await;
            assert_eq!(got, Err(BodyError::TooSlow));
            let got = collect(&none, chunks(&[b"0", b"1"]), at_once).await;
            assert_eq!(got.unwrap(), b"01", "what is there needs no time");
        }
    }

    #[test]
    fn the_deadline_moves_with_what_arrives_up_to_the_whole_time() {
        let limits = BodyLimits::of(1 << 20);
        assert_eq!(limits.allowance(0), Duration::from_secs(5));
        assert_eq!(limits.allowance(40 * 1024), Duration::from_secs(15));
        assert_eq!(limits.allowance(1 << 20), Duration::from_secs(60));
        assert_eq!(limits.allowance(usize::MAX), Duration::from_secs(60));
    }

    #[tokio::test]
    async fn what_breaks_off_is_no_body() {
        let broken = stream::iter([
            Ok(Bytes::from_static(b"0")),
            Err(PayloadError::Incomplete(None)),
        ]);
        let got = collect(&HeaderMap::new(), broken, limits()).await;
        assert_eq!(got, Err(BodyError::Truncated));
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
