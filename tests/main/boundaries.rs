//! Values at the limits of what formats allow: dates that stand for none, ends before starts, long lists, NUL, cursors of other
//! lists.

use jiff::ToSpan;
use serde_json::{Value, json};

use crate::support::{
    api::Source,
    event::{booking, membership, with},
    world::World,
};

on_both!(
    a_last_date_is_no_end,
    a_first_date_is_no_start,
    a_start_that_never_comes_gives_no_access,
    dates_of_arguments_may_stand_for_none,
    a_schedule_without_end_or_start_may_say_so_by_a_date,
    what_is_over_may_end_before_it_starts,
    what_opens_a_door_may_not_end_before_it_starts,
    all_tags_count,
);

const LAST: [&str; 4] = [
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.9999999",
    "9999-12-31T23:59:59-08:00",
    "9999-12-31",
];
const FIRST: [&str; 4] = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01",
];

/// A club where any membership, booking or purchase opens the group Members.
async fn a_club(world: &mut World) -> Source {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    for condition in ["membership", "registration", "purchase"] {
        world.rule(&group, json!([{ condition: {} }])).await;
    }
    source
}

fn purchase(id: &str, who: &str) -> Value {
    let membership = membership(id, who);
    json!({ "id": id, "item": membership["plan"], "member": membership["member"], "status": "paid" })
}

/// The ends of what somebody may open in Kisi: `None` for a window that has none.
fn ends(world: &World, who: &str) -> Vec<Option<String>> {
    let rows = world.sandbox.assignments_of(&format!("{who}@example.com"));
    rows.iter()
        .map(|row| row.until.map(|until| until.to_string()))
        .collect()
}

async fn held(world: &World, who: &str) -> Value {
    let query =
        "query($email: String) { member(email: $email) { entitlements { startsAt endsAt } } }";
    let email = json!({ "email": format!("{who}@example.com") });
    world.api.ask(query, email).await["member"]["entitlements"].take()
}

async fn a_last_date_is_no_end(world: &mut World) {
    let source = a_club(world).await;
    let start = world.now() - 1.day();
    for (nth, end) in LAST.into_iter().enumerate() {
        let at = json!({ "ends_at": end });
        let who = |kind: &str| format!("{kind}{nth}");
        let (m, r, p, s) = (who("m"), who("r"), who("p"), who("s"));
        let member = with(membership(&m, &m), at.clone());
        world.send(&source, "membership.updated", member).await;
        let booked = with(booking(&r, &r, start, start, &[]), at.clone());
        world.send(&source, "registration.updated", booked).await;
        let bought = with(purchase(&p, &p), at.clone());
        world.send(&source, "purchase.updated", bought).await;
        world.settled().await;
        for who in [&m, &r, &p] {
            assert_eq!(ends(world, who), [None], "{who} {end}");
        }
        assert_eq!(
            self::held(world, &p).await,
            json!([{ "startsAt": null, "endsAt": null }])
        );
        let kept = with(membership(&m, &m), at.clone());
        let roster = json!({ "memberships": [kept, with(membership(&s, &s), at)] });
        world.send(&source, "roster.snapshot", roster).await;
        world.settled().await;
        assert_eq!(ends(world, &s), [None], "{end}");
    }
}

async fn a_first_date_is_no_start(world: &mut World) {
    let source = a_club(world).await;
    for (nth, start) in FIRST.into_iter().enumerate() {
        let who = format!("m{nth}");
        let data = with(membership(&who, &who), json!({ "starts_at": start }));
        world.send(&source, "membership.updated", data).await;
        world.settled().await;
        assert_eq!(ends(world, &who), [None], "{start}");
        let none = json!([{ "startsAt": null, "endsAt": null }]);
        assert_eq!(held(world, &who).await, none, "{start}");
    }
}

