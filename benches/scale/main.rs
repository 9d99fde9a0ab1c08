//! How the service's time and memory grow with the members: previews of a rule, everybody decided again after an edit,
//! lists, what the brake holds; beside the machine's own limit in the same run. `cargo bench --bench scale`; other numbers
//! of members as arguments, and a PostgreSQL URL for an empty database, which takes the last number.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark measures time, tells it, and ends where anything is wrong"
)]

mod club;
mod kept;
mod limit;
mod members;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/service.rs"]
mod service;

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
    let (read, rows) = limit::read(&club).await;
    let (decide, decisions) = limit::decide(&club).await;
    say(
        "the machine's own: the same rows read",
        Taken::here(read),
        members,
        &format!("{rows} rows"),
    );
    say(
        "the machine's own: everybody decided",
        Taken::here(decide),
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

/// Time that went by, and what the server spent of the processors in it.
#[derive(Copy, Clone)]
struct Taken {
    wall: Duration,
    spent: Option<Duration>,
}

impl Taken {
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

struct Watch<'a>(&'a Club, Stopwatch, Duration);

impl<'a> Watch<'a> {
    fn start(club: &'a Club) -> Self {
        Self(club, Stopwatch::now(), club.spent())
    }

    fn taken(&self) -> Taken {
        Taken {
            wall: self.1.elapsed(),
            spent: Some(self.0.spent().saturating_sub(self.2)),
        }
    }
}

fn say(what: &str, took: Taken, members: usize, more: &str) {
    let each = took.wall.as_secs_f64() * 1e6 / members as f64;
    let spent = took.spent.map_or_else(String::new, |it| {
        format!(", {:.0} ms of the processors", it.as_secs_f64() * 1e3)
    });
    println!(
        "  {what}: {}, {each:.1} µs a member{spent}; {more}",
        ms(took.wall)
    );
}

async fn previews(club: &Club, members: usize, limit: Duration) {
    let query = "query($change: RuleChangeInput!) { previewRule(change: $change) \
                 { effect gainCount lossCount losses(first: 20) { nodes { member { name } } } } }";
    for (name, plans) in [("changes nothing", 10), ("takes a plan away", 9)] {
        let input = club::big(&club.groups, &club.plans, plans);
        let change = json!({ "change": { "update": { "rule": club.rules[0], "input": input } } });
        let mut best: Option<Taken> = None;
        let mut answer = Value::Null;
        for _ in 0..3 {
            let watch = Watch::start(club);
            answer = club.ask(query, change.clone()).await;
            let taken = watch.taken();
            best = Some(best.map_or(taken, |best| best.least(taken)));
        }
        let best = best.expect("three");
        let losses = &answer["previewRule"]["lossCount"];
        let ratio = best.wall.as_secs_f64() / limit.as_secs_f64();
        let peak = club.server.memory_mb("VmHWM");
        let more = format!("{losses} lose; {ratio:.1} times the machine's own; peak {peak:.0} MB");
        let what = format!("previewRule that {name}, best of 3");
        say(&what, best, members, &more);
    }
}

/// An edit that touches nobody's result: everybody is looked at, and Kisi is told nothing.
async fn decided_again(club: &Club, members: usize, limit: Duration) {
    club.sandbox.forget_calls();
    let mut answered = Duration::MAX;
    let mut best: Option<Taken> = None;
    for enabled in [true, false, true] {
        let watch = Watch::start(club);
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
        "the edit itself {}; {ratio:.1} times the machine's own; peak {peak:.0} MB",
        ms(answered)
    );
    let what = "decided again after an edit, best of 3";
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
            "allowedMembers(first: 50) of everybody's group",
            allowed,
            &group,
            20,
        ),
        (
            "allowedMembers(first: 50) of a group of some",
            allowed,
            &few,
            20,
        ),
        ("allowedMembers with their number", counted, &group, 3),
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

/// An edit that gives one in a hundred something: all are sorted, then Kisi is told, a thousand calls a second at most.
async fn one_percent(club: &Club, members: usize) {
    club.sandbox.forget_calls();
    let pool = json!({ "name": "Pool", "target": club.groups[9], "conditions": [{ "tag": { "tags": ["pool"] } }] });
    let watch = Watch::start(club);
    club.ask(club::CREATE, json!({ "rule": pool })).await;
    while club.unsorted().await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sorted = watch.taken().wall;
    club.settled().await;
    let taken = watch.taken();
    let calls = club.sandbox.calls().len();
    let made = club.sandbox.writes().len();
    assert_eq!(made, members / 100, "each gets one assignment");
    let rate = calls as f64 / (taken.wall - sorted).as_secs_f64();
    let more = format!(
        "sorted after {}; {made} assignments, {rate:.0} calls a second",
        ms(sorted)
    );
    let what = "an edit that gives 1 in 100 something";
    say(what, taken, members, &more);
}

/// An edit that would take a plan's access away, and is held.
async fn held(club: &Club, members: usize) {
    let watch = Watch::start(club);
    let wording = club::big(&club.groups, &club.plans, 9);
    club.edit(0, wording).await;
    let taken = watch.taken();
    let held = club.held().await;
    assert!(held > 0, "nothing is held");
    let what = "an edit that the brake holds";
    say(what, taken, members, &format!("{held} held"));
    let query = "{ heldRevocations(first: 50) { totalCount nodes { member { name } cause } } }";
    listed(club, "heldRevocations(first: 50)", query, &Value::Null, 20).await;
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
