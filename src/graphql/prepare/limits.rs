//! The limits of one document. Each limit has a name, which is in the error's `extensions.limit` and in its message.
//!
//! A document is measured in time linear in its text, however often its fragments are spread, and is never followed deeper than
//! its limit, so no document exhausts the stack. Called by the preparation of requests, on every transport.

use std::collections::HashMap;
use std::time::Duration;

use async_graphql::parser::types::{Directive, ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{ErrorExtensionValues, Positioned, ServerError, ServerResult};

use super::nesting;

/// The maximum size of a document, in bytes: a thousand times the need of a page of an app.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

/// The limits of a document.
#[derive(Copy, Clone, Debug)]
pub struct Limits {
    /// Operations and fragments in a document: the validator compares fragments with one another.
    pub definitions: usize,
    /// Selections, with fragments expanded.
    pub selections: usize,
    /// The nesting of fields, with fragments expanded. Must allow the introspection queries of playgrounds, which are the deepest
    /// in use; async-graphql itself refuses more than 30.
    pub depth: usize,
    /// Fields with an alias, with fragments expanded: aliases can request one costly field a thousand times.
    pub aliases: usize,
    /// Directives, with fragments expanded.
    pub directives: usize,
    /// Fields in total, each multiplied by the elements of the lists around it: a page of 250 with ten lists of ten elements each
    /// is 25,000.
    pub cost: usize,
    /// The execution time of a query. Mutations are never cut off.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            definitions: 200,
            selections: 10_000,
            depth: 24,
            aliases: 200,
            directives: 100,
            cost: 100_000,
            time: Duration::from_secs(20),
        }
    }
}

fn refused(limit: &str, message: String) -> ServerError {
    let mut error = ServerError::new(format!("{limit}: {message}"), None);
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", "TOO_COMPLEX");
    extensions.set("limit", limit);
    error.extensions = Some(extensions);
    error
}

/// Refuses a text that is too long, or nested too deeply, to parse.
pub(super) fn check_text(text: &str) -> ServerResult<()> {
    if text.len() > MAX_DOCUMENT_BYTES {
        let message = format!("a document may have at most {MAX_DOCUMENT_BYTES} bytes");
        return Err(refused("size", message));
    }
    if !nesting::is_parsable(text) {
        let most = nesting::MAX_NESTING;
        return Err(refused(
            "depth",
            format!("brackets may be nested at most {most} deep"),
        ));
    }
    Ok(())
}

/// The error for an operation that is not admitted in time.
pub(in crate::graphql) fn too_busy() -> ServerError {
    let message =
        "too many operations run at the same time: send fewer at a time, or try again later";
    refused("concurrency", message.to_owned())
}

impl Limits {
    /// Refuses a document that exceeds a limit when its fragments are expanded.
    pub(super) fn check(&self, document: &ExecutableDocument) -> ServerResult<()> {
        let definitions = document.operations.iter().count() + document.fragments.len();
        if definitions > self.definitions {
            let message = format!(
                "a document may have at most {} operations and fragments",
                self.definitions
            );
            return Err(refused("definitions", message));
        }
        let mut sizes = Sizes {
            document,
            most_nesting: self.max_nesting(),
            of_fragments: HashMap::new(),
        };
        let mut total = Size::default();
        // The validator also follows fragments that no operation spreads.
        for name in document.fragments.keys() {
            let fragment = sizes.of_fragment(name.as_str(), 0);
            let nesting = fragment.ok_or_else(|| self.too_deep())?.nesting;
            total.nesting = total.nesting.max(nesting);
        }
        for (_, operation) in document.operations.iter() {
            let own = Size::of_directives(&operation.node.directives);
            let set = sizes.of(&operation.node.selection_set.node, 0);
            total = total.and(own).and(set.ok_or_else(|| self.too_deep())?);
        }
        if total.depth > self.depth || total.nesting > self.max_nesting() {
            return Err(self.too_deep());
        }
        for (limit, count, most) in [
            ("selections", total.selections, self.selections),
            ("aliases", total.aliases, self.aliases),
            ("directives", total.directives, self.directives),
        ] {
            if count > most {
                return Err(refused(
                    limit,
                    format!("a document may have at most {most}"),
                ));
            }
        }
        Ok(())
    }

