//! Logs: to standard error, as text or as JSON, narrowed by the settings. Standard output is for answers.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Config, LogFormat};

/// What libraries log. The web server reports bytes that are no request, and sockets that break the protocol, as errors: anybody
/// can send those, so that they say nothing about this service.
const LIBRARIES: &str = "sea_orm_migration=warn,actix_server=warn,actix_http=off";

/// Starts logging; a second call in one process changes nothing.
pub fn start(config: &Config) {
    let filter = EnvFilter::try_new(format!("{LIBRARIES},{}", config.log))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let started = match config.log_format {
        LogFormat::Json => registry
            .with(fmt::layer().json().with_writer(std::io::stderr))
            .try_init(),
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            registry
                .with(fmt::layer().with_ansi(colours).with_writer(std::io::stderr))
                .try_init()
        }
    };
    // Tests of one process start it more than once.
    drop(started);
}
