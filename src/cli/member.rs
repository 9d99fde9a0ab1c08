//! `latchkey member export` and `latchkey member erase`: what is stored about a person, and its removal, without the API.

use std::{process::ExitCode, sync::Arc};

use anyhow::bail;
use clap::{Args, Subcommand};
use uuid::Uuid;

use crate::{
    app::App,
    erasure,
    id::{Kind, decode_as},
    store::{ClubScope, StoreError, clubs, lookup, person_data, row},
    transaction,
};

#[derive(Debug, Subcommand)]
pub enum Member {
    /// Prints everything that is stored about a member, as JSON.
    Export(MemberArg),
    /// Ends all access of a member; `serve` removes the personal data once Kisi has confirmed that.
    Erase(MemberArg),
}

#[derive(Debug, Args)]
pub struct MemberArg {
    /// The member's id, from the API.
    #[arg(long)]
    member: String,
}

impl Member {
    pub async fn run(self, app: &Arc<App>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Export(asked) => {
                let (scope, member) = find(app, &asked.member).await?;
                let all = person_data::export(app.db.read(), scope, member.id).await?;
                println!("{all:#}");
            }
            Self::Erase(asked) => {
                let (scope, member) = find(app, &asked.member).await?;
                begin(app, scope, &member).await?;
                println!(
                    "the access ends, and the personal data is removed after it: see Member.erasure"
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn begin(app: &App, scope: ClubScope, member: &row::Member) -> Result<(), StoreError> {
    if member.erasure.is_some() {
        return Ok(());
    }
    let (id, now) = (member.id, app.clock.now().micros());
    let begun = transaction!(app.db, |tx| {
        erasure::begin(tx, scope, id, ("the command line", now)).await
    });
    begun.await.map(|_: bool| ())
}

/// Finds a member by the public id in all clubs.
async fn find(app: &App, text: &str) -> anyhow::Result<(ClubScope, row::Member)> {
    let Some(id): Option<Uuid> = decode_as(Kind::Member, text) else {
        bail!("--member is {text:?}, which is not a member id; the API shows the id");
    };
    for club in clubs::all(app.db.read()).await? {
        let scope = ClubScope::new(club.id);
        if let Some(member) = lookup::by_id::<row::Member>(app.db.read(), scope, id).await? {
            return Ok((scope, member));
        }
    }
    bail!("--member: this database has no such member")
}
