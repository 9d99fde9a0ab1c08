//! The places in a mapping: the keys that lead to a fault, the nesting limit, and the tables that fields can name.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

/// The nesting limit of a mapping.
const DEEPEST: usize = 12;

/// A fault of a mapping, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MappingError {
    /// The keys from the mapping's root to the fault.
    pub path: Vec<String>,
    /// What is expected.
    pub message: String,
}

/// The result of parsing a part of a mapping.
pub type Parse<T> = Result<T, MappingError>;

/// The mapping's tables, by name: from the sender's values to canonical ones.
pub type Tables = BTreeMap<String, Arc<Map<String, Value>>>;

/// The keys that lead to a place in a mapping, and the tables that can be named there.
#[derive(Clone, Debug, Default)]
pub struct Place {
    path: Vec<String>,
    /// By name.
    pub tables: Arc<Tables>,
}

impl Place {
    /// The root of a mapping with these tables.
    pub fn root(tables: Tables) -> Self {
        Self {
            path: Vec::new(),
            tables: Arc::new(tables),
        }
    }

    /// The place below a key.
    pub fn at(&self, key: &str) -> Self {
        let mut path = self.path.clone();
        path.push(key.to_owned());
        Self {
            path,
            tables: self.tables.clone(),
        }
    }

    /// A fault at this place.
    pub fn wrong(&self, message: impl Into<String>) -> MappingError {
        MappingError {
            path: self.path.clone(),
            message: message.into(),
        }
    }

    /// Refuses a place that is nested too deep.
    pub fn check_depth(&self) -> Parse<()> {
        if self.path.len() > DEEPEST {
            return Err(self.wrong("it is nested too deep"));
        }
        Ok(())
    }
}

/// Parses the tables of a mapping.
pub fn tables(json: Option<&Value>) -> Parse<Tables> {
    let place = Place::default().at("tables");
    let words = "it has to be an object from names to tables, each an object from the sender's values to canonical ones";
    let Some(json) = json else {
        return Ok(Tables::new());
    };
    let tables = json.as_object().ok_or_else(|| place.wrong(words))?;
    let one = |(name, table): (&String, &Value)| {
        let table = table
            .as_object()
            .ok_or_else(|| place.at(name).wrong(words))?;
        Ok((name.clone(), Arc::new(table.clone())))
    };
    tables.iter().map(one).collect()
}

/// Refuses fields of an object that are not in `known`.
pub fn refuse_unknown_fields(
    fields: &Map<String, Value>,
    known: &[&str],
    place: &Place,
) -> Parse<()> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(place.at(name).wrong(format!(
            "there is no such field here; there are {}",
            known.join(", ")
        ))),
    }
}
