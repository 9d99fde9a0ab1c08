//! Determines from an operation's text which fields of which types it can resolve, so that field permissions are checked once,
//! on the document, before execution.
//!
//! Visits every field that executing the operation may resolve, with the type it is resolved on; under a fragment that is each
//! type that the value may have. A selection without refused fields is visited once per type that it may apply to, so the cost
//! grows with the text and not with its expansion. Called by the preparation of requests.

use std::{
    collections::{BTreeSet, HashSet},
    ptr,
};

use async_graphql::parser::{
    self, parse_schema,
    types::{
        BaseType, ExecutableDocument, Field, FieldDefinition, OperationDefinition, OperationType,
        Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition,
    },
};
use async_graphql::{Name, Pos, Positioned};

use crate::map::Map;

/// The maximum number of refused fields that are listed.
const MAX_REFUSED: usize = 100;

/// How many refused fields are visited, counting those that fragments select at the same path again.
const MAX_VISITED: usize = 1000;

/// A field that is not permitted.
#[derive(Debug)]
pub struct RefusedField<'a> {
    /// The type that the field is selected on.
    pub parent: &'a str,
    pub name: &'a str,
    pub position: Pos,
    /// The response keys that lead to the field.
    pub path: Vec<&'a str>,
}

/// The types of a schema: the type of each field, and the object types of each interface and union.
#[derive(Debug, Default)]
pub struct FieldAnalysis(Map<Name, Shape>);

#[derive(Debug, Default)]
struct Shape {
    /// The type of each field, lists unwrapped.
    fields: Map<Name, Name>,
    /// For an interface or a union: its object types.
    possible: BTreeSet<Name>,
}

impl FieldAnalysis {
    /// Reads the types from a schema in SDL.
    ///
    /// # Errors
    ///
    /// If the text is not a valid schema.
    pub fn of(sdl: &str) -> Result<Self, parser::Error> {
        let mut analysis = Self::default();
        for definition in parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node;
            match definition.node.kind {
                TypeKind::Object(object) => {
                    for interface in object.implements {
                        analysis.add_possible(interface.node, name.clone());
                    }
                    analysis.add_fields(name, object.fields);
                }
                TypeKind::Interface(interface) => analysis.add_fields(name, interface.fields),
                TypeKind::Union(union) => {
                    for member in union.members {
                        analysis.add_possible(name.clone(), member.node);
                    }
                }
                TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_) => {}
            }
        }
        Ok(analysis)
    }

    fn add_possible(&mut self, kind: Name, object: Name) {
        self.0.entry(kind).or_default().possible.insert(object);
    }

    fn add_fields(&mut self, kind: Name, fields: Vec<Positioned<FieldDefinition>>) {
        let shape = self.0.entry(kind).or_default();
        for field in fields {
            let to = named(field.node.ty.node);
            shape.fields.insert(field.node.name.node, to);
        }
    }

    /// The fields that an operation selects and `is_permitted`, given their type and name, refuses: at most `MAX_REFUSED`,
    /// each path once. Skipped fields (`@skip`, `@include`) count as selected, so the result depends on the document alone.
    /// Fields that the schema does not have are left to the validation, and introspection is always permitted.
    ///
    /// The document must be within the limits of [`super::prepare`], because the recursion is as deep as its nesting.
    pub fn refused<'a>(
        &'a self,
        document: &'a ExecutableDocument,
        operation: &'a OperationDefinition,
        is_permitted: impl Fn(&str, &str) -> bool,
    ) -> Vec<RefusedField<'a>> {
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let mut walk = Walk {
            types: &self.0,
            document,
            is_permitted,
            permitted: HashSet::new(),
            path: Vec::new(),
            count: 0,
            refused: Vec::new(),
        };
        walk.set(&operation.selection_set.node, root);
        walk.refused
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
    /// The visited selections without refused fields, each with the type it was visited on.
    permitted: HashSet<(*const SelectionSet, &'a str)>,
    path: Vec<&'a str>,
    count: usize,
    refused: Vec<RefusedField<'a>>,
}

impl<'a, F: Fn(&str, &str) -> bool> Walk<'a, F> {
    /// Visits a selection on the type `on`.
    fn set(&mut self, set: &'a SelectionSet, on: &'a str) {
        let key = (ptr::from_ref(set), on);
        if set.items.is_empty() || self.is_full() || !self.permitted.insert(key) {
            return;
        }
        let before = self.count;
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => self.field(field, on),
                Selection::InlineFragment(inline) => {
                    let set = &inline.node.selection_set.node;
                    match &inline.node.type_condition {
                        Some(condition) => self.fragment(set, on, &condition.node.on.node),
                        None => self.set(set, on),
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name) {
                        let condition = &fragment.node.type_condition.node.on.node;
                        self.fragment(&fragment.node.selection_set.node, on, condition);
                    }
                }
            }
        }
        if self.count > before {
            self.permitted.remove(&key);
        }
    }

    fn is_full(&self) -> bool {
        self.count >= MAX_VISITED || self.refused.len() >= MAX_REFUSED
    }

    fn field(&mut self, field: &'a Positioned<Field>, on: &'a str) {
        let name = field.node.name.node.as_str();
        let Some(to) = self.types.get(on).and_then(|shape| shape.fields.get(name)) else {
            return;
        };
        self.path.push(field.node.response_key().node.as_str());
        if (self.is_permitted)(on, name) {
            self.set(&field.node.selection_set.node, to.as_str());
        } else if !self.is_full() {
            self.count += 1;
            if self.refused.iter().all(|other| other.path != self.path) {
                self.refused.push(RefusedField {
                    parent: on,
                    name,
                    position: field.pos,
                    path: self.path.clone(),
                });
            }
        }
        self.path.pop();
    }

    /// Visits the selection of a fragment on the type itself if that is the condition, and otherwise on each object type that
    /// the value may have and the condition includes.
    fn fragment(&mut self, set: &'a SelectionSet, on: &'a str, condition: &'a str) {
        if on == condition {
            return self.set(set, on);
        }
        let types = self.types;
        let possible = |kind: &str| types.get(kind).map(|shape| &shape.possible);
        let fits = |object: &str| {
            let within = possible(condition);
            object == condition || within.is_some_and(|objects| objects.contains(object))
        };
        match possible(on) {
            Some(objects) if !objects.is_empty() => {
                for object in objects.iter().map(Name::as_str).filter(|it| fits(it)) {
                    self.set(set, object);
                }
            }
            _ if fits(on) => self.set(set, on),
            _ => {}
        }
    }
}
