//! The command line, one file per command. Results go to standard output, errors to standard error.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::{app::App, clock::Clock, config::Config, telemetry};

mod check;
pub mod club;
mod demo;
mod key;
mod member;
mod replay;
pub(crate) mod roster;
mod sandbox;
mod serve;
mod token;
pub mod webhook;

/// Keeps door access in Kisi in step with a club's memberships and bookings.
#[derive(Debug, Parser)]
#[command(name = "latchkey", version, propagate_version = true)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Sources of settings besides the environment.
#[derive(Debug, Args)]
struct Settings {
    /// A TOML file with settings; config.example.toml lists all of them.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen on, for example 127.0.0.1:8080; port 0 takes a free port.
    #[arg(long, global = true, value_name = "ADDR")]
    listen: Option<String>,
    /// The database: sqlite://FILE?mode=rwc, or postgres://…
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Any setting by name; overrides file and environment: --set kisi_rate=5. May be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Migrates the database, then runs the service. The default.
    Serve,
    /// Runs everything on this machine without any setup: a story on the terminal, then the playground.
    Demo(demo::Demo),
    /// Runs only the Kisi sandbox: Kisi's REST API in memory, for front-end teams and tests.
    Sandbox(sandbox::Serve),
    /// Clubs.
    #[command(subcommand)]
    Club(club::Club),
    /// Tokens for the API.
    #[command(subcommand)]
    Token(token::Token),
    /// Webhooks, from the sender's side.
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// What is stored about a person: export and erasure.
    #[command(subcommand)]
    Member(member::Member),
    /// The encryption key of stored secrets.
    #[command(subcommand)]
    Key(key::Key),
    /// Processes stored deliveries again with the current adapter.
    Replay(replay::Replay),
    /// Rosters: complete lists of members, from a file.
    #[command(subcommand)]
    Roster(roster::Roster),
    /// Prints the GraphQL schema.
    Schema,
    /// Migrates the database and exits.
    Migrate,
    /// Checks configuration, database, Kisi accounts and sources; exit status 1 if there is a problem.
    Check,
}

/// Parses the arguments and runs the command.
pub async fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match dispatch(arguments).await {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("latchkey: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { settings, command } = arguments;
    let command = match command.unwrap_or(Command::Serve) {
        Command::Schema => {
            print!("{}", crate::graphql::schema::sdl());
            return Ok(ExitCode::SUCCESS);
        }
        Command::Demo(demo) => return demo.run(settings.listen).await,
        Command::Sandbox(sandbox) => return sandbox.run(settings.listen).await,
        Command::Webhook(webhook) => return webhook.run().await,
        command => command,
    };
    let config = settings.load()?;
    telemetry::start(&config);
    match command {
        Command::Serve => serve::run(config).await,
        Command::Club(club) => club.run(&start(config).await?).await,
        Command::Token(token) => token.run(&start(config).await?).await,
        Command::Member(member) => member.run(&start(config).await?).await,
        Command::Key(key) => key.run(&start(config).await?).await,
        Command::Replay(replay) => replay.run(&start(config).await?).await,
        Command::Roster(roster) => roster.run(&start(config).await?).await,
        Command::Check => check::run(config).await,
        Command::Migrate => {
            start(config).await?;
            Ok(ExitCode::SUCCESS)
        }
        // Already run above, without reading the settings.
        Command::Schema | Command::Demo(_) | Command::Sandbox(_) | Command::Webhook(_) => {
            Ok(ExitCode::SUCCESS)
        }
    }
}

impl Settings {
    fn load(self) -> anyhow::Result<Config> {
        let mut flags: BTreeMap<String, String> = BTreeMap::new();
        for setting in self.set {
            let (key, value) = setting
                .split_once('=')
                .with_context(|| format!("--set {setting}: expected KEY=VALUE"))?;
            flags.insert(key.to_owned(), value.to_owned());
        }
        flags.extend(self.listen.map(|value| ("listen".to_owned(), value)));
        flags.extend(
            self.database_url
                .map(|value| ("database_url".to_owned(), value)),
        );
        Ok(Config::load(
            self.config.as_deref(),
            std::env::vars(),
            &flags,
        )?)
    }
}

async fn start(config: Config) -> anyhow::Result<Arc<App>> {
    Ok(App::start(config, Clock::system()).await?)
}
