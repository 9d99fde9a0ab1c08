//! `latchkey check`: looks at settings, database, Kisi accounts and sources, and says what is wrong and who can mend it.
//!
//! Kisi counts requests by person, five a second, whichever program sends them. An account that a running service works on is
//! not asked then: that service knows how Kisi answers, and what it knows is stored. Only where none is at work, Kisi is asked.

use std::process::ExitCode;

use crate::{
    app::App,
    clock::Clock,
    config::Config,
    decide::Layout,
    sealed,
    secret::SecretKind,
    store::{
        Scope, StoreError, clubs, deliveries, kisi_accounts, leases,
        row::{Club, KisiAccount, KisiStatus},
        sources,
    },
    unlock::restriction::at_door,
};

/// Prints a line for each thing; exit status 1 where anything is wrong.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    println!("ok     the settings");
    let app = App::start(config, Clock::system()).await?;
    println!("ok     the database answers and is migrated");
    let mut wrong = 0usize;
    match sealed::unreadable(&app.db, &app.sealer).await? {
        None => println!("ok     the stored secrets can be opened"),
        Some(kind) => {
            wrong += 1;
            println!("WRONG  the stored secrets: {}", sealed::problem(kind));
        }
    }
    for club in clubs::all(app.db.read()).await? {
        let scope = Scope::new(club.id);
        for account in kisi_accounts::all(app.db.read(), scope).await? {
            if account.status == KisiStatus::Disconnected {
                continue;
            }
            let name = format!("{}: Kisi account “{}”", club.name, account.name);
            match of_account(&app, &account).await? {
                Ok(words) => println!("ok     {name} {words}"),
                Err(problem) => {
                    wrong += 1;
                    println!("WRONG  {name}: {problem}");
                }
            }
        }
        doors(&app, &club).await?;
        wrong += of_sources(&app, &club).await?;
    }
    Ok(if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// How an account is, or what is wrong with it.
async fn of_account(
    app: &App,
    account: &KisiAccount,
) -> Result<Result<String, String>, StoreError> {
    if leases::is_held(app.db.read(), &account.id.to_string()).await? {
        return Ok(match &account.problem {
            None if account.status == KisiStatus::Connected => {
                Ok("answers the service that is running".to_owned())
            }
            None => Err("it does not answer the service that is running".to_owned()),
            Some(problem) => Err(problem.clone()),
        });
    }
    let key = app.sealer.open(
        SecretKind::KisiCredentials,
        account.id,
        &account.credentials,
    );
    Ok(match key {
        Err(problem) => Err(problem.to_string()),
        Ok(key) => match app.kisi.of_user(account.kisi_user_id, key).me().await {
            Ok(_) => Ok("answers".to_owned()),
            Err(problem) => Err(problem.for_people()),
        },
    })
}

/// The doors that Kisi does not open for everybody who may pass. Nothing is wrong with them: it may be meant so.
async fn doors(app: &App, club: &Club) -> Result<(), StoreError> {
    let layout = Layout::load(app.db.read(), Scope::new(club.id)).await?;
    for lock in &layout.locks {
        let restrictions = at_door(lock, layout.managed_groups_of(lock.id));
        if restrictions.is_empty() {
            continue;
        }
        let words: Vec<&str> = restrictions.iter().map(|one| one.for_people()).collect();
        println!(
            "note   {}: door “{}”: Kisi may refuse an unlock from here, since {}. An administrator can lift that in Kisi, at \
             the lock or its groups.",
            club.name,
            lock.name,
            words.join(", ")
        );
    }
    Ok(())
}

/// Prints how the sources are; how much is wrong.
async fn of_sources(app: &App, club: &Club) -> Result<usize, StoreError> {
    let scope = Scope::new(club.id);
    let mut wrong = 0;
    let all = sources::all(app.db.read(), scope).await?;
    let ids: Vec<_> = all.iter().map(|source| source.id).collect();
    let figures = deliveries::figures(app.db.read(), scope, &ids).await?;
    for source in all {
        let failed = figures.get(&source.id).map_or(0, |(_, failed)| *failed);
        let name = format!("{}: source “{}”", club.name, source.name);
        if failed > 0 {
            wrong += 1;
            println!(
                "WRONG  {name}: {failed} deliveries were not understood. Each says why (deliveries, status FAILED); \
                 its sender can mend it, then it can be replayed."
            );
        } else if source.problem.is_none() {
            println!("ok     {name}");
        }
        if let Some(problem) = &source.problem {
            wrong += 1;
            println!("WRONG  {name}: {problem}");
        }
    }
    Ok(wrong)
}
