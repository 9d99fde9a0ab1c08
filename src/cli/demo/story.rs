//! The story: each step is a function that says what happens at the club and checks what follows.
//!
//! Promises: steps go on from one another, and one that breaks does not keep the others from being
//! told. Must never look anywhere but through the scene. Called by the demo after the setting up.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    look::Window,
    people::{ADA, BEN, EVA, KIM, LEO, MAX, TOM},
    scene::Scene,
    take_over,
    tell::Teller,
};
use crate::secret::new_signing_secret;

/// Both margins of the simulator's rule.
const MARGIN: SignedDuration = SignedDuration::from_mins(30);
/// How long is waited for what must not happen.
const STILLNESS: Duration = Duration::from_secs(1);

/// Tells all of it.
///
/// # Errors
/// Where the terminal fails; what comes out otherwise is counted by the teller.
pub async fn tell(scene: &mut Scene, teller: &mut Teller) -> anyhow::Result<()> {
    act(scene, teller, "The books are read", books_are_read).await?;
    act(scene, teller, "A membership begins", membership_begins).await?;
    act(
        scene,
        teller,
        "A training programme is bought",
        programme_is_bought,
    )
    .await?;
    act(scene, teller, "A payment fails", payment_fails).await?;
    act(scene, teller, "The payment comes after all", payment_comes).await?;
    act(
        scene,
        teller,
        "A room is booked, with a guest",
        room_is_booked,
    )
    .await?;
    act(
        scene,
        teller,
        "The booking is cancelled",
        booking_is_cancelled,
    )
    .await?;
    act(scene, teller, "The membership ends", membership_ends).await?;
    act(
        scene,
        teller,
        "The same event comes twice",
        event_comes_twice,
    )
    .await?;
    act(scene, teller, "Somebody forges an event", event_is_forged).await?;
    act(
        scene,
        teller,
        "A group with years of history is taken over",
        take_over::group_is_taken_over,
    )
    .await
}

/// One step; where it ends early, that is told, and the story goes on.
async fn act(
    scene: &mut Scene,
    teller: &mut Teller,
    heading: &str,
    step: impl AsyncFnOnce(&mut Scene, &mut Teller) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    teller.step(heading)?;
    if let Err(problem) = step(scene, teller).await {
        teller.broken(&problem)?;
    }
    Ok(())
}

async fn books_are_read(scene: &mut Scene, teller: &mut Teller) -> anyhow::Result<()> {
    teller.note("The front desk sends its whole roster; Leo Lund's membership is paused.")?;
    scene
        .deliver(|scene| &scene.front_desk, "roster", scene.roster(), teller)
        .await?;
    let now = scene.now();
    scene
        .decided((EVA, &scene.members, now), "ALLOWED_BY_RULE", None, teller)
        .await?;
    scene
        .decided(
            (LEO, &scene.members, now),
            "MEMBERSHIP_PAUSED",
            None,
            teller,
        )
        .await?;
    for who in [EVA, KIM] {
        scene.kisi_holds(who, &[(&scene.members, Window::OPEN)], teller)?;
    }
    scene.kisi_holds(LEO, &[], teller)
}

async fn membership_begins(scene: &mut Scene, teller: &mut Teller) -> anyhow::Result<()> {
    teller.note("Ada Adams becomes a full member today.")?;
    let event = scene.membership("active", Value::Null);
    scene
        .deliver(|scene| &scene.front_desk, "ada-begins", event, teller)
        .await?;
    ada_is_in(scene, teller).await
}

async fn programme_is_bought(scene: &mut Scene, teller: &mut Teller) -> anyhow::Result<()> {
    teller.note("Tom Tanner, who is no member, pays for ten weeks of strength at Exercise.com.")?;
    scene
        .deliver(
            |scene| &scene.exercise,
            "tom-buys",
            scene.purchase()?,
            teller,
        )
        .await?;
    let until = Some(scene.hour_of(scene.programme_ends()?.tomorrow()?, 0)?);
    let now = scene.now();
    scene
        .decided((TOM, &scene.members, now), "ALLOWED_BY_RULE", until, teller)
        .await?;
    scene.kisi_holds(
        TOM,
        &[(&scene.members, Window { from: None, until })],
        teller,
    )?;
    scene.opens(TOM, now, &["Front door", "Range"], teller)
}

async fn payment_fails(scene: &mut Scene, teller: &mut Teller) -> anyhow::Result<()> {
    teller.note("Ada's bank sends the fee back. The rule says: who does not pay stays outside.")?;
    let blocked = json!({ "reason": "payment_failed", "since": scene.now().to_string() });
    let event = scene.membership("active", blocked);
    scene
        .deliver(|scene| &scene.front_desk, "ada-fails", event, teller)
        .await?;
    ada_is_out(scene, "MEMBERSHIP_BLOCKED", teller).await
}

async fn payment_comes(scene: &mut Scene, teller: &mut Teller) -> anyhow::Result<()> {
    teller.note("Ada pays, and need not ask anybody to be let in again.")?;
    let event = scene.membership("active", Value::Null);
    scene
        .deliver(|scene| &scene.front_desk, "ada-pays", event, teller)
        .await?;
    ada_is_in(scene, teller).await
}

