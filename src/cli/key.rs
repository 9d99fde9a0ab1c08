//! `latchkey key rotate`: encrypts the stored secrets with another key, so that the previous one is needed no more.

use std::{process::ExitCode, sync::Arc};

use anyhow::bail;
use clap::Subcommand;

use crate::{app::App, sealed};

#[derive(Debug, Subcommand)]
pub enum Key {
    /// Encrypts all stored secrets with `encryption_key`; those of the previous key are decrypted with `encryption_key_old`. The
    /// service may run, if all of its processes have both settings. Can be repeated after an abort.
    Rotate,
}

impl Key {
    pub async fn run(self, app: &Arc<App>) -> anyhow::Result<ExitCode> {
        let Self::Rotate = self;
        if app.config.encryption_key_old.is_none() {
            bail!(
                "set LATCHKEY_ENCRYPTION_KEY to the new key and LATCHKEY_ENCRYPTION_KEY_OLD to the previous one (the content of the \
                 key file beside the database, if there is one), restart the service with both, and repeat this command"
            );
        }
        let mut is_complete = true;
        for rotated in sealed::rotate(&app.db, &app.sealer).await? {
            let column = rotated.kind.column();
            println!(
                "{column}: {} encrypted anew, {} had the new key already",
                rotated.anew, rotated.current
            );
            if rotated.unreadable > 0 {
                is_complete = false;
                eprintln!(
                    "{column}: {} cannot be decrypted with either key",
                    rotated.unreadable
                );
            }
        }
        if !is_complete {
            bail!(
                "some secrets are lost with this pair of keys: keep the previous key and look for the one that encrypted them"
            );
        }
        println!(
            "All secrets are encrypted with the new key. Remove encryption_key_old and restart the service; then destroy the \
             previous key and the backups that need it."
        );
        Ok(ExitCode::SUCCESS)
    }
}
