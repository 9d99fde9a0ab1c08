//! Stores a press, unless it is one that came before or one too many. All of a member's presses go through here one after
//! the other, whichever replicas they reach. Sends nothing.

use access::Instant;

use super::{Ask, Judged, MOST_PRESSES, ONE_PRESS, RATE_WINDOW, Words, record};
use crate::{
    app::App,
    store::{
        StoreError, history, members, presses,
        presses::Ending,
        row::{self, PressState},
    },
};

/// Whose a press is.
pub enum Claimed {
    /// This caller's, and it is to be carried out.
    Ours(row::Press),
    /// This caller's, and over: the rules say no.
    Ended(row::Press),
    /// Another call's with the same key: whatever that came to, or comes to.
    Earlier(row::Press),
    /// There were too many.
    TooMany(Instant),
}

const NOT_VISIBLE: &str = "Only people with an active membership open this club's doors from here. The front desk can help.";

/// See the module.
pub async fn claim(
    app: &App,
    ask: &Ask,
    mut press: row::Press,
    judged: &Judged,
    words: Words,
) -> Result<Claimed, StoreError> {
    let ask = ask.clone();
    let (scope, at) = (ask.scope, judged.decision.at);
    let (allowed, is_visible) = (judged.decision.allowed, judged.is_visible);
    let rule = judged.decision.rule.map(crate::decide::row_id);
    app.db
        .write(move |tx| {
            Box::pin(async move {
                members::lock(tx, scope, ask.member.id).await?;
                if let Some(key) = &press.press_key {
                    let pressed = (press.member_id, press.lock_id, key.as_str());
                    let before = at.minus(ONE_PRESS).micros();
                    if let Some(earlier) = presses::with_key(tx, scope, pressed, before).await? {
                        return Ok(Claimed::Earlier(earlier));
                    }
                }
                let since = at.minus(RATE_WINDOW).micros();
                let recent = presses::recent(tx, scope, ask.member.id, since, MOST_PRESSES).await?;
                if recent.len() as u64 >= MOST_PRESSES
                    && let Some(first) = recent.last()
                {
                    let again_at = Instant::from_micros(*first).plus(RATE_WINDOW);
                    return Ok(Claimed::TooMany(again_at));
                }
                let over = if !allowed {
                    Some((PressState::Denied, words.member, words.desk))
                } else if !is_visible {
                    let text = NOT_VISIBLE.to_owned();
                    Some((PressState::NotVisible, text.clone(), text))
                } else {
                    None
                };
                let Some((state, message, desk)) = over else {
                    presses::create(tx, press.clone()).await?;
                    return Ok(Claimed::Ours(press));
                };
                let ending = Ending {
                    state,
                    kisi_code: None,
                    message: Some(message),
                };
                record::write(&mut press, &ending);
                presses::create(tx, press.clone()).await?;
                let names = (ask.lock.name.as_str(), ask.member.name.as_str());
                let mut entry = record::entry(&press, &ending, names, &desk);
                entry.rule = rule;
                history::write(tx, scope, at.micros(), vec![entry]).await?;
                Ok(Claimed::Ended(press))
            })
        })
        .await
}