async fn a_start_that_never_comes_gives_no_access(world: &mut World) {
    let source = a_club(world).await;
    for (nth, start) in LAST.into_iter().enumerate() {
        let who = format!("m{nth}");
        let data = with(membership(&who, &who), json!({ "starts_at": start }));
        world.send(&source, "membership.updated", data).await;
        let who = format!("n{nth}");
        let data = with(membership(&who, &who), json!({ "ends_at": FIRST[nth] }));
        world.send(&source, "membership.updated", data).await;
    }
    world.settled().await;
    for nth in 0..LAST.len() {
        for kind in ["m", "n"] {
            assert_eq!(ends(world, &format!("{kind}{nth}")), [], "{kind}{nth}");
        }
    }
}

async fn dates_of_arguments_may_stand_for_none(world: &mut World) {
    let source = a_club(world).await;
    world
        .send(&source, "membership.updated", membership("m", "ada"))
        .await;
    world.settled().await;
    let group = world.api.named("groups", "Members").await;
    let ada = world.api.member("ada@example.com").await.unwrap();
    for (nth, end) in LAST.into_iter().take(3).enumerate() {
        world.people.insert(format!("g{nth}@example.com"));
        let new = json!({ "new": { "email": format!("g{nth}@example.com"), "name": "G" } });
        let input = json!({ "who": new, "scope": group, "from": FIRST[nth], "until": end });
        let arguments = [("input", "ShareAccessInput!", input)];
        let share = world
            .api
            .change("shareAccess", &arguments, "share { from until }")
            .await;
        assert_eq!(share["share"], json!({ "from": null, "until": null }));
        world.settled().await;
        assert_eq!(ends(world, &format!("g{nth}")), [None], "{end}");

        let input = json!({ "member": ada, "reason": "a reason", "until": end });
        let arguments = [("input", "SuspendMemberInput!", input)];
        let suspended = world
            .api
            .change("suspendMember", &arguments, "suspension { until }")
            .await;
        assert_eq!(suspended["suspension"], json!({ "until": null }));

        let input = json!({ "name": format!("t{nth}"), "role": "READER", "expiresAt": end });
        let arguments = [("input", "CreateTokenInput!", input)];
        world.api.change("createToken", &arguments, "token").await;

        // An instant that is neither a start nor an end is asked about as far away as can be.
        let query = "query($member: ID!, $target: ID!, $at: DateTime!) {
            explain(member: $member, target: $target, at: $at, asKnownAt: $at) { decision { allowed until } nextChangeAt }
            history(filter: { from: $at, until: $at }) { totalCount }
            member(id: $member) { entitlements(at: $at) { id } } }";
        for at in [FIRST[nth], end] {
            let variables = json!({ "member": ada, "target": group, "at": at });
            let found = world.api.raw(query, variables).await;
            assert!(found.get("errors").is_none(), "{at}: {found}");
        }
    }
}

async fn a_schedule_without_end_or_start_may_say_so_by_a_date(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    let days = json!([
        "MONDAY",
        "TUESDAY",
        "WEDNESDAY",
        "THURSDAY",
        "FRIDAY",
        "SATURDAY",
        "SUNDAY"
    ]);
    let always = |dates: Value| {
        let whole = json!({ "days": days, "from": "00:00", "until": "24:00" });
        json!([{ "membership": {} }, { "schedule": with(whole, dates) }])
    };
    let rule = world
        .rule(&group, always(json!({ "startDate": "9999-12-31" })))
        .await;
    world
        .send(&source, "membership.updated", membership("m", "ada"))
        .await;
    world.settled().await;
    assert_eq!(ends(world, "ada"), [], "it begins never");
    let dates = json!({ "startDate": "0001-01-01", "endDate": "9999-12-31" });
    world.rule(&group, always(dates)).await;
    world.settled().await;
    assert_eq!(ends(world, "ada"), [None]);
    let query = "query($id: ID!) { node(id: $id) { ... on Rule { summary } } }";
    let found = world.api.ask(query, json!({ "id": rule })).await;
    assert!(found["node"]["summary"].is_string(), "{found}");
}

