//! Collects the fields that a selection selects on an object (`CollectFields` in the GraphQL specification). Skipped selections
//! are removed by the library before execution.

use std::ptr;

use async_graphql::{
    ContextSelectionSet, Positioned,
    parser::types::{Field, Selection, SelectionSet},
};

/// A field to resolve.
pub(super) enum Selected<'a> {
    Once(&'a Positioned<Field>),
    /// Selected several times under one response key, with the selections of all.
    Merged(Box<Positioned<Field>>),
}

impl Selected<'_> {
    pub(super) fn field(&self) -> &Positioned<Field> {
        match self {
            Self::Once(field) => field,
            Self::Merged(field) => field,
        }
    }

    fn merge(&mut self, other: &Positioned<Field>) {
        let more = &other.node.selection_set.node.items;
        if more.is_empty() || ptr::eq(self.field(), other) {
            return;
        }
        if let Self::Once(field) = self {
            *self = Self::Merged(Box::new((*field).clone()));
        }
        if let Self::Merged(field) = self {
            field.node.selection_set.node.items.extend_from_slice(more);
        }
    }
}

/// The fields selected on an object of the type `object`, in the order in which their response keys first appear. With
/// `key`, only the field with that response key.
pub(super) fn fields<'a>(
    context: &ContextSelectionSet<'a>,
    object: &str,
    key: Option<&str>,
) -> Vec<Selected<'a>> {
    let set = &context.item.node;
    let mut collection = Collection {
        context,
        object,
        key,
        fields: Vec::with_capacity(set.items.len()),
    };
    collection.add(set);
    collection.fields
}

struct Collection<'c, 'a> {
    context: &'c ContextSelectionSet<'a>,
    object: &'c str,
    key: Option<&'c str>,
    fields: Vec<Selected<'a>>,
}

impl<'a> Collection<'_, 'a> {
    fn add(&mut self, set: &'a SelectionSet) {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => self.add_field(field),
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    if condition.is_none_or(|condition| self.applies(&condition.node.on.node)) {
                        self.add(&inline.node.selection_set.node);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragments = &self.context.query_env.fragments;
                    if let Some(fragment) = fragments.get(&spread.node.fragment_name.node)
                        && self.applies(&fragment.node.type_condition.node.on.node)
                    {
                        self.add(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }

    fn add_field(&mut self, field: &'a Positioned<Field>) {
        let key = &field.node.response_key().node;
        if self.key.is_some_and(|wanted| wanted != key.as_str()) {
            return;
        }
        let mut fields = self.fields.iter_mut();
        match fields.find(|other| other.field().node.response_key().node == *key) {
            Some(first) => first.merge(field),
            None => self.fields.push(Selected::Once(field)),
        }
    }

    /// Whether a fragment with this type condition applies to the object.
    fn applies(&self, condition: &str) -> bool {
        let types = &self.context.schema_env.registry.types;
        let condition_type = types.get(condition);
        condition == self.object
            || condition_type.is_some_and(|kind| kind.is_possible_type(self.object))
    }
}
