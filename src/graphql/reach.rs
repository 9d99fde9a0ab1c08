//! Which fields of which types a query can come to, told from its text: what the executor would ask the law one by one, for
//! every element of every list, is asked here once.
//!
//! Promises to name every field that executing the query may resolve, by the type that it is resolved on: under a fragment
//! each type that the value may turn out to be. Says no to what it does not know, the fields of introspection among them.
//! Grows with the text: a selection is looked at once for each type that it may stand on. Never recurses deeper than the
//! document is nested, so its limits have to be asked first. The executor calls it.

use std::{
    collections::{BTreeSet, HashSet},
    ptr,
};

use async_graphql::parser::{
    self, parse_schema,
    types::{
        BaseType, ExecutableDocument, Field, FieldDefinition, OperationDefinition, Selection,
        SelectionSet, Type, TypeKind, TypeSystemDefinition,
    },
};
use async_graphql::{Name, Positioned};

use crate::map::Map;

mod repeats;

/// The type that a query begins at.
const ROOT: &str = "Query";

/// The types of a schema: what their fields lead to, and which of them a value may be.
#[derive(Debug, Default)]
pub struct Reach(Map<Name, Shape>);

#[derive(Debug, Default)]
struct Shape {
    /// What each field leads to, lists unwrapped.
    fields: Map<Name, Name>,
    /// Of an interface or a union: the types of objects that it may be.
    possible: BTreeSet<Name>,
}

impl Reach {
    /// Of the schema that a text describes.
    ///
    /// # Errors
    ///
    /// Where the text is no schema.
    pub fn of(sdl: &str) -> Result<Self, parser::Error> {
        let mut reach = Self::default();
        for definition in parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node;
            match definition.node.kind {
                TypeKind::Object(object) => {
                    for interface in object.implements {
                        reach.may_be(interface.node, name.clone());
                    }
                    reach.leads(name, object.fields);
                }
                TypeKind::Interface(interface) => reach.leads(name, interface.fields),
                TypeKind::Union(union) => {
                    for member in union.members {
                        reach.may_be(name.clone(), member.node);
                    }
                }
                TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_) => {}
            }
        }
        Ok(reach)
    }

    /// Whether an object of a type is what a fragment is for.
    pub fn is(&self, object: &str, condition: &str) -> bool {
        let within = self.0.get(condition).map(|shape| &shape.possible);
        object == condition || within.is_some_and(|objects| objects.contains(object))
    }

    fn may_be(&mut self, kind: Name, object: Name) {
        self.0.entry(kind).or_default().possible.insert(object);
    }

    fn leads(&mut self, kind: Name, fields: Vec<Positioned<FieldDefinition>>) {
        let shape = self.0.entry(kind).or_default();
        for field in fields {
            let to = named(field.node.ty.node);
            shape.fields.insert(field.node.name.node, to);
        }
    }

    /// Whether `sees` says yes to every field, by its type and its name, that a query of the document can come to.
    pub fn all<'a>(
        &'a self,
        document: &'a ExecutableDocument,
        query: &'a OperationDefinition,
        sees: impl Fn(&str, &str) -> bool,
    ) -> bool {
        let mut walk = Walk {
            types: &self.0,
            document,
            sees,
            seen: HashSet::new(),
        };
        walk.set(&query.selection_set.node, ROOT)
    }
}

fn named(kind: Type) -> Name {
    match kind.base {
        BaseType::Named(name) => name,
        BaseType::List(element) => named(*element),
    }
}

struct Walk<'a, F> {
    types: &'a Map<Name, Shape>,
    document: &'a ExecutableDocument,
    sees: F,
    /// Each selection with each type that it was looked at on.
    seen: HashSet<(*const SelectionSet, &'a str)>,
}

impl<'a, F: Fn(&str, &str) -> bool> Walk<'a, F> {
    /// Whether all may be seen of a selection whose fields are resolved on a type.
    fn set(&mut self, set: &'a SelectionSet, on: &'a str) -> bool {
        if set.items.is_empty() || !self.seen.insert((ptr::from_ref(set), on)) {
            return true;
        }
        set.items.iter().all(|item| match &item.node {
            Selection::Field(field) => self.field(&field.node, on),
            Selection::InlineFragment(inline) => {
                let set = &inline.node.selection_set.node;
                match &inline.node.type_condition {
                    Some(condition) => self.fragment(set, on, condition.node.on.node.as_str()),
                    None => self.set(set, on),
                }
            }
            Selection::FragmentSpread(spread) => {
                let document = self.document;
                let fragment = document.fragments.get(&spread.node.fragment_name.node);
                fragment.is_some_and(|fragment| {
                    let condition = fragment.node.type_condition.node.on.node.as_str();
                    self.fragment(&fragment.node.selection_set.node, on, condition)
                })
            }
        })
    }

    fn field(&mut self, field: &'a Field, on: &'a str) -> bool {
        let name = field.name.node.as_str();
        // A type's own name is nobody's to refuse.
        if name == "__typename" {
            return true;
        }
        let leads = self.types.get(on).and_then(|shape| shape.fields.get(name));
        leads.is_some_and(|to| {
            (self.sees)(on, name) && self.set(&field.selection_set.node, to.as_str())
        })
    }

    /// The executor goes on with the object's own type where the fragment is for something that the object is, and with
    /// the type that it had where that is the fragment's.
    fn fragment(&mut self, set: &'a SelectionSet, on: &'a str, condition: &'a str) -> bool {
        let types = self.types;
        let possible = types.get(on).map(|shape| &shape.possible);
        let mut objects = possible.into_iter().flatten().map(Name::as_str);
        let is_object = possible.is_none_or(BTreeSet::is_empty);
        let within = types.get(condition).map(|shape| &shape.possible);
        let fits = |object: &str| {
            object == condition || within.is_some_and(|objects| objects.contains(object))
        };
        if is_object {
            return !fits(on) || self.set(set, on);
        }
        (on != condition || self.set(set, on))
            && objects.all(|object| !fits(object) || self.set(set, object))
    }
}
