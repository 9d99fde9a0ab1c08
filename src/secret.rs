//! Secrets at rest and in hand: credentials and signing secrets are sealed with an AEAD before they reach the database,
//! and tokens are kept as hashes alone. Nothing here is ever logged, shown by Debug, or part of an error.

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const NONCE: usize = 24;

/// What a secret is kept for. It opens in that column of that row alone: moved elsewhere in the database it is unreadable.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// What opens Kisi, of an account.
    KisiCredentials,
    /// What the webhooks of a source are signed with.
    SourceSecret,
    /// The one before it, while it is still good.
    OldSourceSecret,
    /// What opens a platform's API, of a source.
    SourceCredentials,
    /// What Kisi signs its events with, of an account.
    KisiEventSecret,
    /// A login on behalf of a Kisi user.
    KisiLogin,
    /// What a preview hands out, of a club. It is kept by whoever asked for the preview.
    PreviewToken,
}

impl SecretKind {
    /// All that are kept in the database.
    pub const STORED: [Self; 6] = [
        Self::KisiCredentials,
        Self::SourceSecret,
        Self::OldSourceSecret,
        Self::SourceCredentials,
        Self::KisiEventSecret,
        Self::KisiLogin,
    ];

    /// Table and column.
    pub fn column(self) -> &'static str {
        match self {
            Self::KisiCredentials => "kisi_account.credentials",
            Self::SourceSecret => "source.secret",
            Self::OldSourceSecret => "source.old_secret",
            Self::SourceCredentials => "source.credentials",
            Self::KisiEventSecret => "kisi_listener.secret",
            Self::KisiLogin => "kisi_login.secret",
            Self::PreviewToken => "preview",
        }
    }

    fn bound_to(self, row: Uuid) -> Vec<u8> {
        [self.column().as_bytes(), &[0], row.as_bytes()].concat()
    }
}

/// Why something sealed could not be read, or a key not be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The key is not 32 bytes in base64.
    #[error("an encryption key is 32 bytes in base64")]
    BadKey,
    /// Sealed with another key, or damaged.
    #[error(
        "a stored secret cannot be decrypted: was LATCHKEY_ENCRYPTION_KEY changed without LATCHKEY_ENCRYPTION_KEY_OLD?"
    )]
    Unreadable,
}

/// Seals with the present key; opens what the present or an earlier key sealed.
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
    /// From keys of 32 bytes in base64.
    pub fn new(key: &SecretString, old: Option<&SecretString>) -> Result<Self, SecretError> {
        Ok(Self {
            key: cipher(key)?,
            old: old.map(cipher).transpose()?,
        })
    }

    /// Seals a secret so that it opens only in the column and row that it was sealed for.
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

    /// Opens what `seal` made for the same column and row.
    pub fn open(
        &self,
        kind: SecretKind,
        row: Uuid,
        sealed: &[u8],
    ) -> Result<SecretString, SecretError> {
        self.open_bound(&kind.bound_to(row), sealed)
    }

    /// Opens what an earlier version of this program sealed, which was bound to the row alone. Only for sealing it anew.
    pub fn open_bound_to_row(&self, row: Uuid, sealed: &[u8]) -> Result<SecretString, SecretError> {
        self.open_bound(row.as_bytes(), sealed)
    }

    fn open_bound(&self, bound_to: &[u8], sealed: &[u8]) -> Result<SecretString, SecretError> {
        let (nonce, body) = sealed
            .split_first_chunk::<NONCE>()
            .ok_or(SecretError::Unreadable)?;
        [Some(&self.key), self.old.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|key| {
                let payload = Payload {
                    msg: body,
                    aad: bound_to,
                };
                key.decrypt(&XNonce::from(*nonce), payload).ok()
            })
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(SecretString::from)
            .ok_or(SecretError::Unreadable)
    }
}

fn cipher(key: &SecretString) -> Result<XChaCha20Poly1305, SecretError> {
    let bytes = STANDARD
        .decode(key.expose_secret().trim())
        .map_err(|_| SecretError::BadKey)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| SecretError::BadKey)?;
    Ok(XChaCha20Poly1305::new(&Key::from(bytes)))
}

/// A new encryption key.
pub fn new_key() -> SecretString {
    SecretString::from(STANDARD.encode(random::<32>()))
}

/// A new bearer token, 256 random bits behind a prefix that scanners of leaked secrets can know.
pub fn new_token() -> SecretString {
    SecretString::from(format!("lk_{}", hex::encode(random::<32>())))
}

/// A new signing secret as Standard Webhooks write them.
pub fn new_signing_secret() -> SecretString {
    SecretString::from(format!("whsec_{}", STANDARD.encode(random::<24>())))
}

/// An unguessable part of an address.
pub fn new_path_key() -> String {
    hex::encode(random::<16>())
}

/// What is kept of a token. A plain hash does: tokens are random, so there is nothing to guess.
pub fn hash_token(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// A random byte, for spreading what would else happen all at once.
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
    fn what_is_sealed_opens_in_its_column_and_row_alone() {
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
    fn an_old_key_still_opens_and_no_longer_seals() {
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
