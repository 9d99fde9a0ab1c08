//! Kisi's OpenAPI specification in `tests/kisi-openapi.json`: validates requests and answers, and generates examples of each
//! answer for the client to read. Uses neither the client nor the sandbox.

use std::{collections::BTreeMap, fmt, sync::LazyLock};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../kisi-openapi.json")).unwrap());

/// Faults that are excused because Kisi's own guides contradict the specification. `POST /logins` on behalf of a user has no
/// `user`: the guide says so, and a request with one would be a log-in by password.
const GUIDES_SAY_OTHERWISE: [(&str, &str, &str); 1] =
    [("post", "/logins", "\"user\" is a required property")];

/// An API operation: a method at a path.
#[derive(Clone, Copy)]
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    object: &'static Value,
}

pub fn operations() -> impl Iterator<Item = Operation> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap();
        methods.iter().map(move |(method, object)| Operation {
            method,
            path,
            object,
        })
    })
}

/// The operation that handles a request.
pub fn operation(method: &str, path: &str) -> Option<Operation> {
    let is_there = |pattern: &str| {
        let (mut these, mut those) = (pattern.split('/'), path.split('/'));
        loop {
            match (these.next(), those.next()) {
                (None, None) => return true,
                (Some("{id}" | "{domain}"), Some(id)) if !id.is_empty() => {}
                (Some(this), Some(that)) if this == that => {}
                _ => return false,
            }
        }
    };
    let method = method.to_lowercase();
    operations().find(|one| one.method == method && is_there(one.path))
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.to_uppercase(), self.path)
    }
}

impl PartialEq for Operation {
    fn eq(&self, other: &Self) -> bool {
        (self.method, self.path) == (other.method, other.path)
    }
}

impl Operation {
    /// The faults of a request; empty if it is valid.
    pub fn faults_of_request(self, query: &str, body: Option<&Value>) -> Vec<String> {
        let mut faults = Vec::new();
        let parameters: BTreeMap<&str, &Value> = self
            .list("parameters")
            .map(|one| (one["name"].as_str().unwrap(), one))
            .collect();
        let given: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        for (name, text) in &given {
            match parameters.get(name.as_str()) {
                None => faults.push(format!("no query parameter {name}")),
                Some(parameter) => {
                    let values = [json!(text), serde_json::from_str(text).unwrap_or_default()];
                    let validator = validator(&parameter["schema"]);
                    if !values.iter().any(|value| validator.is_valid(value)) {
                        faults.push(format!("query parameter {name} may not be {text:?}"));
                    }
                }
            }
        }
        let needed = parameters.iter().filter(|(_, one)| one["required"] == true);
        let lacking = needed.filter(|(name, _)| !given.contains_key(**name));
        faults.extend(lacking.map(|(name, _)| format!("query parameter {name} is missing")));
        match (self.object.get("requestBody"), body) {
            (None, Some(body)) => faults.push(format!("takes no body: {body}")),
            (None, None) => {}
            (Some(content), body) => {
                let schema = &content["content"]["application/json"]["schema"];
                faults.extend(of_value(schema, body.unwrap_or(&Value::Null)));
            }
        }
        faults.retain(|fault| {
            !GUIDES_SAY_OTHERWISE.iter().any(|(method, path, excused)| {
                (*method, *path) == (self.method, self.path) && fault.contains(excused)
            })
        });
        self.say(faults)
    }

    /// Fields of a body that the specification does not name. It allows them, but Kisi ignores them.
    pub fn unnamed_fields(self, body: &Value) -> Vec<String> {
        let schema = &self.object["requestBody"]["content"]["application/json"]["schema"];
        let mut named = Vec::new();
        collect_names(schema, &mut named);
        let mut given = Vec::new();
        collect_keys(body, &mut given);
        given.retain(|name| !named.contains(name));
        given
    }

    /// The faults of an answer; empty if it is valid.
    pub fn faults_of_answer(self, status: u16, headers: &[String], body: &Value) -> Vec<String> {
        let Some(answer) = self.object["responses"].get(status.to_string()) else {
            return self.say(vec![format!(
                "does not document the status {status}: {body}"
            )]);
        };
        let mut faults = match answer.get("content") {
            None if body.is_null() => Vec::new(),
            None => vec![format!("{status} has no body: {body}")],
            Some(content) => of_value(&content["application/json"]["schema"], body),
        };
        if let Some(named) = answer.get("headers").and_then(Value::as_object) {
            let lacking = named.keys().map(|name| name.to_lowercase());
            let lacking = lacking.filter(|name| !headers.contains(name));
            faults.extend(lacking.map(|name| format!("the header {name} is missing")));
        }
        self.say(faults)
    }

    /// Examples of a successful answer: the shortest one, and each field with each kind of value. Empty if the answer has no
    /// body.
    pub fn examples(self) -> Vec<Value> {
        self.content().map(examples).unwrap_or_default()
    }

