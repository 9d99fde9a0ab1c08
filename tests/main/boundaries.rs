//! Values at the limits of the formats: dates that stand for "no date", ends before starts, long lists, NUL, cursors of other
//! lists.

use jiff::ToSpan;
use serde_json::{Value, json};

use crate::support::{
    api::Source,
    event::{booking, membership, with},
    world::World,
};

on_both!(
    the_last_date_means_no_end,
    the_first_date_means_no_start,
    a_start_that_never_comes_gives_no_access,
    date_arguments_may_mean_no_date,
    a_schedule_may_use_dates_that_mean_no_start_or_end,
    an_ended_entitlement_may_have_reversed_dates,
    an_active_entitlement_may_not_have_reversed_dates,
    all_tags_count,
    names_are_sorted_and_found_without_case_and_accents,
    nul_is_refused_as_bad_input,
    a_cursor_of_another_list_is_refused,
    locks_and_groups_are_accepted_by_kisi_id_and_url,
);

const NO_END_DATES: [&str; 4] = [
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.9999999",
    "9999-12-31T23:59:59-08:00",
    "9999-12-31",
];
const NO_START_DATES: [&str; 4] = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01",
];

/// A club where every membership, booking and purchase gives access to the group Members.
async fn a_club(world: &mut World) -> Source {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    // A purchase condition refers to offerings, so the offering has to exist first.
    let pass = json!({ "id": "unlimited", "kind": "billing_item", "name": "unlimited" });
    world.send(&source, "offering.updated", pass).await;
    let query = "{ offerings { nodes { id } } }";
    let response = world.api.query(query, json!({})).await;
    let pass = &response["offerings"]["nodes"][0]["id"];
    for condition in [
        json!({ "membership": {} }),
        json!({ "registration": {} }),
        json!({ "purchase": { "offerings": [pass] } }),
    ] {
        world.rule(&group, json!([condition])).await;
    }
    source
}

fn purchase(id: &str, who: &str) -> Value {
    let membership = membership(id, who);
    json!({ "id": id, "item": membership["plan"], "member": membership["member"], "status": "paid" })
}

/// The ends of a person's assignments in Kisi: `None` for an assignment without an end.
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
    world.api.query(query, email).await["member"]["entitlements"].take()
}

async fn the_last_date_means_no_end(world: &mut World) {
    let source = a_club(world).await;
    let start = world.now() - 24.hours();
    for (nth, end) in NO_END_DATES.into_iter().enumerate() {
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
        let existing = with(membership(&m, &m), at.clone());
        let roster = json!({ "memberships": [existing, with(membership(&s, &s), at)] });
        world.send(&source, "roster.snapshot", roster).await;
        world.settled().await;
        assert_eq!(ends(world, &s), [None], "{end}");
    }
}

