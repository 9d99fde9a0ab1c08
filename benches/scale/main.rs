//! Measures how time and memory grow with the number of members: rule previews, re-evaluation of all members after an edit,
//! lists, revocations held by the brake; with the baselines of the same run. Run with `cargo bench --bench scale`. Arguments:
//! other numbers of members, and the URL of an empty PostgreSQL database, which is used for the last number. With `clubs` as the
//! first argument it measures deployments with these numbers of clubs (default 1, 100 and 1,000) instead, on SQLite or on
//! the PostgreSQL databases with this URL and the number of clubs; with `backlog`, a club beside one with so many people who wait
//! for Kisi (default 50,000), on SQLite or on this PostgreSQL database. `replicas` after either has two processes share the work.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark measures time, prints it, and panics on any error"
)]

mod backlog;
mod baseline;
mod club;
mod clubs;
mod grants;
mod members;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/service.rs"]
mod service;
mod spent;

use std::time::{Duration, Instant as Stopwatch};

use club::Club;
use serde_json::{Value, json};

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let sizes: Vec<usize> = arguments.iter().filter_map(|it| it.parse().ok()).collect();
    let server = arguments.iter().find(|it| it.starts_with("postgres"));
    let says = |word: &str| arguments.iter().any(|it| it == word);
    let replicas = if says("replicas") { 2 } else { 1 };
    if says("backlog") {
        let folder = tempfile::tempdir().expect("a folder");
        let file = format!("sqlite://{}/scale.db?mode=rwc", folder.path().display());
        let database = server.unwrap_or(&file);
        let waiting = sizes.first().copied().unwrap_or(50_000);
        return runtime.block_on(backlog::measure(database, waiting, replicas));
    }
    if says("clubs") {
        let counts = if sizes.is_empty() {
            vec![1, 100, 1_000]
        } else {
            sizes
        };
        return runtime.block_on(async {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().display();
            let database = |count: usize| match server {
                Some(server) => format!("{server}{count}"),
                None => format!("sqlite://{path}/clubs{count}.db?mode=rwc"),
            };
            clubs::measure(database, &counts, replicas).await;
        });
    }
    let sizes = if sizes.is_empty() {
        vec![1_000, 10_000, 100_000]
    } else {
        sizes
    };
    runtime.block_on(async {
        for members in &sizes {
            let folder = tempfile::tempdir().expect("a folder");
            let file = format!("sqlite://{}/scale.db?mode=rwc", folder.path().display());
            let database = server.filter(|_| Some(members) == sizes.last());
            measure(database.unwrap_or(&file), *members).await;
        }
    });
}

async fn measure(database: &str, members: usize) {
    let kind = database.split(':').next().unwrap_or_default();
    let club = Club::open(database, members).await;
    println!(
        "{members} members on {kind}, {} assignments in Kisi; idle {:.0} MB",
        club.assignments,
        club.server.memory_mb("VmRSS")
    );
    let (read, rows) = baseline::read(&club).await;
    let (decide, decisions) = baseline::decide(&club).await;
    say(
        "baseline: reading the same rows",
        Measurement::here(read),
        members,
        &format!("{rows} rows"),
    );
    say(
        "baseline: deciding about all members",
        Measurement::here(decide),
        members,
        &format!("{decisions} decisions"),
    );
    previews(&club, members, read + decide).await;
    decided_again(&club, members, read + decide).await;
    lists(&club).await;
    one_percent(&club, members).await;
    held(&club, members).await;
    println!(
        "  peak of the whole run: {:.0} MB",
        club.server.memory_mb("VmHWM")
    );
}

/// Elapsed time, and the CPU time of the server process in it; `None` for work in this process.
#[derive(Copy, Clone)]
struct Measurement {
    wall: Duration,
    spent: Option<Duration>,
}

impl Measurement {
    fn here(wall: Duration) -> Self {
        Self { wall, spent: None }
    }

    fn least(self, other: Self) -> Self {
        Self {
            wall: self.wall.min(other.wall),
            spent: self.spent.into_iter().chain(other.spent).min(),
        }
    }
}

struct Timer<'a>(&'a Club, Stopwatch, Duration);

impl<'a> Timer<'a> {
    fn start(club: &'a Club) -> Self {
        Self(club, Stopwatch::now(), spent::cpu_time(club.server.pid))
    }

    fn taken(&self) -> Measurement {
        Measurement {
            wall: self.1.elapsed(),
            spent: Some(spent::cpu_time(self.0.server.pid).saturating_sub(self.2)),
        }
    }
}

fn say(what: &str, took: Measurement, members: usize, more: &str) {
    let each = took.wall.as_secs_f64() * 1e6 / members as f64;
    let spent = took.spent.map_or_else(String::new, |it| {
        format!(", {:.0} ms CPU", it.as_secs_f64() * 1e3)
    });
    println!(
        "  {what}: {}, {each:.1} µs per member{spent}; {more}",
        ms(took.wall)
    );
}

