//! `latchkey roster import`: sends a CSV or JSON file as a `roster.snapshot` of a source, processed like any other event. The
//! dry run applies it to an in-memory copy of the club, and prints the changes and what the brake would hold. A file with an
//! error is rejected as a whole, and nothing is stored.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use access::Instant;
use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::{Value, json};

use super::replay::find_source;
use crate::{
    app::App,
    clock::new_id,
    dry_run,
    graphql::scalar::parse_instant,
    id::{Kind, encode},
    ingest::{
        adapter,
        batch::{Job, Outcome},
        statement::Event,
    },
    store::row::DeliveryStatus,
};

mod columns;
mod csv;
mod dates;
mod decode;
mod report;
mod statuses;
mod table;

pub(crate) use table::Conventions;

#[derive(Debug, Subcommand)]
pub enum Roster {
    /// Imports a complete roster: what the file does not contain ends. The brake may hold the resulting revocations.
    Import {
        /// The source's id, from the API.
        #[arg(long)]
        source: String,
        /// Prints what would change, without changing anything.
        #[arg(long)]
        dry_run: bool,
        /// The time of the roster, RFC 3339; later changes are kept. Default: now.
        #[arg(long, value_name = "INSTANT")]
        at: Option<String>,
        /// The order of the numbers in dates such as 01/02/2026. Default: what the dates of the file show.
        #[arg(long, value_enum, value_name = "ORDER")]
        date_order: Option<dates::DateOrder>,
        /// What a word for the status of a membership means, such as "On break=paused"; for each word that is not known.
        #[arg(long = "status", value_name = "WORD=STATUS", value_parser = statuses::own_word)]
        statuses: Vec<(String, String)>,
        /// A .json file (a roster.snapshot, or its data), or CSV with column names in the first line.
        file: PathBuf,
    },
}

impl Roster {
    pub async fn run(self, app: &Arc<App>) -> anyhow::Result<ExitCode> {
        let Self::Import {
            source,
            dry_run,
            at,
            date_order,
            statuses,
            file,
        } = self;
        let now = app.clock.now();
        let at = at.map(|text| parse_instant(&text).with_context(|| format!("--at is {text:?}")));
        let at = at.transpose()?.map_or(now, Instant::from_micros);
        if at > now {
            bail!("--at is in the future");
        }
        let (scope, source) = find_source(app, &source).await?;
        let bytes =
            std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let conventions = Conventions {
            date_order,
            statuses: statuses.into_iter().collect(),
        };
        let (body, ignored) = snapshot(&file, &decode::text(&bytes), at, &conventions)
            .with_context(|| file.display().to_string())?;
        drop(bytes);
        if !ignored.is_empty() {
            eprintln!(
                "{}: these columns are not used: {}",
                file.display(),
                ignored.join(", ")
            );
        }
        let counts = counts(&body);
        let id = format!("roster:{}", new_id().simple());
        let bytes = body.to_string().into_bytes();
        // A roster of tens of thousands of people is large in each of its forms.
        drop(body);
        let job = Job::canonical(scope.club, source, id, bytes, now);
        let time = job.event.as_ref().map_err(Clone::clone).and_then(|event| {
            let time = Event::empty(&event.kind, event.happened_at);
            adapter::not_from_the_future(time, app.event_clock())
        });
        if let Err(wrong) = time {
            bail!("{}: {}", file.display(), wrong.message);
        }
        for warning in job.event.iter().flat_map(|event| &event.warnings) {
            eprintln!("warning: {}: {warning}", file.display());
        }
        if dry_run {
            let dry_run = dry_run::dry_run(&app.db, scope, job, now).await?;
            print!("{}", report::report(&counts, &dry_run));
            return Ok(ExitCode::SUCCESS);
        }
        match app.queue.store(job).await? {
            Outcome::Stored { delivery, status } => {
                println!("{counts} imported as {}", encode(Kind::Delivery, delivery));
                let is_late = status == DeliveryStatus::Ignored;
                if is_late {
                    println!("It changed nothing, because a later roster was already imported.");
                }
                Ok(ExitCode::SUCCESS)
            }
            // Unreachable: every import has a new id.
            Outcome::Duplicate { .. } => bail!("the roster was already imported"),
        }
    }
}

/// Converts the text of a file to a `roster.snapshot` event; a name that ends in `.json` selects JSON. `at` becomes its timestamp.
/// Returns the event, and the names of the columns that are not used.
pub(crate) fn snapshot(
    file: &std::path::Path,
    text: &str,
    at: Instant,
    conventions: &Conventions,
) -> anyhow::Result<(Value, Vec<String>)> {
    let is_json = file
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("json"));
    let event = |data: Value| json!({ "type": "roster.snapshot", "timestamp": at.timestamp().to_string(), "data": data });
    if !is_json {
        let found = table::roster(&csv::records(text)?, conventions)?;
        return Ok((event(found.data), found.ignored));
    }
    let json: Value = serde_json::from_str(text).context("the file is not valid JSON")?;
    match json.get("type").map(Value::as_str) {
        None => Ok((event(json), Vec::new())),
        Some(Some("roster.snapshot")) => Ok((json, Vec::new())),
        Some(_) => bail!("the type must be roster.snapshot"),
    }
}

/// The number of entries of each list of a snapshot, for example `2 members, 3 memberships`.
fn counts(body: &Value) -> String {
    let lists = body.get("data").and_then(Value::as_object);
    let counts = lists.into_iter().flatten().filter_map(|(name, list)| {
        let count = list.as_array()?.len();
        Some(format!("{count} {name}"))
    });
    counts.collect::<Vec<_>>().join(", ")
}
