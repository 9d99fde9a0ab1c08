//! The templates of a mapping: for each canonical field, the path of its value in the sender's body and its notation there.
//! Parsing reports the first fault with its path; a parsed template can be filled from any body. Pure.

use std::sync::Arc;

use jiff::{civil::date, tz::TimeZone};
use serde_json::{Map, Value};

use super::{
    condition::Condition,
    place::{Parse, Place, refuse_unknown_fields},
    shape::{Part, Shape},
};

const INSTRUCTIONS: &[&str] = &["at", "root", "value", "join", "first", "each", "list"];
const HOW: &str = "a path that begins with /, such as /data/id; an object with at, root, value, join, first, each or list; or \
                   an object of canonical fields";

/// How to compute a canonical field from the sender's body.
#[derive(Clone, Debug)]
pub enum Template {
    /// A constant.
    Value(Value),
    /// The value at a path.
    Path(Path),
    /// Several texts, joined with a separator.
    Join(Vec<Template>, String),
    /// The first template with a value that is neither null nor blank.
    First(Vec<Template>),
    /// The template filled for each element of the list at the path for which the condition holds.
    Each(Path, Option<Condition>, Box<Template>),
    /// A list of single values; those without a value are left out.
    Several(Vec<Template>),
    Object(Vec<(Part, Template)>),
    /// A list; null and blank text become an empty list.
    List(Box<Template>),
}

/// The place of a value and its notation.
#[derive(Clone, Debug)]
pub struct Path {
    pub pointer: String,
    /// The pointer starts at the body's root rather than at the current list element.
    pub from_root: bool,
    pub written: Notation,
    /// A map from the sender's values to canonical ones.
    pub value_map: Option<ValueMap>,
}

/// The sender's notation of a value.
#[derive(Clone, Debug)]
pub enum Notation {
    /// The canonical notation.
    AsIs,
    /// A number of units since 1970.
    Since1970 { per_second: i64 },
    /// A local time, by a strftime format if one is given.
    Local {
        format: Option<String>,
        zone: Option<TimeZone>,
    },
    /// A text that is split at this separator.
    Split(String),
}

/// A map from the sender's values to canonical ones.
#[derive(Clone, Debug)]
pub struct ValueMap {
    /// By the sender's value.
    pub values: Arc<Map<String, Value>>,
    /// The canonical value for all other values; none if they are errors.
    pub otherwise: Option<Value>,
}

impl Template {
    /// Parses the template of a field of this shape.
    pub fn parse(json: &Value, place: &Place, shape: Shape) -> Parse<Self> {
        place.check_depth()?;
        let fields = match json {
            Value::String(pointer) => return Path::plain(pointer, place).map(Self::Path),
            Value::Object(fields) => fields,
            _ => return Err(place.wrong(format!("it has to be {HOW}"))),
        };
        let mut instructions = INSTRUCTIONS
            .iter()
            .filter(|name| fields.contains_key(**name));
        match (instructions.next(), instructions.next()) {
            (None, _) => object(fields, place, shape),
            (Some(one), None) => instruction(one, fields, place, shape),
            (Some(one), Some(other)) => {
                Err(place.wrong(format!("{one} and {other} exclude each other")))
            }
        }
    }

    /// Whether the mapping's own words decide the value.
    pub fn has_words(&self) -> bool {
        matches!(self, Self::Path(path) if path.value_map.is_some())
    }

    /// Whether a null result always comes from the body. A null of the mapping's value map means that the field is absent.
    fn reads_body_alone(&self) -> bool {
        match self {
            Self::Path(path) => path.value_map.is_none(),
            Self::Each(..) => true,
            Self::First(choices) => choices.iter().all(Self::reads_body_alone),
            Self::Value(_)
            | Self::Join(..)
            | Self::Several(_)
            | Self::Object(_)
            | Self::List(_) => false,
        }
    }
}

