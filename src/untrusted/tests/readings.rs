//! Readings of platforms' APIs from responses that are damaged in one place: none makes a reader panic, and none takes anything
//! from anybody. Either the damage concerns nothing that decides who has access, or the reading is not used.

use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::*;

mod fixtures;

/// The lists whose rows are people and what they hold.
const LISTS: [&str; 4] = ["members", "memberships", "registrations", "purchases"];

/// The fields of their rows that decide who has access, and how long.
const DECIDING: [&str; 13] = [
    "email",
    "companies",
    "tags",
    "status",
    "starts_at",
    "ends_at",
    "member",
    "company",
    "shared_with",
    "kind",
    "guests",
    "location",
    "plan",
];

fn responses(platform: Platform) -> Value {
    match platform {
        Platform::Spacebring => fixtures::spacebring(),
        Platform::Teamup => fixtures::teamup(),
        _ => fixtures::clubspot(),
    }
}

fn read(
    platform: Platform,
    responses: &Value,
    last: Option<&OfflineReading>,
) -> Option<OfflineReading> {
    reading(platform, responses.to_string().as_bytes(), last, &[])
}

fn good(platform: Platform) -> OfflineReading {
    let good = read(platform, &responses(platform), None);
    good.unwrap_or_else(|| panic!("the responses of {platform:?} are not understood"))
}

/// The pointers to all values in a value, without those that are whole responses.
fn places(value: &Value) -> Vec<String> {
    fn below(value: &Value, here: &str, places: &mut Vec<String>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(name, child)| (name.replace('/', "~1"), child))
                .collect(),
            Value::Array(all) => all
                .iter()
                .enumerate()
                .map(|(number, child)| (number.to_string(), child))
                .collect(),
            _ => Vec::new(),
        };
        for (name, child) in children {
            let place = format!("{here}/{name}");
            below(child, &place, places);
            places.push(place);
        }
    }
    let mut places = Vec::new();
    below(value, "", &mut places);
    places.retain(|place| place.matches('/').count() > 1);
    places
}

fn damaged(responses: &Value, place: &str, damage: Value) -> Value {
    let mut responses = responses.clone();
    *responses.pointer_mut(place).unwrap() = damage;
    responses
}

fn without(responses: &Value, place: &str) -> Value {
    let mut responses = responses.clone();
    let (parent, name) = place.rsplit_once('/').unwrap();
    match responses.pointer_mut(parent).unwrap() {
        Value::Object(fields) => _ = fields.remove(&name.replace("~1", "/")),
        Value::Array(rows) => _ = rows.remove(name.parse().unwrap()),
        _ => unreachable!("only objects and lists have children"),
    }
    responses
}

fn deep() -> Value {
    (0..90).fold(json!([]), |inner, _| json!([inner]))
}

/// A value without the names in it, which decide nothing.
fn nameless(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(name, _)| *name != "name");
            fields
                .map(|(name, value)| (name.clone(), nameless(value)))
                .collect()
        }
        Value::Array(all) => all.iter().map(nameless).collect(),
        value => value.clone(),
    }
}

/// What a reading takes from somebody, compared with an earlier one; none if it takes nothing.
fn loss(before: &Value, after: &Value) -> Option<String> {
    LISTS.iter().find_map(|list| {
        // A list that could not be read says nothing.
        let rows = after.get(list)?.as_array().unwrap();
        let old = before.get(list).and_then(Value::as_array);
        old.into_iter().flatten().find_map(|old| {
            let Some(row) = rows.iter().find(|row| row["id"] == old["id"]) else {
                return Some(format!("{list}: {} is gone", old["id"]));
            };
            let is_changed = |name: &&&str| nameless(&row[**name]) != nameless(&old[**name]);
            let changed = DECIDING.iter().find(is_changed);
            changed.map(|name| {
                format!(
                    "{list}: {name} of {} changed from {} to {}",
                    old["id"], old[*name], row[*name]
                )
            })
        })
    })
}

/// Values of a type that no field has.
fn wrong_types(original: &Value) -> Vec<Value> {
    let mut wrong = vec![json!([[]]), deep()];
    if !original.is_boolean() {
        wrong.push(json!(true));
    }
    wrong
}

#[test]
fn a_value_of_another_type_takes_nothing_from_anybody() {
    let mut losses = Vec::new();
    let mut tried = 0;
    for platform in READ_PLATFORMS {
        let (responses, before) = (responses(platform), good(platform));
        for place in places(&responses) {
            for wrong in wrong_types(responses.pointer(&place).unwrap()) {
                tried += 1;
                let after = read(
                    platform,
                    &damaged(&responses, &place, wrong.clone()),
                    Some(&before),
                );
                let loss = after.and_then(|after| loss(&before.lists, &after.lists));
                losses.extend(loss.map(|loss| format!("{platform:?}{place}: {loss}")));
            }
        }
    }
    losses.dedup();
    assert!(losses.is_empty(), "{losses:#?}");
    assert!(tried > 500, "only {tried} places were tried");
}

