//! The example club, set up through GraphQL as an admin would: Kisi, sources, offerings, rules.
//!
//! Contract: offerings and rules exist before the first event that needs them. Uses only the API.
//! Called by the demo once; the last step of the story uses the helpers too.

use anyhow::Context;
use jiff::tz::TimeZone;
use latchkey_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{
    api::{Api, Sender, text},
    console::Console,
    scene::{Group, Scene},
};

/// The name and time zone of a club.
pub struct Club {
    pub name: &'static str,
    pub zone_name: &'static str,
    pub zone: TimeZone,
}

impl Club {
    /// The club of the story, in the time zone of the sandbox's clubhouse.
    ///
    /// # Errors
    /// When this machine does not know the time zone.
    pub fn example() -> anyhow::Result<Self> {
        let zone_name = "Europe/Berlin";
        let zone = TimeZone::get(zone_name)?;
        Ok(Self {
            name: "Example Club",
            zone_name,
            zone,
        })
    }
}

/// Connects Kisi, creates sources and writes rules.
///
/// # Errors
/// When the service refuses a call.
pub async fn set_up(
    club: Club,
    api: Api,
    sandbox: Sandbox,
    console: &mut Console,
) -> anyhow::Result<Scene> {
    console.wait("setting up the club")?;
    let groups = connect(&api, &sandbox)
        .await
        .context("Kisi cannot be connected")?;
    let [members, simulator] = groups;
    let front_desk = api.source("Front desk", "CANONICAL").await?;
    let clubspot = api.source("Clubspot", "CLUBSPOT").await?;
    let exercise = api.source("Exercise.com", "EXERCISE_COM").await?;
    let full = offering(&api, &front_desk, ["full", "MEMBERSHIP", "Full membership"]).await?;
    let room = offering(&api, &clubspot, ["simulator-1", "ROOM", "Simulator 1"]).await?;
    let programme = ["strength-10", "BILLING_ITEM", "Ten weeks of strength"];
    let programme = offering(&api, &exercise, programme).await?;

    let paying = json!({ "membership": { "offerings": [full], "whenBlocked": "DENY" } });
    let training = json!({ "purchase": { "offerings": [programme] } });
    let booked = json!({ "registration": {
        "offerings": [room], "kinds": ["ROOM"],
        "opensBefore": "PT30M", "closesAfter": "PT30M", "guests": true,
    } });
    let mut rules = Vec::new();
    for (name, group, condition) in [
        ("Full members", &members, paying),
        ("Training programmes", &members, training),
        ("Who booked the simulator", &simulator, booked),
    ] {
        rules.push(rule(&api, name, group, condition).await?);
    }
    console.note(&format!(
        "“{}” is connected to Kisi (four doors) and to three platforms: {}, {}, {}.\nIts rules:",
        club.name, front_desk.name, clubspot.name, exercise.name
    ))?;
    for rule in rules {
        console.note(&format!("• {rule}"))?;
    }
    let now = sandbox.now();
    Ok(Scene {
        day: now.to_zoned(club.zone.clone()).date(),
        api,
        sandbox,
        zone: club.zone,
        front_desk,
        clubspot,
        exercise,
        members,
        simulator,
        sent: Vec::new(),
    })
}

/// Connects Kisi and manages two groups: members, and simulator bookings.
async fn connect(api: &Api, sandbox: &Sandbox) -> anyhow::Result<[Group; 2]> {
    const CONNECT: &str = "mutation($input: ConnectKisiInput!) { connectKisi(input: $input) \
        { account { id } userErrors { message } } }";
    let credentials = json!({ "apiKey": sandbox.api_key() });
    let input = json!({ "name": "Clubhouse", "credentials": credentials, "inviteByEmail": false });
    api.mutate(CONNECT, json!({ "input": input })).await?;
    let groups = [
        group(api, sandbox, "Members").await?,
        group(api, sandbox, "Simulator bookings").await?,
    ];
    for group in &groups {
        manage(api, group, None).await?;
    }
    Ok(groups)
}

/// Finds a group by its name in Kisi.
///
/// # Errors
/// When there is none.
pub async fn group(api: &Api, sandbox: &Sandbox, name: &'static str) -> anyhow::Result<Group> {
    const GROUPS: &str = "{ groups(first: 50) { nodes { id name } } }";
    let listed = api.query(GROUPS, Value::Null).await?;
    let nodes = listed.pointer("/groups/nodes").and_then(Value::as_array);
    let node = nodes
        .into_iter()
        .flatten()
        .find(|node| node.get("name") == Some(&name.into()));
    let node = node.with_context(|| format!("expected a group “{name}” in {listed}"))?;
    let kisi_id = sandbox
        .group_named(name)
        .with_context(|| format!("the sandbox has no group “{name}”"))?;
    Ok(Group {
        id: text(node, "/id")?,
        name,
        kisi_id,
    })
}

/// Lets Latchkey manage a group. Assignments of people who are not members stay. `based_on`: the token of a preview, if any.
///
/// # Errors
/// When the service refuses the call.
pub async fn manage(api: &Api, group: &Group, based_on: Option<&str>) -> anyhow::Result<()> {
    const MANAGE: &str = "mutation($input: ManageGroupInput!, $basedOn: String) \
        { manageGroup(input: $input, basedOn: $basedOn) { group { id managed } userErrors { message } } }";
    let input = json!({ "group": group.id, "managed": true, "strangers": "KEEP" });
    let variables = json!({ "input": input, "basedOn": based_on });
    api.mutate(MANAGE, variables).await?;
    Ok(())
}

/// Creates an offering from its id on the platform, its kind and its name. Returns its id in Latchkey.
///
/// # Errors
/// When the service refuses the call.
pub async fn offering(api: &Api, source: &Sender, words: [&str; 3]) -> anyhow::Result<String> {
    const MUTATION: &str = "mutation($input: SaveOfferingInput!) { saveOffering(input: $input) \
        { offering { id } userErrors { message } } }";
    let [id, kind, name] = words;
    let input = json!({ "source": source.id, "externalId": id, "kind": kind, "name": name });
    text(
        &api.mutate(MUTATION, json!({ "input": input })).await?,
        "/offering/id",
    )
}

/// Creates a rule. Returns its name, its group and the service's summary of it.
///
/// # Errors
/// When the service refuses the call.
pub async fn rule(
    api: &Api,
    name: &str,
    group: &Group,
    condition: Value,
) -> anyhow::Result<String> {
    const MUTATION: &str = "mutation($input: RuleInput!) { createRule(input: $input) \
        { rule { summary } userErrors { message } } }";
    let input = json!({ "name": name, "target": group.id, "conditions": [condition] });
    let made = api.mutate(MUTATION, json!({ "input": input })).await?;
    Ok(format!(
        "{} ({}): {}",
        name,
        group.name,
        text(&made, "/rule/summary")?
    ))
}
