//! Encryption of stored secrets, and generation of keys and tokens. Credentials and signing secrets are encrypted with an AEAD
//! before they reach the database; tokens are stored as hashes only. Secrets never appear in logs, `Debug` output or errors.

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const NONCE: usize = 24;

/// The purpose of a secret. Its ciphertext is bound to the column and the row: copied elsewhere in the database, it cannot be
/// decrypted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// The credentials of a Kisi account.
    KisiCredentials,
    /// The webhook signing secret of a source.
    SourceSecret,
    /// The previous signing secret of a source, while it is still accepted.
    OldSourceSecret,
    /// The credentials of a source for its platform's API.
    SourceCredentials,
    /// The secret that signs the events that Kisi sends for an account.
    KisiEventSecret,
    /// A login on behalf of a Kisi user.
    KisiLogin,
    /// The signing secret of an endpoint to which events are sent.
    EndpointSecret,
    /// The previous signing secret of an endpoint, while messages are still signed with it.
    OldEndpointSecret,
    /// What a sign-in remembers in a cookie until its callback; it is not stored in the database.
    SignIn,
    /// The token that a preview of a club returns. The API client keeps it; it is not stored in the database.
    PreviewToken,
}

impl SecretKind {
    /// The kinds that are stored in the database.
    pub const STORED: [Self; 8] = [
        Self::KisiCredentials,
        Self::SourceSecret,
        Self::OldSourceSecret,
        Self::SourceCredentials,
        Self::KisiEventSecret,
        Self::KisiLogin,
        Self::EndpointSecret,
        Self::OldEndpointSecret,
    ];

    /// The table and the column, as `table.column`. `SignIn` and `PreviewToken` have no column and return a label.
    pub fn column(self) -> &'static str {
        match self {
            Self::KisiCredentials => "kisi_account.credentials",
            Self::SourceSecret => "source.secret",
            Self::OldSourceSecret => "source.old_secret",
            Self::SourceCredentials => "source.credentials",
            Self::KisiEventSecret => "kisi_listener.secret",
            Self::KisiLogin => "kisi_login.secret",
            Self::EndpointSecret => "webhook_endpoint.secret",
            Self::OldEndpointSecret => "webhook_endpoint.old_secret",
            Self::SignIn => "sign-in",
            Self::PreviewToken => "preview",
        }
    }

    fn bound_to(self, row: Uuid) -> Vec<u8> {
        [self.column().as_bytes(), &[0], row.as_bytes()].concat()
    }
}

/// Why a secret could not be decrypted or a key could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The key is not 32 bytes in base64.
    #[error(
        "an encryption key must be 32 bytes in base64, as `openssl rand -base64 32` prints them"
    )]
    BadKey,
    /// Encrypted with another key, or damaged.
    #[error(
        "a stored secret cannot be decrypted: was LATCHKEY_ENCRYPTION_KEY changed without LATCHKEY_ENCRYPTION_KEY_OLD?"
    )]
    Unreadable,
}

/// Encrypts with the current key; decrypts with the current or the previous key.
#[derive(Clone)]
pub struct Sealer {
    key: XChaCha20Poly1305,
    old: Option<XChaCha20Poly1305>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// The keys are 32 bytes in base64.
    pub fn new(key: &SecretString, old: Option<&SecretString>) -> Result<Self, SecretError> {
        Ok(Self {
            key: cipher(key)?,
            old: old.map(cipher).transpose()?,
        })
    }

    /// Encrypts a secret and binds it to the column and the row. The result is the nonce followed by the ciphertext.
    pub fn seal(
        &self,
        kind: SecretKind,
        row: Uuid,
        secret: &SecretString,
    ) -> Result<Vec<u8>, SecretError> {
        let nonce: [u8; NONCE] = random();
        let payload = Payload {
            msg: secret.expose_secret().as_bytes(),
            aad: &kind.bound_to(row),
        };
        let sealed = self
            .key
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SecretError::Unreadable)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Decrypts a result of `seal` for the same column and row.
    pub fn open(
        &self,
        kind: SecretKind,
        row: Uuid,
        sealed: &[u8],
    ) -> Result<SecretString, SecretError> {
        self.open_bound(&kind.bound_to(row), sealed)
    }

