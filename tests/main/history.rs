//! The access history: each change with its cause, its actor, and its delivery or rule. Entries are newest first, filtered by any
//! combination, and paged from either end.

use jiff::ToSpan;
use serde_json::{Value, json};

use crate::support::{
    event::{email, membership, with},
    world::World,
};

on_both!(
    each_change_shows_its_cause,
    the_history_is_filtered_and_paged,
    the_history_is_exported_as_csv
);

const ENTRY: &str = "id at kind member { id email } actor cause message
    target { ... on Group { id } ... on Lock { id } ... on Place { id } ... on KisiAccount { id } }
    delivery { id } rule { id }";

async fn page(world: &World, arguments: Value) -> Value {
    let query = format!(
        "query($first: Int, $after: String, $last: Int, $before: String, $filter: HistoryFilter) {{
            history(first: $first, after: $after, last: $last, before: $before, filter: $filter) {{
                totalCount nodes {{ {ENTRY} }} edges {{ cursor }}
                pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
    );
    world.api.query(&query, arguments).await["history"].take()
}

async fn entries(world: &World, filter: Value) -> Vec<Value> {
    let page = page(world, json!({ "first": 250, "filter": filter })).await;
    assert_eq!(page["pageInfo"]["hasNextPage"], false);
    let nodes = page["nodes"].as_array().unwrap().clone();
    assert_eq!(page["totalCount"], nodes.len());
    nodes
}

/// The entries since the first `before` ones, oldest first; `before` becomes the new total.
async fn since(world: &World, before: &mut usize) -> Vec<Value> {
    let mut all = entries(world, Value::Null).await;
    all.reverse();
    let new = all.split_off(*before);
    *before += new.len();
    new
}

fn short(entries: &[Value]) -> Vec<String> {
    let mut lines: Vec<String> = entries
        .iter()
        .map(|entry| {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            let who = text(&entry["member"]["email"]);
            let who = who.trim_end_matches("@example.com");
            let cause = text(&entry["cause"]);
            format!(
                "{} {who} by {}: {cause}",
                text(&entry["kind"]),
                text(&entry["actor"])
            )
        })
        .collect();
    lines.sort();
    lines
}

async fn mutate(world: &World, field: &str, kind: &str, input: Value) -> Value {
    let (name, selection) = if kind == "ID!" {
        let name = if field == "endShare" {
            "share"
        } else {
            "member"
        };
        (name, "__typename")
    } else {
        (
            "input",
            if field == "shareAccess" {
                "share { id }"
            } else {
                "__typename"
            },
        )
    };
    let payload = world
        .api
        .mutate(field, &[(name, kind, input)], selection)
        .await;
    world.settled().await;
    payload
}

async fn edit(world: &World, rule: &str, group: &str, enabled: bool) {
    let input = json!({ "name": "Everybody", "target": group, "enabled": enabled, "conditions": [{ "membership": {} }] });
    let arguments = [("rule", "ID!", json!(rule)), ("input", "RuleInput!", input)];
    world
        .api
        .mutate("updateRule", &arguments, "rule { id }")
        .await;
    world.settled().await;
}

async fn each_change_shows_its_cause(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    let rule = world.rule(&group, json!([{ "membership": {} }])).await;
    world.settled().await;
    let mut seen = 0;
    let new = since(world, &mut seen).await;
    assert_eq!(
        short(&new),
        [
            "KISI_CHANGED - by tests: an edit",
            "KISI_CHANGED - by tests: an edit",
            "RULE_CHANGED - by tests: a rule edit",
            "SOURCE_CHANGED - by tests: an edit",
        ]
    );
    let made = new.iter().find(|it| !it["rule"].is_null()).unwrap();
    assert_eq!(
        (&made["rule"]["id"], &made["target"]["id"]),
        (&json!(rule), &json!(group))
    );

    let ada_membership = with(membership("m1", "ada"), json!({ "ends_at": "2026-03-01" }));
    let events = [
        (
            ada_membership.clone(),
            "GRANTED",
            " was granted in Kisi until 2 March 2026, 00:00.",
        ),
        (
            with(ada_membership, json!({ "ends_at": "2026-04-01" })),
            "CHANGED",
            " is now valid in Kisi until 2 April 2026, 00:00.",
        ),
        (membership("m2", "bob"), "GRANTED", " was granted in Kisi."),
    ];
    for (sent, (data, kind, by_the_club_s_clocks)) in events.into_iter().enumerate() {
        let id = world
            .send(&source, "membership.updated", data.clone())
            .await;
        world.settled().await;
        let who = data["member"]["id"].as_str().unwrap();
        let new = since(world, &mut seen).await;
        let number = sent + 1;
        let cause = format!("{kind} {who} by -: membership.updated (msg_{number:06})");
        assert_eq!(short(&new), [cause]);
        assert_eq!(
            (&new[0]["delivery"]["id"], &new[0]["target"]["id"]),
            (&json!(id), &json!(group))
        );
        assert_eq!(new[0]["rule"], Value::Null);
        let message = new[0]["message"].as_str().unwrap();
        let end = format!("“Members”{by_the_club_s_clocks}");
        assert!(message.ends_with(&end), "{message}");
    }

    let bob = world.api.member(&email("bob")).await;
    mutate(
        world,
        "suspendMember",
        "SuspendMemberInput!",
        json!({ "member": bob, "reason": "lost the key" }),
    )
    .await;
    let new = since(world, &mut seen).await;
    assert_eq!(
        short(&new),
        [
            "REVOKED bob by tests: the member was suspended",
            "SUSPENDED bob by tests: a suspension"
        ]
    );
    mutate(world, "resumeMember", "ID!", json!(bob)).await;
    let new = since(world, &mut seen).await;
    assert_eq!(
        short(&new),
        [
            "GRANTED bob by tests: the suspension was lifted",
            "RESUMED bob by tests: a suspension"
        ]
    );

    world.emails.insert(email("cyd"));
    let who = json!({ "new": { "email": email("cyd"), "name": "cyd" } });
    let payload = mutate(
        world,
        "shareAccess",
        "ShareAccessInput!",
        json!({ "who": who, "scope": group }),
    )
    .await;
    let new = since(world, &mut seen).await;
    assert_eq!(
        short(&new),
        [
            "GRANTED cyd by tests: a share was created",
            "SHARED cyd by tests: a share"
        ]
    );
    mutate(world, "endShare", "ID!", payload["share"]["id"].clone()).await;
    let new = since(world, &mut seen).await;
    assert_eq!(
        short(&new),
        [
            "REVOKED cyd by tests: a share was ended",
            "SHARE_ENDED cyd by tests: a share"
        ]
    );
    assert!(
        new.iter()
            .all(|entry| entry["delivery"].is_null() && entry["rule"].is_null())
    );

    for (enabled, kind, version) in [(false, "REVOKED", 2), (true, "GRANTED", 3)] {
        edit(world, &rule, &group, enabled).await;
        let new = since(world, &mut seen).await;
        let words = |who: &str| {
            format!("{kind} {who} by tests: the rule “Everybody” was edited (version {version})")
        };
        let edited = "RULE_CHANGED - by tests: a rule edit".to_owned();
        assert_eq!(short(&new), [words("ada"), words("bob"), edited]);
        assert!(
            new.iter().all(|entry| entry["rule"]["id"] == json!(rule)),
            "{new:#?}"
        );
        assert!(new.iter().all(|entry| entry["delivery"].is_null()));
    }
    by_the_clock_and_by_the_brake(world, &source, seen).await;
}

async fn by_the_clock_and_by_the_brake(
    world: &mut World,
    source: &crate::support::api::Source,
    mut seen: usize,
) {
    let later = with(
        membership("m3", "dan"),
        json!({ "starts_at": (world.now() + 240.hours()).to_string() }),
    );
    world.send(source, "membership.updated", later).await;
    world.settled().await;
    assert_eq!(since(world, &mut seen).await.len(), 0);
    world.turn_to(world.now() + 96.hours());
    world.settled().await;
    let new = since(world, &mut seen).await;
    assert_eq!(short(&new), ["GRANTED dan by -: the clock"]);
    assert_eq!(new[0]["delivery"], Value::Null);

    let none = json!({ "brake": { "enabled": true, "people": 0, "percent": 0 } });
    mutate(world, "updateClub", "UpdateClubInput!", none).await;
    let new = since(world, &mut seen).await;
    assert_eq!(short(&new), ["CLUB_CHANGED - by tests: an edit"]);
    let id = world
        .send(source, "membership.deleted", json!({ "id": "m1" }))
        .await;
    world.settled().await;
    let new = since(world, &mut seen).await;
    let cause = new[0]["cause"].as_str().unwrap().to_owned();
    assert!(cause.starts_with("membership.deleted (msg_"), "{cause}");
    assert_eq!(short(&new), [format!("HELD ada by -: {cause}")]);
    assert_eq!(new[0]["delivery"]["id"], json!(id));
    world
        .api
        .mutate(
            "approveRevocations",
            &[("held", "[ID!]", Value::Null)],
            "approved",
        )
        .await;
    world.settled().await;
    let new = since(world, &mut seen).await;
    let revoked =
        format!("REVOKED ada by tests: tests approved a revocation that the brake held: {cause}");
    let decided = "REVOCATIONS_DECIDED - by tests: an edit".to_owned();
    assert_eq!(short(&new), [decided, revoked]);
    let revoked = new.iter().find(|it| it["kind"] == "REVOKED").unwrap();
    assert_eq!(revoked["delivery"]["id"], json!(id));
}

/// A club with several changes for several people in two groups, at known times.
async fn eventful(world: &mut World) -> (Vec<String>, Vec<String>) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let groups = vec![
        world.manage("Members").await,
        world.manage("Simulator bookings").await,
    ];
    for group in &groups {
        world.rule(group, json!([{ "membership": {} }])).await;
    }
    world.settled().await;
    let mut members = Vec::new();
    for name in ["ada", "bob", "cyd"] {
        world.turn_to(world.now() + 1.hours());
        world
            .send(&source, "membership.updated", membership(name, name))
            .await;
        world.settled().await;
        members.push(world.api.member(&email(name)).await.unwrap());
    }
    world.turn_to(world.now() + 1.hours());
    world
        .send(&source, "membership.deleted", json!({ "id": "bob" }))
        .await;
    world.settled().await;
    let input = json!({ "member": members[2], "reason": "lost the key" });
    mutate(world, "suspendMember", "SuspendMemberInput!", input).await;
    (groups, members)
}

async fn the_history_is_filtered_and_paged(world: &mut World) {
    let (groups, members) = eventful(world).await;
    let all = entries(world, Value::Null).await;
    let times: Vec<&str> = all.iter().map(|one| one["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    // A source, an account and two groups; two rules; three people get access to two groups; two people lose both; a suspension.
    assert_eq!(all.len(), 4 + 2 + 6 + 4 + 1);

    let middle = all[6]["at"].clone();
    let mut filters = vec![json!({})];
    let ways: [(&str, Vec<Value>); 5] = [
        ("member", members.iter().map(|id| json!(id)).collect()),
        ("target", groups.iter().map(|id| json!(id)).collect()),
        (
            "kinds",
            vec![
                json!(["GRANTED"]),
                json!(["REVOKED", "SUSPENDED"]),
                json!(["UNLOCKED"]),
            ],
        ),
        ("from", vec![middle.clone(), all[0]["at"].clone()]),
        ("until", vec![middle, all[12]["at"].clone()]),
    ];
    for (name, values) in ways {
        for filter in filters.clone() {
            for value in &values {
                filters.push(with(filter.clone(), json!({ name: value })));
            }
        }
    }
    for filter in filters {
        let wanted: Vec<&Value> = all.iter().filter(|entry| fits(entry, &filter)).collect();
        let matches = entries(world, filter.clone()).await;
        assert_eq!(matches.iter().collect::<Vec<_>>(), wanted, "{filter}");
    }
    for filter in [Value::Null, json!({ "kinds": ["GRANTED", "REVOKED"] })] {
        in_pages(world, &filter).await;
    }
}

/// Whether an entry matches the filter: at `from` or later, before `until`.
fn fits(entry: &Value, filter: &Value) -> bool {
    let at = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let all = filter.as_object().unwrap().iter();
    all.into_iter().all(|(name, value)| match name.as_str() {
        "kinds" => value.as_array().unwrap().contains(&entry["kind"]),
        "from" => at(&entry["at"]) >= at(value),
        "until" => at(&entry["at"]) < at(value),
        name => &entry[name]["id"] == value,
    })
}

async fn in_pages(world: &World, filter: &Value) {
    let all = entries(world, filter.clone()).await;
    for forward in [true, false] {
        for size in [1, 4, all.len(), all.len() + 1] {
            let (length, cursor, more, edge) = if forward {
                ("first", "after", "hasNextPage", "endCursor")
            } else {
                ("last", "before", "hasPreviousPage", "startCursor")
            };
            let (mut rows, mut at) = (Vec::new(), Value::Null);
            loop {
                let arguments = json!({ length: size, cursor: at, "filter": filter });
                let shown = page(world, arguments).await;
                let nodes = shown["nodes"].as_array().unwrap().clone();
                assert!(nodes.len() <= size);
                assert_eq!(shown["totalCount"], all.len());
                if forward {
                    rows.extend(nodes);
                } else {
                    rows.splice(0..0, nodes);
                }
                if shown["pageInfo"][more] == false {
                    break;
                }
                at = shown["pageInfo"][edge].clone();
            }
            assert_eq!(rows, all, "{length} {size}");
        }
    }
}

async fn the_history_is_exported_as_csv(world: &mut World) {
    let (_, members) = eventful(world).await;
    let formula = json!({ "member": members[1], "reason": "=1+1, she \"said\"" });
    mutate(world, "suspendMember", "SuspendMemberInput!", formula).await;
    let mut all = entries(world, Value::Null).await;
    all.reverse();
    let http = latchkey::kisi::http_client(std::time::Duration::from_secs(30)).unwrap();
    let get = async |token: &str, query: &str| {
        let url = format!("{}/export/history.csv{query}", world.api.base);
        let answer = http.get(url).bearer_auth(token).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.text().await.unwrap())
    };
    let reader = world.api.token("READER").await;
    let (status, text) = get(&reader.token, "").await;
    assert_eq!(status, 200, "{text}");
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<_> = table.records().map(Result::unwrap).collect();
    // The token of the reader is the last entry of all.
    assert_eq!(rows.len(), all.len() + 1);
    for (row, entry) in rows.iter().zip(&all) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let shown = [
            &row[0], &row[1], &row[2], &row[3], &row[6], &row[7], &row[8],
        ];
        let parts = [
            &entry["id"],
            &entry["at"],
            &entry["kind"],
            &entry["member"]["id"],
            &entry["cause"],
            &entry["actor"],
            &entry["message"],
        ];
        assert_eq!(shown.map(str::to_owned), parts.map(text));
    }
    let from = all[5]["at"].as_str().unwrap();
    let (_, text) = get(
        &reader.token,
        &format!("?from={from}&member={}", members[0]),
    )
    .await;
    let later = all.iter().skip(5);
    let of_ada = later.filter(|it| it["member"]["id"] == members[0].as_str());
    assert_eq!(text.lines().count(), 1 + of_ada.count(), "{text}");

    assert_eq!(get("nothing", "").await.0, 401);
    assert_eq!(get(&reader.token, "?from=yesterday").await.0, 400);
    assert_eq!(get(&reader.token, "?since=2026").await.0, 400);
    let arguments = [("member", "ID!", json!(members[0]))];
    let opened = world
        .api
        .mutate("createMemberSession", &arguments, "session")
        .await;
    assert_eq!(get(opened["session"].as_str().unwrap(), "").await.0, 403);
}
