//! `latchkey check`: checks settings, database, Kisi accounts and sources, and reports each problem and who can fix it.
//!
//! Kisi limits requests to five per second for each user, over all programs. Therefore an account that a running service works
//! on is judged by its stored status; Kisi is called only if no service holds the account's lease.

use std::process::ExitCode;

use crate::{
    app::App,
    clock::Clock,
    config::Config,
    decide::Layout,
    ingest::problems::{self, ProblemFixer},
    sealed,
    secret::SecretKind,
    store::{
        ClubScope, StoreError, account_owners, clubs, deliveries, kisi_accounts,
        row::{Club, KisiAccount, KisiStatus},
        sources,
    },
    unlock::restriction::at_door,
};

/// Prints one line for each check; exit status 1 if there is a problem.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    println!("ok     the settings");
    let app = App::start(config, Clock::system()).await?;
    println!("ok     the database answers and is migrated");
    let mut wrong = 0usize;
    match sealed::find_undecryptable(&app.db, &app.sealer).await? {
        None => println!("ok     the stored secrets can be opened"),
        Some(kind) => {
            wrong += 1;
            println!("WRONG  the stored secrets: {}", sealed::problem(kind));
        }
    }
    for club in clubs::all(app.db.read()).await? {
        let scope = ClubScope::new(club.id);
        for account in kisi_accounts::all(app.db.read(), scope).await? {
            if account.status == KisiStatus::Disconnected {
                continue;
            }
            let name = format!("{}: Kisi account “{}”", club.name, account.name);
            match check_account(&app, &account).await? {
                Ok(state) => println!("ok     {name} {state}"),
                Err(problem) => {
                    wrong += 1;
                    println!("WRONG  {name}: {problem}");
                }
            }
        }
        doors(&app, &club).await?;
        wrong += check_sources(&app, &club).await?;
    }
    Ok(if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The inner result: the account's state, or its problem.
async fn check_account(
    app: &App,
    account: &KisiAccount,
) -> Result<Result<String, String>, StoreError> {
    if account_owners::is_owned(app.db.read(), account.id).await? {
        return Ok(match &account.problem {
            None if matches!(
                account.status,
                KisiStatus::Connected | KisiStatus::Disconnecting
            ) =>
            {
                Ok("answers the running service".to_owned())
            }
            None => Err("Kisi does not answer the running service".to_owned()),
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
        Ok(key) => match app.kisi.for_user(account.kisi_user_id, key).me().await {
            Ok(_) => Ok("answers".to_owned()),
            Err(problem) => Err(problem.for_people()),
        },
    })
}

/// Prints the doors with restrictions in Kisi that may refuse an unlock. No problem: they may be intended.
async fn doors(app: &App, club: &Club) -> Result<(), StoreError> {
    let layout = Layout::load(app.db.read(), ClubScope::new(club.id)).await?;
    for lock in &layout.locks {
        let restrictions = at_door(lock, layout.managed_groups_of(lock.id));
        if restrictions.is_empty() {
            continue;
        }
        let reasons: Vec<&str> = restrictions
            .iter()
            .map(|restriction| restriction.for_people())
            .collect();
        println!(
            "note   {}: door “{}”: Kisi may refuse a remote unlock, because {}. An administrator can change that in Kisi, at \
             the lock or its groups.",
            club.name,
            lock.name,
            reasons.join(", ")
        );
    }
    Ok(())
}

/// Prints the state of each source. Returns the number of problems.
async fn check_sources(app: &App, club: &Club) -> Result<usize, StoreError> {
    let scope = ClubScope::new(club.id);
    let mut wrong = 0;
    let all = sources::all(app.db.read(), scope).await?;
    let ids: Vec<_> = all.iter().map(|source| source.id).collect();
    let figures = deliveries::stats(app.db.read(), scope, &ids).await?;
    let now = app.clock.now().micros();
    let mut problems = problems::of(app, scope, &all, now).await?;
    for source in all {
        let problems = problems.remove(&source.id).unwrap_or_default();
        let failed = figures.get(&source.id).map_or(0, |(_, failed)| *failed);
        let name = format!("{}: source “{}”", club.name, source.name);
        if failed > 0 {
            wrong += 1;
            println!(
                "WRONG  {name}: {failed} deliveries could not be processed. Each has its reason (deliveries, status FAILED); \
                 after the sender or the adapter is fixed, they can be replayed."
            );
        } else if problems.is_empty() {
            println!("ok     {name}");
        }
        for problem in problems {
            wrong += 1;
            let fixer = match problem.fixed_by {
                ProblemFixer::Admin => "an administrator of the club",
                ProblemFixer::Sender => "the person who maintains the sender",
                ProblemFixer::Platform => "the platform",
                ProblemFixer::Operator => "the operator of Latchkey",
            };
            println!(
                "WRONG  {name}: {} This can be fixed by {fixer}.",
                problem.message
            );
        }
    }
    Ok(wrong)
}
