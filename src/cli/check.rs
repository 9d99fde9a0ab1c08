//! `latchkey check`: looks at settings, database, Kisi accounts and sources, and says what is wrong and who can mend it.

use std::process::ExitCode;

use crate::{
    app::App,
    clock::Clock,
    config::Config,
    sealed,
    secret::SecretKind,
    store::{Scope, clubs, deliveries, kisi_accounts, row::KisiStatus, sources},
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
            let key = app.sealer.open(
                SecretKind::KisiCredentials,
                account.id,
                &account.credentials,
            );
            let told = match key {
                Err(problem) => Err(problem.to_string()),
                Ok(key) => app
                    .kisi
                    .with_key(key)
                    .me()
                    .await
                    .map(|_| ())
                    .map_err(|problem| problem.for_people()),
            };
            match told {
                Ok(()) => println!("ok     {name} answers"),
                Err(problem) => {
                    wrong += 1;
                    println!("WRONG  {name}: {problem}");
                }
            }
        }
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
    }
    Ok(if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
