//! All queries that answer whether a member may pass, asked for each member and target.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Club, club::PEOPLE};
use crate::support::{event::email, kisi_checks};

const TARGETS: [&str; 5] = [
    "Members",
    "Simulator bookings",
    "Front door",
    "Range",
    "Simulator 1",
];
const LOCKS: [&str; 3] = ["Front door", "Range", "Simulator 1"];

/// Seconds from now: now, that evening, and the night in which daylight saving time begins.
const AHEAD: [u64; 3] = [0, 5 * 3600 + 60, 31 * 3600 + 1830];

/// The answers about one member at an instant: `explain` by target, `Member.access` and `Member.doors` (which is always for now).
struct MemberAnswers {
    explained: BTreeMap<&'static str, Value>,
    access: Value,
    doors: Value,
}

/// Queries the answers of all members, with one request per member.
async fn asked(club: &Club, at: Option<Timestamp>) -> BTreeMap<&'static str, MemberAnswers> {
    let mut answers = BTreeMap::new();
    // The argument `at`, appended to other arguments and as the only one.
    let (appended, alone) = at.map_or_else(Default::default, |at| {
        (format!(r#", at: "{at}""#), format!(r#"(at: "{at}")"#))
    });
    for who in PEOPLE {
        let member = &club.ids[who];
        let explains = TARGETS.iter().enumerate().map(|(nth, target)| {
            let target = &club.ids[*target];
            format!("t{nth}: explain(member: {member}, target: {target}{appended}) {{ decision {{ allowed code until }} }}")
        });
        let query = format!(
            "{{ {} member(id: {member}) {{ doors {{ until lock {{ name }} }}
                access{alone} {{ allowed code until target {{ ... on Group {{ name }} ... on Lock {{ name }} }} }} }} }}",
            explains.collect::<Vec<_>>().join(" ")
        );
        let mut data = club.world.api.query(&query, json!({})).await;
        let explained = TARGETS.into_iter().enumerate();
        let explained = explained
            .map(|(nth, target)| (target, data[format!("t{nth}")]["decision"].take()))
            .collect();
        let (access, doors) = (
            data["member"]["access"].take(),
            data["member"]["doors"].take(),
        );
        answers.insert(
            who,
            MemberAnswers {
                explained,
                access,
                doors,
            },
        );
    }
    answers
}

/// The e-mails of the members who may pass a target, or who may not, by `explain`.
fn who_may(
    answers: &BTreeMap<&'static str, MemberAnswers>,
    target: &str,
    allowed: bool,
) -> BTreeSet<String> {
    let people = answers.iter();
    people
        .filter(|(_, answers)| answers.explained[target]["allowed"] == allowed)
        .map(|(who, _)| email(who))
        .collect()
}

/// Runs all queries, now and at the instants of [`AHEAD`], and fails if two answers differ.
pub async fn all_agree(club: &Club) {
    let now = club.world.now();
    for ahead in AHEAD {
        let at = now + Duration::from_secs(ahead);
        let answers = asked(club, Some(at)).await;
        for target in TARGETS {
            let listed =
                kisi_checks::allowed(&club.world.api, club.ids[target].as_str().unwrap(), at).await;
            let explained = who_may(&answers, target, true);
            assert_eq!(
                listed, explained,
                "{target} at {at}: allowedMembers (left) and explain"
            );
        }
        for (who, answers) in &answers {
            access_agrees(who, at, answers);
        }
    }
    let answers = asked(club, None).await;
    for (who, answers) in &answers {
        doors_agree(who, answers);
    }
    for target in TARGETS {
        filters_agree(club, target, &answers).await;
    }
}

/// `Member.access` agrees with `explain` about each target; a target that it omits is denied.
fn access_agrees(who: &str, at: Timestamp, answers: &MemberAnswers) {
    let access = answers.access.as_array().unwrap();
    for (target, explained) in &answers.explained {
        let answer = access
            .iter()
            .find(|decision| decision["target"]["name"] == *target);
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

/// `Member.doors` lists exactly the locks that `explain` allows now, with the same end.
fn doors_agree(who: &str, answers: &MemberAnswers) {
    let doors = answers.doors.as_array().unwrap();
    for lock in LOCKS {
        let explained = &answers.explained[lock];
        let door = doors.iter().find(|door| door["lock"]["name"] == lock);
        assert_eq!(door.is_some(), explained["allowed"] == true, "{who} {lock}");
        if let Some(door) = door {
            assert_eq!(door["until"], explained["until"], "{who} {lock}");
        }
    }
}

/// `members(filter: {target, allowed})` lists each member in one of the two lists, in agreement with `explain`.
async fn filters_agree(club: &Club, target: &str, answers: &BTreeMap<&'static str, MemberAnswers>) {
    let query = "query($target: ID!) {
        in: members(first: 100, filter: {target: $target, allowed: true}) { totalCount nodes { email } }
        out: members(first: 100, filter: {target: $target, allowed: false}) { totalCount nodes { email } } }";
    let data = club
        .world
        .api
        .query(query, json!({ "target": club.ids[target] }))
        .await;
    for (name, allowed) in [("in", true), ("out", false)] {
        let nodes = data[name]["nodes"].as_array().unwrap();
        assert_eq!(data[name]["totalCount"], nodes.len());
        let emails = nodes
            .iter()
            .map(|node| node["email"].as_str().unwrap().to_owned());
        let listed: BTreeSet<String> = emails.collect();
        assert_eq!(
            listed,
            who_may(answers, target, allowed),
            "{target}, allowed: {allowed}"
        );
    }
}

/// Whole explanations without the state of Kisi, by member and arguments. `known` is `asKnownAt`.
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
        let mut questions = Vec::new();
        for target in ["Members", "Front door", "Simulator 1"] {
            for at in ["2026-03-28T11:00:00Z", "2026-03-29T00:30:00Z"] {
                questions.push(format!(
                    r#"(member: {}, target: {}, at: "{at}""#,
                    club.ids[who], club.ids[target]
                ));
            }
        }
        let fields = questions.iter().enumerate();
        let fields: Vec<String> = fields
            .map(|(nth, question)| format!("e{nth}: explain{question}{known}) {{ {SHOWN} }}"))
            .collect();
        let mut data = club
            .world
            .api
            .query(&format!("{{ {} }}", fields.join(" ")), json!({}))
            .await;
        for (nth, question) in questions.into_iter().enumerate() {
            answers.insert((who, question), data[format!("e{nth}")].take());
        }
    }
    answers
}
