//! The steps of the story: each is a function that causes an event at the club and checks its effects.
//!
//! Contract: steps build on one another; a step that fails does not prevent the later ones. Acts and
//! reads only through the scene. Called by the demo after the setup.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    checks::Window,
    console::Console,
    people::{ADA, BEN, EVA, KIM, LEO, MAX, TOM},
    scene::Scene,
    take_over,
};

/// `opensBefore` and `closesAfter` of the simulator's rule.
const MARGIN: SignedDuration = SignedDuration::from_mins(30);
/// How long to wait before checking that nothing happened.
const SETTLE_TIME: Duration = Duration::from_secs(1);
/// Has the form of a signing secret, and is that of no source.
const FORGED_SECRET: &str = "whsec_ZnJvbSBvbmUgd2hvIGd1ZXNzZWQgaXQ=";

/// Runs all steps.
///
/// # Errors
/// When the terminal fails. The console counts unexpected results.
pub async fn run(scene: &mut Scene, console: &mut Console) -> anyhow::Result<()> {
    run_step(
        scene,
        console,
        "The member list is imported",
        books_are_read,
    )
    .await?;
    run_step(scene, console, "A membership begins", membership_begins).await?;
    run_step(
        scene,
        console,
        "A training programme is bought",
        programme_is_bought,
    )
    .await?;
    run_step(scene, console, "A payment fails", payment_fails).await?;
    run_step(scene, console, "The payment arrives", payment_comes).await?;
    run_step(
        scene,
        console,
        "A room is booked, with a guest",
        room_is_booked,
    )
    .await?;
    run_step(
        scene,
        console,
        "The booking is cancelled",
        booking_is_cancelled,
    )
    .await?;
    run_step(scene, console, "The membership ends", membership_ends).await?;
    run_step(
        scene,
        console,
        "The same event arrives twice",
        event_comes_twice,
    )
    .await?;
    run_step(scene, console, "An event is forged", event_is_forged).await?;
    run_step(
        scene,
        console,
        "A group with years of history is taken over",
        take_over::group_is_taken_over,
    )
    .await
}

/// Runs one step. An error is printed, and the story continues.
async fn run_step(
    scene: &mut Scene,
    console: &mut Console,
    heading: &str,
    step: impl AsyncFnOnce(&mut Scene, &mut Console) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    console.step(heading)?;
    if let Err(problem) = step(scene, console).await {
        console.step_failed(&problem)?;
    }
    Ok(())
}

async fn books_are_read(scene: &mut Scene, console: &mut Console) -> anyhow::Result<()> {
    console
        .note("The front desk sends its complete member list. Leo Lund's membership is paused.")?;
    scene
        .deliver(|scene| &scene.front_desk, "roster", scene.roster(), console)
        .await?;
    let now = scene.now();
    scene
        .check_decision((EVA, &scene.members, now), "ALLOWED_BY_RULE", None, console)
        .await?;
    scene
        .check_decision(
            (LEO, &scene.members, now),
            "MEMBERSHIP_PAUSED",
            None,
            console,
        )
        .await?;
    for who in [EVA, KIM] {
        scene.check_kisi(who, &[(&scene.members, Window::OPEN)], console)?;
    }
    scene.check_kisi(LEO, &[], console)
}

async fn membership_begins(scene: &mut Scene, console: &mut Console) -> anyhow::Result<()> {
    console.note("Ada Adams becomes a full member today.")?;
    let event = scene.membership("active", Value::Null);
    scene
        .deliver(|scene| &scene.front_desk, "ada-begins", event, console)
        .await?;
    ada_is_in(scene, console).await
}

async fn programme_is_bought(scene: &mut Scene, console: &mut Console) -> anyhow::Result<()> {
    console.note(
        "Tom Tanner, who is not a member, buys ten weeks of strength training at Exercise.com.",
    )?;
    scene
        .deliver(
            |scene| &scene.exercise,
            "tom-buys",
            scene.purchase()?,
            console,
        )
        .await?;
    let until = Some(scene.hour_of(scene.programme_ends()?.tomorrow()?, 0)?);
    let now = scene.now();
    scene
        .check_decision(
            (TOM, &scene.members, now),
            "ALLOWED_BY_RULE",
            until,
            console,
        )
        .await?;
    scene.check_kisi(
        TOM,
        &[(&scene.members, Window { from: None, until })],
        console,
    )?;
    scene.check_doors(TOM, now, &["Front door", "Range"], console)
}

async fn payment_fails(scene: &mut Scene, console: &mut Console) -> anyhow::Result<()> {
    console.note(
        "Ada's bank returns the fee. By the rule, members whose payment failed have no access.",
    )?;
    let blocked = json!({ "reason": "payment_failed", "since": scene.now().to_string() });
    let event = scene.membership("active", blocked);
    scene
        .deliver(|scene| &scene.front_desk, "ada-fails", event, console)
        .await?;
    ada_is_out(scene, "MEMBERSHIP_BLOCKED", console).await
}

async fn payment_comes(scene: &mut Scene, console: &mut Console) -> anyhow::Result<()> {
    console.note("Ada pays, and her access returns by itself.")?;
    let event = scene.membership("active", Value::Null);
    scene
        .deliver(|scene| &scene.front_desk, "ada-pays", event, console)
        .await?;
    ada_is_in(scene, console).await
}

