//! Generators of random acts on a club: events of all kinds, on time and late; rules with all conditions; shares, suspensions,
//! passing time.

use jiff::{Timestamp, ToSpan};
use proptest::{
    option,
    prelude::*,
    sample::{select, subsequence},
};
use serde_json::{Value, json};

use crate::support::event::person;

pub const PEOPLE: [&str; 5] = ["ada", "bob", "cyd", "dan", "eve"];
const COMPANIES: [&str; 2] = ["acme", "bolt"];
const DAYS: [&str; 7] = [
    "MONDAY",
    "TUESDAY",
    "WEDNESDAY",
    "THURSDAY",
    "FRIDAY",
    "SATURDAY",
    "SUNDAY",
];

/// One act. `@name` stands for an id. `nth` counts modulo the number of existing objects.
#[derive(Clone, Debug)]
pub enum Act {
    /// A webhook event; `late` is its age in seconds.
    Event {
        kind: &'static str,
        data: Value,
        late: u32,
    },
    Rule(Value),
    Edit {
        nth: usize,
        input: Value,
    },
    Delete(usize),
    /// `from` and `until` are hours from now.
    Share {
        who: &'static str,
        scope: &'static str,
        from: Option<i64>,
        until: Option<i64>,
    },
    EndShare(usize),
    Suspend {
        who: &'static str,
        until: Option<i64>,
    },
    Resume(&'static str),
    /// Advances the clock by minutes.
    Wait(u32),
}

/// Four rules and six events, then random acts.
pub fn acts() -> impl Strategy<Value = Vec<Act>> {
    let begin = (
        prop::collection::vec(rule().prop_map(Act::Rule), 4),
        prop::collection::vec(event(), 6),
    );
    let then = prop::collection::vec(act(), 17);
    (begin, then).prop_map(|((rules, events), then)| [rules, events, then].concat())
}

fn act() -> impl Strategy<Value = Act> {
    let hours = || option::of(1..60i64);
    prop_oneof![
        8 => event(),
        2 => rule().prop_map(Act::Rule),
        2 => (0..9usize, rule()).prop_map(|(nth, input)| Act::Edit { nth, input }),
        1 => (0..9usize).prop_map(Act::Delete),
        2 => (who(), scope(), option::of(-5..20i64), option::of(21..60i64))
            .prop_map(|(who, scope, from, until)| Act::Share { who, scope, from, until }),
        1 => (0..9usize).prop_map(Act::EndShare),
        1 => (who(), hours()).prop_map(|(who, until)| Act::Suspend { who, until }),
        1 => who().prop_map(Act::Resume),
        2 => (1..600u32).prop_map(Act::Wait),
    ]
}

fn who() -> impl Strategy<Value = &'static str> {
    select(&PEOPLE[..])
}

fn scope() -> impl Strategy<Value = &'static str> {
    select(vec!["Members", "Simulator bookings", "place", "account"])
}

fn target() -> impl Strategy<Value = &'static str> {
    select(vec![
        "@Members",
        "@Members",
        "@Simulator bookings",
        "@Front door",
        "@Simulator 1",
        "@Range",
    ])
}

fn rule() -> impl Strategy<Value = Value> {
    let conditions = prop::collection::vec(condition(), 1..=2);
    (target(), conditions, prop::bool::weighted(0.85)).prop_map(|(target, conditions, enabled)| {
        json!({ "name": "a rule", "target": target, "conditions": conditions, "enabled": enabled })
    })
}

