//! The templates of a mapping: for each canonical field, where in the sender's body its value stands and how it is written
//! there. Read once with every fault named by its path; a template that was read can be filled from any body. Pure.

use jiff::{civil::date, tz::TimeZone};
use serde_json::{Map, Value};

use super::shape::{Part, Shape};

/// How deep a template may be.
const DEEPEST: usize = 12;
const INSTRUCTIONS: &[&str] = &["at", "root", "value", "join", "first", "each"];
const HOW: &str = "a path that begins with /, such as /data/id; an object with at, root, value, join, first or each; or an \
                   object of canonical fields";

/// What is wrong with a mapping, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MappingError {
    /// The keys that lead to it, from the mapping's root.
    pub path: Vec<String>,
    /// What it has to be.
    pub message: String,
}

/// What reading a mapping gives.
pub type Parse<T> = Result<T, MappingError>;

/// How a value gets from the sender's body to a canonical field.
#[derive(Clone, Debug)]
pub enum Template {
    /// It is always this.
    Value(Value),
    /// It stands somewhere.
    Path(Path),
    /// Several texts, put together.
    Join(Vec<Template>, String),
    /// The first that is there.
    First(Vec<Template>),
    /// One for each element of a list.
    Each(Path, Box<Template>),
    /// An object.
    Object(Vec<(String, Template)>),
    /// A list, by this template: where that gives null or a blank text, there is nothing in it.
    List(Box<Template>),
}

/// Where a value stands, and how it is written there.
#[derive(Clone, Debug)]
pub struct Path {
    /// A JSON Pointer.
    pub pointer: String,
    /// From the body's root, and not from the element of the list.
    pub from_root: bool,
    /// How it is written.
    pub written: Written,
    /// What the sender's words mean.
    pub words: Option<Words>,
}

/// How a value is written at its sender.
#[derive(Clone, Debug)]
pub enum Written {
    /// As in the canonical events.
    AsIs,
    /// Units since 1970, so many of which make a second.
    Since1970 { per_second: i64 },
    /// A local time, by a format where one is given.
    Local {
        format: Option<String>,
        zone: Option<TimeZone>,
    },
    /// Parts of a text.
    Split(String),
}

/// What the sender's words mean.
#[derive(Clone, Debug)]
pub struct Words {
    /// By the sender's word.
    pub known: Map<String, Value>,
    /// What every other word means; none where another is not understood.
    pub otherwise: Option<Value>,
}

/// Where in a mapping something stands.
#[derive(Clone, Debug, Default)]
pub struct Place(Vec<String>);

impl Place {
    /// One step on.
    pub fn at(&self, key: &str) -> Self {
        let mut path = self.0.clone();
        path.push(key.to_owned());
        Self(path)
    }

    /// What is wrong here.
    pub fn wrong(&self, message: impl Into<String>) -> MappingError {
        MappingError {
            path: self.0.clone(),
            message: message.into(),
        }
    }

    fn depth(&self) -> usize {
        self.0.len()
    }
}

impl Template {
    /// Reads the template of a field of this shape.
    pub fn parse(json: &Value, place: &Place, shape: Shape) -> Parse<Self> {
        if place.depth() > DEEPEST {
            return Err(place.wrong("it is nested too deep"));
        }
        let fields = match json {
            Value::String(pointer) => return Path::plain(pointer, place).map(Self::Path),
            Value::Object(fields) => fields,
            _ => return Err(place.wrong(format!("it has to be {HOW}"))),
        };
        let mut told = INSTRUCTIONS
            .iter()
            .filter(|name| fields.contains_key(**name));
        match (told.next(), told.next()) {
            (None, _) => object(fields, place, shape),
            (Some(one), None) => instruction(one, fields, place, shape),
            (Some(one), Some(other)) => {
                Err(place.wrong(format!("{one} and {other} exclude each other")))
            }
        }
    }

    /// Whether null can come of it only where it is in the body, and not of a word of the mapping, whose null says nothing.
    fn reads_body_alone(&self) -> bool {
        match self {
            Self::Path(path) => path.words.is_none(),
            Self::Each(..) => true,
            Self::First(choices) => choices.iter().all(Self::reads_body_alone),
            Self::Value(_) | Self::Join(..) | Self::Object(_) | Self::List(_) => false,
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
            only(fields, &["value"], place)?;
            word(argument, &here, shape)?;
            Ok(Template::Value(argument.clone()))
        }
        "join" => {
            only(fields, &["join", "with"], place)?;
            let with = match fields.get("with") {
                None => " ".to_owned(),
                Some(with) => text(with, &place.at("with"))?,
            };
            Ok(Template::Join(
                several(argument, &here, Shape::Plain)?,
                with,
            ))
        }
        "first" => {
            only(fields, &["first"], place)?;
            Ok(Template::First(several(argument, &here, shape)?))
        }
        "each" => {
            only(fields, &["each", "item"], place)?;
            let parts = match shape {
                Shape::List(parts) | Shape::All(parts) => Shape::Object(parts),
                Shape::Plain | Shape::Texts => Shape::Plain,
                _ => return Err(here.wrong("this field is no list")),
            };
            let item = fields.get("item").unwrap_or(&Value::Null);
            let item = Template::parse(item, &place.at("item"), parts)?;
            let list = match argument {
                Value::String(pointer) => Path::plain(pointer, &here)?,
                _ => return Err(here.wrong("it has to be the path of a list, such as /members")),
            };
            Ok(Template::Each(list, Box::new(item)))
        }
        _ => Path::told(argument, name == "root", fields, place, shape).map(Template::Path),
    }
}

