//! The last step of the story: Latchkey takes over a group that was maintained by hand for years.
//!
//! Contract: the reported state of the group is read back from the sandbox: before, after, and after each change in between.
//! Never changes a row there. Called by the story.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, bail};
use latchkey_sandbox::{AssignmentView, Call, ROWING, Sandbox, rowers};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    api::text,
    club::{group, manage, offering, rule},
    console::Console,
    scene::{Group, Scene},
};

/// New members of the section, who are not yet in Kisi.
const NEW: [(&str, &str); 2] = [
    ("Nora Neumann", "nora.neumann@example.com"),
    ("Otto Orlow", "otto.orlow@example.com"),
];
/// The door that only the rowers' group opens.
const GATE: &str = "Boathouse gate";
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Writes the rule, previews and manages the group, then checks the result.
///
/// # Errors
/// When the service refuses a call, or does not finish in time.
pub async fn group_is_taken_over(scene: &mut Scene, console: &mut Console) -> anyhow::Result<()> {
    console.note(
        "The rowers' group in Kisi was maintained by hand for years. The rowing section sends its member list.\n\
         First the rule is written, then a preview shows what managing the group would change. Access of\n\
         people who are not members is kept (KEEP).",
    )?;
    let rowing = group(&scene.api, &scene.sandbox, ROWING).await?;
    let books = books();
    let summary = books_and_rule(scene, &rowing, &books).await?;
    console.note(&format!("• {summary}"))?;
    let addresses: BTreeSet<String> = books.into_iter().map(|(_, email)| email).collect();
    let before = GroupState::read(&scene.sandbox, &rowing, &addresses);
    let gate = (scene.sandbox)
        .lock_named(GATE)
        .context("the sandbox has no boathouse")?;
    let locked_out = watch(&scene.sandbox, gate, &addresses);
    let calls_before = scene.sandbox.calls().len();

    let (shown, based_on) = preview(scene, &rowing).await?;
    let expected = (
        before.of_members.len(),
        addresses.len() - before.of_members.len(),
    );
    let kept = before.of_others.len();
    console.same("preview", &shown, &counts(expected.0, expected.1, kept, 0))?;
    manage(&scene.api, &rowing, Some(&based_on)).await?;
    console.wait("waiting for Kisi")?;
    wait_until_done(scene, &rowing, &addresses).await?;

    let after = GroupState::read(&scene.sandbox, &rowing, &addresses);
    let by_hand = after.of_members.iter().filter(|right| !right.by_owner_key);
    let adopted = by_hand.count();
    let granted = after.of_members.len() - adopted;
    console.same(
        "adopted",
        &assignments(adopted, "created by hand, managed by Latchkey from now on"),
        &assignments(
            expected.0,
            "created by hand, managed by Latchkey from now on",
        ),
    )?;
    console.same(
        "granted",
        &assignments(granted, "newly created"),
        &assignments(expected.1, "newly created"),
    )?;
    console.fact(
        "kept",
        assignments(after.of_others.len(), "of people who are not members"),
        after.of_others == before.of_others,
        assignments(
            before.of_others.len(),
            "of people who are not members, unchanged",
        ),
    )?;
    let out = locked_out.lock().unwrap_or_else(PoisonError::into_inner);
    let came = match out.len() {
        0 => "no member with access was locked out at any time".to_owned(),
        people => format!("{people} members with access were locked out for a time"),
    };
    console.fact("doors", came, out.is_empty(), "nobody locked out")?;
    let calls = scene.sandbox.calls();
    let calls: Vec<&Call> = calls.iter().skip(calls_before).collect();
    let writes = calls.iter().filter(|call| call.method != "GET").count();
    let needed = before.to_align + expected.1 + NEW.len();
    let summary = |writes: usize| format!("{} calls, {writes} of them writes", calls.len());
    console.same("Kisi", &summary(writes), &summary(needed))?;
    Ok(())
}