async fn the_first_date_means_no_start(world: &mut World) {
    let source = a_club(world).await;
    for (nth, start) in NO_START_DATES.into_iter().enumerate() {
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
    for (nth, start) in NO_END_DATES.into_iter().enumerate() {
        let who = format!("m{nth}");
        let data = with(membership(&who, &who), json!({ "starts_at": start }));
        world.send(&source, "membership.updated", data).await;
        let who = format!("n{nth}");
        let data = with(
            membership(&who, &who),
            json!({ "ends_at": NO_START_DATES[nth] }),
        );
        world.send(&source, "membership.updated", data).await;
    }
    world.settled().await;
    for nth in 0..NO_END_DATES.len() {
        for kind in ["m", "n"] {
            assert_eq!(ends(world, &format!("{kind}{nth}")), [], "{kind}{nth}");
        }
    }
}

async fn date_arguments_may_mean_no_date(world: &mut World) {
    let source = a_club(world).await;
    world
        .send(&source, "membership.updated", membership("m", "ada"))
        .await;
    world.settled().await;
    let group = world.api.named("groups", "Members").await;
    let ada = world.api.member("ada@example.com").await.unwrap();
    for (nth, end) in NO_END_DATES.into_iter().take(3).enumerate() {
        world.emails.insert(format!("g{nth}@example.com"));
        let new = json!({ "new": { "email": format!("g{nth}@example.com"), "name": "G" } });
        let input =
            json!({ "who": new, "scope": group, "from": NO_START_DATES[nth], "until": end });
        let arguments = [("input", "ShareAccessInput!", input)];
        let share = world
            .api
            .mutate("shareAccess", &arguments, "share { from until }")
            .await;
        assert_eq!(share["share"], json!({ "from": null, "until": null }));
        world.settled().await;
        assert_eq!(ends(world, &format!("g{nth}")), [None], "{end}");

        let input = json!({ "member": ada, "reason": "a reason", "until": end });
        let arguments = [("input", "SuspendMemberInput!", input)];
        let suspended = world
            .api
            .mutate(
                "suspendMember",
                &arguments,
                "member { suspension { until } }",
            )
            .await;
        assert_eq!(suspended["member"]["suspension"], json!({ "until": null }));

        let input = json!({ "name": format!("t{nth}"), "role": "READER", "expiresAt": end });
        let arguments = [("input", "CreateTokenInput!", input)];
        world.api.mutate("createToken", &arguments, "token").await;

        // An argument that is neither a start nor an end takes such a date as an instant in the far past or future.
        let query = "query($member: ID!, $target: ID!, $at: DateTime!) {
            explain(member: $member, target: $target, at: $at, asKnownAt: $at) { decision { allowed until } nextChangeAt }
            history(filter: { from: $at, until: $at }) { totalCount }
            member(id: $member) { entitlements(at: $at) { id } } }";
        for at in [NO_START_DATES[nth], end] {
            let variables = json!({ "member": ada, "target": group, "at": at });
            let response = world.api.query_raw(query, variables).await;
            assert!(response.get("errors").is_none(), "{at}: {response}");
        }
    }
}

async fn a_schedule_may_use_dates_that_mean_no_start_or_end(world: &mut World) {
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
    assert_eq!(ends(world, "ada"), [], "the schedule never begins");
    let dates = json!({ "startDate": "0001-01-01", "endDate": "9999-12-31" });
    world.rule(&group, always(dates)).await;
    world.settled().await;
    assert_eq!(ends(world, "ada"), [None]);
    let query = "query($id: ID!) { node(id: $id) { ... on Rule { summary } } }";
    let response = world.api.query(query, json!({ "id": rule })).await;
    assert!(response["node"]["summary"].is_string(), "{response}");
}

/// Reversed dates are accepted on an entitlement that is over, which ends access; on any other they are refused.
async fn an_ended_entitlement_may_have_reversed_dates(world: &mut World) {
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
    // The API shows such an entitlement and explains why it gives no access.
    let group = world.api.named("groups", "Members").await;
    let ada = world.api.member("ada@example.com").await.unwrap();
    let query = "query($member: ID!, $target: ID!) {
        explain(member: $member, target: $target) { decision { allowed } fixes { code } }
        member(id: $member) { entitlements { startsAt endsAt } } }";
    let response = world
        .api
        .query(query, json!({ "member": ada, "target": group }))
        .await;
    assert_eq!(response["explain"]["decision"]["allowed"], false);
}

async fn an_active_entitlement_may_not_have_reversed_dates(world: &mut World) {
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
    let long = "t".repeat(190);
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
    let response = world
        .api
        .query("{ members { nodes { tags } } }", json!({}))
        .await;
    assert_eq!(
        response["members"]["nodes"][0]["tags"]
            .as_array()
            .unwrap()
            .len(),
        all.len()
    );
    // A tag in a rule has at most 200 characters: a longer tag with the same beginning is a different one.
    let longest = "t".repeat(200);
    world
        .rule(&group, json!([{ "tag": { "tags": [longest] } }]))
        .await;
    for (who, tag) in [("bob", format!("{longest}!")), ("cyd", longest)] {
        let data = json!({ "id": who, "email": format!("{who}@example.com"), "tags": [tag] });
        world.send(&source, "member.updated", data).await;
    }
    world.settled().await;
    assert_eq!(ends(world, "bob"), [] as [Option<String>; 0]);
    assert_eq!(ends(world, "cyd"), [None]);
}