    /// The error for a document whose lists make it too costly.
    pub(in crate::graphql) fn too_costly(&self) -> ServerError {
        let message = format!(
            "a document may request at most {} fields, each counted for each element of a list: \
             request fewer at a time",
            self.cost
        );
        refused("complexity", message)
    }

    /// The error for a query that exceeded the time limit.
    pub(in crate::graphql) fn too_slow(&self) -> ServerError {
        let message = format!(
            "a query may run for {} seconds: request less",
            self.time.as_secs()
        );
        refused("time", message)
    }

    /// The limit of nested fields and fragments. Nested fragments add no depth to the fields, but following them uses stack.
    fn max_nesting(&self) -> usize {
        self.depth.saturating_mul(2)
    }

    fn too_deep(&self) -> ServerError {
        let message = format!("fields may be nested at most {} deep", self.depth);
        refused("depth", message)
    }
}

/// The size of a part of a document, with fragments expanded.
#[derive(Copy, Clone, Debug, Default)]
struct Size {
    selections: usize,
    /// The nesting of fields.
    depth: usize,
    /// The nesting of fields and fragments.
    nesting: usize,
    aliases: usize,
    directives: usize,
}

impl Size {
    fn of_directives(directives: &[Positioned<Directive>]) -> Self {
        Self {
            directives: directives.len(),
            ..Self::default()
        }
    }

    /// The size of two parts side by side.
    fn and(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            depth: self.depth.max(other.depth),
            nesting: self.nesting.max(other.nesting),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
        }
    }
}

struct Sizes<'a> {
    document: &'a ExecutableDocument,
    most_nesting: usize,
    of_fragments: HashMap<&'a str, Size>,
}

impl<'a> Sizes<'a> {
    /// The expanded size of the set, or `None` if it is too deep, as a recursive fragment is. `within` is the number of fields
    /// and fragments around it.
    fn of(&mut self, set: &'a SelectionSet, within: usize) -> Option<Size> {
        if within > self.most_nesting {
            return None;
        }
        set.items.iter().try_fold(Size::default(), |total, item| {
            let (own, inner) = match &item.node {
                Selection::Field(field) => {
                    let inner = self.of(&field.node.selection_set.node, within + 1)?;
                    (of_field(&field.node), deeper(inner))
                }
                Selection::InlineFragment(inline) => (
                    Size::of_directives(&inline.node.directives),
                    self.of(&inline.node.selection_set.node, within + 1)?,
                ),
                Selection::FragmentSpread(spread) => (
                    Size::of_directives(&spread.node.directives),
                    self.of_fragment(spread.node.fragment_name.node.as_str(), within + 1)?,
                ),
            };
            let one = Size {
                selections: 1,
                nesting: inner.nesting + 1,
                ..Size::default()
            };
            Some(total.and(one).and(own).and(inner))
        })
    }

    fn of_fragment(&mut self, name: &'a str, within: usize) -> Option<Size> {
        if let Some(size) = self.of_fragments.get(name) {
            return Some(*size);
        }
        // The validator refuses an undefined fragment.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Some(Size::default());
        };
        let own = Size::of_directives(&fragment.node.directives);
        let size = own.and(self.of(&fragment.node.selection_set.node, within)?);
        self.of_fragments.insert(name, size);
        Some(size)
    }
}

fn of_field(field: &Field) -> Size {
    let is_renamed = field
        .alias
        .as_ref()
        .is_some_and(|alias| alias.node != field.name.node);
    Size {
        aliases: usize::from(is_renamed),
        ..Size::of_directives(&field.directives)
    }
}

fn deeper(size: Size) -> Size {
    Size {
        depth: size.depth + 1,
        ..size
    }
}
