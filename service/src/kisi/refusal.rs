//! Maps a response outside 2xx to an error with Kisi's reason.
//!
//! Contract: only a response of Kisi itself becomes an error with a known outcome; a page from a
//! proxy, and everything that is not understood, is `Unknown`. Never takes a 404 from elsewhere for
//! proof that an object is gone. Called by the client.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

use super::error::{Error, code_suffix};
use super::words;

/// The error for a status outside 2xx. `unlocking`: the call was an unlock, for which a 503 may
/// report an unavailable device.
pub(super) fn of_status(
    status: StatusCode,
    body: &[u8],
    after: Option<Duration>,
    unlocking: bool,
) -> Error {
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Error::RateLimited { after };
    }
    let json: Option<Value> = serde_json::from_slice(body).ok().filter(Value::is_object);
    let Reason { code, message } = json.as_ref().map(reason).unwrap_or_default();
    if unlocking
        && status == StatusCode::SERVICE_UNAVAILABLE
        && code.as_deref().is_some_and(words::is_of_a_device)
    {
        return Error::Refused {
            status: status.as_u16(),
            code,
            message,
        };
    }
    if !status.is_client_error() || status == StatusCode::REQUEST_TIMEOUT {
        return Error::unknown(format!(
            "status {}{}",
            status.as_u16(),
            code_suffix(code.as_deref())
        ));
    }
    // A page from a firewall or a proxy is not Kisi's answer. A 404 must be Kisi's own, because the
    // object is then taken to be gone.
    let text = body.trim_ascii_start();
    let foreign = json.is_none() && !text.is_empty();
    if foreign && (text.starts_with(b"<") || status == StatusCode::NOT_FOUND) {
        return Error::unknown(format!(
            "status {} from a server in front of Kisi",
            status.as_u16()
        ));
    }
    match status {
        StatusCode::UNAUTHORIZED => Error::Unauthorized { code, message },
        StatusCode::FORBIDDEN => Error::Forbidden { code, message },
        StatusCode::NOT_FOUND => Error::NotFound { code, message },
        StatusCode::CONFLICT => Error::Conflict { code, message },
        StatusCode::UNPROCESSABLE_ENTITY => Error::Unprocessable { code, message },
        _ => Error::Refused {
            status: status.as_u16(),
            code,
            message,
        },
    }
}

#[derive(Default)]
struct Reason {
    code: Option<String>,
    message: String,
}

/// Kisi's text: `error`, else `errors`, else the fields of OAuth and other servers. At most 500 characters.
fn reason(body: &Value) -> Reason {
    let code = match body.get("code") {
        Some(Value::String(code)) if !code.is_empty() => Some(code.clone()),
        Some(Value::Number(code)) => Some(code.to_string()),
        _ => None,
    };
    let message = ["error", "errors", "error_description", "message"]
        .iter()
        .filter_map(|key| body.get(*key))
        .map(joined)
        .find(|text| !text.is_empty())
        .unwrap_or_default();
    Reason {
        code,
        message: message.chars().take(500).collect(),
    }
}

/// `{"email": ["is taken", "is odd"]}` becomes `email is taken; email is odd`.
fn joined(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Array(parts) => list(parts.iter().map(joined)),
        Value::Object(fields) => list(fields.iter().flat_map(|(field, reasons)| {
            let reasons = match reasons {
                Value::Array(reasons) => reasons.iter().map(joined).collect(),
                other => vec![joined(other)],
            };
            reasons
                .into_iter()
                .map(move |text| format!("{field} {text}").trim().to_owned())
        })),
        _ => String::new(),
    }
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}
