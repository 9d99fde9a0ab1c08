//! `latchkey roster import`: sends a CSV or JSON file as a `roster.snapshot` of a source, processed like any other event. The
//! dry run applies it to an in-memory copy of the club, and prints the changes and what the brake would hold. A file with an
//! error is rejected as a whole, and nothing is stored.

use std::{fmt::Display, path::PathBuf, process::ExitCode, sync::Arc};

use access::Instant;
use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::Value;

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
pub(crate) mod decode;
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
        let snapshot = snapshot(&file, &decode::text(&bytes), at, &conventions)
            .with_context(|| file.display().to_string())?;
        // A roster of tens of thousands of people is large in each of its forms.
        drop(bytes);
        if !snapshot.ignored.is_empty() {
            eprintln!(
                "{}: these columns are not used: {}",
                file.display(),
                snapshot.ignored.join(", ")
            );
        }
        let counts = snapshot.counts;
        let id = format!("roster:{}", new_id().simple());
        let job = Job::canonical(scope.club, source, id, snapshot.body.into_bytes(), now);
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

/// The event of a file.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// A `roster.snapshot`, as JSON.
    pub body: String,
    /// The number of entries of each list, for example `2 members, 3 memberships`.
    pub counts: String,
    /// The names of the columns that are not used.
    pub ignored: Vec<String>,
}

/// Converts the text of a file to a `roster.snapshot` event; a name that ends in `.json` selects JSON. `at` becomes its timestamp.
pub(crate) fn snapshot(
    file: &std::path::Path,
    text: &str,
    at: Instant,
    conventions: &Conventions,
) -> anyhow::Result<Snapshot> {
    let is_json = file
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("json"));
    if !is_json {
        let roster = table::roster(&csv::Csv::open(text)?, conventions)?;
        return Ok(Snapshot {
            body: event(&roster.data, at),
            counts: joined(roster.counts),
            ignored: roster.ignored,
        });
    }
    let json: Value = serde_json::from_str(text).context("the file is not valid JSON")?;
    let (body, data) = match json.get("type").map(Value::as_str) {
        None => (event(&json.to_string(), at), Some(&json)),
        Some(Some("roster.snapshot")) => (json.to_string(), json.get("data")),
        Some(_) => bail!("the type must be roster.snapshot"),
    };
    let lists = data.and_then(Value::as_object).into_iter().flatten();
    let counts = lists.filter_map(|(name, list)| Some((name, list.as_array()?.len())));
    Ok(Snapshot {
        body,
        counts: joined(counts),
        ignored: Vec::new(),
    })
}

/// A snapshot with this data, which is JSON.
fn event(data: &str, at: Instant) -> String {
    let at = at.timestamp();
    format!(r#"{{"type":"roster.snapshot","timestamp":"{at}","data":{data}}}"#)
}

fn joined(counts: impl IntoIterator<Item = (impl Display, usize)>) -> String {
    let counts = counts.into_iter();
    let counts = counts.map(|(name, count)| format!("{count} {name}"));
    counts.collect::<Vec<_>>().join(", ")
}