/// The names in a list in its order, read in pages of two from either end.
async fn paged_names(world: &World, list: &str, way: (&str, &str)) -> Vec<String> {
    let (size, from) = way;
    let query = format!(
        "query($cursor: String) {{ {list}({size}: 2, {from}: $cursor) {{ nodes {{ name }}
            pageInfo {{ startCursor endCursor hasNextPage hasPreviousPage }} }} }}"
    );
    let (mut names, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let mut page = world.api.query(&query, json!({ "cursor": cursor })).await[list].take();
        let nodes = page["nodes"].as_array().unwrap();
        let part = nodes
            .iter()
            .map(|node| node["name"].as_str().unwrap().to_owned());
        let forward = size == "first";
        names = if forward {
            names.into_iter().chain(part).collect()
        } else {
            part.chain(names).collect()
        };
        let (end, more) = if forward {
            ("endCursor", "hasNextPage")
        } else {
            ("startCursor", "hasPreviousPage")
        };
        if page["pageInfo"][more] == false {
            return names;
        }
        cursor = page["pageInfo"][end].take();
    }
}

/// The names that a search finds.
async fn search_names(world: &World, list: &str, search: &str) -> Vec<String> {
    let query = format!(
        "query($search: String) {{ {list}(filter: {{ search: $search }}) {{ nodes {{ name }} totalCount }} }}"
    );
    let response = world.api.query(&query, json!({ "search": search })).await;
    let nodes = response[list]["nodes"].as_array().unwrap();
    assert_eq!(response[list]["totalCount"], nodes.len());
    nodes
        .iter()
        .map(|node| node["name"].as_str().unwrap().to_owned())
        .collect()
}

const NAMES: [&str; 8] = [
    "Abel 50%",
    "Anne-Marie Groß",
    "émile zola",
    "Müller, Jörg",
    "Ölraum",
    "O'Neil",
    "ØSTERGAARD",
    "zoe",
];

async fn names_are_sorted_and_found_without_case_and_accents(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    for (nth, name) in NAMES.iter().rev().enumerate() {
        let person = json!({ "id": nth, "email": format!("p{nth}@example.com"), "name": name });
        world.send(&source, "member.updated", person).await;
        let plan = json!({ "id": nth, "kind": "room", "name": name });
        world.send(&source, "offering.updated", plan).await;
        let input =
            json!({ "name": name, "target": group, "conditions": [{ "tag": { "tags": ["t"] } }] });
        world
            .api
            .mutate(
                "createRule",
                &[("input", "RuleInput!", input)],
                "rule { id }",
            )
            .await;
    }
    for name in NAMES.iter().rev() {
        world.api.source(name).await;
    }
    let listed = world.api.query("{ sources { name } }", json!({})).await;
    let sources = listed["sources"].as_array().unwrap().iter();
    let sources: Vec<&str> = sources
        .map(|source| source["name"].as_str().unwrap())
        .collect();
    let sources: Vec<&str> = sources
        .into_iter()
        .filter(|name| NAMES.contains(name))
        .collect();
    assert_eq!(sources, NAMES);
    for list in ["members", "offerings", "rules"] {
        for way in [("first", "after"), ("last", "before")] {
            assert_eq!(paged_names(world, list, way).await, NAMES, "{list} {way:?}");
        }
        for (search, names) in [
            ("ölraum", &["Ölraum"][..]),
            ("OLRAUM", &["Ölraum"]),
            ("muller", &["Müller, Jörg"]),
            ("jorg MÜLLER", &["Müller, Jörg"]),
            ("O'Neil", &["O'Neil"]),
            ("o’neil", &["O'Neil"]),
            ("oneil", &["O'Neil"]),
            ("gross marie", &["Anne-Marie Groß"]),
            ("ostergaard", &["ØSTERGAARD"]),
            ("Émile", &["émile zola"]),
            ("%", &["Abel 50%"]),
            ("_", &[]),
            ("muller anne", &[]),
            ("\\", &[]),
            ("  ", &NAMES),
        ] {
            assert_eq!(
                search_names(world, list, search).await,
                names,
                "{list} {search}"
            );
        }
    }
    assert_eq!(
        search_names(world, "members", "p3@EXAMPLE zoe").await,
        Vec::<String>::new()
    );
    assert_eq!(
        search_names(world, "members", "zoe p0@example").await,
        ["zoe"]
    );
    let long = "x ".repeat(2_000);
    let query = "query($search: String) { members(filter: { search: $search }) { totalCount } }";
    assert_eq!(
        code(&world.api.query_raw(query, json!({ "search": long })).await),
        "BAD_USER_INPUT"
    );

    // A changed name is sorted and found by its new form.
    let renamed = json!({ "id": 0, "name": "Çağla" });
    world.send(&source, "member.updated", renamed).await;
    assert_eq!(search_names(world, "members", "cagla").await, ["Çağla"]);
    assert_eq!(
        search_names(world, "members", "zoe").await,
        Vec::<String>::new()
    );
    world.settled().await;
}

