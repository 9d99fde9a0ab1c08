//! Detects whether a query selects two fields of one object under the same response key, also through fragments, so that the
//! results have to be merged.
//!
//! Answers yes in doubt: for unknown types and fields, and if a fragment is spread twice on one object. Takes time linear in the
//! text: a selection set is visited once for each type that it applies to.

use std::{collections::HashSet, ptr};

use async_graphql::{
    Name,
    parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet},
};

use super::{ROOT, Reach};

impl Reach {
    /// Whether a query of the document may select a response key of an object twice.
    pub fn repeats(&self, document: &ExecutableDocument, query: &OperationDefinition) -> bool {
        let mut walk = Walk {
            reach: self,
            document,
            seen: HashSet::new(),
        };
        walk.repeats(&query.selection_set.node, ROOT)
    }
}

struct Walk<'a> {
    reach: &'a Reach,
    document: &'a ExecutableDocument,
    /// The visited pairs of selection set and type.
    seen: HashSet<(*const SelectionSet, &'a str)>,
}

/// The fields that are selected on one object, with fragments expanded.
#[derive(Default)]
struct Asked<'a> {
    fields: Vec<&'a Field>,
    names: HashSet<&'a str>,
    fragments: HashSet<&'a str>,
}

impl<'a> Walk<'a> {
    fn repeats(&mut self, set: &'a SelectionSet, object: &'a str) -> bool {
        if set.items.is_empty() || !self.seen.insert((ptr::from_ref(set), object)) {
            return false;
        }
        let mut asked = Asked::default();
        if !self.unfold(set, object, &mut asked) {
            return true;
        }
        asked.fields.into_iter().any(|field| {
            let set = &field.selection_set.node;
            let shape = self.reach.0.get(object);
            let leads = shape.and_then(|shape| shape.fields.get(&field.name.node));
            !set.items.is_empty()
                && leads.is_none_or(|to| self.objects(to).any(|object| self.repeats(set, object)))
        })
    }

    /// The object types that a value of a type may have.
    fn objects(&self, kind: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let possible = self.reach.0.get(kind).map(|shape| &shape.possible);
        let itself = possible.is_none_or(|objects| objects.is_empty());
        let objects = possible.into_iter().flatten().map(Name::as_str);
        objects.chain(itself.then_some(kind))
    }

    /// Adds the fields that are selected on an object; false if a response key is selected twice.
    fn unfold(&self, set: &'a SelectionSet, object: &'a str, asked: &mut Asked<'a>) -> bool {
        set.items.iter().all(|item| match &item.node {
            Selection::Field(field) => {
                asked.fields.push(&field.node);
                asked.names.insert(&field.node.response_key().node)
            }
            Selection::InlineFragment(inline) => {
                let condition = inline.node.type_condition.as_ref();
                let fits = condition.is_none_or(|it| self.reach.is(object, &it.node.on.node));
                !fits || self.unfold(&inline.node.selection_set.node, object, asked)
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let fragment = self.document.fragments.get(name);
                asked.fragments.insert(name)
                    && fragment.is_some_and(|fragment| {
                        let fragment = &fragment.node;
                        !self.reach.is(object, &fragment.type_condition.node.on.node)
                            || self.unfold(&fragment.selection_set.node, object, asked)
                    })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    const SCHEMA: &str = "type Query { pets: [Pet!]! cat: Cat } interface Pet { name: String owner: Person }
        type Cat implements Pet { name: String owner: Person lives: Int } type Dog implements Pet { name: String owner: Person }
        type Person { name: String age: Int }";

    fn repeats(query: &str) -> bool {
        let document = parse_query(query).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let reach = Reach::of(SCHEMA).unwrap();
        reach.repeats(&document, &operation.node)
    }

    #[test]
    fn distinct_response_keys_are_no_repetition() {
        for query in [
            "{ pets { name owner { name age } } cat { name } }",
            "{ pets { owner { name } ... on Cat { name lives } ... on Dog { name } } }",
            "{ a: cat { name } b: cat { name other: name } }",
            "{ pets { ...N } cat { ...N } } fragment N on Pet { name }",
            "{ cat { ... on Dog { name } name } }",
        ] {
            assert!(!repeats(query), "{query}");
        }
    }

    #[test]
    fn repeated_response_keys_are_found_through_fragments_and_types() {
        for query in [
            "{ cat { name name } }",
            "{ cat { name } cat { lives } }",
            "{ pets { owner { name } ... on Cat { owner { age } } } }",
            "{ pets { ... on Pet { name } ... on Dog { name } } }",
            "{ cat { a: name ... { a: lives } } }",
            "{ pets { ...N ...N } } fragment N on Pet { name }",
            "{ pets { ...N } } fragment N on Pet { name ...N }",
            "{ pets { owner { ...P name } } } fragment P on Person { name }",
            "{ nonsense { name } }",
            "{ cat { ...Missing } }",
        ] {
            assert!(repeats(query), "{query}");
        }
    }

    #[test]
    fn fragments_that_expand_exponentially_are_detected_at_once() {
        let mut text = "{ cat { ...F0 } }".to_owned();
        for n in 0..60 {
            let next = n + 1;
            text.push_str(&format!(
                " fragment F{n} on Pet {{ ...F{next} ...F{next} }}"
            ));
        }
        text.push_str(" fragment F60 on Dog { name }");
        assert!(repeats(&text));
    }
}
