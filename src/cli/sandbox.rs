//! `latchkey sandbox`: runs only the Kisi sandbox, with a sample organization.

use std::{io::Write, net::TcpListener, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::{Args, ValueEnum};
use latchkey_sandbox::Switches;

use crate::{clock::Clock, secret::new_path_key};

#[derive(Debug, Args)]
pub struct Serve {
    /// The API key of the organization's owner; a new one by default.
    #[arg(long)]
    key: Option<String>,
    /// The contents of the organization.
    #[arg(long, value_enum, default_value_t)]
    seed: Seed,
    /// How many requests a second it answers for each user, as Kisi limits them; 0 for any number.
    #[arg(long, default_value_t = 5, value_name = "REQUESTS")]
    rate: u32,
}

#[derive(Copy, Clone, Debug, Default, ValueEnum)]
enum Seed {
    /// A clubhouse with four doors and three empty groups.
    #[default]
    Example,
    /// The same, plus years of history: people, groups and assignments created by hand.
    LivedIn,
}

impl Serve {
    pub async fn run(self, listen: Option<String>) -> anyhow::Result<ExitCode> {
        let listen = listen.unwrap_or_else(|| "127.0.0.1:9090".to_owned());
        let listener =
            TcpListener::bind(&listen).with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let clock = Clock::system();
        let key = self.key.unwrap_or_else(new_path_key);
        let clock: latchkey_sandbox::Clock = Arc::new(move || clock.now().timestamp());
        let sandbox = match self.seed {
            Seed::Example => latchkey_sandbox::example(clock, key),
            Seed::LivedIn => latchkey_sandbox::lived_in(clock, key),
        };
        sandbox.set(Switches {
            rate: (self.rate > 0).then_some(self.rate),
            ..Switches::default()
        });
        println!("listening on http://{address}\nkey: {}", sandbox.api_key());
        std::io::stdout().flush()?;
        sandbox.serve(listener)?.await?;
        Ok(ExitCode::SUCCESS)
    }
}
