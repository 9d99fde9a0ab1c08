//! `latchkey roster import`: a CSV or JSON file as a `roster.snapshot` of a source, through the same way in as any event. The
//! dry run carries it out in a copy of the club in memory, and prints what it would change and what the brake would hold. What
//! the file does not understand is refused whole: nothing is stored then.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use access::Instant;
use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::{Value, json};

use super::replay::find_source;
use crate::{
    app::App,
    clock::new_id,
    graphql::scalar::parse_instant,
    id::{Kind, encode},
    ingest::{
        adapter,
        batch::{Job, Outcome},
        rehearsal::{self, BrakeForecast, Rehearsal},
    },
    store::row::DeliveryStatus,
};

mod csv;
mod table;

#[derive(Debug, Subcommand)]
pub enum Roster {
    /// Takes a file for all that there is: what it does not name is over, and the brake holds what would follow from that.
    Import {
        /// The source's id, as the API gives it.
        #[arg(long)]
        source: String,
        /// Prints what would change, and changes nothing.
        #[arg(long)]
        dry_run: bool,
        /// When the roster was true, RFC 3339: what happened later stands. Left out: now.
        #[arg(long, value_name = "INSTANT")]
        at: Option<String>,
        /// A .json file (a roster.snapshot, or its data), else CSV with a line of names on top.
        file: PathBuf,
    },
}

impl Roster {
    pub async fn run(self, app: &Arc<App>) -> anyhow::Result<ExitCode> {
        let Self::Import {
            source,
            dry_run,
            at,
            file,
        } = self;
        let now = app.clock.now();
        let at = at.map(|text| parse_instant(&text).with_context(|| format!("--at is {text:?}")));
        let at = at.transpose()?.map_or(now, Instant::from_micros);
        if at > now {
            bail!("--at lies in the future");
        }
        let (scope, source) = find_source(app, &source).await?;
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        let body = snapshot(&file, &text, at).with_context(|| file.display().to_string())?;
        let named = named(&body);
        let id = format!("roster:{}", new_id().simple());
        let job = Job::made(scope.club, source, id, body.to_string().into_bytes(), now);
        let event = job.event.clone();
        match event.and_then(|event| adapter::not_from_the_future(event, app.present())) {
            Ok(event) => {
                for warning in &event.warnings {
                    eprintln!("warning: {}: {warning}", file.display());
                }
            }
            Err(wrong) => bail!("{}: {}", file.display(), wrong.message),
        }
        if dry_run {
            let rehearsal = rehearsal::rehearse(&app.db, scope, job, now).await?;
            print!("{}", told(&named, &rehearsal));
            return Ok(ExitCode::SUCCESS);
        }
        match app.queue.store(job).await? {
            Outcome::Stored { delivery, status } => {
                println!("{named} taken in as {}", encode(Kind::Delivery, delivery));
                let is_late = status == DeliveryStatus::Ignored;
                if is_late {
                    println!("It says nothing that is new: a later roster stands.");
                }
                Ok(ExitCode::SUCCESS)
            }
            // No two imports share an id.
            Outcome::Duplicate { .. } => bail!("it was taken in already"),
        }
    }
}

/// The file as a `roster.snapshot`.
pub(crate) fn snapshot(file: &std::path::Path, text: &str, at: Instant) -> anyhow::Result<Value> {
    let is_json = file
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("json"));
    let event = |data: Value| json!({ "type": "roster.snapshot", "timestamp": at.timestamp().to_string(), "data": data });
    if !is_json {
        return Ok(event(table::roster(&csv::records(text)?)?));
    }
    let json: Value = serde_json::from_str(text).context("it is no JSON")?;
    match json.get("type").map(Value::as_str) {
        None => Ok(event(json)),
        Some(Some("roster.snapshot")) => Ok(json),
        Some(_) => bail!("its type has to be roster.snapshot"),
    }
}

/// How many of each kind a snapshot names, in words.
fn named(body: &Value) -> String {
    let lists = body.get("data").and_then(Value::as_object);
    let counts = lists.into_iter().flatten().filter_map(|(name, list)| {
        let count = list.as_array()?.len();
        Some(format!("{count} {name}"))
    });
    counts.collect::<Vec<_>>().join(", ")
}

fn told(named: &str, rehearsal: &Rehearsal) -> String {
    let mut text = format!("{named}. It would lead to this, and nothing was changed:\n");
    for change in &rehearsal.changes {
        let address = change.email.as_deref().unwrap_or("no e-mail");
        for (mark, doors) in [('+', &change.gains), ('-', &change.loses)] {
            if !doors.is_empty() {
                text.push_str(&format!(
                    "{mark} {} <{address}>: {}\n",
                    change.name,
                    doors.join(", ")
                ));
            }
        }
    }
    let gain = rehearsal
        .changes
        .iter()
        .filter(|one| !one.gains.is_empty())
        .count();
    let lose = rehearsal
        .changes
        .iter()
        .filter(|one| !one.loses.is_empty())
        .count();
    text.push_str(&format!(
        "{gain} gain access, {lose} lose access; {} members are new. {}\n",
        rehearsal.new_members,
        brake(rehearsal.brake)
    ));
    text
}

/// What the brake would say, in words.
fn brake(forecast: BrakeForecast) -> String {
    let BrakeForecast {
        losing,
        left,
        holds,
        is_on,
    } = forecast;
    if !is_on {
        format!("The brake is off: {losing} people would lose access at once.")
    } else if holds {
        format!(
            "The brake would hold what {losing} people lose, since {left} more may lose access within its window: an admin would \
             have to approve it."
        )
    } else {
        format!(
            "The brake would let pass what {losing} people lose at once; {left} more may lose access within its window."
        )
    }
}