/// The effects of managing the group as counts in words, and the preview token for the mutation.
async fn preview(scene: &Scene, group: &Group) -> anyhow::Result<(String, String)> {
    const PREVIEW: &str = "query($group: ID!) { previewGroup(group: $group, strangers: KEEP) \
        { basedOn adoptedCount grantedCount keptCount removedCount } }";
    let data = scene
        .api
        .query(PREVIEW, json!({ "group": group.id }))
        .await?;
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

/// The section's member list: names and e-mail addresses.
fn books() -> Vec<(String, String)> {
    let all = rowers().chain(NEW);
    all.map(|(name, email)| (name.to_owned(), email.to_lowercase()))
        .collect()
}

/// Creates a source for the section, writes the rule and sends the list. Returns the rule's summary.
async fn books_and_rule(
    scene: &Scene,
    rowing: &Group,
    books: &[(String, String)],
) -> anyhow::Result<String> {
    let section = scene.api.source("Rowing section", "CANONICAL").await?;
    let plan = offering(&scene.api, &section, ["rowing", "MEMBERSHIP", "Rowing"]).await?;
    let condition = json!({ "membership": { "offerings": [plan] } });
    let summary = rule(&scene.api, "Rowers", rowing, condition).await?;
    let answer = section.send("rowers", &scene.rowers(books)).await?;
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    scene
        .api
        .wait_until_settled(&text(&body, "/delivery")?)
        .await?;
    Ok(summary)
}

/// The assignments to the group in Kisi.
struct GroupState {
    /// Assignments of members, including ended ones.
    of_members: Vec<AssignmentView>,
    /// The number of those with a start or an end.
    to_align: usize,
    /// Assignments of everybody else.
    of_others: Vec<AssignmentView>,
}

impl GroupState {
    fn read(sandbox: &Sandbox, group: &Group, members: &BTreeSet<String>) -> Self {
        let rows = sandbox.assignments_in(group.kisi_id);
        let (of_members, of_others): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|(email, _)| members.contains(&email.to_lowercase()));
        let rights: Vec<AssignmentView> = of_members.into_iter().map(|(_, row)| row).collect();
        let for_ever = |row: &&AssignmentView| row.from.is_none() && row.until.is_none();
        Self {
            to_align: rights.len() - rights.iter().filter(for_ever).count(),
            of_members: rights,
            of_others: of_others.into_iter().map(|(_, row)| row).collect(),
        }
    }
}

/// Records the members who can open the door now and cannot after a change.
fn watch(sandbox: &Sandbox, gate: i64, members: &BTreeSet<String>) -> Arc<Mutex<BTreeSet<String>>> {
    let locked_out: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let (noted, mut with_access) = (Arc::clone(&locked_out), members.clone());
    with_access.retain(|email| sandbox.may_open(email, gate, sandbox.now()));
    sandbox.watch(move |sandbox| {
        let now = sandbox.now();
        let out = with_access
            .iter()
            .filter(|email| !sandbox.may_open(email, gate, now));
        let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend(out.cloned());
    });
    locked_out
}

/// Waits until every member has an assignment without start and end, and the backlog is empty.
async fn wait_until_done(
    scene: &Scene,
    group: &Group,
    members: &BTreeSet<String>,
) -> anyhow::Result<()> {
    const QUERY: &str = "{ kisiAccounts { backlog } }";
    let started = Instant::now();
    loop {
        let state = GroupState::read(&scene.sandbox, group, members);
        let data = scene.api.query(QUERY, Value::Null).await?;
        let backlog = data.pointer("/kisiAccounts/0/backlog");
        if state.to_align == 0
            && state.of_members.len() >= members.len()
            && backlog == Some(&json!(0))
        {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            bail!(
                "expected {} members in the group within {PATIENCE:?}; there are {}, and {} still have a start or an end",
                members.len(),
                state.of_members.len(),
                state.to_align
            );
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

fn assignments(count: usize, what: &str) -> String {
    format!("{count} assignments {what}")
}
