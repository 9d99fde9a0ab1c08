//! Verifies webhook signatures over the raw bytes, in constant time, before anything parses them. Adapters accept only a
//! `Verified`, which `verify` makes (and `Verified::stored` for stored deliveries). Supports several secrets at once, for
//! rotation, and timestamps where the scheme has them.

use std::time::Duration;

use access::Instant;
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::envelope::Envelope;
use crate::store::row::SignatureScheme;

mod refusal;

pub use refusal::SignatureError;
use refusal::{malformed_stamp, other_scheme};

/// A body whose signature was verified.
#[derive(Clone, Debug)]
pub struct Verified {
    bytes: Vec<u8>,
    delivery: String,
    envelope: Envelope,
    received_at: Instant,
    has_signed_id: bool,
}

impl Verified {
    /// The body; empty for an unsigned request.
    pub fn bytes(&self) -> &[u8] {
        if self.envelope.unsigned {
            &[]
        } else {
            &self.bytes
        }
    }

    /// The sender's id of the delivery; if the scheme signs no id, a digest of the signed content.
    pub fn delivery(&self) -> &str {
        &self.delivery
    }

    /// Whether the signature covers an id of the delivery. Without one, two equal requests look like one request that was
    /// recorded and sent again.
    pub fn has_signed_id(&self) -> bool {
        self.has_signed_id
    }

