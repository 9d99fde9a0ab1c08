//! Operations are authorized on their documents, and refused as a whole with all refused paths.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use async_graphql::{
    Request, ServerError, ServerResult,
    parser::{
        parse_query, parse_schema,
        types::{BaseType, Type, TypeKind, TypeSystemDefinition},
    },
};
use serde_json::json;

use super::{Role, TestClub, code};
use crate::graphql::{
    field_analysis::FieldAnalysis,
    roles::{ALL, may},
    schema::sdl,
    service::GraphqlService,
};

fn prepared(service: &GraphqlService, role: Role, query: &str) -> ServerResult<()> {
    service.prepare(role, &mut Request::new(query)).map(|_| ())
}

fn paths(error: &ServerError) -> serde_json::Value {
    assert_eq!(code(error), "FORBIDDEN", "{error:?}");
    assert!(error.path.is_empty());
    let extensions = serde_json::to_value(&error.extensions).unwrap();
    extensions["paths"].clone()
}

/// The schema's types: fields and possible object types.
struct Map {
    fields: BTreeMap<String, Vec<(String, String)>>,
    objects: BTreeMap<String, BTreeSet<String>>,
}

impl Map {
    fn new() -> Self {
        let (mut fields, mut objects) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<_>>::new());
        for definition in parse_schema(sdl()).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            let listed = match definition.node.kind {
                TypeKind::Object(object) => {
                    for interface in object.implements {
                        let of = objects.entry(interface.node.to_string()).or_default();
                        of.insert(name.clone());
                    }
                    object.fields
                }
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Union(union) => {
                    let members = union.members.iter().map(|member| member.node.to_string());
                    objects.insert(name, members.collect());
                    continue;
                }
                _ => continue,
            };
            let leads = |kind: &Type| {
                let mut base = &kind.base;
                while let BaseType::List(inner) = base {
                    base = &inner.base;
                }
                let BaseType::Named(name) = base else {
                    unreachable!()
                };
                name.to_string()
            };
            let listed = listed.iter().map(|field| {
                let field = &field.node;
                (field.name.node.to_string(), leads(&field.ty.node))
            });
            fields.insert(name, listed.collect());
        }
        Self { fields, objects }
    }

    fn is_composite(&self, kind: &str) -> bool {
        self.fields.contains_key(kind) || self.objects.contains_key(kind)
    }

    /// The path from Query to each type, over permitted fields only.
    fn ways(&self, passes: impl Fn(&str, &str) -> bool) -> BTreeMap<String, Vec<String>> {
        let mut ways = BTreeMap::from([("Query".to_owned(), Vec::new())]);
        let mut next = VecDeque::from(["Query".to_owned()]);
        while let Some(at) = next.pop_front() {
            let way = ways[&at].clone();
            let over_fields = self.fields.get(&at).into_iter().flatten();
            let over_fields = over_fields
                .filter(|(field, _)| passes(&at, field))
                .map(|(field, to)| (field.clone(), to.clone()));
            let over_objects = self.objects.get(&at).into_iter().flatten();
            let over_objects = over_objects.map(|to| (format!("... on {to}"), to.clone()));
            for (step, to) in over_fields.chain(over_objects) {
                if self.is_composite(&to) && !ways.contains_key(&to) {
                    ways.insert(to.clone(), [way.clone(), vec![step]].concat());
                    next.push_back(to);
                }
            }
        }
        ways
    }
}

#[tokio::test]
async fn every_field_is_authorized_as_its_role_permits() {
    let house = TestClub::new().await;
    let map = Map::new();
    for (_, role) in ALL {
        let open = map.ways(|kind, field| may(role, kind, field));
        let (mut permitted, mut refused) = (0, 0);
        for (kind, way) in map.ways(|_, _| true) {
            let (is_open, way) = open
                .get(&kind)
                .map_or((false, way), |way| (true, way.clone()));
            for (field, to) in map.fields.get(&kind).into_iter().flatten() {
                let mut query = field.clone();
                if map.is_composite(to) {
                    query.push_str(" { __typename }");
                }
                for step in way.iter().rev() {
                    query = format!("__typename {step} {{ __typename {query} }}");
                }
                let verdict = prepared(&house.service, role, &format!("{{ {query} }}"));
                let is_permitted = is_open && may(role, &kind, field);
                assert_eq!(verdict.is_ok(), is_permitted, "{role:?}: {query}");
                permitted += usize::from(is_permitted);
                if let Err(error) = verdict {
                    refused += 1;
                    let fields = way.iter().filter(|step| !step.starts_with("..."));
                    let mut path: Vec<&String> = fields.collect();
                    path.push(field);
                    let first = paths(&error)[0].as_array().unwrap().clone();
                    assert!(json!(path).as_array().unwrap().starts_with(&first));
                }
            }
        }
        let is_member = role == Role::Member;
        assert!(permitted > if is_member { 60 } else { 250 }, "{permitted}");
        assert_eq!(refused > 200, is_member, "{role:?}: {refused}");
    }
}

