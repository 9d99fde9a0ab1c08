//! A call to Kisi and its answer. The other files of this module build calls; the client sends them.

use reqwest::{Method, header::HeaderMap};
use serde_json::Value;

/// The largest accepted response body in bytes. Kisi's largest page has 250 rows of about 2,000
/// bytes.
pub(super) const LARGEST_ANSWER: usize = 16 << 20;

/// The shape of the call that opens a lock, whose refusals mean something else than those of other calls.
pub(super) const UNLOCK: &str = "/locks/{id}/unlock";

/// A call without its base URL. `shape` is the path template, with `{id}` in place of a number, or `{domain}`.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) shape: &'static str,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

impl Call {
    fn new(method: Method, shape: &'static str, body: Option<Value>) -> Self {
        Self {
            method,
            shape,
            path: shape.to_owned(),
            query: Vec::new(),
            body,
        }
    }

    pub(super) fn get(shape: &'static str) -> Self {
        Self::new(Method::GET, shape, None)
    }

    pub(super) fn post(shape: &'static str, body: Value) -> Self {
        Self::new(Method::POST, shape, Some(body))
    }

    pub(super) fn patch(shape: &'static str, body: Value) -> Self {
        Self::new(Method::PATCH, shape, Some(body))
    }

    pub(super) fn delete(shape: &'static str) -> Self {
        Self::new(Method::DELETE, shape, None)
    }

    pub(super) fn of(mut self, id: i64) -> Self {
        self.path = self.shape.replace("{id}", &id.to_string());
        self
    }

    /// `None` for a text that cannot be a part of a path.
    pub(super) fn of_domain(mut self, domain: &str) -> Option<Self> {
        if domain.trim_matches('.').is_empty() {
            return None;
        }
        let encoded = |byte: u8| match byte {
            b'-' | b'.' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        };
        let domain: String = domain.bytes().map(encoded).collect();
        self.path = self.shape.replace("{domain}", &domain);
        Some(self)
    }

    pub(super) fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.query.push((key, value.to_string()));
        self
    }
}

/// A 2xx response; `json` is `None` if the body is empty.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) json: Option<Value>,
}
