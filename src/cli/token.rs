//! `latchkey token create`: creates another token for a club and prints it, once.

use std::{process::ExitCode, sync::Arc};

use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::App,
    clock::new_id,
    id::{Kind, decode_as},
    secret::{hash_token, new_token},
    store::{
        ClubScope, StoreError, clubs,
        row::{self, Role},
        tokens,
    },
    transaction,
};

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Creates a token and prints it, only once.
    Create {
        /// The club's id, printed by `club create`.
        #[arg(long)]
        club: String,
        /// The name of the token, unique in the club.
        #[arg(long)]
        name: String,
        /// The permissions of the token.
        #[arg(long)]
        role: RoleArg,
        /// Prints {"token": "…"}.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Copy, Clone, Debug, ValueEnum)]
pub enum RoleArg {
    /// Reads and changes everything in the club.
    Admin,
    /// Reads, creates member sessions, unlocks for members.
    App,
    /// Reads, unlocks for members, shares access for at most a day, suspends members.
    Desk,
    /// Reads only.
    Reader,
}

impl Token {
    pub async fn run(self, app: &Arc<App>) -> anyhow::Result<ExitCode> {
        let Self::Create {
            club,
            name,
            role,
            json,
        } = self;
        let Some(id) = decode_as(Kind::Club, &club) else {
            bail!(
                "--club is {club:?}, which is not a club id; `latchkey club create` prints the id"
            );
        };
        let scope = ClubScope::new(id);
        if clubs::get(app.db.read(), scope).await?.is_none() {
            bail!("--club: this database has no such club");
        }
        if name.trim().is_empty() || tokens::exists(app.db.read(), scope, &name).await? {
            bail!("--name is {name:?}: a token needs a name that no other token of the club has");
        }
        let role = match role {
            RoleArg::Admin => Role::Admin,
            RoleArg::App => Role::App,
            RoleArg::Desk => Role::Desk,
            RoleArg::Reader => Role::Reader,
        };
        let token = issue(app, scope, &name, role).await?;
        if json {
            println!("{}", serde_json::json!({ "token": token.expose_secret() }));
        } else {
            println!("token: {}\nIt is shown only once.", token.expose_secret());
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Creates a token. Its secret is returned only here.
pub async fn issue(
    app: &App,
    scope: ClubScope,
    name: &str,
    role: Role,
) -> Result<SecretString, StoreError> {
    let token = new_token();
    let row = row::Token {
        id: new_id(),
        club_id: scope.club,
        name: name.to_owned(),
        role,
        hash: hash_token(token.expose_secret()),
        subject: None,
        member_id: None,
        created_at: app.clock.now().micros(),
        expires_at: None,
    };
    transaction!(app.db, |tx| tokens::create(tx, row).await).await?;
    Ok(token)
}
