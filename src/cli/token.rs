//! `latchkey token create`: one more token for a club, printed once.

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
        Scope, StoreError, clubs,
        row::{self, Role},
        tokens,
    },
};

#[derive(Debug, Subcommand)]
pub enum Token {
    /// Makes a token and prints it, this once.
    Create {
        /// The club's id, as `club create` printed it.
        #[arg(long)]
        club: String,
        /// What the token is called; unique in the club.
        #[arg(long)]
        name: String,
        /// What it may do.
        #[arg(long)]
        role: RoleWord,
        /// Prints {"token": "…"}.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Copy, Clone, Debug, ValueEnum)]
pub enum RoleWord {
    /// Reads and changes everything in the club.
    Admin,
    /// Reads, opens member sessions, unlocks for members.
    App,
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
            bail!("--club is {club:?}, which is no club's id: `latchkey club create` printed it");
        };
        let scope = Scope::new(id);
        if clubs::get(app.db.read(), scope).await?.is_none() {
            bail!("--club: there is no such club in this database");
        }
        if name.trim().is_empty() || tokens::exists(app.db.read(), scope, &name).await? {
            bail!("--name is {name:?}: a token needs a name that no other of the club has");
        }
        let role = match role {
            RoleWord::Admin => Role::Admin,
            RoleWord::App => Role::App,
            RoleWord::Reader => Role::Reader,
        };
        let token = issue(app, scope, &name, role).await?;
        if json {
            println!("{}", serde_json::json!({ "token": token.expose_secret() }));
        } else {
            println!("token: {}\nIt is shown this once.", token.expose_secret());
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes a token.
pub async fn issue(
    app: &App,
    scope: Scope,
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
        member_id: None,
        created_at: app.clock.now().micros(),
        expires_at: None,
    };
    app.db
        .write(move |tx| Box::pin(async move { tokens::create(tx, row).await }))
        .await?;
    Ok(token)
}