async fn room_is_booked(scene: &mut Scene, console: &mut Console) -> anyhow::Result<()> {
    console.note(
        "Ada books the simulator at Clubspot for tomorrow, 12:00 to 16:00, with the guest Ben Brook,\n\
         who is new. The rule gives access from half an hour before until half an hour after.",
    )?;
    let event = scene.booking("confirmed")?;
    scene
        .deliver(|scene| &scene.clubspot, "ada-books", event, console)
        .await?;
    let (starts, ends) = (scene.booked(12)?, scene.booked(16)?);
    let (from, until) = (starts - MARGIN, ends + MARGIN);
    for who in [ADA, BEN] {
        let case = (who, &scene.simulator, starts);
        scene
            .check_decision(case, "ALLOWED_BY_RULE", Some(until), console)
            .await?;
    }
    scene
        .check_decision(
            (BEN, &scene.simulator, scene.now()),
            "TOO_EARLY",
            None,
            console,
        )
        .await?;
    let window = || Window {
        from: Some(from),
        until: Some(until),
    };
    let members = (&scene.members, Window::OPEN);
    scene.check_kisi(ADA, &[members, (&scene.simulator, window())], console)?;
    scene.check_kisi(BEN, &[(&scene.simulator, window())], console)?;
    let second = SignedDuration::from_secs(1);
    scene.check_doors(BEN, from - second, &[], console)?;
    scene.check_doors(BEN, from, &["Front door", "Simulator 1"], console)?;
    scene.check_doors(BEN, until - second, &["Front door", "Simulator 1"], console)?;
    scene.check_doors(BEN, until, &[], console)
}

async fn booking_is_cancelled(scene: &mut Scene, console: &mut Console) -> anyhow::Result<()> {
    console.note("Ada cancels. Her guest's access ends with hers; her membership stays.")?;
    let event = scene.booking("cancelled")?;
    scene
        .deliver(|scene| &scene.clubspot, "ada-cancels", event, console)
        .await?;
    let starts = scene.booked(12)?;
    for who in [ADA, BEN] {
        scene
            .check_decision(
                (who, &scene.simulator, starts),
                "NO_REGISTRATION",
                None,
                console,
            )
            .await?;
    }
    scene.check_kisi(ADA, &[(&scene.members, Window::OPEN)], console)?;
    scene.check_kisi(BEN, &[], console)?;
    scene.check_doors(BEN, starts, &[], console)
}

async fn membership_ends(scene: &mut Scene, console: &mut Console) -> anyhow::Result<()> {
    console.note("Ada moves away, and her membership ends.")?;
    let event = scene.membership("ended", Value::Null);
    scene
        .deliver(|scene| &scene.front_desk, "ada-ends", event, console)
        .await?;
    ada_is_out(scene, "MEMBERSHIP_ENDED", console).await
}

async fn event_comes_twice(scene: &mut Scene, console: &mut Console) -> anyhow::Result<()> {
    console.note("The front desk sends the start of Ada's membership again.")?;
    let (before, kept) = (scene.sandbox.writes().len(), scene.deliveries().await?);
    let Some(letter) = scene.sent.iter().find(|letter| letter.id == "ada-begins") else {
        anyhow::bail!("the event ada-begins was never sent");
    };
    let answer = scene.front_desk.send(letter.id, &letter.event).await?;
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let holds = answer.status == 200 && body.get("status") == Some(&"duplicate".into());
    let came = format!("{} {}", answer.status, answer.body);
    console.fact("answer", came, holds, "200 with status duplicate")?;
    let more = scene.deliveries().await?.saturating_sub(kept);
    console.same("stored", &deliveries(more), &deliveries(0))?;
    console.wait("checking that nothing happens")?;
    tokio::time::sleep(SETTLE_TIME).await;
    let more = scene.sandbox.writes().len().saturating_sub(before);
    console.same("Kisi", &writes(more), &writes(0))?;
    ada_is_out(scene, "MEMBERSHIP_ENDED", console).await
}

async fn event_is_forged(scene: &mut Scene, console: &mut Console) -> anyhow::Result<()> {
    console.note("Max Morrow knows the webhook address but not the secret, and sends a membership for himself.")?;
    let kept = scene.deliveries().await?;
    let forger = scene.front_desk.forger(FORGED_SECRET.to_owned().into());
    let answer = forger.send("forged", &scene.invented()).await?;
    let came = format!("{} {}", answer.status, answer.body);
    console.fact("answer", came, answer.status == 401, "401")?;
    let more = scene.deliveries().await?.saturating_sub(kept);
    console.same("stored", &deliveries(more), &deliveries(0))?;
    let unknown = scene.member(MAX).await?.is_none();
    let came = if unknown {
        "does not know him"
    } else {
        "has him as a member"
    };
    console.same("Latchkey", came, "does not know him")?;
    scene.check_kisi(MAX, &[], console)
}

async fn ada_is_in(scene: &Scene, console: &mut Console) -> anyhow::Result<()> {
    let now = scene.now();
    scene
        .check_decision((ADA, &scene.members, now), "ALLOWED_BY_RULE", None, console)
        .await?;
    scene.check_kisi(ADA, &[(&scene.members, Window::OPEN)], console)?;
    scene.check_doors(ADA, now, &["Front door", "Range"], console)
}

async fn ada_is_out(scene: &Scene, code: &str, console: &mut Console) -> anyhow::Result<()> {
    let now = scene.now();
    scene
        .check_decision((ADA, &scene.members, now), code, None, console)
        .await?;
    scene.check_kisi(ADA, &[], console)?;
    scene.check_doors(ADA, now, &[], console)
}

fn deliveries(count: u64) -> String {
    format!("{count} new deliveries")
}

fn writes(count: usize) -> String {
    format!("{count} new writes")
}