    /// Encrypts a secret again for another column of its row, such as one that is replaced and still accepted for a while; none if it
    /// cannot be decrypted, since then it is of no use either.
    pub fn move_to(
        &self,
        (from, to): (SecretKind, SecretKind),
        row: Uuid,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, SecretError> {
        let secret = self.open(from, row, sealed).ok();
        secret.map(|secret| self.seal(to, row, &secret)).transpose()
    }

    /// Whether a secret was encrypted with the current key.
    pub fn is_current(&self, kind: SecretKind, row: Uuid, sealed: &[u8]) -> bool {
        open_with(&self.key, &kind.bound_to(row), sealed).is_some()
    }

    /// Decrypts a secret that an earlier version bound to the row only. Use it only to re-encrypt that secret.
    pub fn open_bound_to_row(&self, row: Uuid, sealed: &[u8]) -> Result<SecretString, SecretError> {
        self.open_bound(row.as_bytes(), sealed)
    }

    fn open_bound(&self, bound_to: &[u8], sealed: &[u8]) -> Result<SecretString, SecretError> {
        [Some(&self.key), self.old.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|key| open_with(key, bound_to, sealed))
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(SecretString::from)
            .ok_or(SecretError::Unreadable)
    }
}

fn open_with(key: &XChaCha20Poly1305, bound_to: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE>()?;
    let payload = Payload {
        msg: body,
        aad: bound_to,
    };
    key.decrypt(&XNonce::from(*nonce), payload).ok()
}

fn cipher(key: &SecretString) -> Result<XChaCha20Poly1305, SecretError> {
    let bytes = STANDARD
        .decode(key.expose_secret().trim())
        .map_err(|_| SecretError::BadKey)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| SecretError::BadKey)?;
    Ok(XChaCha20Poly1305::new(&Key::from(bytes)))
}

/// A new random encryption key: 32 bytes in base64.
pub fn new_key() -> SecretString {
    SecretString::from(STANDARD.encode(random::<32>()))
}

/// A new bearer token: 256 random bits in hex, with the prefix `lk_` for secret scanners.
pub fn new_token() -> SecretString {
    SecretString::from(format!("lk_{}", hex::encode(random::<32>())))
}

/// A new signing secret in the format of Standard Webhooks: `whsec_` and 24 random bytes in base64.
pub fn new_signing_secret() -> SecretString {
    SecretString::from(format!("whsec_{}", STANDARD.encode(random::<24>())))
}

/// An unguessable path segment for a webhook URL: 128 random bits in hex.
pub fn new_path_key() -> String {
    hex::encode(random::<16>())
}

/// The stored form of a token. SHA-256 without salt is enough, because tokens are 256 random bits.
pub fn hash_token(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// A random key for keyed hashes.
pub fn random_key() -> [u8; 32] {
    random()
}

/// A random byte for jitter.
pub fn random_byte() -> u8 {
    let [byte] = random::<1>();
    byte
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(
        clippy::expect_used,
        reason = "INVARIANT: no Linux since 3.17 fails to give random bytes"
    )]
    getrandom::fill(&mut bytes).expect("the system's random source");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_decrypts_only_in_its_own_column_and_row() {
        let sealer = Sealer::new(&new_key(), None).unwrap();
        let (row, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let kind = SecretKind::SourceSecret;
        let sealed = sealer.seal(kind, row, &SecretString::from("hush")).unwrap();
        assert_eq!(
            sealer.open(kind, row, &sealed).unwrap().expose_secret(),
            "hush"
        );
        assert!(sealer.open(kind, other, &sealed).is_err());
        for kind in SecretKind::STORED
            .into_iter()
            .filter(|other| *other != kind)
        {
            assert!(sealer.open(kind, row, &sealed).is_err(), "{kind:?}");
        }
        assert!(sealer.open_bound_to_row(row, &sealed).is_err());
        assert!(!sealed.windows(4).any(|w| w == b"hush"));
    }

    #[test]
    fn the_old_key_still_decrypts_and_no_longer_encrypts() {
        let (old, new) = (new_key(), new_key());
        let before = Sealer::new(&old, None).unwrap();
        let after = Sealer::new(&new, Some(&old)).unwrap();
        let row = Uuid::from_u128(1);
        let kind = SecretKind::KisiCredentials;
        let sealed = before.seal(kind, row, &SecretString::from("hush")).unwrap();
        assert_eq!(
            after.open(kind, row, &sealed).unwrap().expose_secret(),
            "hush"
        );
        let newer = after.seal(kind, row, &SecretString::from("x")).unwrap();
        assert!(before.open(kind, row, &newer).is_err());
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        assert!(Sealer::new(&SecretString::from("c2hvcnQ="), None).is_err());
    }
}
