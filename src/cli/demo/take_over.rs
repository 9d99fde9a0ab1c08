//! The last step: a group that was kept by hand for years is taken over.
//!
//! Promises: what it tells of the group is read back from the sandbox, before, after, and after each change in between. Must
//! never touch a row there. Called by the story.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::{
    api::text,
    club::{group, manage, offering, rule},
    scene::{Group, Scene},
    tell::Teller,
};
use crate::sandbox::{self, AssignmentView, Call, Sandbox};

/// Who has joined lately, and is in no list of Kisi's.
const NEW: [(&str, &str); 2] = [
    ("Nora Neumann", "nora.neumann@example.com"),
    ("Otto Orlow", "otto.orlow@example.com"),
];
/// What only rowers open.
const GATE: &str = "Boathouse gate";
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Rules first, then the group; then what came of it.
///
/// # Errors
/// Where the service refuses something, or does not come to rest.
pub async fn group_is_taken_over(scene: &mut Scene, teller: &mut Teller) -> anyhow::Result<()> {
    teller.note(
        "The rowers' group in Kisi was kept by hand for years. The section sends the list of its members;\n\
         the rule is written first, and what managing the group would do is looked at before it is done. Whoever\n\
         is no member is left alone (KEEP).",
    )?;
    let rowing = group(&scene.api, &scene.sandbox, sandbox::ROWING).await?;
    let books = books();
    let said = books_and_rule(scene, &rowing, &books).await?;
    teller.note(&format!("• {said}"))?;
    let addresses: BTreeSet<String> = books.into_iter().map(|(_, email)| email).collect();
    let before = History::read(&scene.sandbox, &rowing, &addresses);
    let gate = (scene.sandbox)
        .lock_named(GATE)
        .context("the sandbox has no boathouse")?;
    let locked_out = watch(&scene.sandbox, gate, &addresses);
    let calls_before = scene.sandbox.calls().len();

    let (shown, based_on) = preview(scene, &rowing).await?;
    let expected = (before.rights.len(), addresses.len() - before.rights.len());
    let kept = before.of_others.len();
    teller.same("preview", &shown, &counts(expected.0, expected.1, kept, 0))?;
    manage(&scene.api, &rowing, Some(&based_on)).await?;
    teller.wait("waiting for Kisi")?;
    at_rest(scene, &rowing, &addresses).await?;

    let after = History::read(&scene.sandbox, &rowing, &addresses);
    let by_hand = after.rights.iter().filter(|right| !right.by_owner_key);
    let adopted = by_hand.count();
    let granted = after.rights.len() - adopted;
    teller.same(
        "adopted",
        &assignments(adopted, "made by hand, and looked after from now on"),
        &assignments(expected.0, "made by hand, and looked after from now on"),
    )?;
    teller.same(
        "granted",
        &assignments(granted, "newly made"),
        &assignments(expected.1, "newly made"),
    )?;
    teller.fact(
        "kept",
        assignments(after.of_others.len(), "of people who are no members"),
        after.of_others == before.of_others,
        assignments(before.of_others.len(), "of theirs, just as they were"),
    )?;
    let out = locked_out.lock().unwrap_or_else(PoisonError::into_inner);
    let came = match out.len() {
        0 => "nobody who may pass was locked out at any instant".to_owned(),
        people => format!("{people} people who may pass were locked out meanwhile"),
    };
    teller.fact("doors", came, out.is_empty(), "nobody locked out")?;
    let calls = scene.sandbox.calls();
    let calls: Vec<&Call> = calls.iter().skip(calls_before).collect();
    let writes = calls.iter().filter(|call| call.method != "GET").count();
    let needed = before.to_align + expected.1 + NEW.len();
    let said = |writes: usize| format!("{} calls, of which {writes} change something", calls.len());
    teller.same("Kisi", &said(writes), &said(needed))?;
    Ok(())
}