#[tokio::test]
async fn a_refusal_lists_every_refused_path_once() {
    let house = TestClub::new().await;
    for (role, query, expected) in [
        (
            Role::Member,
            "{ viewer { role member { mine: name notes: tags ...M doors { lock { rules { id } } } } } sources { id } }
                fragment M on Member { tags entitlements { source { id } ... on Membership { externalId } } notes: tags }",
            json!([
                ["viewer", "member", "notes"],
                ["viewer", "member", "tags"],
                ["viewer", "member", "entitlements", "source"],
                ["viewer", "member", "entitlements", "externalId"],
                ["viewer", "member", "doors", "lock", "rules"],
                ["sources"]
            ]),
        ),
        (
            Role::Member,
            "{ club { name } sources @skip(if: true) { id } }",
            json!([["sources"]]),
        ),
        (
            Role::Reader,
            "mutation { a: endShare(share: \"x\") { share { id } } b: unlock(member: \"x\", lock: \"y\") { unlocked } }",
            json!([["a"], ["b"]]),
        ),
        (
            Role::App,
            "mutation { unlock(member: \"x\", lock: \"y\") { unlocked } endShare(share: \"x\") { share { id } } }",
            json!([["endShare"]]),
        ),
        (
            Role::Member,
            "subscription { accessEvents { id actor rule { name } } }",
            json!([["accessEvents", "actor"], ["accessEvents", "rule"]]),
        ),
    ] {
        let error = prepared(&house.service, role, query).unwrap_err();
        assert_eq!(paths(&error), expected, "{query}");
        // From the cache of prepared documents.
        let error = prepared(&house.service, role, query).unwrap_err();
        assert_eq!(paths(&error), expected, "{query}");
        assert!(prepared(&house.service, Role::Admin, query).is_ok());
    }
}

#[tokio::test]
async fn only_the_selected_operation_is_authorized() {
    let house = TestClub::new().await;
    let query = "query A { club { name } } query B { sources { id } }";
    for (name, is_permitted) in [("A", true), ("B", false)] {
        let mut request = Request::new(query).operation_name(name);
        let verdict = house.service.prepare(Role::Member, &mut request);
        assert_eq!(verdict.is_ok(), is_permitted, "{name}");
    }
}

#[tokio::test]
async fn unknown_fields_and_introspection_are_not_refused() {
    let house = TestClub::new().await;
    let query =
        "{ __schema { types { name } } __type(name: \"Club\") { name } club { __typename } }";
    let response = house.answer(Role::Member, None, query).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let response = house
        .answer(Role::Member, None, "{ club { nonsense } }")
        .await;
    let message = &response.errors[0].message;
    assert!(message.contains("nonsense"), "{message}");
}

/// Each fragment spreads the next one twice: expanding them all would take exponential time.
#[test]
fn the_analysis_is_linear_in_the_text() {
    let analysis = FieldAnalysis::of(&sdl()).unwrap();
    let mut text = "{ nodes(ids: []) { ...F0 } }".to_owned();
    for n in 0..40 {
        let next = n + 1;
        text.push_str(&format!(
            " fragment F{n} on Node {{ id ... on Member {{ entitlements {{ offering {{ name }} }} }} ...F{next} ... on Node {{ ...F{next} }} }}"
        ));
    }
    text.push_str(" fragment F40 on Node { id ... on Rule { name } }");
    let document = parse_query(&text).unwrap();
    let (_, operation) = document.operations.iter().next().unwrap();
    let asked = std::cell::Cell::new(0_usize);
    let refused = analysis.refused(&document, &operation.node, |_, _| {
        asked.set(asked.get() + 1);
        true
    });
    assert!(refused.is_empty() && asked.get() < 40 * 25 * 3);
    // A refused field that is selected at one path again and again does not multiply the work.
    asked.set(0);
    let refused = analysis.refused(&document, &operation.node, |kind, _| {
        asked.set(asked.get() + 1);
        kind != "Rule"
    });
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(asked.get() < 20_000, "{}", asked.get());
}
