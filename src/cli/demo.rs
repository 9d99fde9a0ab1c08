//! `latchkey demo`: the whole service on one machine without any setup, shown by a story on the
//! terminal, which the crate `latchkey-demo` tells.
//!
//! Contract: the exit status is 0 only if every step had the expected result; nothing is left behind.
//! Never uses a real Kisi organization or an existing database.

use std::{io::Write, process::ExitCode};

use anyhow::bail;
use clap::Args;
use latchkey_demo::{Console, Service, tell};
use secrecy::ExposeSecret;

mod runtime;
mod temp_folder;

use runtime::DemoClub;

#[derive(Debug, Args)]
pub struct Demo {
    /// Ends after the story. Exit status 0 only if every step had the expected result.
    #[arg(long)]
    once: bool,
    /// How many requests a second the simulated Kisi answers. Kisi answers 5, and so most of the story's time is spent waiting.
    #[arg(long, default_value_t = 5, value_name = "REQUESTS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
}

impl Demo {
    /// Runs the story, then serves until Ctrl-C or SIGTERM, unless `once` is set.
    ///
    /// # Errors
    /// When the service or the sandbox cannot start. An unexpected result of a step only changes the exit status.
    pub async fn run(self, listen: Option<String>) -> anyhow::Result<ExitCode> {
        let mut console = Console::on_stdout();
        console.title("Latchkey keeps door access in step with memberships and bookings")?;
        let mut demo_club = DemoClub::open(listen, self.rate).await?;
        let result = self.perform(&mut demo_club, &mut console).await;
        demo_club.close().await;
        result?;
        Ok(if console.failed_checks() == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    async fn perform(&self, demo_club: &mut DemoClub, console: &mut Console) -> anyhow::Result<()> {
        let (club, token) = demo_club.club().await?;
        console.note(&format!(
            "The service runs on {}, with its database in a temporary folder.\n\
             Kisi is simulated by the sandbox on {}.",
            demo_club.address(),
            demo_club.kisi_address()
        ))?;
        let service = Service {
            address: demo_club.address().to_owned(),
            token: token.clone(),
            sandbox: demo_club.sandbox(),
        };
        tokio::select! {
            result = Box::pin(tell(service, club, console)) => result?,
            ended = demo_club.ended() => {
                ended?;
                bail!("the demo was stopped before the end of its story");
            }
        }
        if self.once {
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "\nThe service runs until Ctrl-C. Open the console or the playground and enter the token there:"
        )?;
        writeln!(
            out,
            "console: {}/console/\nplayground: {}/\ntoken: {}",
            demo_club.address(),
            demo_club.address(),
            token.expose_secret()
        )?;
        out.flush()?;
        drop(out);
        Ok(demo_club.ended().await?)
    }
}
