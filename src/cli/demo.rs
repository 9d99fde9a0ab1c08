//! `latchkey demo`: the whole service on one machine with nothing set up, shown by a story on the
//! terminal.
//!
//! Promises: all that the story does, it does from outside, by signed webhooks and GraphQL; what it
//! says of Kisi is read back from the sandbox; the exit status is 0 only if every step came out as
//! told; nothing stays behind. Must never use a database or a Kisi that is anybody's. Called by the
//! command line.

use std::{io::Write, process::ExitCode};

use anyhow::bail;
use clap::Args;
use secrecy::ExposeSecret;

mod api;
mod club;
mod events;
mod folder;
mod look;
mod people;
mod scene;
mod stage;
mod story;
mod take_over;
mod tell;

use stage::House;
use tell::Teller;

#[derive(Debug, Args)]
pub struct Demo {
    /// Ends after the story. Exit status 0 only if every step came out as told.
    #[arg(long)]
    once: bool,
}

impl Demo {
    /// Tells the story, then stays up until it is told to end, unless it is to run once.
    ///
    /// # Errors
    /// Where the stage cannot be set; a step that came out otherwise is no error, but a status.
    pub async fn run(self, listen: Option<String>) -> anyhow::Result<ExitCode> {
        let mut teller = Teller::on_stdout();
        teller.title("Latchkey: doors in step with the books")?;
        let mut house = House::open(listen).await?;
        let told = self.perform(&mut house, &mut teller).await;
        house.close().await;
        told?;
        Ok(if teller.missed() == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    async fn perform(&self, house: &mut House, teller: &mut Teller) -> anyhow::Result<()> {
        let (club, token) = house.club().await?;
        let api = house.api(token.clone());
        let sandbox = house.sandbox();
        teller.note(&format!(
            "The service is on {}, with its database in a temporary folder;\n\
             Kisi is played by the sandbox on {}.",
            house.address(),
            house.kisi_address()
        ))?;
        let story = async {
            let mut scene = club::set_up(club, api, sandbox, teller).await?;
            story::tell(&mut scene, teller).await?;
            teller.ending()?;
            anyhow::Ok(())
        };
        tokio::select! {
            told = Box::pin(story) => told?,
            ended = house.ended() => {
                ended?;
                bail!("the demo was ended before its story was");
            }
        }
        if self.once {
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "\nIt stays up until Ctrl-C. The playground, and a token for its box:"
        )?;
        writeln!(
            out,
            "playground: {}/\ntoken: {}",
            house.address(),
            token.expose_secret()
        )?;
        out.flush()?;
        drop(out);
        Ok(house.ended().await?)
    }
}