fn condition() -> impl Strategy<Value = Value> {
    let at_most_one = |names: &'static [&'static str]| subsequence(names, 0..=1);
    let places = move || at_most_one(&["@hq", "@ny"]);
    let membership = (
        at_most_one(&["@gold", "@silver"]),
        places(),
        select(vec!["DENY", "ALLOW", "GRACE"]),
        1..40u32,
    );
    let membership = membership.prop_map(|(offerings, locations, blocked, hours)| {
        let grace = (blocked == "GRACE").then(|| format!("PT{hours}H"));
        json!({ "membership": { "offerings": offerings, "locations": locations, "whenBlocked": blocked, "grace": grace } })
    });
    let margins = (
        0..90u32,
        0..90u32,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    let registration = (
        at_most_one(&["@oak", "@bay"]),
        at_most_one(&["ROOM", "RESOURCE"]),
        places(),
        margins,
    );
    let registration = registration.prop_map(|(offerings, kinds, locations, margins)| {
        let (before, after, day, guests, ongoing) = margins;
        json!({ "registration": { "offerings": offerings, "kinds": kinds, "locations": locations,
            "opensBefore": format!("PT{before}M"), "closesAfter": format!("PT{after}M"),
            "span": if day { "DAY" } else { "BOOKING" }, "guests": guests, "appliesToOngoing": ongoing } })
    });
    let purchase = places().prop_map(
        |locations| json!({ "purchase": { "offerings": ["@pass"], "locations": locations } }),
    );
    let tag = select(vec!["vip", "range"]).prop_map(|tag| json!({ "tag": { "tags": [tag] } }));
    let times = (
        subsequence(&DAYS[..], 1..=7),
        0..24u32,
        1..24u32,
        option::of(select(vec!["America/New_York", "UTC"])),
    );
    let schedule = times.prop_map(|(days, from, length, zone)| {
        let until = (from + length) % 24;
        json!({ "schedule": { "days": days, "from": format!("{from:02}:30"), "until": format!("{until:02}:30"), "timeZone": zone } })
    });
    prop_oneof![4 => membership, 4 => registration, 1 => purchase, 2 => tag, 2 => schedule]
}

fn event() -> impl Strategy<Value = Act> {
    let late = prop_oneof![3 => Just(0u32), 1 => 1..200_000u32];
    (event_data(), late).prop_map(|((kind, data), late)| Act::Event { kind, data, late })
}

type Told = (&'static str, Value);

fn event_data() -> impl Strategy<Value = Told> {
    let gone = (
        select(vec![
            "membership",
            "registration",
            "purchase",
            "company",
            "member",
        ]),
        0..3usize,
    );
    let gone = gone.prop_map(|(noun, nth)| match noun {
        "membership" => ("membership.deleted", json!({ "id": format!("m{nth}") })),
        "registration" => ("registration.deleted", json!({ "id": format!("b{nth}") })),
        "purchase" => ("purchase.deleted", json!({ "id": format!("p{nth}") })),
        "company" => ("company.deleted", json!({ "id": COMPANIES[nth % 2] })),
        _ => ("member.deleted", json!({ "id": PEOPLE[nth] })),
    });
    let snapshot = (prop::collection::vec(membership(), 0..4), any::<bool>());
    let snapshot = snapshot.prop_map(|(memberships, also)| {
        let mut lists = json!({ "memberships": unique(memberships) });
        if also {
            lists["purchases"] = json!([]);
        }
        ("roster.snapshot", lists)
    });
    prop_oneof![
        6 => membership().prop_map(|data| ("membership.updated", data)),
        6 => registration().prop_map(|data| ("registration.updated", data)),
        2 => purchase().prop_map(|data| ("purchase.updated", data)),
        3 => member().prop_map(|data| ("member.updated", data)),
        2 => company().prop_map(|data| ("company.updated", data)),
        2 => gone,
        1 => snapshot,
    ]
}

fn unique(items: Vec<Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        if kept.iter().all(|one| one["id"] != item["id"]) {
            kept.push(item);
        }
    }
    kept
}

fn named(name: &str) -> Value {
    json!({ "id": name, "name": name })
}

fn people(most: usize) -> impl Strategy<Value = Vec<Value>> {
    subsequence(&PEOPLE[..], 0..=most).prop_map(|names| names.into_iter().map(person).collect())
}