fn instruction(
    name: &str,
    fields: &Map<String, Value>,
    place: &Place,
    shape: Shape,
) -> Parse<Template> {
    let argument = fields.get(name).unwrap_or(&Value::Null);
    let here = place.at(name);
    match name {
        "value" => {
            refuse_unknown_fields(fields, &["value"], place)?;
            validate_constant(argument, &here, shape)?;
            Ok(Template::Value(argument.clone()))
        }
        "join" => {
            refuse_unknown_fields(fields, &["join", "with"], place)?;
            let with = match fields.get("with") {
                None => " ".to_owned(),
                Some(with) => text(with, &place.at("with"))?,
            };
            Ok(Template::Join(
                parse_list(argument, &here, Shape::Plain)?,
                with,
            ))
        }
        "first" => {
            refuse_unknown_fields(fields, &["first"], place)?;
            Ok(Template::First(parse_list(argument, &here, shape)?))
        }
        "each" => {
            refuse_unknown_fields(fields, &["each", "when", "item"], place)?;
            let item = fields.get("item").unwrap_or(&Value::Null);
            let item = Template::parse(item, &place.at("item"), element_of(shape, &here)?)?;
            let when = fields.get("when");
            let when = when.map(|json| Condition::parse(json, &place.at("when")));
            let list = Path::of_text(argument, &here, false)?;
            Ok(Template::Each(list, when.transpose()?, Box::new(item)))
        }
        "list" => {
            refuse_unknown_fields(fields, &["list"], place)?;
            let element = element_of(shape, &here)?;
            let items = match argument {
                Value::Array(_) => parse_list(argument, &here, element)?,
                one => vec![Template::parse(one, &here, element)?],
            };
            Ok(Template::Several(items))
        }
        _ => Path::parse(argument, name == "root", fields, place, shape).map(Template::Path),
    }
}

/// The shape of the elements of a list.
fn element_of(shape: Shape, place: &Place) -> Parse<Shape> {
    match shape {
        Shape::List(parts) | Shape::All(parts) => Ok(Shape::Object(parts)),
        Shape::Plain | Shape::Texts => Ok(Shape::Plain),
        Shape::Word(_) | Shape::Object(_) => Err(place.wrong("this field is not a list")),
    }
}

fn parse_list(json: &Value, place: &Place, shape: Shape) -> Parse<Vec<Template>> {
    let list = json
        .as_array()
        .filter(|list| !list.is_empty())
        .ok_or_else(|| place.wrong("it has to be a list of paths or templates"))?;
    let read =
        |(index, one): (usize, &Value)| Template::parse(one, &place.at(&index.to_string()), shape);
    list.iter().enumerate().map(read).collect()
}

fn object(fields: &Map<String, Value>, place: &Place, shape: Shape) -> Parse<Template> {
    let parts = match shape {
        Shape::Object(parts) => parts,
        Shape::List(_) | Shape::All(_) => {
            let words = r#"this field is a list: {"each": "/path/of/the/list", "item": {…}}, {"list": [{…}]}, or the path of a list in the canonical form"#;
            return Err(place.wrong(words));
        }
        _ => {
            return Err(place.wrong(
                "this field is not an object: give its path, or an object with at, root, value, join or first",
            ));
        }
    };
    fields_of(fields, parts, place).map(Template::Object)
}