async fn room_is_booked(scene: &mut Scene, teller: &mut Teller) -> anyhow::Result<()> {
    teller.note(
        "Ada books the simulator at Clubspot for tomorrow, 12:00 to 16:00, and brings Ben Brook,\n\
         of whom nobody has heard. The rule opens half an hour before and closes as much after.",
    )?;
    let event = scene.booking("confirmed")?;
    scene
        .deliver(|scene| &scene.clubspot, "ada-books", event, teller)
        .await?;
    let (starts, ends) = (scene.booked(12)?, scene.booked(16)?);
    let (from, until) = (starts - MARGIN, ends + MARGIN);
    for who in [ADA, BEN] {
        let asked = (who, &scene.simulator, starts);
        scene
            .decided(asked, "ALLOWED_BY_RULE", Some(until), teller)
            .await?;
    }
    scene
        .decided(
            (BEN, &scene.simulator, scene.now()),
            "TOO_EARLY",
            None,
            teller,
        )
        .await?;
    let window = || Window {
        from: Some(from),
        until: Some(until),
    };
    let members = (&scene.members, Window::OPEN);
    scene.kisi_holds(ADA, &[members, (&scene.simulator, window())], teller)?;
    scene.kisi_holds(BEN, &[(&scene.simulator, window())], teller)?;
    let second = SignedDuration::from_secs(1);
    scene.opens(BEN, from - second, &[], teller)?;
    scene.opens(BEN, from, &["Front door", "Simulator 1"], teller)?;
    scene.opens(BEN, until - second, &["Front door", "Simulator 1"], teller)?;
    scene.opens(BEN, until, &[], teller)
}

async fn booking_is_cancelled(scene: &mut Scene, teller: &mut Teller) -> anyhow::Result<()> {
    teller.note("Ada cancels. The guest's right goes with hers; her membership is not touched.")?;
    let event = scene.booking("cancelled")?;
    scene
        .deliver(|scene| &scene.clubspot, "ada-cancels", event, teller)
        .await?;
    let starts = scene.booked(12)?;
    for who in [ADA, BEN] {
        scene
            .decided(
                (who, &scene.simulator, starts),
                "NO_REGISTRATION",
                None,
                teller,
            )
            .await?;
    }
    scene.kisi_holds(ADA, &[(&scene.members, Window::OPEN)], teller)?;
    scene.kisi_holds(BEN, &[], teller)?;
    scene.opens(BEN, starts, &[], teller)
}

async fn membership_ends(scene: &mut Scene, teller: &mut Teller) -> anyhow::Result<()> {
    teller.note("Ada moves away.")?;
    let event = scene.membership("ended", Value::Null);
    scene
        .deliver(|scene| &scene.front_desk, "ada-ends", event, teller)
        .await?;
    ada_is_out(scene, "MEMBERSHIP_ENDED", teller).await
}

async fn event_comes_twice(scene: &mut Scene, teller: &mut Teller) -> anyhow::Result<()> {
    teller.note("The front desk sends the beginning of Ada's membership once more.")?;
    let (before, kept) = (scene.sandbox.writes().len(), scene.deliveries().await?);
    let Some(letter) = scene.sent.iter().find(|letter| letter.id == "ada-begins") else {
        anyhow::bail!("it was never sent");
    };
    let answer = scene.front_desk.send(letter.id, &letter.event).await?;
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let holds = answer.status == 200 && body.get("status") == Some(&"duplicate".into());
    let came = format!("{} {}", answer.status, answer.body);
    teller.fact("answer", came, holds, "200 with the status duplicate")?;
    let more = scene.deliveries().await?.saturating_sub(kept);
    teller.same("kept", &deliveries(more), &deliveries(0))?;
    teller.wait("seeing that nothing happens")?;
    scene.api.clock().sleep(STILLNESS).await;
    let more = scene.sandbox.writes().len().saturating_sub(before);
    teller.same("Kisi", &writes(more), &writes(0))?;
    ada_is_out(scene, "MEMBERSHIP_ENDED", teller).await
}

async fn event_is_forged(scene: &mut Scene, teller: &mut Teller) -> anyhow::Result<()> {
    teller.note("Max Morrow knows the address, but no secret, and makes himself a member.")?;
    let kept = scene.deliveries().await?;
    let forger = scene.front_desk.forger(new_signing_secret());
    let answer = forger.send("forged", &scene.invented()).await?;
    let came = format!("{} {}", answer.status, answer.body);
    teller.fact("answer", came, answer.status == 401, "401")?;
    let more = scene.deliveries().await?.saturating_sub(kept);
    teller.same("kept", &deliveries(more), &deliveries(0))?;
    let unknown = scene.member(MAX).await?.is_none();
    let came = if unknown {
        "has not heard of him"
    } else {
        "has him as a member"
    };
    teller.same("Latchkey", came, "has not heard of him")?;
    scene.kisi_holds(MAX, &[], teller)
}

async fn ada_is_in(scene: &Scene, teller: &mut Teller) -> anyhow::Result<()> {
    let now = scene.now();
    scene
        .decided((ADA, &scene.members, now), "ALLOWED_BY_RULE", None, teller)
        .await?;
    scene.kisi_holds(ADA, &[(&scene.members, Window::OPEN)], teller)?;
    scene.opens(ADA, now, &["Front door", "Range"], teller)
}

async fn ada_is_out(scene: &Scene, code: &str, teller: &mut Teller) -> anyhow::Result<()> {
    let now = scene.now();
    scene
        .decided((ADA, &scene.members, now), code, None, teller)
        .await?;
    scene.kisi_holds(ADA, &[], teller)?;
    scene.opens(ADA, now, &[], teller)
}

fn deliveries(count: u64) -> String {
    format!("{count} more deliveries")
}

fn writes(count: usize) -> String {
    format!("{count} more writes")
}
