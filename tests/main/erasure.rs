//! Erasing a person: access ends first, then nothing of the person is left in any table, nobody else's rows change, and later
//! events about the person are ignored until an admin lifts it.

use latchkey::store::{Connection, Reader};
use sea_orm::Statement;
use serde_json::{Value, json};

use crate::support::{
    api::eventually,
    event::{booking, email, membership, person, with},
    world::{Database, World},
};

on_both!(an_erased_person_leaves_no_trace_and_stays_away);

/// What identifies the person who is erased.
const TRACES: [&str; 6] = [
    "zuleika",
    "dobson",
    "b-zuleika",
    "m-zuleika",
    "old-address",
    "she is moving",
];

/// The texts of a statement's first column.
async fn texts(db: &Reader, sql: String) -> Vec<String> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    let text = |row: &sea_orm::QueryResult| row.try_get_by_index::<Option<String>>(0).unwrap();
    rows.iter().filter_map(text).collect()
}

/// Every value of every column of every table, as the hex digits of its bytes.
async fn every_value(world: &World) -> Vec<(String, String)> {
    let db = world.app().db.read();
    let is_sqlite = world.database() == Database::Sqlite;
    let tables = texts(
        db,
        if is_sqlite {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                .to_owned()
        } else {
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
                .to_owned()
        },
    )
    .await;
    assert!(tables.len() > 40, "{tables:?}");
    let mut all = Vec::new();
    for table in tables {
        let columns = texts(db, if is_sqlite {
            format!("SELECT name FROM pragma_table_info('{table}')")
        } else {
            format!("SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}'")
        })
        .await;
        for column in columns {
            let value = if is_sqlite {
                format!("SELECT lower(hex(\"{column}\")) FROM \"{table}\"")
            } else {
                // Bytes are already shown as hex digits; of other values the text is encoded.
                format!(
                    "SELECT CASE WHEN pg_typeof(\"{column}\")::text = 'bytea' THEN substr(\"{column}\"::text, 3) \
                     ELSE encode(convert_to(\"{column}\"::text, 'UTF8'), 'hex') END FROM \"{table}\""
                )
            };
            let values = texts(db, value).await;
            all.extend(
                values
                    .into_iter()
                    .map(|value| (format!("{table}.{column}"), value)),
            );
        }
    }
    all
}

/// The columns with a trace of the person, in either case.
async fn traces(world: &World) -> Vec<String> {
    let hex = |text: &str| -> String { text.bytes().map(|byte| format!("{byte:02x}")).collect() };
    let capital = |text: &str| {
        let (first, rest) = text.split_at(1);
        format!("{}{rest}", first.to_uppercase())
    };
    let needles: Vec<String> = TRACES
        .iter()
        .flat_map(|text| [hex(text), hex(&capital(text))])
        .collect();
    let mut found: Vec<String> = every_value(world)
        .await
        .into_iter()
        .filter(|(_, value)| needles.iter().any(|needle| value.contains(needle.as_str())))
        .map(|(column, _)| column)
        .collect();
    found.sort();
    found.dedup();
    found
}

async fn export(world: &World, member: &str) -> Value {
    let query = "query($member: ID!) { exportMember(member: $member) }";
    world.api.query(query, json!({ "member": member })).await["exportMember"].take()
}

/// What is stored about a member, without what the loop writes as time passes, and without bodies.
async fn facts_about(world: &World, member: &str) -> Value {
    let mut all = export(world, member).await;
    let tables = all.as_object_mut().unwrap();
    tables.remove("due");
    for delivery in tables["delivery"].as_array_mut().unwrap() {
        for field in ["body", "headers", "body_removed", "stamp", "problem"] {
            delivery.as_object_mut().unwrap().remove(field);
        }
    }
    all
}

async fn erasure(world: &World, member: &str) -> Value {
    let query = "query($id: ID!) { member(id: $id) { name email erasure { state report {
        people entitlements historyEntries bodies } } } }";
    world.api.query(query, json!({ "id": member })).await["member"].take()
}

