//! Permissions: every field of every type with every role, compared with the table in `tests/roles.txt`. A new field fails here
//! until it is decided which roles may use it.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use latchkey::{
    graphql::roles::{ALL as ROLES, may},
    store::row::Role,
};
use serde_json::{Value, json};

use crate::support::{
    api::Api,
    event::{membership, with},
    schema::{Schema, base},
    world::{Database, Setup, World},
};

on_both!(an_internal_error_reveals_nothing);

/// One database is enough: permissions are checked before any query.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_matches_the_table() {
    World::run(Database::Sqlite, Setup::default(), |world| {
        Box::pin(fields_are_as_the_table_says(world))
    })
    .await;
}

/// The allowed roles, separated by spaces, by type and field.
type Table = BTreeMap<(String, String), String>;

fn stored() -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/roles.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (field, roles) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
            let (of, field) = field.split_once('.').unwrap();
            ((of.to_owned(), field.to_owned()), roles.to_owned())
        })
        .collect()
}

/// By type, the start of a query that leads to a value of it, and the number of braces to close. Uses only fields that the role
/// may read.
fn query_paths(
    schema: &Schema,
    role: Role,
    member: &str,
    lock: &str,
) -> BTreeMap<String, (String, usize)> {
    let mut ways = BTreeMap::from([("Query".to_owned(), (String::new(), 0))]);
    let mut open = std::collections::VecDeque::from(["Query".to_owned()]);
    while let Some(of) = open.pop_front() {
        let (way, depth) = ways[&of].clone();
        for field in schema.fields(&of) {
            let name = field["name"].as_str().unwrap();
            // The type of a `node` is only known when it is read.
            if !may(role, &of, name) || name.starts_with("node") && of == "Query" {
                continue;
            }
            let kind = base(&field["type"]);
            let to = kind["name"].as_str().unwrap();
            let (step, targets) = match kind["kind"].as_str().unwrap() {
                "OBJECT" => (String::new(), vec![to]),
                "INTERFACE" | "UNION" => ("... on ".to_owned(), schema.possible(to)),
                _ => continue,
            };
            let arguments = arguments(schema, &of, field, member, lock);
            for to in targets {
                if ways.contains_key(to) {
                    continue;
                }
                let (on, more) = if step.is_empty() {
                    (String::new(), 1)
                } else {
                    (format!("{step}{to} {{ "), 2)
                };
                ways.insert(
                    to.to_owned(),
                    (format!("{way}{name}{arguments} {{ {on}"), depth + more),
                );
                open.push_back(to.to_owned());
            }
        }
    }
    ways
}

fn arguments(schema: &Schema, of: &str, field: &Value, member: &str, lock: &str) -> String {
    if of == "Query" && field["name"] == "member" {
        return format!("(id: {member:?})");
    }
    let id = |at: &[String]| match at.last().map(String::as_str) {
        Some("member") if field["name"] == "unlock" => member.to_owned(),
        Some("member" | "id" | "ids") if of != "Mutation" => member.to_owned(),
        Some("target") if of != "Mutation" => lock.to_owned(),
        _ => "nothing".to_owned(),
    };
    schema.arguments(field, &[], &id)
}

fn is_forbidden(answer: &Value) -> bool {
    let errors = answer["errors"].as_array();
    errors.is_some_and(|all| {
        all.iter()
            .any(|one| one["extensions"]["code"] == "FORBIDDEN")
    })
}

/// Creates two members, one with doors and one who is suspended, each with data for every field that members may read.
async fn people(world: &mut World) -> [String; 2] {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    let hall =
        json!({ "location": { "id": "hall", "name": "Hall", "time_zone": "Europe/Berlin" } });
    for who in ["ada", "bob"] {
        let at = |from: u8, until: u8| json!({ "starts_at": format!("2026-01-05T{from:02}:00:00Z"), "ends_at": format!("2026-01-05T{until:02}:00:00Z") });
        let person = crate::support::event::person(who);
        let data = with(membership(&format!("m-{who}"), who), hall.clone());
        world
            .send(
                &source,
                "membership.updated",
                with(
                    data,
                    json!({ "blocked": { "reason": "manual", "since": "2026-01-01T00:00:00Z" } }),
                ),
            )
            .await;
        world
            .send(
                &source,
                "membership.updated",
                membership(&format!("n-{who}"), who),
            )
            .await;
        let booked = json!({ "id": format!("b-{who}"), "kind": "room", "item": { "id": "oak", "name": "oak" }, "member": person, "status": "confirmed" });
        world
            .send(&source, "registration.updated", with(booked, at(8, 20)))
            .await;
        let bought = json!({ "id": format!("p-{who}"), "item": { "id": "pass", "name": "Pass" }, "member": person, "status": "paid" });
        world
            .send(&source, "purchase.updated", with(bought, at(8, 20)))
            .await;
        let company = json!({ "id": who, "email": person["email"], "name": who, "companies": [{ "id": "acme", "name": "Acme" }] });
        world.send(&source, "member.updated", company).await;
    }
    world.settled().await;
    let places = world.api.query("{ places { nodes { id } } }", json!({}));
    let place = places.await["places"]["nodes"][0]["id"].take();
    let place = place.as_str().unwrap().to_owned();
    let mut members = Vec::new();
    for who in ["ada@example.com", "bob@example.com"] {
        let member = world.api.member(who).await.unwrap();
        for scope in [&group, &place, world.account.as_ref().unwrap()] {
            let input = json!({ "who": { "member": member }, "scope": scope });
            let arguments = [("input", "ShareAccessInput!", input)];
            world
                .api
                .mutate("shareAccess", &arguments, "share { id }")
                .await;
        }
        members.push(member);
    }
    let input = json!({ "member": members[1], "reason": "for staff alone" });
    world
        .api
        .mutate(
            "suspendMember",
            &[("input", "SuspendMemberInput!", input)],
            "member { id }",
        )
        .await;
    world.settled().await;
    members.try_into().unwrap()
}

