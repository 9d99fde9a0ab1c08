//! The story of the demo: an example club, events of its platforms, and checks of their effects.
//!
//! Contract: acts from outside, by signed webhooks and GraphQL; its statements about Kisi are read back
//! from the sandbox. Depends on no crate of the service, which runs already.
//! Called by `latchkey demo`.

mod api;
mod checks;
mod club;
mod console;
mod events;
mod http;
mod people;
mod scene;
mod signature;
mod story;
mod take_over;

use latchkey_sandbox::Sandbox;
use secrecy::SecretString;

pub use club::Club;
pub use console::Console;

/// The running service.
#[derive(Debug)]
pub struct Service {
    /// Its base URL, without a trailing slash.
    pub address: String,
    /// An ADMIN token of the example club.
    pub token: SecretString,
    /// Its Kisi, which goes by the same clock.
    pub sandbox: Sandbox,
}

/// Sets up the club and runs the story.
///
/// # Errors
/// When the club cannot be set up or the terminal fails. The console counts unexpected results of the steps.
pub async fn tell(service: Service, club: Club, console: &mut Console) -> anyhow::Result<()> {
    let api = api::Api::new(&service)?;
    let mut scene = club::set_up(club, api, service.sandbox, console).await?;
    story::run(&mut scene, console).await?;
    console.ending()?;
    Ok(())
}
