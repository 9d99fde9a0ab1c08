//! Everybody who can be asked whether a member may pass, asked of each member and target.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Club, club::PEOPLE};
use crate::support::{event::email, judge};

const TARGETS: [&str; 5] = [
    "Members",
    "Simulator bookings",
    "Front door",
    "Range",
    "Simulator 1",
];
const LOCKS: [&str; 3] = ["Front door", "Range", "Simulator 1"];

/// Seconds from now: this evening, and two moments of the night in which the clocks change.
const AHEAD: [u64; 3] = [0, 5 * 3600 + 60, 31 * 3600 + 1830];

/// What everybody says of one member at an instant: `explain` by target, and `access`.
struct Said {
    explained: BTreeMap<&'static str, Value>,
    access: Value,
    doors: Value,
}

/// Asks about each member in one request.
async fn asked(club: &Club, at: Option<Timestamp>) -> BTreeMap<&'static str, Said> {
    let mut said = BTreeMap::new();
    let (among, alone) = at.map_or_else(Default::default, |at| {
        (format!(r#", at: "{at}""#), format!(r#"(at: "{at}")"#))
    });
    for who in PEOPLE {
        let member = &club.ids[who];
        let explains = TARGETS.iter().enumerate().map(|(nth, target)| {
            let target = &club.ids[*target];
            format!("t{nth}: explain(member: {member}, target: {target}{among}) {{ decision {{ allowed code until }} }}")
        });
        let query = format!(
            "{{ {} member(id: {member}) {{ doors {{ until lock {{ name }} }}
                access{alone} {{ allowed code until target {{ ... on Group {{ name }} ... on Lock {{ name }} }} }} }} }}",
            explains.collect::<Vec<_>>().join(" ")
        );
        let mut found = club.world.api.ask(&query, json!({})).await;
        let explained = TARGETS.into_iter().enumerate();
        let explained = explained
            .map(|(nth, target)| (target, found[format!("t{nth}")]["decision"].take()))
            .collect();
        let (access, doors) = (
            found["member"]["access"].take(),
            found["member"]["doors"].take(),
        );
        said.insert(
            who,
            Said {
                explained,
                access,
                doors,
            },
        );
    }
    said
}

/// Who of all may pass a target, or may not, by `explain`.
fn who_may(said: &BTreeMap<&'static str, Said>, target: &str, allowed: bool) -> BTreeSet<String> {
    let people = said.iter();
    people
        .filter(|(_, said)| said.explained[target]["allowed"] == allowed)
        .map(|(who, _)| email(who))
        .collect()
}

/// Asks everybody, at instants around now, and fails where two answers differ.
pub async fn all_agree(club: &Club) {
    let now = club.world.now();
    for ahead in AHEAD {
        let at = now + Duration::from_secs(ahead);
        let said = asked(club, Some(at)).await;
        for target in TARGETS {
            let listed =
                judge::allowed(&club.world.api, club.ids[target].as_str().unwrap(), at).await;
            let explained = who_may(&said, target, true);
            assert_eq!(
                listed, explained,
                "{target} at {at}: allowedMembers (left) and explain"
            );
        }
        for (who, said) in &said {
            access_agrees(who, at, said);
        }
    }
    let said = asked(club, None).await;
    for (who, said) in &said {
        doors_agree(who, said);
    }
    for target in TARGETS {
        filters_agree(club, target, &said).await;
    }
}

/// `Member.access`: the same of each target; what it leaves out is shut.
fn access_agrees(who: &str, at: Timestamp, said: &Said) {
    let access = said.access.as_array().unwrap();
    for (target, explained) in &said.explained {
        let answer = access.iter().find(|one| one["target"]["name"] == *target);
        match answer {
            None => assert_eq!(explained["allowed"], false, "{who} {target} at {at}"),
            Some(answer) => {
                for field in ["allowed", "code", "until"] {
                    assert_eq!(
                        answer[field], explained[field],
                        "{who} {target} at {at}: {field} of access (left)"
                    );
                }
            }
        }
    }
}

/// `Member.doors`: each lock that is open now, with the same end.
fn doors_agree(who: &str, said: &Said) {
    let doors = said.doors.as_array().unwrap();
    for lock in LOCKS {
        let explained = &said.explained[lock];
        let door = doors.iter().find(|door| door["lock"]["name"] == lock);
        assert_eq!(door.is_some(), explained["allowed"] == true, "{who} {lock}");
        if let Some(door) = door {
            assert_eq!(door["until"], explained["until"], "{who} {lock}");
        }
    }
}

/// `members(filter: {target, allowed})`: everybody in one of the two lists, and in the right one.
async fn filters_agree(club: &Club, target: &str, said: &BTreeMap<&'static str, Said>) {
    let query = "query($target: ID!) {
        in: members(first: 100, filter: {target: $target, allowed: true}) { totalCount nodes { email } }
        out: members(first: 100, filter: {target: $target, allowed: false}) { totalCount nodes { email } } }";
    let found = club
        .world
        .api
        .ask(query, json!({ "target": club.ids[target] }))
        .await;
    for (name, allowed) in [("in", true), ("out", false)] {
        let nodes = found[name]["nodes"].as_array().unwrap();
        assert_eq!(found[name]["totalCount"], nodes.len());
        let emails = nodes
            .iter()
            .map(|node| node["email"].as_str().unwrap().to_owned());
        let listed: BTreeSet<String> = emails.collect();
        assert_eq!(
            listed,
            who_may(said, target, allowed),
            "{target}, allowed: {allowed}"
        );
    }
}

/// Whole explanations, but for what Kisi holds, by whom and what was asked.
pub async fn remembered(
    club: &Club,
    known: Option<Timestamp>,
) -> BTreeMap<(&'static str, String), Value> {
    const SHOWN: &str = "nextChangeAt decision { allowed code until message desk: message(audience: DESK) }
        rules { holds rule { id version } spans { from until } conditions { holds spans { from until }
            because { id externalId startsAt endsAt } nearMisses { code message entitlement { id } } } }
        shares { id from until } suspension { id reason until } fixes { code by message }";
    let known = known.map_or(String::new(), |known| format!(r#", asKnownAt: "{known}""#));
    let mut answers = BTreeMap::new();
    for who in PEOPLE {
        let mut asked = Vec::new();
        for target in ["Members", "Front door", "Simulator 1"] {
            for at in ["2026-03-28T11:00:00Z", "2026-03-29T00:30:00Z"] {
                asked.push(format!(
                    r#"(member: {}, target: {}, at: "{at}""#,
                    club.ids[who], club.ids[target]
                ));
            }
        }
        let fields = asked.iter().enumerate();
        let fields: Vec<String> = fields
            .map(|(nth, asked)| format!("e{nth}: explain{asked}{known}) {{ {SHOWN} }}"))
            .collect();
        let mut found = club
            .world
            .api
            .ask(&format!("{{ {} }}", fields.join(" ")), json!({}))
            .await;
        for (nth, asked) in asked.into_iter().enumerate() {
            answers.insert((who, asked), found[format!("e{nth}")].take());
        }
    }
    answers
}
