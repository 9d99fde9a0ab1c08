//! What one document may ask for. Each limit has a name, which is in the error's `extensions.limit` and in its words.
//!
//! Promises that a document is measured in time that grows with its text, however often its fragments are spread, and
//! that none is followed deeper than its limit, so that no document exhausts the stack. The guard calls it, on every
//! transport.

use std::collections::HashMap;
use std::time::Duration;

use async_graphql::parser::types::{Directive, ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{ErrorExtensionValues, Positioned, ServerError, ServerResult};

use super::nesting;

/// The longest document that is read, in bytes: a thousand times what a page of an app asks.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

/// How much a document may ask for.
#[derive(Copy, Clone, Debug)]
pub struct Limits {
    /// How many operations and fragments a document defines: the validator compares fragments with one another.
    pub definitions: usize,
    /// How many selections, every fragment standing where it is spread.
    pub selections: usize,
    /// How deep fields may be nested, fragments unfolded; what playgrounds ask of the schema itself
    /// is the deepest. Above 30 async-graphql refuses to read.
    pub depth: usize,
    /// How many fields may bear another name than their own, fragments unfolded: by aliases one
    /// costly field is asked a thousand times.
    pub aliases: usize,
    /// How many directives, fragments unfolded.
    pub directives: usize,
    /// How many fields in all, each counted for each element of the lists around it: a page of 250
    /// with ten lists of ten things each is 25,000.
    pub cost: usize,
    /// How long a query may be at work. What changes something is never cut off.
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

/// Refuses a text that is too long, or nested too deeply, to be parsed.
pub(super) fn check_text(text: &str) -> ServerResult<()> {
    if text.len() > MAX_DOCUMENT_BYTES {
        let message = format!("a document has {MAX_DOCUMENT_BYTES} bytes at most");
        return Err(refused("size", message));
    }
    if !nesting::is_parsable(text) {
        let most = nesting::MAX_NESTING;
        return Err(refused(
            "depth",
            format!("brackets are nested {most} deep at most"),
        ));
    }
    Ok(())
}

/// For an operation that does not get its turn in time.
pub(in crate::graphql) fn too_busy() -> ServerError {
    let message = "too many operations run at once: send fewer at a time, or try again later";
    refused("concurrency", message.to_owned())
}

impl Limits {
    /// Refuses a document that unfolds into too much.
    pub(in crate::graphql) fn check(&self, document: &ExecutableDocument) -> ServerResult<()> {
        let definitions = document.operations.iter().count() + document.fragments.len();
        if definitions > self.definitions {
            let message = format!(
                "a document has {} operations and fragments at most",
                self.definitions
            );
            return Err(refused("definitions", message));
        }
        let mut sizes = Sizes {
            document,
            most_nesting: self.most_nesting(),
            of_fragments: HashMap::new(),
        };
        let mut total = Size::default();
        // The validator follows fragments that no operation spreads, too.
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
        if total.depth > self.depth || total.nesting > self.most_nesting() {
            return Err(self.too_deep());
        }
        for (limit, found, most) in [
            ("selections", total.selections, self.selections),
            ("aliases", total.aliases, self.aliases),
            ("directives", total.directives, self.directives),
        ] {
            if found > most {
                return Err(refused(limit, format!("a document has {most} at most")));
            }
        }
        Ok(())
    }

    /// Refuses a document that asks for too much of lists.
    pub(super) fn check_cost(&self, cost: usize) -> ServerResult<()> {
        if cost > self.cost {
            let message = format!(
                "a document asks for {} fields at most, each counted for each element of a list: \
                 ask for fewer at a time",
                self.cost
            );
            return Err(refused("complexity", message));
        }
        Ok(())
    }

    /// For a query that was at work for too long.
    pub(in crate::graphql) fn too_slow(&self) -> ServerError {
        let message = format!("a query has {} seconds: ask for less", self.time.as_secs());
        refused("time", message)
    }

    /// Fragments in fragments add no depth, but whoever follows them needs a stack.
    fn most_nesting(&self) -> usize {
        self.depth.saturating_mul(2)
    }

    fn too_deep(&self) -> ServerError {
        let message = format!("fields are nested {} deep at most", self.depth);
        refused("depth", message)
    }
}

/// What something unfolds into.
#[derive(Copy, Clone, Debug, Default)]
struct Size {
    selections: usize,
    /// Of fields within fields.
    depth: usize,
    /// Of fields and fragments within each other.
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

    /// Beside something else.
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
    /// What the set unfolds into; None where it is too deep, as a fragment within itself is.
    /// `within` is how many fields and fragments are around it.
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
        // A fragment that is not there is the validator's to refuse.
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
