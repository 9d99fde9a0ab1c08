//! Determines from a query's text which fields of which types it can resolve. Field permissions are then checked once per
//! document, in place of once per field of every list element.
//!
//! Names every field that executing the query may resolve, with the type it is resolved on; under a fragment that is each
//! type that the value may have. Reports no for unknown fields, including introspection fields. The cost grows with the text:
//! a selection is visited once per type that it may apply to. The recursion is as deep as the document is nested, so the
//! limits must be checked first. Called by the executor.

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

/// The root type of queries.
const ROOT: &str = "Query";

/// The types of a schema: the type of each field, and the object types of each interface and union.
#[derive(Debug, Default)]
pub struct Reach(Map<Name, Shape>);

#[derive(Debug, Default)]
struct Shape {
    /// The type of each field, lists unwrapped.
    fields: Map<Name, Name>,
    /// For an interface or a union: its object types.
    possible: BTreeSet<Name>,
}

impl Reach {
    /// Reads the types from a schema in SDL.
    ///
    /// # Errors
    ///
    /// If the text is not a valid schema.
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

    /// Whether a fragment with this type condition applies to an object of this type.
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

    /// Whether `is_permitted` returns true for every field, given as type and name, that the query can resolve.
    pub fn all<'a>(
        &'a self,
        document: &'a ExecutableDocument,
        query: &'a OperationDefinition,
        is_permitted: impl Fn(&str, &str) -> bool,
    ) -> bool {
        let mut walk = Walk {
            types: &self.0,
            document,
            is_permitted,
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
    is_permitted: F,
    /// The selections visited, each with the type it was visited on.
    seen: HashSet<(*const SelectionSet, &'a str)>,
}

impl<'a, F: Fn(&str, &str) -> bool> Walk<'a, F> {
    /// Whether all fields of a selection on the type `on` are permitted.
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
        // `__typename` is always permitted.
        if name == "__typename" {
            return true;
        }
        let leads = self.types.get(on).and_then(|shape| shape.fields.get(name));
        leads.is_some_and(|to| {
            (self.is_permitted)(on, name) && self.set(&field.selection_set.node, to.as_str())
        })
    }

    /// The executor continues with the object's concrete type if the fragment's condition includes that object, and with the
    /// current type if the condition names that type.
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
