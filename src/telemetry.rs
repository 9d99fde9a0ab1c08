//! Sets up logging to standard error, as text or JSON, with the levels of the settings. Standard output is for results.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Config, LogFormat};

/// The log levels of libraries. actix logs malformed requests and WebSocket protocol violations as errors. Any client can cause
/// them, so they say nothing about this service.
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
    // `try_init` fails on the second call; the tests call `start` several times in one process.
    drop(started);
}
