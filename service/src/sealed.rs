//! Checks that the encryption key decrypts the secrets in the database: one secret of each kind is tried at the start, by
//! `/readyz` and by `latchkey check`. At the start it also re-encrypts secrets that an earlier version bound to their row only,
//! so that they are bound to their column as well. `latchkey key rotate` encrypts all secrets with the current key.

use crate::{
    secret::{Sealer, SecretError, SecretKind},
    store::{
        Db, StoreError,
        sealed::{self, Sealed},
    },
    transaction,
};

/// Whether the database holds any encrypted secret.
pub async fn has_secrets(db: &Db) -> Result<bool, StoreError> {
    for kind in SecretKind::STORED {
        if !sealed::of_kind(db.read(), kind, None, Some(1))
            .await?
            .is_empty()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first kind whose sample secret cannot be decrypted; `None` if all samples can.
pub async fn find_undecryptable(
    db: &Db,
    sealer: &Sealer,
) -> Result<Option<SecretKind>, StoreError> {
    for kind in SecretKind::STORED {
        for (row, value) in sealed::of_kind(db.read(), kind, None, Some(1)).await? {
            if sealer.open(kind, row, &value).is_err() {
                return Ok(Some(kind));
            }
        }
    }
    Ok(None)
}

/// The message for an operator: which column cannot be decrypted, and how to fix it.
pub fn problem(kind: SecretKind) -> String {
    format!(
        "the encryption key does not decrypt {}: set LATCHKEY_ENCRYPTION_KEY to the key that encrypted it (or set \
         LATCHKEY_ENCRYPTION_KEY_OLD to it, beside the new key), or restore the key file beside the database",
        kind.column()
    )
}

/// Re-encrypts secrets that an earlier version bound to their row only.
pub async fn rebind_to_columns(db: &Db, sealer: &Sealer) -> Result<(), StoreError> {
    for kind in SecretKind::STORED {
        let first = sealed::of_kind(db.read(), kind, None, Some(1)).await?;
        if !first.iter().any(|secret| is_bound_to_row(sealer, secret)) {
            continue;
        }
        let all = sealed::of_kind(db.read(), kind, None, None).await?;
        let anew: Vec<(Sealed, Vec<u8>)> = all
            .into_iter()
            .filter_map(|before| Some((before.clone(), bind(sealer, kind, before).ok()?)))
            .collect();
        tracing::info!(
            column = kind.column(),
            secrets = anew.len(),
            "re-encrypting stored secrets to bind them to their column"
        );
        let stored: Result<(), StoreError> = transaction!(db, |tx| {
            for (before, value) in anew {
                sealed::replace(tx, kind, &before, value).await?;
            }
            Ok(())
        })
        .await;
        stored?;
    }
    Ok(())
}

/// What [`rotate`] did with the secrets of one kind.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    pub kind: SecretKind,
    /// Secrets that were encrypted with the previous key.
    pub anew: usize,
    /// Secrets that were encrypted with the current key before.
    pub current: usize,
    /// Secrets that neither key decrypts.
    pub unreadable: usize,
}

/// How many secrets one transaction replaces.
const ROTATED_TOGETHER: u64 = 200;

/// Encrypts all secrets with the current key, in small transactions while the service runs. After an abort it can be repeated. A
/// secret that somebody else replaces meanwhile is theirs.
pub async fn rotate(db: &Db, sealer: &Sealer) -> Result<Vec<Rotated>, StoreError> {
    let mut all = Vec::new();
    for kind in SecretKind::STORED {
        let mut rotated = Rotated {
            kind,
            anew: 0,
            current: 0,
            unreadable: 0,
        };
        let mut after = None;
        loop {
            let page = sealed::of_kind(db.read(), kind, after, Some(ROTATED_TOGETHER)).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            let mut anew: Vec<(Sealed, Vec<u8>)> = Vec::new();
            for before in page {
                let (row, value) = &before;
                if sealer.is_current(kind, *row, value) {
                    rotated.current += 1;
                } else if let Ok(secret) = sealer.open(kind, *row, value)
                    && let Ok(sealed) = sealer.seal(kind, *row, &secret)
                {
                    anew.push((before, sealed));
                } else {
                    rotated.unreadable += 1;
                }
            }
            rotated.anew += replace_all(db, kind, anew).await?;
        }
        all.push(rotated);
    }
    Ok(all)
}

/// Replaces secrets in one transaction; returns how many were still as they were read.
async fn replace_all(
    db: &Db,
    kind: SecretKind,
    anew: Vec<(Sealed, Vec<u8>)>,
) -> Result<usize, StoreError> {
    if anew.is_empty() {
        return Ok(0);
    }
    transaction!(db, |tx| {
        let mut replaced = 0;
        for (before, value) in anew {
            replaced += usize::from(sealed::replace(tx, kind, &before, value).await?);
        }
        Ok(replaced)
    })
    .await
}

fn is_bound_to_row(sealer: &Sealer, (row, value): &Sealed) -> bool {
    sealer.open_bound_to_row(*row, value).is_ok()
}

fn bind(sealer: &Sealer, kind: SecretKind, (row, value): Sealed) -> Result<Vec<u8>, SecretError> {
    sealer.seal(kind, row, &sealer.open_bound_to_row(row, &value)?)
}
