//! Random queries over the real schema, from a fixed seed.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition},
};

use crate::graphql::schema::sdl;

/// The nesting of fields and fragments at which only leaves are selected.
const MAX_DEPTH: usize = 5;

struct FieldType {
    name: String,
    /// The type, lists unwrapped.
    to: String,
    /// The name, type without lists, and whether a value is required.
    arguments: Vec<(String, String, bool)>,
}

/// The types of the schema.
#[derive(Default)]
pub(super) struct TypeMap {
    fields: BTreeMap<String, Vec<FieldType>>,
    /// The object types of each interface and union.
    possible: BTreeMap<String, BTreeSet<String>>,
    unions: BTreeSet<String>,
    enums: BTreeMap<String, Vec<String>>,
}

fn base(kind: &Type) -> String {
    match &kind.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(inner) => base(inner),
    }
}

fn field_type(field: &FieldDefinition) -> FieldType {
    let arguments = field.arguments.iter().map(|argument| {
        let kind = &argument.node.ty.node;
        let is_required = !kind.nullable && argument.node.default_value.is_none();
        (argument.node.name.node.to_string(), base(kind), is_required)
    });
    FieldType {
        name: field.name.node.to_string(),
        to: base(&field.ty.node),
        arguments: arguments.collect(),
    }
}

impl TypeMap {
    pub(super) fn new() -> Self {
        let mut types = Self::default();
        for definition in parse_schema(sdl()).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => {
                    for interface in object.implements {
                        let possible = types.possible.entry(interface.node.to_string());
                        possible.or_default().insert(name.clone());
                    }
                    object.fields
                }
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Union(union) => {
                    let members = union.members.iter().map(|member| member.node.to_string());
                    types.possible.insert(name.clone(), members.collect());
                    types.unions.insert(name.clone());
                    Vec::new()
                }
                TypeKind::Enum(kind) => {
                    let values = kind.values.iter().map(|it| it.node.value.node.to_string());
                    types.enums.insert(name, values.collect());
                    continue;
                }
                TypeKind::Scalar | TypeKind::InputObject(_) => continue,
            };
            let fields = fields.iter().map(|field| field_type(&field.node));
            types.fields.insert(name, fields.collect());
        }
        types
    }

    /// Whether a type condition includes an object type.
    pub(super) fn includes(&self, condition: &str, object: &str) -> bool {
        let possible = self.possible.get(condition);
        condition == object || possible.is_some_and(|objects| objects.contains(object))
    }

    /// The type conditions that can apply to a value of the type. The library applies a fragment on a union only where the
    /// value has that union as its declared type.
    fn conditions(&self, on: &str) -> Vec<&str> {
        let objects = |kind: &str| match self.possible.get(kind) {
            Some(objects) => objects.clone(),
            None => BTreeSet::from([kind.to_owned()]),
        };
        let own = objects(on);
        let overlaps = |kind: &&String| {
            let is_foreign_union = self.unions.contains(*kind) && *kind != on;
            !is_foreign_union && !objects(kind).is_disjoint(&own)
        };
        let all = self.fields.keys().filter(overlaps);
        all.map(String::as_str).collect()
    }
}

/// The generator SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

pub(super) struct Generator<'a> {
    types: &'a TypeMap,
    ids: &'a BTreeMap<&'static str, Vec<String>>,
    random: Random,
    aliases: usize,
    /// The name, type condition and text of each fragment of the document.
    fragments: Vec<(String, &'a str, String)>,
    variables: BTreeSet<&'static str>,
}

impl<'a> Generator<'a> {
    pub(super) fn new(
        types: &'a TypeMap,
        ids: &'a BTreeMap<&'static str, Vec<String>>,
        seed: u64,
    ) -> Self {
        Self {
            types,
            ids,
            random: Random(seed),
            aliases: 0,
            fragments: Vec::new(),
            variables: BTreeSet::new(),
        }
    }

    pub(super) fn document(&mut self) -> String {
        self.fragments.clear();
        self.variables.clear();
        let set = self.set("Query", 0, true);
        let mut text = "query".to_owned();
        if !self.variables.is_empty() {
            let declared: Vec<&str> = self.variables.iter().copied().collect();
            text.push_str(&format!("({})", declared.join(", ")));
        }
        text.push_str(&set);
        for (_, _, fragment) in &self.fragments {
            text.push_str(fragment);
        }
        text
    }