/// The templates of an object's fields. Unknown fields and missing required ones are errors.
pub fn fields_of(
    fields: &Map<String, Value>,
    parts: &[Part],
    place: &Place,
) -> Parse<Vec<(Part, Template)>> {
    let names = || {
        parts
            .iter()
            .map(|part| part.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut read = Vec::new();
    for (name, json) in fields {
        let here = place.at(name);
        let part = parts.iter().find(|part| part.name == name);
        let part = part.ok_or_else(|| {
            here.wrong(format!(
                "there is no such field here; there are {}",
                names()
            ))
        })?;
        let template = Template::parse(json, &here, part.shape)?;
        let is_list = matches!(part.shape, Shape::Texts | Shape::List(_));
        let template = if is_list && template.reads_body_alone() {
            Template::List(Box::new(template))
        } else {
            template
        };
        read.push((*part, template));
    }
    let missing = parts
        .iter()
        .find(|part| part.needed && !fields.contains_key(part.name));
    match missing {
        None => Ok(read),
        Some(part) => Err(place
            .at(part.name)
            .wrong("it is required: say where it comes from")),
    }
}

impl Path {
    /// The path in a text of the mapping.
    pub fn of_text(json: &Value, place: &Place, from_root: bool) -> Parse<Self> {
        let words = "it has to be a path that begins with /, such as /data/id";
        let pointer = json.as_str().ok_or_else(|| place.wrong(words))?;
        Ok(Self {
            from_root,
            ..Self::plain(pointer, place)?
        })
    }

    fn plain(pointer: &str, place: &Place) -> Parse<Self> {
        let sound = pointer.is_empty() || pointer.starts_with('/');
        if !sound || pointer.len() > 500 || pointer.contains('\0') {
            let words = format!(
                r#"it has to be {HOW}; a text that is always the same is written {{"value": "…"}}"#
            );
            return Err(place.wrong(words));
        }
        Ok(Self {
            pointer: pointer.to_owned(),
            from_root: false,
            written: Notation::AsIs,
            value_map: None,
        })
    }

    fn parse(
        argument: &Value,
        from_root: bool,
        fields: &Map<String, Value>,
        place: &Place,
        shape: Shape,
    ) -> Parse<Self> {
        let name = if from_root { "root" } else { "at" };
        refuse_unknown_fields(
            fields,
            &[name, "as", "format", "zone", "split", "words", "otherwise"],
            place,
        )?;
        let path = Self::of_text(argument, &place.at(name), from_root)?;
        Ok(Self {
            written: written(fields, place)?,
            value_map: words(fields, place, shape)?,
            ..path
        })
    }
}

fn words(fields: &Map<String, Value>, place: &Place, shape: Shape) -> Parse<Option<ValueMap>> {
    let otherwise = fields.get("otherwise");
    if let Some(value) = otherwise {
        validate_constant(value, &place.at("otherwise"), shape)?;
    }
    let here = place.at("words");
    let values = match fields.get("words") {
        None if otherwise.is_some() => return Err(here.wrong("otherwise needs words beside it")),
        None => return Ok(None),
        Some(Value::Object(known)) => Arc::new(known.clone()),
        Some(Value::String(table)) => place.tables.get(table).cloned().ok_or_else(|| {
            here.wrong(format!("the mapping has no table {table:?}: add it to tables"))
        })?,
        Some(_) => return Err(here.wrong(
            r#"it has to be an object from the sender's words to the canonical ones, such as {"frozen": "paused"}, or the name of a table"#,
        )),
    };
    for (from, to) in values.iter() {
        validate_constant(to, &here.at(from), shape)?;
    }
    Ok(Some(ValueMap {
        values,
        otherwise: otherwise.cloned(),
    }))
}

/// Validates a constant that the mapping puts into a field.
fn validate_constant(value: &Value, place: &Place, shape: Shape) -> Parse<()> {
    match shape {
        Shape::Word(words) => {
            let known = value.is_null() || value.as_str().is_some_and(|word| words.contains(&word));
            let message = || format!("it has to be one of {}, or null", words.join(", "));
            if known {
                Ok(())
            } else {
                Err(place.wrong(message()))
            }
        }
        _ => Ok(()),
    }
}

fn written(fields: &Map<String, Value>, place: &Place) -> Parse<Notation> {
    let given: Vec<&str> = ["as", "format", "split"]
        .into_iter()
        .filter(|name| fields.contains_key(*name))
        .collect();
    if let [one, other, ..] = given[..] {
        return Err(place.wrong(format!("{one} and {other} exclude each other")));
    }
    let zone = zone(fields, place)?;
    let written = match fields.get("as").map(|how| (how.as_str(), place.at("as"))) {
        Some((Some("seconds"), _)) => Notation::Since1970 { per_second: 1 },
        Some((Some("milliseconds"), _)) => Notation::Since1970 { per_second: 1000 },
        Some((Some("local"), _)) => Notation::Local {
            format: None,
            zone: zone.clone(),
        },
        Some((_, here)) => {
            return Err(here.wrong("it has to be seconds, milliseconds (since 1970) or local"));
        }
        None => match (fields.get("format"), fields.get("split")) {
            (Some(format), _) => Notation::Local {
                format: Some(date_format(format, &place.at("format"))?),
                zone: zone.clone(),
            },
            (None, Some(by)) => Notation::Split(text(by, &place.at("split"))?),
            (None, None) => Notation::AsIs,
        },
    };
    if zone.is_some() && !matches!(written, Notation::Local { .. }) {
        return Err(place
            .at("zone")
            .wrong(r#"it needs format, or "as": "local""#));
    }
    Ok(written)
}

fn zone(fields: &Map<String, Value>, place: &Place) -> Parse<Option<TimeZone>> {
    let Some(zone) = fields.get("zone") else {
        return Ok(None);
    };
    let parsed = zone.as_str().and_then(|name| TimeZone::get(name).ok());
    parsed.map(Some).ok_or_else(|| {
        place
            .at("zone")
            .wrong("it has to be an IANA time zone, such as Europe/Berlin")
    })
}

/// A format that can write a date and read the same date back.
fn date_format(json: &Value, place: &Place) -> Parse<String> {
    let format = text(json, place)?;
    let day = date(2026, 11, 23);
    let sample = day.at(21, 45, 7, 0).to_zoned(TimeZone::UTC);
    let read_back = sample.ok().and_then(|sample| {
        let written = jiff::fmt::strtime::format(&format, &sample).ok()?;
        jiff::fmt::strtime::parse(&format, written)
            .ok()?
            .to_date()
            .ok()
    });
    match read_back {
        Some(read) if read == day => Ok(format),
        _ => Err(place.wrong(
            "it has to be a format with day, month and year, such as %d.%m.%Y %H:%M (as in strftime)",
        )),
    }
}

fn text(json: &Value, place: &Place) -> Parse<String> {
    json.as_str()
        .filter(|text| !text.is_empty() && text.len() <= 100)
        .map(str::to_owned)
        .ok_or_else(|| place.wrong("it has to be a text of 1 to 100 bytes"))
}