/// What managing the group would do, from what Kisi holds now; and what the mutation is to name.
async fn preview(scene: &Scene, group: &Group) -> anyhow::Result<(String, String)> {
    const PREVIEW: &str = "query($group: ID!) { previewGroup(group: $group, strangers: KEEP) \
        { basedOn adoptedCount grantedCount keptCount removedCount } }";
    let data = scene.api.ask(PREVIEW, json!({ "group": group.id })).await?;
    let count = |fate: &str| {
        let count = data.pointer(&format!("/previewGroup/{fate}Count"));
        let count = count.and_then(Value::as_u64).context("no count")?;
        anyhow::Ok(usize::try_from(count)?)
    };
    let [adopted, granted, kept, removed] = ["adopted", "granted", "kept", "removed"].map(count);
    let shown = counts(adopted?, granted?, kept?, removed?);
    Ok((shown, text(&data, "/previewGroup/basedOn")?))
}

fn counts(adopted: usize, granted: usize, kept: usize, removed: usize) -> String {
    format!(
        "{adopted} would be adopted, {granted} newly granted, {kept} kept and {removed} removed"
    )
}

/// The section's list of its members.
fn books() -> Vec<(String, String)> {
    let all = sandbox::rowers().chain(NEW);
    all.map(|(name, email)| (name.to_owned(), email.to_lowercase()))
        .collect()
}

/// Makes the section a source, writes the rule and sends the list; what the rule says.
async fn books_and_rule(
    scene: &Scene,
    rowing: &Group,
    books: &[(String, String)],
) -> anyhow::Result<String> {
    let section = scene.api.source("Rowing section", "CANONICAL").await?;
    let plan = offering(&scene.api, &section, ["rowing", "MEMBERSHIP", "Rowing"]).await?;
    let condition = json!({ "membership": { "offerings": [plan] } });
    let said = rule(&scene.api, "Rowers", rowing, condition).await?;
    let answer = section.send("rowers", &scene.rowers(books)).await?;
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    scene.api.settled(&text(&body, "/delivery")?).await?;
    Ok(said)
}

/// The group as Kisi holds it.
struct History {
    /// Members' assignments, those that are over too.
    rights: Vec<AssignmentView>,
    /// How many of those do not hold for ever.
    to_align: usize,
    /// Everybody else's.
    of_others: Vec<AssignmentView>,
}

impl History {
    fn read(sandbox: &Sandbox, group: &Group, members: &BTreeSet<String>) -> Self {
        let rows = sandbox.assignments_in(group.kisi_id);
        let (of_members, of_others): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|(email, _)| members.contains(&email.to_lowercase()));
        let rights: Vec<AssignmentView> = of_members.into_iter().map(|(_, row)| row).collect();
        let for_ever = |row: &&AssignmentView| row.from.is_none() && row.until.is_none();
        Self {
            to_align: rights.len() - rights.iter().filter(for_ever).count(),
            rights,
            of_others: of_others.into_iter().map(|(_, row)| row).collect(),
        }
    }
}

/// Notes whoever of the members can open the door now and cannot after some change.
fn watch(sandbox: &Sandbox, gate: i64, members: &BTreeSet<String>) -> Arc<Mutex<BTreeSet<String>>> {
    let locked_out: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let (noted, mut inside) = (Arc::clone(&locked_out), members.clone());
    inside.retain(|email| sandbox.may_open(email, gate, sandbox.now()));
    sandbox.watch(move |sandbox| {
        let now = sandbox.now();
        let out = inside
            .iter()
            .filter(|email| !sandbox.may_open(email, gate, now));
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend(out.cloned());
    });
    locked_out
}

/// Waits until every member has a right without an end, and nothing is left to be done.
async fn at_rest(scene: &Scene, group: &Group, members: &BTreeSet<String>) -> anyhow::Result<()> {
    const QUERY: &str = "{ kisiAccounts { backlog } }";
    let clock = scene.api.clock();
    let deadline = clock.now().plus(PATIENCE);
    loop {
        let held = History::read(&scene.sandbox, group, members);
        let data = scene.api.ask(QUERY, Value::Null).await?;
        let backlog = data.pointer("/kisiAccounts/0/backlog");
        if held.to_align == 0 && held.rights.len() >= members.len() && backlog == Some(&json!(0)) {
            return Ok(());
        }
        if clock.now() > deadline {
            bail!(
                "expected {} members in the group within {PATIENCE:?}; there are {}, and {} have other times",
                members.len(),
                held.rights.len(),
                held.to_align
            );
        }
        clock.sleep(BETWEEN_LOOKS).await;
    }
}

fn assignments(count: usize, what: &str) -> String {
    format!("{count} assignments {what}")
}