async fn fields_are_as_the_table_says(world: &mut World) {
    let schema = Schema::of(&world.api).await;
    let mut text = String::new();
    for (of, fields) in schema.objects() {
        for field in fields {
            let name = field["name"].as_str().unwrap();
            let roles: Vec<_> = ROLES
                .iter()
                .filter(|(_, role)| may(*role, of, name))
                .map(|(word, _)| *word)
                .collect();
            let _ = writeln!(text, "{of}.{name}: {}", roles.join(" "));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/roles.txt");
    if std::env::var_os("UPDATE_ROLES").is_some() {
        let head = "# The roles that may use each field, checked by tests/main/roles.rs. Review each line that changes here.\n\n";
        std::fs::write(path, format!("{head}{text}")).unwrap();
    }
    let table = stored();
    let expected: Vec<String> = table
        .iter()
        .map(|((of, field), roles)| format!("{of}.{field}: {roles}"))
        .collect();
    let mut actual: Vec<&str> = text.lines().collect();
    actual.sort_unstable();
    let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(
        actual, expected,
        "decide the roles in graphql/roles.rs, then run with UPDATE_ROLES=1"
    );

    let [ada, bob] = people(world).await;
    let lock = world
        .api
        .query("{ locks(first: 1) { nodes { id } } }", json!({}))
        .await["locks"]["nodes"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut callers: Vec<(Role, &str, Api)> = Vec::new();
    let staff = [
        ("APP", Role::App),
        ("DESK", Role::Desk),
        ("READER", Role::Reader),
    ];
    for (word, role) in staff {
        callers.push((role, &ada, world.api.token(word).await));
    }
    callers.push((Role::Admin, &ada, world.api.clone()));
    for member in [&ada, &bob] {
        callers.push((Role::Member, member, session(world, member).await));
    }
    let mut refused: BTreeMap<(String, String, String), bool> = BTreeMap::new();
    for (role, member, api) in &callers {
        let own = query_paths(&schema, *role, member, &lock);
        let all = query_paths(&schema, Role::Admin, member, &lock);
        for (of, fields) in schema.objects() {
            let may_see_some = fields
                .iter()
                .any(|field| may(*role, of, field["name"].as_str().unwrap()));
            // A type that the role may read and that none of its queries reach is reached by a subscription.
            let way = own
                .get(of)
                .or_else(|| all.get(of).filter(|_| !may_see_some));
            for field in fields {
                let name = field["name"].as_str().unwrap();
                let field_selection = format!(
                    "{name}{} {}",
                    arguments(&schema, of, field, member, &lock),
                    schema.selection(&field["type"])
                );
                let document = match way {
                    _ if of == "Mutation" => format!("mutation {{ {field_selection} }}"),
                    Some((way, depth)) => {
                        format!("{{ {way} {field_selection} {} }}", "}".repeat(*depth))
                    }
                    // Payloads are reached by mutations, and the events of subscriptions by a socket.
                    None => continue,
                };
                let answer = api.query_raw(&document, json!({})).await;
                let unread = answer["errors"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|one| {
                        one["path"].is_null() && one["extensions"]["code"] == "BAD_USER_INPUT"
                    });
                assert!(!unread, "{document}\n{answer}");
                if !may(*role, of, name) {
                    // Refused as a whole, before anything is executed.
                    let paths = &answer["errors"][0]["extensions"]["paths"];
                    let is_listed = paths.as_array().is_some_and(|paths| !paths.is_empty());
                    let is_whole = answer.get("data").is_none() && is_listed;
                    assert!(is_whole, "{document}\n{answer}");
                }
                let key = (
                    format!("{role:?}").to_uppercase(),
                    of.to_owned(),
                    name.to_owned(),
                );
                *refused.entry(key).or_default() |= is_forbidden(&answer);
            }
        }
    }
    for ((role, of, field), was_refused) in &refused {
        let roles = &table[&(of.clone(), field.clone())];
        assert_eq!(
            *was_refused,
            !roles.split(' ').any(|one| one == role),
            "{of}.{field} for {role}"
        );
    }
    assert!(refused.len() > 900, "{}", refused.len());
}

async fn session(world: &World, member: &str) -> Api {
    let opened = world
        .api
        .mutate(
            "createMemberSession",
            &[("member", "ID!", json!(member))],
            "session",
        )
        .await;
    Api::new(
        world.api.base.clone(),
        opened["session"].as_str().unwrap().to_owned(),
    )
}

/// A missing table stands for the worst internal error.
async fn an_internal_error_reveals_nothing(world: &mut World) {
    let broken: Result<(), latchkey::store::StoreError> = world
        .app()
        .db
        .write(|tx| {
            Box::pin(async move {
                use latchkey::store::Connection;
                tx.execute_unprepared("ALTER TABLE offering RENAME TO elsewhere")
                    .await?;
                Ok(())
            })
        })
        .await;
    broken.unwrap();
    let query = "{ club { name } offerings { totalCount } }";
    let answer = world.api.query_raw(query, json!({})).await;
    let error = &answer["errors"][0];
    assert_eq!(error["extensions"]["code"], "INTERNAL");
    assert!(
        error["extensions"]["requestId"]
            .as_str()
            .is_some_and(|id| !id.is_empty())
    );
    assert_eq!(error["message"], "Something went wrong on our side");
    let text = answer.to_string().to_lowercase();
    for inner in [
        "select",
        "sql",
        "no such",
        "relation",
        "sea_orm",
        "elsewhere",
    ] {
        assert!(!text.contains(inner), "{inner}: {text}");
    }
}