    /// Whether the signature covers the value at a JSON pointer into the body.
    pub fn signs(&self, pointer: &str) -> bool {
        let part = self.envelope.signed_part.as_deref();
        part.is_none_or(|part| {
            pointer
                .strip_prefix(part)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The time of the event if the body gives none: the signed timestamp, otherwise the time of receipt.
    pub fn event_time(&self) -> Instant {
        let signed_at = self.envelope.signed_at.map(Instant::from_timestamp);
        signed_at.unwrap_or(self.received_at)
    }

    /// A stored delivery, or one that was made here. Stored deliveries were verified when they were received.
    pub fn stored(
        bytes: Vec<u8>,
        delivery: String,
        envelope: Envelope,
        received_at: Instant,
    ) -> Self {
        Self {
            bytes,
            delivery,
            envelope,
            received_at,
            has_signed_id: false,
        }
    }

    /// The raw body, for storage.
    pub fn into_bytes(self) -> Vec<u8> {
        if self.envelope.unsigned {
            Vec::new()
        } else {
            self.bytes
        }
    }

    /// The body of an unsigned request. Anybody can have written it: it may say what to read, and nothing else.
    pub fn hint(&self) -> &[u8] {
        if self.envelope.unsigned {
            &self.bytes
        } else {
            &[]
        }
    }
}

/// The signed content of a request, and its signatures.
struct SignedRequest {
    delivery: Option<String>,
    signed_at: Option<Instant>,
    message: Vec<u8>,
    signatures: Vec<Vec<u8>>,
}

impl SignedRequest {
    /// Whether one of the signatures fits one of the keys.
    fn matches_any(&self, keys: impl IntoIterator<Item = Vec<u8>>) -> bool {
        keys.into_iter().any(|key| {
            self.signatures
                .iter()
                .any(|signature| verify_mac(&key, &self.message, signature))
        })
    }
}

/// Verifies a request. `header` returns a header's value by its name in lower case.
pub fn verify<'h>(
    scheme: SignatureScheme,
    secrets: &[SecretString],
    header: impl Fn(&'static str) -> Option<&'h str>,
    body: Vec<u8>,
    now: Instant,
    tolerance: Duration,
) -> Result<Verified, SignatureError> {
    if scheme == SignatureScheme::Nudge {
        return Ok(nudge(&header, body, now));
    }
    let claim = claim(scheme, &header, &body).map_err(|refused| match refused {
        SignatureError::Header(name) if header(name).is_none() => {
            other_scheme(scheme, name, &header)
        }
        other => other,
    })?;
    if let Some(at) = claim.signed_at {
        let (low, high) = (now.minus(tolerance), now.plus(tolerance));
        if at < low || at > high {
            let ahead_us = at.micros().saturating_sub(now.micros());
            return Err(SignatureError::Timestamp {
                ahead_s: ahead_us / 1_000_000,
            });
        }
    }
    let keys = secrets.iter().filter_map(|secret| key(scheme, secret));
    if !claim.matches_any(keys) {
        let misread = secrets
            .iter()
            .flat_map(|secret| misencoded_keys(scheme, secret));
        return Err(if claim.matches_any(misread) {
            SignatureError::SecretEncoding {
                is_base64: reads_base64(scheme),
            }
        } else {
            SignatureError::Signature
        });
    }
    let has_signed_id = claim.delivery.is_some();
    let delivery = claim
        .delivery
        .unwrap_or_else(|| content_key(scheme, &claim.message, &body));
    Ok(Verified {
        bytes: body,
        delivery,
        envelope: Envelope::signed(claim.signed_at).signing_only(signed_part(scheme)),
        received_at: now,
        has_signed_id,
    })
}

/// Extracts the signed content and the signatures by the rules of the scheme.
fn claim<'h>(
    scheme: SignatureScheme,
    header: &impl Fn(&'static str) -> Option<&'h str>,
    body: &[u8],
) -> Result<SignedRequest, SignatureError> {
    match scheme {
        SignatureScheme::StandardWebhooks => standard(
            ["webhook-id", "webhook-timestamp", "webhook-signature"],
            header,
            body,
        ),
        SignatureScheme::Svix => standard(
            ["svix-id", "svix-timestamp", "svix-signature"],
            header,
            body,
        ),
        SignatureScheme::Stripe => pairs("stripe-signature", "v1", header, |at| {
            [at.as_bytes(), b".", body].concat()
        }),
        SignatureScheme::Officernd => pairs("officernd-signature", "signature", header, |at| {
            [body, b".", at.as_bytes()].concat()
        }),
        SignatureScheme::HubSha256 => plain("x-hub-signature-256", header, body.to_vec(), |v| {
            hex::decode(v.strip_prefix("sha256=")?).ok()
        }),
        SignatureScheme::Mindbody => plain("x-mindbody-signature", header, body.to_vec(), |v| {
            STANDARD.decode(v.strip_prefix("sha256=")?).ok()
        }),
        SignatureScheme::Nexudus => plain("x-nexudus-hook-signature", header, ascii(body), |v| {
            hex::decode(v).ok()
        }),
        SignatureScheme::Pushpress => {
            let data = data_member(body).ok_or(SignatureError::Body)?.to_vec();
            plain("webhook-signature", header, data, |v| hex::decode(v).ok())
        }
        SignatureScheme::Nudge => Err(SignatureError::Signature),
    }
}

/// The id of a delivery for which the sender signs none: a digest of the signed content alone, so that changing unsigned bytes
/// does not make a recorded request a new delivery. The signed timestamp is left out, since each attempt has its own.
fn content_key(scheme: SignatureScheme, message: &[u8], body: &[u8]) -> String {
    let content = match scheme {
        SignatureScheme::Stripe | SignatureScheme::Officernd => body,
        _ => message,
    };
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

/// A pointer to the one member of the body that is signed, for schemes that do not sign the whole body.
fn signed_part(scheme: SignatureScheme) -> Option<&'static str> {
    (scheme == SignatureScheme::Pushpress).then_some("/data")
}

/// An unsigned request, which anybody who knows the address can send: it triggers a reading of the platform's API, and its body
/// is dropped. A sender's id identifies repeats; it is empty if there is none.
fn nudge<'h>(
    header: &impl Fn(&'static str) -> Option<&'h str>,
    body: Vec<u8>,
    now: Instant,
) -> Verified {
    let named = header("teamup-webhook-id").filter(|id| !id.is_empty() && id.len() <= 500);
    let delivery = named.unwrap_or_default().to_owned();
    Verified::stored(body, delivery, Envelope::unsigned(), now)
}

/// Whether a secret can be used with a scheme: the secrets of Standard Webhooks and Svix have to be valid base64.
pub fn secret_is_usable(scheme: SignatureScheme, secret: &SecretString) -> bool {
    key(scheme, secret).is_some_and(|key| !key.is_empty())
}

/// Signs a body as a sender does, and returns the headers; none for a scheme without signatures. Used by the command line.
pub fn sign(
    scheme: SignatureScheme,
    secret: &SecretString,
    delivery: &str,
    now: Instant,
    body: &[u8],
) -> Option<Vec<(&'static str, String)>> {
    let key = key(scheme, secret)?;
    let at = now.timestamp().as_second().to_string();
    let mac = |message: &[u8]| -> Option<Vec<u8>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(message);
        Some(mac.finalize().into_bytes().to_vec())
    };
    let standard = |names: [&'static str; 3]| {
        let message = [delivery.as_bytes(), b".", at.as_bytes(), b".", body].concat();
        Some(vec![
            (names[0], delivery.to_owned()),
            (names[1], at.clone()),
            (names[2], format!("v1,{}", STANDARD.encode(mac(&message)?))),
        ])
    };
    match scheme {
        SignatureScheme::StandardWebhooks => {
            standard(["webhook-id", "webhook-timestamp", "webhook-signature"])
        }
        SignatureScheme::Svix => standard(["svix-id", "svix-timestamp", "svix-signature"]),
        SignatureScheme::Stripe => {
            let message = [at.as_bytes(), b".", body].concat();
            Some(vec![(
                "stripe-signature",
                format!("t={at},v1={}", hex::encode(mac(&message)?)),
            )])
        }
        SignatureScheme::Officernd => {
            let message = [body, b".", at.as_bytes()].concat();
            Some(vec![(
                "officernd-signature",
                format!("t={at},signature={}", hex::encode(mac(&message)?)),
            )])
        }
        SignatureScheme::HubSha256 => Some(vec![(
            "x-hub-signature-256",
            format!("sha256={}", hex::encode(mac(body)?)),
        )]),
        SignatureScheme::Mindbody => Some(vec![(
            "x-mindbody-signature",
            format!("sha256={}", STANDARD.encode(mac(body)?)),
        )]),
        SignatureScheme::Nexudus => Some(vec![(
            "x-nexudus-hook-signature",
            hex::encode_upper(mac(&ascii(body))?),
        )]),
        SignatureScheme::Pushpress => Some(vec![(
            "webhook-signature",
            hex::encode(mac(data_member(body)?)?),
        )]),
        SignatureScheme::Nudge => None,
    }
}

/// Encodes like .NET's ASCII encoding: a question mark for each UTF-16 unit above 127.
fn ascii(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let units = text.encode_utf16();
    units
        .map(|unit| u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(b'?'))
        .collect()
}

/// The raw bytes of the member `data`. Only finds where they begin and end; does not interpret them.
fn data_member(body: &[u8]) -> Option<&[u8]> {
    #[derive(serde::Deserialize)]
    struct Signed<'b> {
        #[serde(borrow)]
        data: &'b serde_json::value::RawValue,
    }
    let signed: Signed<'_> = serde_json::from_slice(body).ok()?;
    Some(signed.data.get().as_bytes())
}

/// Whether the key is the decoded base64 of the secret rather than the secret's text.
fn reads_base64(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::StandardWebhooks | SignatureScheme::Svix
    )
}