fn code(answer: &Value) -> String {
    let code = &answer["errors"][0]["extensions"]["code"];
    code.as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

async fn nul_is_refused_as_bad_input(world: &mut World) {
    world.connect().await;
    let group = world.manage("Members").await;
    let searches = ["members", "locks", "groups", "rules", "offerings"].map(|list| {
        format!(
            "query($text: String) {{ it: {list}(filter: {{ search: $text }}) {{ totalCount }} }}"
        )
    });
    let others = [
        "query($text: String) { it: member(email: $text) { id } }",
        "query($text: ID!) { it: node(id: $text) { id } }",
        "query($text: String) { it: members(after: $text) { totalCount } }",
        "query($text: String) { it: members(filter: { tag: $text }) { totalCount } }",
        "mutation($text: String!) { it: revokeToken(name: $text) { revoked } }",
        "mutation($text: String!) { it: createToken(input: { name: $text, role: READER }) { token } }",
        "query($text: JSON) { it: members @include(if: true) { totalCount } }",
    ];
    for query in searches.iter().map(String::as_str).chain(others) {
        for text in [json!("a\0b"), json!("\0")] {
            let answer = world.api.query_raw(query, json!({ "text": text })).await;
            assert_eq!(code(&answer), "BAD_USER_INPUT", "{query}");
        }
    }
    let input =
        json!({ "name": "a", "target": group, "conditions": [{ "tag": { "tags": ["a\0"] } }] });
    let query = "mutation($input: RuleInput!) { createRule(input: $input) { rule { id } } }";
    assert_eq!(
        code(&world.api.query_raw(query, json!({ "input": input })).await),
        "BAD_USER_INPUT"
    );
    for literal in [
        r#"{ members(filter: { search: "a\u0000" }) { totalCount } }"#,
        r#"query($a: String = "\u0000") { members(filter: { search: $a }) { totalCount } }"#,
        r#"{ ...all } fragment all on Query { member(email: "\u0000") { id } }"#,
    ] {
        assert_eq!(
            code(&world.api.query_raw(literal, json!({})).await),
            "BAD_USER_INPUT",
            "{literal}"
        );
    }
    // A backslash and `u0000` as six plain characters, which only look like NUL.
    let text = r#"{ members(filter: { search: "\\u0000" }) { totalCount } }"#;
    assert_eq!(
        world.api.query(text, json!({})).await["members"]["totalCount"],
        0
    );
}

async fn a_cursor_of_another_list_is_refused(world: &mut World) {
    let source = a_club(world).await;
    world
        .send(
            &source,
            "membership.updated",
            with(
                membership("m", "ada"),
                json!({ "location": { "id": "1", "name": "Pier" } }),
            ),
        )
        .await;
    world.settled().await;
    let lists = [
        "members",
        "locks",
        "groups",
        "places",
        "rules",
        "offerings",
        "locations",
        "deliveries",
        "history",
    ];
    let mut cursors = Vec::new();
    for list in lists {
        let query = format!("{{ {list} {{ pageInfo {{ endCursor }} }} }}");
        let mut response = world.api.query(&query, json!({})).await;
        cursors.push(response[list]["pageInfo"]["endCursor"].take());
    }
    for (nth, list) in lists.into_iter().enumerate() {
        for (of, cursor) in cursors.iter().enumerate() {
            for side in ["after", "before"] {
                let query = format!(
                    "query($cursor: String) {{ {list}({side}: $cursor) {{ nodes {{ __typename }} }} }}"
                );
                let answer = world
                    .api
                    .query_raw(&query, json!({ "cursor": cursor }))
                    .await;
                if nth == of {
                    assert!(answer.get("errors").is_none(), "{answer}");
                } else {
                    assert_eq!(code(&answer), "BAD_USER_INPUT", "{list} {}", lists[of]);
                }
            }
        }
        // A cursor of an earlier version, and one with NUL in its name.
        for old in ["AZrlkmLQcAOAAAAAAAAAAWFkYQ", "RAGa5ZJi0HADgAAAAAAAAAEAYQ"] {
            let query = format!(
                "query($cursor: String) {{ {list}(after: $cursor) {{ nodes {{ __typename }} }} }}"
            );
            let answer = world.api.query_raw(&query, json!({ "cursor": old })).await;
            assert_eq!(code(&answer), "BAD_USER_INPUT", "{list} {old}");
        }
    }
}

async fn locks_and_groups_are_accepted_by_kisi_id_and_url(world: &mut World) {
    let source = a_club(world).await;
    world
        .send(&source, "membership.updated", membership("m", "ada"))
        .await;
    world.settled().await;
    let ada = world.api.member("ada@example.com").await.unwrap();
    let query = "{ locks { nodes { id name kisiId place { id kisiId } } } groups { nodes { id name kisiId } }
        kisiAccounts { kisiOrganizationId } }";
    let all = world.api.query(query, json!({})).await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{all}")).to_owned();
    let organization = text(&all["kisiAccounts"][0]["kisiOrganizationId"]);
    let lock = &all["locks"]["nodes"][0];
    let groups = all["groups"]["nodes"].as_array().unwrap();
    let group = groups
        .iter()
        .find(|group| group["name"] == "Members")
        .unwrap();
    let place = &lock["place"];
    let page = |of: &str, noun: &str, thing: &Value| {
        format!(
            "https://web.kisi.io/organization/{of}/{noun}/{}",
            text(&thing["kisiId"])
        )
    };
    let in_place = format!("places/{}/locks", text(&place["kisiId"]));
    let lock_url = page(&organization, &in_place, lock);
    let group_url = page(&organization, "groups", group);
    let place_url = page(&organization, "places", place);

    for (list, thing, url) in [("locks", lock, &lock_url), ("groups", group, &group_url)] {
        for search in [
            text(&thing["kisiId"]),
            url.clone(),
            format!(" {url}/settings?tab=1 "),
        ] {
            let query = format!(
                "query($search: String) {{ {list}(filter: {{ search: $search }}) {{ nodes {{ id }} }} }}"
            );
            let response = world.api.query(&query, json!({ "search": search })).await;
            let nodes = response[list]["nodes"].as_array().unwrap();
            // A number can match part of a name as well.
            let is_found = nodes.contains(&json!({ "id": thing["id"] }));
            assert!(is_found, "{search}: {response}");
            assert!(
                search.len() < 10 || nodes.len() == 1,
                "{search}: {response}"
            );
        }
        // A lock and a group can have the same number, which then means the lock.
        let names = match list {
            "locks" => vec![text(&thing["kisiId"]), url.clone()],
            _ => vec![url.clone()],
        };
        for name in names {
            let query = "query($target: ID!, $ada: ID!) {
                explain(member: $ada, target: $target) { decision { allowed } }
                rules(filter: { target: $target }) { totalCount } history(filter: { target: $target }) { totalCount }
                members(filter: { target: $target }) { totalCount } }";
            let by_name = world
                .api
                .query(query, json!({ "target": name, "ada": ada }))
                .await;
            let by_id = world
                .api
                .query(query, json!({ "target": thing["id"], "ada": ada }))
                .await;
            assert_eq!(by_name, by_id, "{name}");
        }
        let query = "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }";
        let response = world.api.query(query, json!({ "id": url })).await;
        assert_eq!(response["node"]["id"], thing["id"]);
        assert_eq!(response["nodes"][0]["id"], thing["id"]);
    }
    let query = "query($lock: ID!, $group: ID!, $place: ID!) {
        locks(filter: { group: $group, place: $place }) { nodes { id } } groups(filter: { lock: $lock }) { nodes { id } } }";
    let ids = json!({ "lock": lock["id"], "group": group["id"], "place": place["id"] });
    let by_id = world.api.query(query, ids).await;
    let urls = json!({ "lock": lock_url, "group": group_url, "place": place_url });
    assert_eq!(world.api.query(query, urls).await, by_id);
    let numbers =
        json!({ "lock": lock["kisiId"], "group": group["kisiId"], "place": place["kisiId"] });
    assert_eq!(world.api.query(query, numbers).await, by_id);

    let rule =
        json!({ "name": "By URL", "target": lock_url, "conditions": [{ "membership": {} }] });
    let payload = world
        .api
        .mutate(
            "createRule",
            &[("input", "RuleInput!", rule)],
            "rule { target { ... on Lock { id } } }",
        )
        .await;
    assert_eq!(payload["rule"]["target"]["id"], lock["id"]);
    world.settled().await;
    let opened = world.api.unlock(&lock_url, &ada, Value::Null).await;
    assert_eq!(
        (&opened["userErrors"], &opened["lock"]["id"]),
        (&json!([]), &lock["id"])
    );
    let input = json!({ "group": group_url, "managed": true });
    world
        .api
        .mutate(
            "manageGroup",
            &[("input", "ManageGroupInput!", input)],
            "group { id }",
        )
        .await;
    let who = json!({ "member": ada });
    let share = json!({ "who": who, "scope": group_url });
    let shared = world
        .api
        .mutate(
            "shareAccess",
            &[("input", "ShareAccessInput!", share)],
            "share { scope { ... on Group { id } } }",
        )
        .await;
    assert_eq!(shared["share"]["scope"]["id"], group["id"]);
    world.settled().await;

    // A mutation refuses a number that several objects share.
    let is_shared = groups.iter().any(|group| group["kisiId"] == lock["kisiId"]);
    assert!(
        is_shared,
        "a lock and a group of the sandbox have the same number: {all}"
    );
    let rule =
        json!({ "name": "a", "target": lock["kisiId"], "conditions": [{ "membership": {} }] });
    let refused = world
        .api
        .refusals("createRule", &[("input", "RuleInput!", rule)])
        .await;
    assert_eq!(refused, ["INVALID"]);

    // Of another organization, of another kind, or of nothing.
    let elsewhere = page("1", "locks", lock);
    for wrong in [
        elsewhere.clone(),
        place_url,
        format!("https://web.kisi.io/organization/{organization}/groups/999999"),
        "999999999".to_owned(),
    ] {
        let query = "query($target: ID!) { rules(filter: { target: $target }) { totalCount } }";
        assert_eq!(
            code(&world.api.query_raw(query, json!({ "target": wrong })).await),
            "BAD_USER_INPUT",
            "{wrong}"
        );
        let rule = json!({ "name": "a", "target": wrong, "conditions": [{ "membership": {} }] });
        let refused = world
            .api
            .refusals("createRule", &[("input", "RuleInput!", rule)])
            .await;
        assert_eq!(refused, ["NOT_FOUND"], "{wrong}");
    }
    assert_eq!(
        search_names(world, "locks", &elsewhere).await,
        Vec::<String>::new()
    );
}
