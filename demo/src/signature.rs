//! Signs webhooks by Standard Webhooks, as the specification says and not as the service does: so the
//! story tells what a platform would see. Called by the senders.

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The headers of a signed request.
///
/// # Errors
/// When the secret is none of Standard Webhooks.
pub fn sign(
    secret: &SecretString,
    id: &str,
    at: Timestamp,
    body: &[u8],
) -> anyhow::Result<[(&'static str, String); 3]> {
    let key = secret.expose_secret().strip_prefix("whsec_");
    let key = key.and_then(|key| STANDARD.decode(key).ok());
    let key = key.context("the secret is not a signing secret")?;
    let stamp = at.as_second().to_string();
    let mac = Hmac::<Sha256>::new_from_slice(&key)?
        .chain_update(format!("{id}.{stamp}."))
        .chain_update(body)
        .finalize();
    let signature = format!("v1,{}", STANDARD.encode(mac.into_bytes()));
    Ok([
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", stamp),
        ("webhook-signature", signature),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_signed_alike() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned().into();
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let [.., (_, signature)] = sign(&secret, id, at, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn other_secrets_are_refused() {
        for secret in ["", "whsec_%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            let secret = secret.to_owned().into();
            assert!(sign(&secret, "id", Timestamp::UNIX_EPOCH, b"").is_err());
        }
    }
}
