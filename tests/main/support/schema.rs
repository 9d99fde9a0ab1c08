//! The API's schema from introspection, for tests that call every field: new fields and arguments are covered without being named
//! in a test. `Schema::of` makes one request; everything else is pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::Api;

pub struct Schema {
    types: BTreeMap<String, Value>,
}

const QUESTION: &str = "{ __schema { types { kind name enumValues { name } possibleTypes { name }
    fields { name type { ...t } args { name type { ...t } } } inputFields { name defaultValue type { ...t } } } } }
    fragment t on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The path to an id within the arguments of a field: the argument, then the fields of its inputs.
pub type ArgumentPath = Vec<String>;

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The named type inside `NON_NULL` and `LIST`.
pub fn base(kind: &Value) -> &Value {
    if kind["ofType"].is_null() {
        kind
    } else {
        base(&kind["ofType"])
    }
}

fn must_be(input: &Value) -> bool {
    input["type"]["kind"] == "NON_NULL" && input["defaultValue"].is_null()
}

impl Schema {
    pub async fn of(api: &Api) -> Self {
        let data = api.query(QUESTION, json!({})).await;
        let types = list(&data["__schema"]["types"]).iter();
        Self {
            types: types
                .map(|kind| (text(&kind["name"]).to_owned(), kind.clone()))
                .collect(),
        }
    }

    /// Each object type of the API with its fields, without the introspection types.
    pub fn objects(&self) -> impl Iterator<Item = (&str, &[Value])> {
        let own = self
            .types
            .iter()
            .filter(|(name, kind)| !name.starts_with("__") && kind["kind"] == "OBJECT");
        own.map(|(name, kind)| (name.as_str(), list(&kind["fields"])))
    }

    pub fn fields(&self, of: &str) -> &[Value] {
        list(&self.types[of]["fields"])
    }

    /// The types that implement an interface or belong to a union.
    pub fn possible(&self, of: &str) -> Vec<&str> {
        list(&self.types[of]["possibleTypes"])
            .iter()
            .map(|kind| text(&kind["name"]))
            .collect()
    }

    /// The paths of all ids in the arguments of a field.
    pub fn ids(&self, field: &Value) -> Vec<ArgumentPath> {
        let arguments = list(&field["args"]).iter();
        arguments
            .flat_map(|argument| self.ids_in(argument, &mut Vec::new()))
            .collect()
    }

    fn ids_in(&self, input: &Value, around: &mut Vec<String>) -> Vec<ArgumentPath> {
        around.push(text(&input["name"]).to_owned());
        let kind = base(&input["type"]);
        let paths = match (text(&kind["kind"]), text(&kind["name"])) {
            ("SCALAR", "ID") => vec![around.clone()],
            ("INPUT_OBJECT", name) => {
                let inner = list(&self.types[name]["inputFields"]).iter();
                inner.flat_map(|inner| self.ids_in(inner, around)).collect()
            }
            _ => Vec::new(),
        };
        around.pop();
        paths
    }

    /// The arguments of a field as GraphQL text, in parentheses: the required ones, optional ids, and the one that `way` leads
    /// to. `id` returns the value of the id at a path.
    pub fn arguments(
        &self,
        field: &Value,
        way: &[String],
        id: &dyn Fn(&[String]) -> String,
    ) -> String {
        let written: Vec<String> = self.chosen(list(&field["args"]), way, &mut Vec::new(), id);
        if written.is_empty() {
            String::new()
        } else {
            format!("({})", written.join(", "))
        }
    }

    fn chosen(
        &self,
        inputs: &[Value],
        way: &[String],
        around: &mut Vec<String>,
        id: &dyn Fn(&[String]) -> String,
    ) -> Vec<String> {
        let named = |input: &&Value| {
            way.first()
                .is_some_and(|name| input["name"] == name.as_str())
        };
        let mut wanted: Vec<&Value> = inputs
            .iter()
            // Includes optional ids at the top level: the resolver may still require one.
            .filter(|input| {
                let is_id = around.is_empty() && input["type"]["name"] == "ID";
                must_be(input) || named(input) || is_id
            })
            .collect();
        if wanted.is_empty() && !around.is_empty() {
            wanted.extend(inputs.first());
        }
        let write = |input: &Value, around: &mut Vec<String>| {
            let name = text(&input["name"]);
            let rest = if named(&input) {
                way.get(1..).unwrap_or_default()
            } else {
                &[]
            };
            around.push(name.to_owned());
            let value = self.literal(&input["type"], rest, around, id);
            around.pop();
            format!("{name}: {value}")
        };
        wanted
            .into_iter()
            .map(|input| write(input, around))
            .collect()
    }

    fn literal(
        &self,
        kind: &Value,
        way: &[String],
        around: &mut Vec<String>,
        id: &dyn Fn(&[String]) -> String,
    ) -> String {
        let name = text(&kind["name"]);
        match text(&kind["kind"]) {
            "NON_NULL" => self.literal(&kind["ofType"], way, around, id),
            "LIST" => format!("[{}]", self.literal(&kind["ofType"], way, around, id)),
            "ENUM" => text(&self.types[name]["enumValues"][0]["name"]).to_owned(),
            "INPUT_OBJECT" => {
                let inputs = list(&self.types[name]["inputFields"]);
                format!("{{{}}}", self.chosen(inputs, way, around, id).join(", "))
            }
            _ => match name {
                "ID" => format!("{:?}", id(around)),
                "Int" => "1".to_owned(),
                "Boolean" => "true".to_owned(),
                "JSON" => "{}".to_owned(),
                "DateTime" => "\"2030-01-05T09:00:00Z\"".to_owned(),
                "Date" => "\"2026-01-05\"".to_owned(),
                "LocalTime" => "\"09:00\"".to_owned(),
                "TimeZone" => "\"Europe/Berlin\"".to_owned(),
                "Duration" => "\"PT1H\"".to_owned(),
                _ => "\"text\"".to_owned(),
            },
        }
    }

    /// A selection for a value of a type: the id, or the nodes and their number, or the codes of user errors.
    pub fn selection(&self, kind: &Value) -> String {
        let kind = base(kind);
        let fields = list(&self.types[text(&kind["name"])]["fields"]);
        let has = |name: &str| fields.iter().any(|field| field["name"] == name);
        match text(&kind["kind"]) {
            "SCALAR" | "ENUM" => String::new(),
            _ if has("totalCount") => "{ totalCount nodes { __typename } }".to_owned(),
            _ if has("userErrors") => "{ __typename userErrors { code field } }".to_owned(),
            _ if has("id") => "{ __typename id }".to_owned(),
            _ => "{ __typename }".to_owned(),
        }
    }
}