#[test]
fn a_row_without_an_id_takes_nothing_from_anybody() {
    for platform in READ_PLATFORMS {
        let (responses, before) = (responses(platform), good(platform));
        let is_row = |place: &&String| place.ends_with("/id") && fixtures::is_row(place);
        for place in places(&responses).iter().filter(is_row) {
            for damaged in [
                without(&responses, place),
                damaged(&responses, place, Value::Null),
            ] {
                let after = read(platform, &damaged, Some(&before));
                let loss = after.and_then(|after| loss(&before.lists, &after.lists));
                assert_eq!(loss, None, "{platform:?}{place}");
            }
        }
    }
}

#[test]
fn a_key_that_is_given_twice_counts_once() {
    for platform in READ_PLATFORMS {
        let before = good(platform);
        let text = responses(platform).to_string();
        let keys = places(&responses(platform));
        let keys = keys.iter().filter_map(|place| place.rsplit('/').next());
        for key in keys.filter(|key| key.parse::<usize>().is_err()) {
            let key = format!("\"{key}\":");
            let twice = text.replace(&key, &format!("{key}[],{key}"));
            let after = reading(platform, twice.as_bytes(), Some(&before), &[]).unwrap();
            assert!(
                after.events.is_empty(),
                "{platform:?} {key}: {:?}",
                after.events
            );
        }
    }
}

/// Any value to put in some place; huge numbers, deep lists and NUL characters among them.
fn any_damage() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!(u64::MAX)),
        Just(json!(1e308)),
        Just(json!("\0")),
        Just(json!("9999-12-31T23:59:59.999999999Z")),
        Just(json!("-009999-01-01")),
        ".{0,20}".prop_map(Value::from),
        Just(deep()),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("id|user|email|status|customer|.{0,3}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Some damages, each with the number that chooses its place.
fn damages() -> impl Strategy<Value = Vec<(prop::sample::Index, Option<Value>)>> {
    let damage = (
        any::<prop::sample::Index>(),
        prop::option::weighted(0.8, any_damage()),
    );
    prop::collection::vec(damage, 1..5)
}

#[test]
fn no_response_makes_a_reader_panic() {
    let config = ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let goods = READ_PLATFORMS.map(|platform| (platform, responses(platform), good(platform)));
    let tried = TestRunner::new(config.clone()).run(&damages(), |damages| {
        for (platform, responses, before) in &goods {
            let mut responses = responses.clone();
            for (index, damage) in &damages {
                let places = places(&responses);
                let place = index.get(&places);
                responses = match damage {
                    Some(damage) => damaged(&responses, place, damage.clone()),
                    None => without(&responses, place),
                };
            }
            read(*platform, &responses, None);
            read(*platform, &responses, Some(before));
            for object in fixtures::OBJECTS {
                let objects = [object.to_owned()];
                reading(
                    *platform,
                    responses.to_string().as_bytes(),
                    Some(before),
                    &objects,
                );
            }
        }
        Ok(())
    });
    tried.unwrap();
    let anything = TestRunner::new(config).run(&any_damage(), |body| {
        for platform in READ_PLATFORMS {
            response(platform, body.to_string().as_bytes());
            read(platform, &body, None);
        }
        Ok(())
    });
    anything.unwrap();
}

/// A damaged object that a webhook names takes nothing either.
#[test]
fn a_named_object_of_another_type_takes_nothing_from_anybody() {
    let mut losses = Vec::new();
    let mut used = 0;
    for platform in [Platform::Spacebring, Platform::Teamup] {
        let (all, before) = (responses(platform), good(platform));
        for object in fixtures::OBJECTS {
            let objects = [object.to_owned()];
            let read = |responses: &Value| {
                reading(
                    platform,
                    responses.to_string().as_bytes(),
                    Some(&before),
                    &objects,
                )
            };
            let responses = fixtures::with_object(platform, &all, object);
            used += usize::from(
                read(&responses).is_some_and(|after| loss(&before.lists, &after.lists).is_none()),
            );
            for place in places(&responses) {
                for wrong in wrong_types(responses.pointer(&place).unwrap()) {
                    let after = read(&damaged(&responses, &place, wrong));
                    let loss = after.and_then(|after| loss(&before.lists, &after.lists));
                    losses.extend(loss.map(|loss| format!("{object} {place}: {loss}")));
                }
            }
        }
    }
    losses.dedup();
    assert!(losses.is_empty(), "{losses:#?}");
    assert!(used >= fixtures::OBJECTS.len(), "{used} objects were read");
}