fn several(json: &Value, place: &Place, shape: Shape) -> Parse<Vec<Template>> {
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
            let words = r#"this field is a list: {"each": "/path/of/the/list", "item": {…}}, or the path of one that is canonical already"#;
            return Err(place.wrong(words));
        }
        _ => {
            return Err(place.wrong(
                "this field is no object: give its path, or an object with at, root, value, join or first",
            ));
        }
    };
    fields_of(fields, parts, place).map(Template::Object)
}

/// The templates of an object's fields: none that is unknown, none left out that is needed.
pub fn fields_of(
    fields: &Map<String, Value>,
    parts: &[Part],
    place: &Place,
) -> Parse<Vec<(String, Template)>> {
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
        read.push((name.clone(), template));
    }
    let missing = parts
        .iter()
        .find(|part| part.needed && !fields.contains_key(part.name));
    match missing {
        None => Ok(read),
        Some(part) => Err(place
            .at(part.name)
            .wrong("it has to be there: say where it comes from")),
    }
}

impl Path {
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
            written: Written::AsIs,
            words: None,
        })
    }

    fn told(
        argument: &Value,
        from_root: bool,
        fields: &Map<String, Value>,
        place: &Place,
        shape: Shape,
    ) -> Parse<Self> {
        let name = if from_root { "root" } else { "at" };
        only(
            fields,
            &[name, "as", "format", "zone", "split", "words", "otherwise"],
            place,
        )?;
        let here = place.at(name);
        let pointer = argument
            .as_str()
            .ok_or_else(|| here.wrong("it has to be a path that begins with /"))?;
        let words = words(fields, place, shape)?;
        let written = written(fields, place)?;
        Ok(Self {
            from_root,
            written,
            words,
            ..Self::plain(pointer, &here)?
        })
    }
}

fn words(fields: &Map<String, Value>, place: &Place, shape: Shape) -> Parse<Option<Words>> {
    let otherwise = fields.get("otherwise");
    if let Some(value) = otherwise {
        word(value, &place.at("otherwise"), shape)?;
    }
    let here = place.at("words");
    match fields.get("words") {
        None if otherwise.is_some() => Err(here.wrong("otherwise needs words beside it")),
        None => Ok(None),
        Some(Value::Object(known)) => {
            for (from, to) in known {
                word(to, &here.at(from), shape)?;
            }
            Ok(Some(Words {
                known: known.clone(),
                otherwise: otherwise.cloned(),
            }))
        }
        Some(_) => Err(here.wrong(
            r#"it has to be an object from the sender's words to the canonical ones, such as {"frozen": "paused"}"#,
        )),
    }
}

/// A value that a mapping itself puts into a field.
fn word(value: &Value, place: &Place, shape: Shape) -> Parse<()> {
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

fn written(fields: &Map<String, Value>, place: &Place) -> Parse<Written> {
    let told: Vec<&str> = ["as", "format", "split"]
        .into_iter()
        .filter(|name| fields.contains_key(*name))
        .collect();
    if let [one, other, ..] = told[..] {
        return Err(place.wrong(format!("{one} and {other} exclude each other")));
    }
    let zone = zone(fields, place)?;
    let written = match fields.get("as").map(|how| (how.as_str(), place.at("as"))) {
        Some((Some("seconds"), _)) => Written::Since1970 { per_second: 1 },
        Some((Some("milliseconds"), _)) => Written::Since1970 { per_second: 1000 },
        Some((Some("local"), _)) => Written::Local {
            format: None,
            zone: zone.clone(),
        },
        Some((_, here)) => {
            return Err(here.wrong("it has to be seconds, milliseconds (since 1970) or local"));
        }
        None => match (fields.get("format"), fields.get("split")) {
            (Some(format), _) => Written::Local {
                format: Some(sound_format(format, &place.at("format"))?),
                zone: zone.clone(),
            },
            (None, Some(by)) => Written::Split(text(by, &place.at("split"))?),
            (None, None) => Written::AsIs,
        },
    };
    if zone.is_some() && !matches!(written, Written::Local { .. }) {
        return Err(place
            .at("zone")
            .wrong(r#"it belongs beside format, or beside "as": "local""#));
    }
    Ok(written)
}

fn zone(fields: &Map<String, Value>, place: &Place) -> Parse<Option<TimeZone>> {
    let Some(zone) = fields.get("zone") else {
        return Ok(None);
    };
    let found = zone.as_str().and_then(|name| TimeZone::get(name).ok());
    found.map(Some).ok_or_else(|| {
        place
            .at("zone")
            .wrong("it has to be an IANA time zone, such as Europe/Berlin")
    })
}

/// A format by which a date can be written and read again.
fn sound_format(json: &Value, place: &Place) -> Parse<String> {
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
            "it has to be a format with day, month and year, such as %d.%m.%Y %H:%M (as strftime has them)",
        )),
    }
}

fn text(json: &Value, place: &Place) -> Parse<String> {
    json.as_str()
        .filter(|text| !text.is_empty() && text.len() <= 100)
        .map(str::to_owned)
        .ok_or_else(|| place.wrong("it has to be a text of 1 to 100 bytes"))
}

/// Refuses what does not belong into an object.
pub fn only(fields: &Map<String, Value>, known: &[&str], place: &Place) -> Parse<()> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(place.at(name).wrong(format!(
            "there is no such field here; there are {}",
            known.join(", ")
        ))),
    }
}