/// Null (unbounded), a date, or an instant `hours` after the club's start.
fn moment(hours: std::ops::Range<i64>) -> impl Strategy<Value = Value> {
    let beginning: Timestamp = "2026-03-27T17:00:00Z".parse().unwrap();
    prop_oneof![
        1 => Just(Value::Null),
        1 => select(vec!["2026-03-28", "2026-03-29", "2026-03-30"]).prop_map(|day| json!(day)),
        3 => hours.prop_map(move |hours| json!((beginning + hours.hours()).to_string())),
    ]
}

fn place() -> impl Strategy<Value = Value> {
    select(vec![Value::Null, named("hq"), named("ny")])
}

fn membership() -> impl Strategy<Value = Value> {
    let status = select(vec![
        "active",
        "active",
        "active",
        "scheduled",
        "paused",
        "used_up",
        "ended",
    ]);
    let block = option::weighted(0.3, (select(vec!["payment_failed", "manual"]), -30..30i64));
    let holder = (
        who(),
        option::weighted(0.3, select(&COMPANIES[..])),
        people(2),
    );
    let what = (0..4usize, select(vec!["gold", "silver"]), status, block);
    (what, holder, moment(-50..30), moment(31..120), place()).prop_map(
        |((nth, plan, status, block), (who, company, shared), starts_at, ends_at, location)| {
            let beginning: Timestamp = "2026-03-27T17:00:00Z".parse().unwrap();
            let blocked = block.map(|(reason, hours)| {
                json!({ "reason": reason, "since": (beginning + hours.hours()).to_string() })
            });
            let mut data = json!({ "id": format!("m{nth}"), "plan": named(plan), "status": status, "blocked": blocked,
                "shared_with": shared, "location": location, "ends_at": ends_at,
                // Unbounded if the end is a date, so that the last day never lies before the first.
                "starts_at": if ends_at.as_str().is_some_and(|at| at.len() == 10) { Value::Null } else { starts_at } });
            match company {
                Some(name) => data["company"] = named(name),
                None => data["member"] = person(who),
            }
            data
        },
    )
}

fn registration() -> impl Strategy<Value = Value> {
    let status = select(vec![
        "confirmed",
        "confirmed",
        "confirmed",
        "tentative",
        "waitlisted",
        "cancelled",
    ]);
    let what = (0..4usize, any::<bool>(), status, -10..60i64, 1..20i64);
    (what, who(), people(2), place()).prop_map(|((nth, room, status, from, hours), who, guests, location)| {
        let beginning: Timestamp = "2026-03-27T17:00:00Z".parse().unwrap();
        let (item, kind) = if room { ("oak", "room") } else { ("bay", "resource") };
        json!({ "id": format!("b{nth}"), "kind": kind, "item": named(item), "member": person(who), "guests": guests,
            "status": status, "starts_at": (beginning + from.hours()).to_string(),
            "ends_at": (beginning + (from + hours).hours()).to_string(), "location": location })
    })
}

fn purchase() -> impl Strategy<Value = Value> {
    let status = select(vec!["paid", "paid", "unpaid", "refunded", "void"]);
    (0..3usize, who(), status, moment(31..120), place()).prop_map(|(nth, who, status, ends_at, location)| {
        json!({ "id": format!("p{nth}"), "item": named("pass"), "member": person(who), "status": status,
            "ends_at": ends_at, "location": location })
    })
}

fn member() -> impl Strategy<Value = Value> {
    let companies = option::of(subsequence(&COMPANIES[..], 0..=2));
    (who(), subsequence(vec!["vip", "range"], 0..=2), companies).prop_map(
        |(who, tags, companies)| {
            let mut data = person(who);
            data["tags"] = json!(tags);
            if let Some(companies) = companies {
                data["companies"] = companies.into_iter().map(named).collect();
            }
            data
        },
    )
}

fn company() -> impl Strategy<Value = Value> {
    (select(&COMPANIES[..]), option::of(people(4))).prop_map(|(name, members)| {
        let mut data = named(name);
        if let Some(members) = members {
            data["members"] = json!(members);
        }
        data
    })
}