fn decoded(secret: &SecretString) -> Option<Vec<u8>> {
    let text = secret.expose_secret();
    let digits = text.strip_prefix("whsec_").unwrap_or(text);
    STANDARD.decode(digits).ok()
}

fn key(scheme: SignatureScheme, secret: &SecretString) -> Option<Vec<u8>> {
    if reads_base64(scheme) {
        decoded(secret)
    } else {
        Some(secret.expose_secret().as_bytes().to_vec())
    }
}

/// The keys of a sender who uses the secret's text where base64 is expected, or the other way round.
fn misencoded_keys(scheme: SignatureScheme, secret: &SecretString) -> Vec<Vec<u8>> {
    if reads_base64(scheme) {
        let text = secret.expose_secret();
        let bare = text.strip_prefix("whsec_").unwrap_or(text);
        let texts = [text, bare].into_iter().filter(|text| !text.is_empty());
        texts.map(|text| text.as_bytes().to_vec()).collect()
    } else {
        decoded(secret).into_iter().collect()
    }
}

fn verify_mac(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return false;
    };
    mac.update(message);
    mac.verify_slice(signature).is_ok()
}

/// Whole seconds since the Unix epoch.
fn seconds(text: &str) -> Option<Instant> {
    let digits = !text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit());
    let seconds: i64 = text.parse().ok().filter(|_| digits)?;
    Some(Instant::from_micros(seconds.checked_mul(1_000_000)?))
}

