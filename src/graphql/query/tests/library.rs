//! Random documents give the same data as the library's own executor, with the fields in document order.

mod documents;

use std::collections::BTreeMap;

use async_graphql::{
    Name, Request, Response, Value, Variables,
    indexmap::IndexMap,
    parser::{
        parse_query,
        types::{ExecutableDocument, Selection, SelectionSet},
    },
    value,
};

use super::{Kind, Role, TestClub, code, gid};
use crate::graphql::schema::context_data;
use documents::{Generator, TypeMap};

const DOCUMENTS: usize = 4000;

/// Ids by what they name.
async fn ids(club: &TestClub) -> BTreeMap<&'static str, Vec<String>> {
    let members = [
        gid(Kind::Member, club.member("ann").await),
        gid(Kind::Member, club.member("bob").await),
        gid(Kind::Member, club.member("cyd").await),
    ];
    let targets = [
        gid(Kind::Lock, club.front),
        gid(Kind::Lock, club.simulator),
        gid(Kind::Group, club.members),
    ];
    let entitlements = club.query("{ members { nodes { entitlements { id } } } }");
    let entitlements = entitlements.await.to_string();
    let mut all = [members.to_vec(), targets.to_vec()].concat();
    all.extend([
        gid(Kind::Club, club.scope.club),
        gid(Kind::Place, club.place),
        gid(Kind::Source, club.source),
        gid(Kind::KisiAccount, club.account),
        gid(Kind::Lock, uuid::Uuid::nil()),
    ]);
    let texts = entitlements.split('"').filter(|text| text.len() > 20);
    all.extend(texts.map(str::to_owned));
    BTreeMap::from([
        ("member", members.to_vec()),
        ("target", targets.to_vec()),
        ("source", vec![gid(Kind::Source, club.source)]),
        ("id", all),
    ])
}

fn request(club: &TestClub, text: &str) -> Request {
    let variables = Variables::from_value(value!({ "yes": true, "no": false, "n": 2 }));
    let mut request = Request::new(text).variables(variables);
    let caller = club.caller(Role::Admin, None);
    context_data(club.app.clone(), caller, &mut request.data);
    request
}

fn json(response: Response) -> serde_json::Value {
    response.data.into_json().unwrap()
}

#[tokio::test]
async fn random_documents_give_the_data_of_the_library_in_document_order() {
    let club = TestClub::new().await;
    club.share(club.member("bob").await, None).await;
    let types = TypeMap::new();
    let ids = ids(&club).await;
    let mut generator = Generator::new(&types, &ids, 20_260_302);
    let (mut compared, mut fields) = (0, 0);
    for _ in 0..DOCUMENTS {
        let text = generator.document();
        let by_library = club.service.run_by_library(request(&club, &text)).await;
        let response = club.service.run(request(&club, &text)).await;
        if response
            .errors
            .iter()
            .any(|error| code(error) == "TOO_COMPLEX")
        {
            continue;
        }
        // The library leaves failed fields out; how nulls propagate is tested with the HTTP handler.
        assert_eq!(
            by_library.errors.is_empty(),
            response.errors.is_empty(),
            "{text}\n{:?}\n{:?}",
            by_library.errors,
            response.errors
        );
        if !response.errors.is_empty() {
            continue;
        }
        let document = parse_query(&text).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let reference = Reference {
            types: &types,
            document: &document,
            text: &text,
        };
        fields += reference.check(&response.data, &[&operation.node.selection_set.node]);
        assert_eq!(json(response), json(by_library), "{text}");
        compared += 1;
    }
    assert!(compared > DOCUMENTS * 9 / 10, "{compared}");
    assert!(fields > DOCUMENTS * 10, "{fields}");
}

/// Checks the order of the fields of a response by a second implementation of `CollectFields`.
struct Reference<'a> {
    types: &'a TypeMap,
    document: &'a ExecutableDocument,
    text: &'a str,
}

type Collected<'a> = IndexMap<&'a str, Vec<&'a SelectionSet>>;

impl<'a> Reference<'a> {
    /// Returns the number of checked fields. The generator selects `__typename` on every object.
    fn check(&self, value: &Value, sets: &[&'a SelectionSet]) -> usize {
        match value {
            Value::List(elements) => elements.iter().map(|it| self.check(it, sets)).sum(),
            Value::Object(object) => {
                let Some(Value::String(kind)) = object.get("__typename") else {
                    return 0;
                };
                let mut expected = Collected::new();
                for set in sets {
                    self.collect(set, kind, &mut expected);
                }
                let keys: Vec<&str> = object.keys().map(Name::as_str).collect();
                let order: Vec<&str> = expected.keys().copied().collect();
                assert_eq!(keys, order, "{}", self.text);
                let inner = object.iter().map(|(key, value)| {
                    let sets = expected.get(key.as_str()).unwrap();
                    1 + self.check(value, sets)
                });
                inner.sum()
            }
            _ => 0,
        }
    }

    fn collect(&self, set: &'a SelectionSet, kind: &str, fields: &mut Collected<'a>) {
        for item in &set.items {
            if is_skipped(&item.node) {
                continue;
            }
            let (condition, set) = match &item.node {
                Selection::Field(field) => {
                    let sets = fields.entry(&field.node.response_key().node).or_default();
                    sets.push(&field.node.selection_set.node);
                    continue;
                }
                Selection::InlineFragment(inline) => (
                    inline.node.type_condition.as_ref(),
                    &inline.node.selection_set.node,
                ),
                Selection::FragmentSpread(spread) => {
                    let fragment = &self.document.fragments[&spread.node.fragment_name.node];
                    (
                        Some(&fragment.node.type_condition),
                        &fragment.node.selection_set.node,
                    )
                }
            };
            let condition = condition.map(|condition| condition.node.on.node.as_str());
            if condition.is_none_or(|condition| self.types.includes(condition, kind)) {
                self.collect(set, kind, fields);
            }
        }
    }
}

fn is_skipped(selection: &Selection) -> bool {
    selection.directives().iter().any(|directive| {
        let condition = directive.node.get_argument("if").unwrap().node.to_string();
        let is_true = condition == "true" || condition == "$yes";
        is_true == (directive.node.name.node == "skip")
    })
}
