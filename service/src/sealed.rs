//! Checks that the encryption key decrypts the secrets in the database: one secret of each kind is tried at the start, by
//! `/readyz` and by `latchkey check`. At the start it also re-encrypts secrets that an earlier version bound to their row only,
//! so that they are bound to their column as well.

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
        if !sealed::of_kind(db.read(), kind, Some(1)).await?.is_empty() {
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
        for (row, value) in sealed::of_kind(db.read(), kind, Some(1)).await? {
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
        let first = sealed::of_kind(db.read(), kind, Some(1)).await?;
        if !first.iter().any(|secret| is_bound_to_row(sealer, secret)) {
            continue;
        }
        let all = sealed::of_kind(db.read(), kind, None).await?;
        let anew: Vec<Sealed> = all
            .into_iter()
            .filter_map(|(row, value)| Some((row, bind(sealer, kind, (row, value)).ok()?)))
            .collect();
        tracing::info!(
            column = kind.column(),
            secrets = anew.len(),
            "re-encrypting stored secrets to bind them to their column"
        );
        let stored: Result<(), StoreError> = transaction!(db, |tx| {
            for (row, value) in anew {
                sealed::replace(tx, kind, row, value).await?;
            }
            Ok(())
        })
        .await;
        stored?;
    }
    Ok(())
}

fn is_bound_to_row(sealer: &Sealer, (row, value): &Sealed) -> bool {
    sealer.open_bound_to_row(*row, value).is_ok()
}

fn bind(sealer: &Sealer, kind: SecretKind, (row, value): Sealed) -> Result<Vec<u8>, SecretError> {
    sealer.seal(kind, row, &sealer.open_bound_to_row(row, &value)?)
}