fn standard<'h>(
    [id, at, signature]: [&'static str; 3],
    header: &impl Fn(&'static str) -> Option<&'h str>,
    body: &[u8],
) -> Result<SignedRequest, SignatureError> {
    let sound = |v: &&str| !v.is_empty() && v.len() <= 500;
    let delivery = header(id).filter(sound).ok_or(SignatureError::Header(id))?;
    let stamp = header(at).ok_or(SignatureError::Header(at))?;
    let signed_at = seconds(stamp).ok_or_else(|| malformed_stamp(at, stamp))?;
    let signatures = header(signature).ok_or(SignatureError::Header(signature))?;
    let signatures: Vec<_> = signatures
        .split_whitespace()
        .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
        .collect();
    if signatures.is_empty() {
        return Err(SignatureError::Header(signature));
    }
    let message = [delivery.as_bytes(), b".", stamp.as_bytes(), b".", body].concat();
    Ok(SignedRequest {
        delivery: Some(delivery.to_owned()),
        signed_at: Some(signed_at),
        message,
        signatures,
    })
}

/// Header format `t=…,name=…`, with the MAC in hex.
fn pairs<'h>(
    name: &'static str,
    signature: &str,
    header: &impl Fn(&'static str) -> Option<&'h str>,
    message: impl Fn(&str) -> Vec<u8>,
) -> Result<SignedRequest, SignatureError> {
    let value = header(name).ok_or(SignatureError::Header(name))?;
    let parts: Vec<_> = value
        .split(',')
        .filter_map(|part| part.trim().split_once('='))
        .collect();
    let stamp = parts
        .iter()
        .find(|(k, _)| *k == "t")
        .map(|(_, v)| *v)
        .ok_or(SignatureError::Header(name))?;
    let signed_at = seconds(stamp).ok_or_else(|| malformed_stamp(name, stamp))?;
    let signatures: Vec<_> = parts
        .iter()
        .filter(|(k, _)| *k == signature)
        .filter_map(|(_, v)| hex::decode(v).ok())
        .collect();
    if signatures.is_empty() {
        return Err(SignatureError::Header(name));
    }
    Ok(SignedRequest {
        delivery: None,
        signed_at: Some(signed_at),
        message: message(stamp),
        signatures,
    })
}

fn plain<'h>(
    name: &'static str,
    header: &impl Fn(&'static str) -> Option<&'h str>,
    message: Vec<u8>,
    decode: impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<SignedRequest, SignatureError> {
    let value = header(name).ok_or(SignatureError::Header(name))?;
    let signature = decode(value.trim()).ok_or(SignatureError::Header(name))?;
    Ok(SignedRequest {
        delivery: None,
        signed_at: None,
        message,
        signatures: vec![signature],
    })
}
