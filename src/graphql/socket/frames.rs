//! Reads the headers of WebSocket frames as they arrive, in front of the codec.
//!
//! The codec buffers a whole frame before it checks the size. Here a frame that declares more than the limit ends the stream as
//! soon as its header is complete, before any content is buffered, and so does a message in too many fragments. Content passes
//! unchanged. The handshake puts it between the connection and the codec.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use actix_web::{error::PayloadError, web::Bytes};
use futures_util::Stream;

use super::super::http::MAX_BODY_BYTES;

/// The maximum message before authentication: a `connection_init` with a token.
const INIT_BYTES: usize = 8 * 1024;
/// The maximum number of fragments of a message: the codec buffers each until the last one arrives.
const MAX_FRAGMENTS: usize = 256;
/// The maximum length of a frame header: two bytes, eight for the length, four for the mask.
const MAX_HEADER: usize = 14;

/// The maximum message that a socket accepts at present. Clones share the value.
#[derive(Clone)]
pub(super) struct MessageLimit(Arc<AtomicUsize>);

impl MessageLimit {
    /// The limit before authentication.
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(INIT_BYTES)))
    }

    /// Raises the limit after authentication.
    pub(super) fn raise(&self) {
        self.0.store(MAX_BODY_BYTES, Ordering::Relaxed);
    }

    fn bytes(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(u64::MAX)
    }
}

/// A stream of bytes that ends with an error at a frame beyond the limit.
pub(super) struct LimitedFrames<S> {
    bytes: S,
    scanner: Scanner,
    is_over: bool,
}

impl<S> LimitedFrames<S> {
    pub(super) fn new(bytes: S, limit: MessageLimit) -> Self {
        Self {
            bytes,
            scanner: Scanner::new(limit),
            is_over: false,
        }
    }
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for LimitedFrames<S> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let next = Pin::new(&mut self.bytes).poll_next(context);
        let Poll::Ready(Some(Ok(chunk))) = next else {
            return next;
        };
        if self.scanner.scan(&chunk) {
            return Poll::Ready(Some(Ok(chunk)));
        }
        self.is_over = true;
        Poll::Ready(Some(Err(PayloadError::Overflow)))
    }
}

/// Tracks the position in the current frame and message.
pub(super) struct Scanner {
    limit: MessageLimit,
    header: [u8; MAX_HEADER],
    /// How many bytes of the header have arrived.
    known: usize,
    /// How many bytes of the frame's content are still to come.
    content: u64,
    /// The declared length of the current message so far.
    message: u64,
    fragments: usize,
}

impl Scanner {
    pub(super) fn new(limit: MessageLimit) -> Self {
        Self {
            limit,
            header: [0; MAX_HEADER],
            known: 0,
            content: 0,
            message: 0,
            fragments: 0,
        }
    }

    /// Scans the next bytes; false at the first header that exceeds the limit.
    pub(super) fn scan(&mut self, mut bytes: &[u8]) -> bool {
        loop {
            let skipped = usize::try_from(self.content)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            self.content -= u64::try_from(skipped).unwrap_or(0);
            bytes = bytes.get(skipped..).unwrap_or_default();
            let Some((byte, rest)) = bytes.split_first() else {
                return true;
            };
            bytes = rest;
            if let Some(slot) = self.header.get_mut(self.known) {
                *slot = *byte;
            }
            self.known += 1;
            if let Some(length) = declared(&self.header, self.known) {
                self.known = 0;
                self.content = length;
                if !self.begin_frame(length) {
                    return false;
                }
            }
        }
    }

    /// Starts a frame with the current header and this length; false if it exceeds a limit.
    fn begin_frame(&mut self, length: u64) -> bool {
        let [first, ..] = self.header;
        let (is_last, is_control) = (first & 0x80 != 0, first & 0x08 != 0);
        if is_control {
            // The codec refuses control frames that are too long for the protocol.
            return length <= self.limit.bytes();
        }
        self.message = self.message.saturating_add(length);
        self.fragments += 1;
        let keeps = self.message <= self.limit.bytes() && self.fragments <= MAX_FRAGMENTS;
        if is_last {
            (self.message, self.fragments) = (0, 0);
        }
        keeps
    }
}