/// What is not over is refused; what is over ends access, though its dates are the wrong way round.
async fn what_is_over_may_end_before_it_starts(world: &mut World) {
    let source = a_club(world).await;
    let (early, late) = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let reversed = json!({ "starts_at": late, "ends_at": early });
    let start = world.now() - 1.hours();
    let items = [
        ("membership.updated", membership("m", "ada"), "ended"),
        ("membership.updated", membership("m", "ada"), "used_up"),
        ("membership.updated", membership("m", "ada"), "paused"),
        (
            "registration.updated",
            booking("r", "ada", start, start + 5.hours(), &[]),
            "cancelled",
        ),
        (
            "registration.updated",
            booking("r", "ada", start, start + 5.hours(), &[]),
            "waitlisted",
        ),
        ("purchase.updated", purchase("p", "ada"), "refunded"),
        ("purchase.updated", purchase("p", "ada"), "void"),
        ("purchase.updated", purchase("p", "ada"), "unpaid"),
    ];
    for (kind, item, status) in items {
        world.send(&source, kind, item.clone()).await;
        world.settled().await;
        assert_eq!(ends(world, "ada").len(), 1, "{kind} {status}");
        let over = with(with(item, reversed.clone()), json!({ "status": status }));
        world.send(&source, kind, over.clone()).await;
        world.settled().await;
        assert_eq!(ends(world, "ada").len(), 0, "{kind} {status}");
        let dates = json!({ "starts_at": "2026-06-02", "ends_at": "2026-06-01" });
        world.send(&source, kind, with(over, dates)).await;
        world.settled().await;
    }
    // What it is shown as, and why it opens nothing, can be asked.
    let group = world.api.named("groups", "Members").await;
    let ada = world.api.member("ada@example.com").await.unwrap();
    let query = "query($member: ID!, $target: ID!) {
        explain(member: $member, target: $target) { decision { allowed } fixes { code } }
        member(id: $member) { entitlements { startsAt endsAt } } }";
    let found = world
        .api
        .ask(query, json!({ "member": ada, "target": group }))
        .await;
    assert_eq!(found["explain"]["decision"]["allowed"], false);
}

async fn what_opens_a_door_may_not_end_before_it_starts(world: &mut World) {
    let source = a_club(world).await;
    let reversed =
        json!({ "starts_at": "2027-01-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z" });
    let now = world.now();
    for (kind, item) in [
        ("membership.updated", membership("m", "ada")),
        (
            "membership.updated",
            with(membership("m", "ada"), json!({ "status": "scheduled" })),
        ),
        ("registration.updated", booking("r", "ada", now, now, &[])),
        ("purchase.updated", purchase("p", "ada")),
    ] {
        let body = json!({ "type": kind, "timestamp": now.to_string(), "data": with(item, reversed.clone()) });
        let answer = world.post(&source, &body).await;
        assert_eq!(answer.word(), (422, "failed"), "{kind}");
        assert_eq!(answer.body["field"], "data.ends_at");
    }
}

async fn all_tags_count(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    let long = "t".repeat(199);
    let tags: Vec<String> = (0..250).map(|nth| format!("{long}{nth}")).collect();
    world
        .rule(&group, json!([{ "tag": { "tags": ["tag 249"] } }]))
        .await;
    let mut all: Vec<String> = (0..250).map(|nth| format!("tag {nth}")).collect();
    all.extend(tags);
    let data = json!({ "id": "ada", "email": "ada@example.com", "name": "Ada", "tags": all });
    world.send(&source, "member.updated", data).await;
    world.settled().await;
    assert_eq!(ends(world, "ada"), [None]);
    let found = world
        .api
        .ask("{ members { nodes { tags } } }", json!({}))
        .await;
    assert_eq!(
        found["members"]["nodes"][0]["tags"]
            .as_array()
            .unwrap()
            .len(),
        all.len()
    );
}