async fn previews(club: &Club, members: usize, limit: Duration) {
    let query = "query($change: RuleChangeInput!) { previewRule(change: $change) \
                 { effect gainCount lossCount losses(first: 20) { nodes { member { name } } } } }";
    for (name, plans) in [("changes nothing", 10), ("takes a plan away", 9)] {
        let input = club::big(&club.groups, &club.plans, plans);
        let change = json!({ "change": { "update": { "rule": club.rules[0], "input": input } } });
        let mut best: Option<Measurement> = None;
        let mut answer = Value::Null;
        for _ in 0..3 {
            let watch = Timer::start(club);
            answer = club.ask(query, change.clone()).await;
            let taken = watch.taken();
            best = Some(best.map_or(taken, |best| best.least(taken)));
        }
        let best = best.expect("three");
        let losses = &answer["previewRule"]["lossCount"];
        let ratio = best.wall.as_secs_f64() / limit.as_secs_f64();
        let peak = club.server.memory_mb("VmHWM");
        let more = format!("{losses} losses; {ratio:.1} times the baseline; peak {peak:.0} MB");
        let what = format!("previewRule that {name}, best of 3");
        say(&what, best, members, &more);
    }
}

/// An edit that changes no member's access: all members are re-evaluated, and nothing is written to Kisi.
async fn decided_again(club: &Club, members: usize, limit: Duration) {
    club.sandbox.clear_calls();
    let mut answered = Duration::MAX;
    let mut best: Option<Measurement> = None;
    for enabled in [true, false, true] {
        let watch = Timer::start(club);
        let edit = club.edit(19, club::covered(&club.groups, enabled)).await;
        let taken = watch.taken();
        answered = answered.min(edit);
        best = Some(best.map_or(taken, |best| best.least(taken)));
    }
    let best = best.expect("three");
    assert!(club.sandbox.writes().is_empty(), "Kisi was written to");
    let ratio = best.wall.as_secs_f64() / limit.as_secs_f64();
    let peak = club.server.memory_mb("VmHWM");
    let more = format!(
        "the mutation alone {}; {ratio:.1} times the baseline; peak {peak:.0} MB",
        ms(answered)
    );
    let what = "re-evaluation after an edit, best of 3";
    say(what, best, members, &more);
}

async fn lists(club: &Club) {
    let group = json!({ "group": club.groups[0] });
    let few = json!({ "group": club.groups[9] });
    let allowed = "query($group: ID!) { node(id: $group) { ... on Group { allowedMembers(first: 50) { nodes { name email } } } } }";
    let counted = "query($group: ID!) { node(id: $group) { ... on Group { allowedMembers(first: 50) { totalCount } } } }";
    let search = "{ members(first: 50, filter: { search: \"ember99\" }) { nodes { name } } }";
    for (name, query, variables, times) in [
        (
            "allowedMembers(first: 50) of a group with all members",
            allowed,
            &group,
            20,
        ),
        (
            "allowedMembers(first: 50) of a group with few members",
            allowed,
            &few,
            20,
        ),
        ("allowedMembers with totalCount", counted, &group, 3),
        ("members(first: 50, search)", search, &Value::Null, 20),
    ] {
        listed(club, name, query, variables, times).await;
    }
}

async fn listed(club: &Club, name: &str, query: &str, variables: &Value, times: usize) {
    let mut all = Vec::new();
    for _ in 0..times {
        let began = Stopwatch::now();
        club.ask(query, variables.clone()).await;
        all.push(began.elapsed());
    }
    all.sort();
    println!(
        "  {name}: p50 {}, worst {}",
        ms(all[all.len() / 2]),
        ms(all[all.len() - 1])
    );
}

/// An edit that gives one in a hundred members an assignment: all members are sorted into lanes, then the assignments are sent to
/// Kisi, at most a thousand calls per second.
async fn one_percent(club: &Club, members: usize) {
    club.sandbox.clear_calls();
    let pool = json!({ "name": "Pool", "target": club.groups[9], "conditions": [{ "tag": { "tags": ["pool"] } }] });
    let watch = Timer::start(club);
    club.ask(club::CREATE, json!({ "rule": pool })).await;
    while club.unsorted().await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sorted = watch.taken().wall;
    club.settled().await;
    let taken = watch.taken();
    let calls = club.sandbox.calls().len();
    let writes = club.sandbox.writes().len();
    assert_eq!(writes, members / 100, "each gets one assignment");
    let rate = calls as f64 / (taken.wall - sorted).as_secs_f64();
    let more = format!(
        "sorted after {}; {writes} assignments, {rate:.0} calls per second",
        ms(sorted)
    );
    let what = "an edit that gives 1 in 100 members an assignment";
    say(what, taken, members, &more);
}

/// An edit that would revoke the access of one plan, and that the brake holds.
async fn held(club: &Club, members: usize) {
    let watch = Timer::start(club);
    let wording = club::big(&club.groups, &club.plans, 9);
    club.edit(0, wording).await;
    let taken = watch.taken();
    let held = club.held().await;
    assert!(held > 0, "the brake holds no revocation");
    let what = "an edit that the brake holds";
    say(what, taken, members, &format!("{held} held"));
    let query = "{ heldRevocations(first: 50) { totalCount nodes { member { name } cause } } }";
    listed(club, "heldRevocations(first: 50)", query, &Value::Null, 20).await;
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