    /// The faults of the examples themselves.
    pub fn faults_of_examples(self) -> Vec<String> {
        let Some(schema) = self.content() else {
            return Vec::new();
        };
        let faults = self.examples().into_iter();
        self.say(faults.flat_map(|one| of_value(schema, &one)).collect())
    }

    fn content(self) -> Option<&'static Value> {
        self.object["responses"]["200"].pointer("/content/application~1json/schema")
    }

    /// Whether the answer is a page of rows.
    pub fn is_list(self) -> bool {
        self.content()
            .is_some_and(|schema| schema["type"] == "array")
    }

    /// Whether the rows can be sorted.
    pub fn is_sortable(self) -> bool {
        self.list("parameters").any(|one| one["name"] == "sort")
    }

    /// The statuses that the operation documents.
    pub fn statuses(self) -> impl Iterator<Item = &'static str> {
        let answers = self.object["responses"].as_object().unwrap();
        answers.keys().map(String::as_str)
    }

    fn list(self, field: &str) -> impl Iterator<Item = &'static Value> {
        self.object
            .get(field)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    }

    fn say(self, faults: Vec<String>) -> Vec<String> {
        let name = format!("{} {}", self.method.to_uppercase(), self.path);
        faults
            .into_iter()
            .map(|fault| format!("{name}: {fault}"))
            .collect()
    }
}

fn validator(schema: &Value) -> Validator {
    let mut whole = schema.as_object().cloned().unwrap();
    whole.insert("components".to_owned(), DOCUMENT["components"].clone());
    jsonschema::options()
        .should_validate_formats(true)
        .build(&Value::Object(whole))
        .unwrap()
}

fn of_value(schema: &Value, value: &Value) -> Vec<String> {
    let validator = validator(schema);
    let errors = validator.iter_errors(value);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The schema that a `$ref` points to, or the schema itself.
fn resolved(schema: &'static Value) -> &'static Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(name) => &DOCUMENT["components"]["schemas"][name.rsplit('/').next().unwrap()],
        None => schema,
    }
}

fn examples(schema: &'static Value) -> Vec<Value> {
    let schema = resolved(schema);
    if let Some(all) = schema.get("oneOf").and_then(Value::as_array) {
        return all.iter().flat_map(examples).collect();
    }
    if let Some(only) = schema.get("const") {
        return vec![only.clone()];
    }
    if let Some(all) = schema.get("enum").and_then(Value::as_array) {
        return all.clone();
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
        kind => vec![kind.as_str().unwrap()],
    };
    let mut all: Vec<Value> = kinds
        .iter()
        .flat_map(|kind| of_kind(schema, kind))
        .collect();
    // Null comes first, so that the shortest example uses it where it may.
    all.sort_by_key(|value| !value.is_null());
    all
}

fn of_kind(schema: &'static Value, kind: &str) -> Vec<Value> {
    match kind {
        "null" => vec![Value::Null],
        "boolean" => vec![json!(false), json!(true)],
        "integer" => vec![json!(0), json!(7)],
        "number" => vec![json!(0), json!(52.5)],
        "array" => {
            let mut all = vec![json!([])];
            all.extend(
                examples(&schema["items"])
                    .into_iter()
                    .map(|one| json!([one])),
            );
            all
        }
        "string" => vec![json!(match schema.get("format").and_then(Value::as_str) {
            Some("date-time") => "2026-03-01T09:00:00.000Z",
            Some("email") => "ada@example.com",
            Some("uri") => "https://example.com/a",
            _ if schema.get("pattern").is_some() => "00ff",
            _ => "text",
        })],
        "object" => of_object(schema),
        _ => panic!("{kind}"),
    }
}

/// The shortest object, and as many as it takes to include each example of each field.
fn of_object(schema: &'static Value) -> Vec<Value> {
    let fields = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let of_fields: Vec<(&String, Vec<Value>)> = fields
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name, examples(schema)))
        .collect();
    let least: Map<String, Value> = of_fields
        .iter()
        .filter(|(name, _)| is_required(name))
        .map(|(name, all)| ((*name).clone(), all[0].clone()))
        .collect();
    let most = of_fields
        .iter()
        .map(|(_, all)| all.len())
        .max()
        .unwrap_or(0);
    let mut objects = vec![Value::Object(least)];
    objects.extend((0..most).map(|nth| {
        let whole = of_fields.iter().map(|(name, all)| {
            let value = &all[nth.min(all.len() - 1)];
            ((*name).clone(), value.clone())
        });
        Value::Object(whole.collect())
    }));
    objects
}

fn collect_names(schema: &'static Value, names: &mut Vec<String>) {
    let schema = resolved(schema);
    for one in schema
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        collect_names(one, names);
    }
    if let Some(items) = schema.get("items") {
        collect_names(items, names);
    }
    for (name, schema) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        names.push(name.clone());
        collect_names(schema, names);
    }
}

fn collect_keys(value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                keys.push(name.clone());
                collect_keys(value, keys);
            }
        }
        Value::Array(all) => all.iter().for_each(|one| collect_keys(one, keys)),
        _ => {}
    }
}