async fn an_erased_person_leaves_no_trace_and_stays_away(world: &mut World) {
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    // Messages about her wait there.
    let endpoint =
        json!({ "name": "Nobody", "url": "https://hooks.invalid/", "events": ["ACCESS_CHANGED"] });
    let input = [("input", "CreateWebhookEndpointInput!", endpoint)];
    world
        .api
        .mutate("createWebhookEndpoint", &input, "endpoint { id }")
        .await;
    let source = world.api.source("Books").await;
    let her = |address: &str| json!({ "id": "zuleika-1", "name": "Zuleika Dobson", "email": email(address), "tags": ["vip"] });
    let hers = with(
        membership("m-zuleika-1", "x"),
        json!({ "member": her("zuleika") }),
    );
    // An address that she gave up, and that somebody else has now.
    world.send(&source, "member.updated", her("shared")).await;
    world
        .send(&source, "member.updated", her("old-address"))
        .await;
    let heir = json!({ "id": "cyd", "name": "Cyd", "email": email("shared") });
    let heirs = |status: &str| {
        with(
            membership("m-cyd", "x"),
            json!({ "member": heir, "status": status }),
        )
    };
    world
        .send(&source, "membership.updated", heirs("paused"))
        .await;
    world
        .send(&source, "membership.updated", hers.clone())
        .await;
    world
        .send(&source, "membership.updated", membership("m-bob", "bob"))
        .await;
    let (from, until) = (
        world.now(),
        world.now() + std::time::Duration::from_secs(3600),
    );
    let with_guest = with(
        booking("b-bob", "bob", from, until, &[]),
        json!({ "guests": [her("zuleika")] }),
    );
    world
        .send(&source, "registration.updated", with_guest.clone())
        .await;
    let own = with(
        booking("b-zuleika-1", "x", from, until, &["bob"]),
        json!({ "member": her("zuleika") }),
    );
    world.send(&source, "registration.updated", own).await;
    let company =
        json!({ "id": "acme", "name": "Acme", "members": [her("zuleika"), person("bob")] });
    world.send(&source, "company.updated", company).await;
    let failed =
        json!({ "type": "membership.updated", "timestamp": "never", "data": her("zuleika") });
    world.post(&source, &failed).await;
    world.settled().await;
    let member = world.api.member(&email("zuleika")).await.unwrap();
    let bob = world.api.member(&email("bob")).await.unwrap();
    let share = json!({ "who": { "member": member }, "scope": group, "note": "she is moving" });
    world
        .api
        .mutate(
            "shareAccess",
            &[("input", "ShareAccessInput!", share)],
            "share { id }",
        )
        .await;
    world.settled().await;
    let before = traces(world).await;
    assert!(before.len() > 10, "{before:?}");
    let exported = export(world, &member).await;
    for (table, text) in [
        ("member", "Zuleika Dobson"),
        ("person", "zuleika-1"),
        ("person_version", "old-address"),
        ("entitlement", "m-zuleika-1"),
        ("share", "she is moving"),
        ("delivery", "b-bob"),
        ("kisi_user", "zuleika@"),
        ("webhook_message", "GRANTED"),
    ] {
        assert!(
            exported[table].to_string().contains(text),
            "{table}: {}",
            exported[table]
        );
    }
    let refused = world.api.token("READER").await;
    let refused = refused
        .query_raw(
            "query($m: ID!) { exportMember(member: $m) }",
            json!({ "m": member }),
        )
        .await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
    let of_bob = facts_about(world, &bob).await;

    // Access ends first; the personal data goes once Kisi has confirmed that.
    let payload = world
        .api
        .mutate(
            "eraseMember",
            &[("member", "ID!", json!(member))],
            "member { erasure { state } kisiUsers { kisiId grants { id } } }",
        )
        .await;
    assert_eq!(payload["member"]["erasure"]["state"], "ENDING_ACCESS");
    let users = &payload["member"]["kisiUsers"];
    assert_eq!(users.as_array().unwrap().len(), 1, "{users}");
    world.emails.remove(&email("zuleika"));
    world.emails.remove(&email("old-address"));
    eventually(
        async || (erasure(world, &member).await["erasure"]["state"] == "ERASED").then_some(()),
        async || format!("{}", erasure(world, &member).await),
    )
    .await;
    assert_eq!(traces(world).await, Vec::<String>::new());
    let state = erasure(world, &member).await;
    assert_eq!(
        (&state["name"], &state["email"]),
        (&json!("(erased)"), &Value::Null)
    );
    assert_eq!(state["erasure"]["report"]["people"], 1);
    assert_eq!(state["erasure"]["report"]["entitlements"], 2);
    assert_eq!(state["erasure"]["report"]["bodies"], 7);
    assert_eq!(facts_about(world, &bob).await, of_bob);
    world.settled().await;

    // Later events about the person are ignored, and what they say of others is not.
    for (kind, data) in [
        ("member.updated", her("zuleika")),
        ("membership.updated", hers.clone()),
        ("registration.updated", with_guest),
        ("membership.deleted", json!({ "id": "m-zuleika-1" })),
        ("member.deleted", json!({ "id": "zuleika-1" })),
        (
            "company.updated",
            json!({ "id": "acme", "name": "Acme Ltd", "members": [her("zuleika"), person("bob")] }),
        ),
        (
            "roster.snapshot",
            json!({ "members": [her("zuleika"), person("bob")], "memberships": [hers, membership("m-bob", "bob")] }),
        ),
    ] {
        world.send(&source, kind, data).await;
    }
    world.emails.remove(&email("zuleika"));
    world.settled().await;
    assert_eq!(traces(world).await, Vec::<String>::new());
    assert_eq!(world.api.member(&email("zuleika")).await, None);
    let company = world
        .api
        .query(
            "query($id: ID!) { member(id: $id) { companies { name } } }",
            json!({ "id": bob }),
        )
        .await;
    assert_eq!(
        company["member"]["companies"],
        json!([{ "name": "Acme Ltd" }])
    );
    assert_eq!(erasure(world, &member).await, state);
    let resumed = world
        .api
        .refusals("resumeMember", &[("member", "ID!", json!(member))])
        .await;
    assert_eq!(resumed, ["INVALID"]);

    world
        .send(&source, "membership.updated", heirs("active"))
        .await;
    world.settled().await;
    let query = "query($email: String) { member(email: $email) { name access { allowed } } }";
    let cyd = world
        .api
        .query(query, json!({ "email": email("shared") }))
        .await;
    assert_eq!(
        (
            &cyd["member"]["name"],
            &cyd["member"]["access"][0]["allowed"]
        ),
        (&json!("Cyd"), &json!(true))
    );

    // An admin lifts it: the next event makes another member.
    world
        .api
        .mutate(
            "liftErasure",
            &[("member", "ID!", json!(member))],
            "member { id }",
        )
        .await;
    world.send(&source, "member.updated", her("zuleika")).await;
    world.settled().await;
    let again = world.api.member(&email("zuleika")).await.unwrap();
    assert_ne!(again, member);
    let bare = world
        .api
        .refusals("liftErasure", &[("member", "ID!", json!(again))])
        .await;
    assert_eq!(bare, ["INVALID"]);
}
