//! `latchkey club create`: creates a club and prints its first token, once.

use std::{process::ExitCode, sync::Arc};

use anyhow::bail;
use clap::Subcommand;
use secrecy::ExposeSecret;

use super::token::issue;
use crate::{
    app::App,
    clock::new_id,
    id::{Kind, encode},
    store::{
        ClubScope, StoreError, clubs,
        row::{self, Role, UnlockVisibility},
    },
    transaction,
};

#[derive(Debug, Subcommand)]
pub enum Club {
    /// Creates a club and prints its first ADMIN token, which is shown only once.
    Create {
        /// The name of the club.
        #[arg(long)]
        name: String,
        /// An IANA time zone, for example Europe/Berlin.
        #[arg(long)]
        time_zone: String,
        /// Prints {"club": ID, "token": "…"}.
        #[arg(long)]
        json: bool,
    },
}

impl Club {
    pub async fn run(self, app: &Arc<App>) -> anyhow::Result<ExitCode> {
        let Self::Create {
            name,
            time_zone,
            json,
        } = self;
        if name.trim().is_empty() {
            bail!("--name is empty: a club needs a name");
        }
        if jiff::tz::TimeZone::get(&time_zone).is_err() {
            bail!(
                "--time-zone is {time_zone:?}; it must be an IANA time zone, for example Europe/Berlin"
            );
        }
        let row = new(name, time_zone, app.clock.now().micros());
        let (id, scope) = (row.id, ClubScope::new(row.id));
        let created: Result<(), StoreError> =
            transaction!(app.db, |tx| clubs::create(tx, row).await).await;
        created?;
        let token = issue(app, scope, "first", Role::Admin).await?;
        let id = encode(Kind::Club, id);
        if json {
            println!(
                "{}",
                serde_json::json!({ "club": id, "token": token.expose_secret() })
            );
        } else {
            println!(
                "club:  {id}\ntoken: {}\nThe token is shown only once.",
                token.expose_secret()
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A club with default settings. `now`: microseconds.
pub fn new(name: String, time_zone: String, now: i64) -> row::Club {
    row::Club {
        id: new_id(),
        name,
        time_zone,
        revision: 0,
        brake_enabled: true,
        brake_people: 3,
        brake_percent: 5,
        brake_window_s: 3600,
        known_since: None,
        unlock_visibility: UnlockVisibility::Public,
        created_at: now,
    }
}