/// The declared length of the content; `None` until the header is complete.
fn declared(header: &[u8; MAX_HEADER], known: usize) -> Option<u64> {
    let [_, second, length @ ..] = header;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (size, length) = match (second & 0x7f, length) {
        (126, [a, b, ..]) => (4, u64::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => {
            (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))
        }
        (short, _) => (2, u64::from(short)),
    };
    // The second byte determines the length of the header.
    (known >= 2 && known >= size + mask).then_some(length)
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt, stream};
    use proptest::prelude::*;

    use super::*;

    fn frame(first: u8, declared: u64, content: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match declared {
            0..126 => frame.push(0x80 | declared as u8),
            126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend((declared as u16).to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend(declared.to_be_bytes());
            }
        }
        frame.extend([0xff; 4]);
        frame.resize(frame.len() + content, 0x81);
        frame
    }

    /// Whether the stream ends with an error, and how many bytes passed before.
    fn pass(bytes: &[u8], chunk: usize, limit: &MessageLimit) -> (bool, usize) {
        let chunks = bytes
            .chunks(chunk)
            .map(|chunk| Ok(Bytes::copy_from_slice(chunk)));
        let mut frames = LimitedFrames::new(stream::iter(chunks), limit.clone());
        let mut passed = 0;
        while let Some(next) = frames.next().now_or_never().unwrap() {
            match next {
                Ok(bytes) => passed += bytes.len(),
                Err(_) => {
                    let after = frames.next().now_or_never().unwrap();
                    assert!(after.is_none(), "nothing comes after it");
                    return (true, passed);
                }
            }
        }
        (false, passed)
    }

    #[test]
    fn a_frame_that_declares_too_much_ends_the_stream_at_its_header() {
        for declared in [8 * 1024 + 1, 1 << 20, 1 << 40, u64::MAX] {
            let limit = MessageLimit::new();
            let bytes = [frame(0x81, 5, 5), frame(0x81, declared, 1000)].concat();
            assert!(pass(&bytes, 1, &limit).0, "{declared}");
            // The header is complete with its mask.
            assert!(pass(&bytes, 1, &limit).1 < 11 + MAX_HEADER, "{declared}");
        }
    }

    #[test]
    fn an_authenticated_client_may_send_larger_messages() {
        let limit = MessageLimit::new();
        let large = frame(0x81, 256 * 1024, 256 * 1024);
        assert!(pass(&large, 999, &limit).0);
        limit.raise();
        assert_eq!(pass(&large, 999, &limit), (false, large.len()));
        assert!(pass(&frame(0x81, 256 * 1024 + 1, 0), 1, &limit).0);
    }

    #[test]
    fn fragments_count_together_and_control_frames_separately() {
        let limit = MessageLimit::new();
        let halves = [frame(0x01, 5_000, 5_000), frame(0x80, 5_000, 5_000)].concat();
        assert!(pass(&halves, 64, &limit).0);
        let two = [frame(0x81, 5_000, 5_000), frame(0x82, 5_000, 5_000)].concat();
        assert!(!pass(&two, 64, &limit).0);
        let between = [
            frame(0x01, 4_000, 4_000),
            frame(0x89, 125, 125),
            frame(0x80, 4_000, 4_000),
        ];
        assert!(!pass(&between.concat(), 64, &limit).0);
        assert!(pass(&frame(0x89, 1 << 40, 100), 64, &limit).0);
        let crumbs = [frame(0x01, 0, 0), frame(0x00, 0, 0).repeat(MAX_FRAGMENTS)].concat();
        assert!(pass(&crumbs, 64, &limit).0);
    }

    proptest! {
        /// The frames that are found do not depend on how the bytes are split into chunks.
        #[test]
        fn the_cuts_between_chunks_do_not_matter(
            lengths in prop::collection::vec(0_usize..9_000, 0..8), chunk in 1_usize..70_000
        ) {
            let frames = lengths.iter().map(|length| frame(0x82, *length as u64, *length));
            let bytes = frames.collect::<Vec<_>>().concat();
            let is_refused = lengths.iter().any(|length| *length > INIT_BYTES);
            prop_assert_eq!(pass(&bytes, chunk, &MessageLimit::new()).0, is_refused);
        }

        #[test]
        fn arbitrary_bytes_cause_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000), chunk in 1_usize..50) {
            pass(&bytes, chunk, &MessageLimit::new());
        }
    }
}
