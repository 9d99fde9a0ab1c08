//! Whether the encryption key opens what is sealed in the database: one secret of each kind is opened at the start, by `/readyz` and
//! by `check`. What an earlier version sealed to a row alone is sealed anew, to its column as well, at the start.

use crate::{
    secret::{Sealer, SecretError, SecretKind},
    store::{
        Db, StoreError,
        sealed::{self, Sealed},
    },
};

/// Whether anything is sealed at all.
pub async fn is_any(db: &Db) -> Result<bool, StoreError> {
    for kind in SecretKind::STORED {
        if !sealed::of_kind(db.read(), kind, Some(1)).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first kind of which a secret cannot be opened.
pub async fn unreadable(db: &Db, sealer: &Sealer) -> Result<Option<SecretKind>, StoreError> {
    for kind in SecretKind::STORED {
        for (row, value) in sealed::of_kind(db.read(), kind, Some(1)).await? {
            if sealer.open(kind, row, &value).is_err() {
                return Ok(Some(kind));
            }
        }
    }
    Ok(None)
}

/// What is wrong with the key, and who can mend it.
pub fn problem(kind: SecretKind) -> String {
    format!(
        "the encryption key does not open {}: give the key that it was sealed with as LATCHKEY_ENCRYPTION_KEY (or as \
         LATCHKEY_ENCRYPTION_KEY_OLD beside the new one), or put the key file back beside the database",
        kind.column()
    )
}

/// Seals anew what an earlier version sealed to the row alone.
pub async fn bind_to_columns(db: &Db, sealer: &Sealer) -> Result<(), StoreError> {
    for kind in SecretKind::STORED {
        let first = sealed::of_kind(db.read(), kind, Some(1)).await?;
        if !first.iter().any(|one| is_bound_to_row(sealer, one)) {
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
            "secrets are bound to their column"
        );
        let stored: Result<(), StoreError> = db
            .write(move |tx| {
                Box::pin(async move {
                    for (row, value) in anew {
                        sealed::replace(tx, kind, row, value).await?;
                    }
                    Ok(())
                })
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