    /// A selection set; `of_object` for that of a field, which always has `__typename`.
    fn set(&mut self, on: &'a str, depth: usize, of_object: bool) -> String {
        let mut items = Vec::new();
        let mut heads: Vec<(String, &'a str)> = Vec::new();
        for _ in 0..=self.random.below(3) {
            let item = match self.random.below(100) {
                0..=14 if depth < MAX_DEPTH => self.inline_fragment(on, depth),
                15..=24 if depth < MAX_DEPTH => self.spread(on, depth),
                25..=44 if !heads.is_empty() => {
                    let (head, to) = self.random.pick(&heads).clone();
                    self.selection(&head, to, depth)
                }
                _ => match self.field(on, depth) {
                    Some((head, to)) => {
                        heads.push((head.clone(), to));
                        self.selection(&head, to, depth)
                    }
                    None => "__typename".to_owned(),
                },
            };
            items.push(item);
        }
        if of_object {
            let at = self.random.below(items.len() + 1);
            items.insert(at, "__typename".to_owned());
        }
        format!("{{ {} }}", items.join(" "))
    }

    fn inline_fragment(&mut self, on: &'a str, depth: usize) -> String {
        let directives = self.directives();
        if self.random.chance(20) {
            let set = self.set(on, depth + 1, false);
            return format!("...{directives} {set}");
        }
        let condition: &'a str = self.random.pick::<&'a str>(&self.types.conditions(on));
        let set = self.set(condition, depth + 1, false);
        format!("... on {condition}{directives} {set}")
    }

    fn spread(&mut self, on: &'a str, depth: usize) -> String {
        let directives = self.directives();
        let conditions = self.types.conditions(on);
        let fits = |(_, condition, _): &&(String, &str, String)| conditions.contains(condition);
        let known: Vec<String> = self
            .fragments
            .iter()
            .filter(fits)
            .map(|it| it.0.clone())
            .collect();
        if !known.is_empty() && self.random.chance(60) {
            let name = self.random.pick(&known);
            return format!("...{name}{directives}");
        }
        let condition: &'a str = self.random.pick::<&'a str>(&conditions);
        let set = self.set(condition, depth + 1, false);
        let name = format!("F{}", self.fragments.len());
        let text = format!(" fragment {name} on {condition} {set}");
        self.fragments.push((name.clone(), condition, text));
        format!("...{name}{directives}")
    }

    /// A field with its alias and arguments, and its type. None if the type has no field that can be selected.
    fn field(&mut self, on: &str, depth: usize) -> Option<(String, &'a str)> {
        let types = self.types;
        let fields = types.fields.get(on)?.iter().filter(|field| {
            let is_leaf = !types.fields.contains_key(&field.to);
            let mut required = field.arguments.iter().filter(|(_, _, required)| *required);
            // They read Kisi, which these tests do without.
            let is_local = !["previewGroup", "pendingInvitations"].contains(&&*field.name);
            is_local && (is_leaf || depth < MAX_DEPTH) && required.all(|(_, kind, _)| kind == "ID")
        });
        let fields: Vec<&'a FieldType> = fields.collect();
        if fields.is_empty() {
            return None;
        }
        let field: &'a FieldType = self.random.pick::<&'a FieldType>(&fields);
        let arguments = self.arguments(on, field);
        let head = if !arguments.is_empty() {
            // One alias for equal arguments, so that repetitions can be merged.
            let add = |sum: u32, byte: u8| sum.wrapping_mul(31).wrapping_add(u32::from(byte));
            let mark = arguments.bytes().fold(0, add);
            format!("{0}_{mark:x}: {0}({arguments})", field.name)
        } else if self.random.chance(15) {
            self.aliases += 1;
            format!("a{}: {}", self.aliases, field.name)
        } else {
            field.name.clone()
        };
        Some((head, &field.to))
    }

    fn selection(&mut self, head: &str, to: &'a str, depth: usize) -> String {
        let directives = self.directives();
        if self.types.fields.contains_key(to) {
            let set = self.set(to, depth + 1, true);
            format!("{head}{directives} {set}")
        } else {
            format!("{head}{directives}")
        }
    }

    fn arguments(&mut self, on: &str, field: &FieldType) -> String {
        let mut all = Vec::new();
        for (name, kind, is_required) in &field.arguments {
            let is_member = on == "Query" && field.name == "member" && name == "id";
            let value = if is_member {
                self.id("member")
            } else if name == "ids" {
                format!("[{}, {}]", self.id("id"), self.id("id"))
            } else if kind == "ID" && *is_required {
                self.id(name)
            } else if name == "first" {
                let of_variable = self.random.chance(20);
                if of_variable {
                    self.variables.insert("$n: Int");
                }
                let number = self.random.below(4).to_string();
                if of_variable { "$n".to_owned() } else { number }
            } else if let Some(values) = self.types.enums.get(kind) {
                if self.random.chance(50) {
                    continue;
                }
                self.random.pick(values).clone()
            } else {
                continue;
            };
            all.push(format!("{name}: {value}"));
        }
        all.join(", ")
    }

    fn id(&mut self, argument: &str) -> String {
        let ids = self.ids.get(argument).unwrap_or(&self.ids["id"]);
        let id = self.random.pick(ids);
        format!("{id:?}")
    }

    fn directives(&mut self) -> String {
        let mut text = String::new();
        for name in ["skip", "include"] {
            if self.random.chance(5) {
                let condition = *self.random.pick(&["true", "false", "$yes", "$no"]);
                match condition {
                    "$yes" => self.variables.insert("$yes: Boolean!"),
                    "$no" => self.variables.insert("$no: Boolean!"),
                    _ => false,
                };
                text.push_str(&format!(" @{name}(if: {condition})"));
            }
        }
        text
    }
}
