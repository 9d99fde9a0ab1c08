//! The platforms' own help pages on their integration with Kisi: each behaviour that a page states is checked with data of that
//! platform. One file for each platform; its header lists the behaviours with their tests, also those in other files.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    platforms::a_source,
    support::{
        api::{Source, eventually},
        kisi_checks,
        world::World,
    },
};

mod clubspot;
mod spacebring;
mod spacebring_bookings;
mod teamup;

const FRONT: &str = "Front door";
const RANGE: &str = "Range";
const SIMULATOR: &str = "Simulator 1";

/// Connects Kisi and a source that is read with these credentials; there is no rule yet.
async fn a_read_source(world: &mut World, platform: &str, credentials: Value) -> Source {
    world.connect().await;
    let people = ["ada", "bob", "cy", "dan"];
    world
        .emails
        .extend(people.map(|name| format!("{name}@example.com")));
    a_source(world, platform, Some(credentials)).await
}

/// The names of those whom Kisi lets in at a door at that time, by what it holds now.
fn let_in(world: &World, door: &str, at: Timestamp) -> Vec<String> {
    let lock = world.sandbox.lock_named(door).unwrap();
    names(kisi_checks::can_open(
        &world.sandbox,
        &world.emails,
        lock,
        at,
    ))
}

/// The names of those who are allowed at a door with rules of its own: nothing of them is in Kisi.
async fn allowed(world: &World, door: &str, at: Timestamp) -> Vec<String> {
    let lock = world.api.named("locks", door).await;
    names(kisi_checks::allowed(&world.api, &lock, at).await)
}

fn names(emails: impl IntoIterator<Item = String>) -> Vec<String> {
    let name = |email: String| email.split('@').next().unwrap_or_default().to_owned();
    emails.into_iter().map(name).collect()
}

/// The id of the offering with this name.
async fn offering(world: &World, name: &str) -> String {
    let query = "{ offerings(first: 100) { nodes { id name } } }";
    let response = world.api.query(query, json!({})).await;
    let nodes = response["offerings"]["nodes"].as_array().unwrap();
    let found = nodes.iter().find(|node| node["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no offering is called {name}: {response}"));
    found["id"].as_str().unwrap().to_owned()
}

/// Waits for the work after a change of settings.
async fn change(world: &World, field: &str, arguments: &[(&str, &str, Value)], selection: &str) {
    world.api.mutate(field, arguments, selection).await;
    world.settled().await;
}

/// An instant given in UTC.
fn utc(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Waits until Kisi lets exactly these people in at a door now.
async fn until_let_in(world: &World, door: &str, people: &[&str]) {
    let ask = async || (let_in(world, door, world.now()) == people).then_some(());
    eventually(ask, async || {
        format!("{:?}", let_in(world, door, world.now()))
    })
    .await;
}
