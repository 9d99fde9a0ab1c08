//! Splits the body of a `roster.snapshot` into the text of its entries and everything else, so that the entries are parsed one
//! at a time: parsed JSON takes some ten times the memory of its text. `canonical` calls it for every body. It decides nothing: what
//! it cannot split is parsed as a whole.

use std::collections::BTreeMap;

use serde_json::{Map, Value, value::RawValue};

use super::{
    field::{Field, Read},
    unread::{self, Unused},
};

/// The lists of a snapshot.
const LISTS: [&str; 6] = [
    "companies",
    "members",
    "memberships",
    "offerings",
    "purchases",
    "registrations",
];

/// The entries of a snapshot's lists as text, and what was not read of those that were translated.
#[derive(Default)]
pub struct Entries<'b> {
    texts: BTreeMap<&'static str, Vec<&'b RawValue>>,
    /// By list.
    pub unused: BTreeMap<&'static str, Unused>,
    /// An entry is no JSON. Where in the body that is, only the parser of the whole body can tell.
    pub is_broken: bool,
}

/// The body of a snapshot with empty lists, and their entries; none for any other body.
pub fn split(body: &[u8]) -> Option<(Value, Entries<'_>)> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    let kind: String = serde_json::from_str(fields.get("type")?.get()).ok()?;
    if kind != "roster.snapshot" {
        return None;
    }
    let mut entries = Entries::default();
    let mut root = Map::new();
    for (name, text) in fields {
        let value = if name == "data" {
            data(text, &mut entries)?
        } else {
            serde_json::from_str(text.get()).ok()?
        };
        root.insert(name, value);
    }
    Some((Value::Object(root), entries))
}

fn data<'b>(text: &'b RawValue, entries: &mut Entries<'b>) -> Option<Value> {
    let fields: BTreeMap<String, &'b RawValue> = serde_json::from_str(text.get()).ok()?;
    let mut data = Map::new();
    for (name, text) in fields {
        let list = LISTS.into_iter().find(|list| *list == name);
        let value = match list {
            Some(list) if text.get().starts_with('[') => {
                let texts = serde_json::from_str(text.get()).ok()?;
                entries.texts.insert(list, texts);
                Value::Array(Vec::new())
            }
            _ => serde_json::from_str(text.get()).ok()?,
        };
        data.insert(name, value);
    }
    Some(Value::Object(data))
}

impl Entries<'_> {
    /// Calls `translate` with each entry of a list. `list` is the field of the list, which has the entries of a body that was not
    /// split.
    pub fn each(
        &mut self,
        name: &'static str,
        list: Field<'_>,
        mut translate: impl FnMut(&Field<'_>) -> Read<()>,
    ) -> Read<()> {
        let Some(texts) = self.texts.remove(name) else {
            let entries = list.list_or_empty()?;
            return entries.iter().try_for_each(translate);
        };
        let unused = self.unused.entry(name).or_default();
        for (index, text) in texts.into_iter().enumerate() {
            let value = serde_json::from_str(text.get()).unwrap_or_else(|_| {
                self.is_broken = true;
                Value::Null
            });
            let entry = list.entry(index, &value);
            translate(&entry)?;
            unused.add(unread::find(&entry, false));
        }
        Ok(())
    }
}
