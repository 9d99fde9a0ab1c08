//! Stores an unlock request, unless it repeats an earlier one or exceeds the limit. A lock on the member serializes all requests
//! of the member across replicas. Sends nothing to Kisi.

use access::Instant;

use super::{
    IDEMPOTENCY_WINDOW, MAX_REQUESTS, RATE_WINDOW, RefusalTexts, UnlockCall, UnlockCheck, record,
};
use crate::{
    app::App,
    store::{
        StoreError, convert, history, members,
        row::{self, UnlockState},
        unlock_requests,
        unlock_requests::UnlockResult,
    },
    transaction,
};

/// The result of storing a request.
pub enum Claimed {
    /// The request of this caller, to be carried out.
    New(row::UnlockRequest),
    /// The request of this caller, already ended: refused by the rules or by the visibility setting of the club.
    Ended(row::UnlockRequest),
    /// The request of an earlier call with the same key; the caller waits for its outcome.
    Earlier(row::UnlockRequest),
    /// The member made too many requests; the next one is accepted at this instant.
    TooMany(Instant),
}

const NOT_VISIBLE: &str = "Only people with an active membership can unlock this club's doors here. Ask the front desk for help.";

pub async fn claim(
    app: &App,
    ask: &UnlockCall,
    mut unlock_request: row::UnlockRequest,
    judged: &UnlockCheck,
    words: RefusalTexts,
) -> Result<Claimed, StoreError> {
    let ask = ask.clone();
    let (scope, at) = (ask.scope, judged.decision.at);
    let (allowed, is_visible) = (judged.decision.allowed, judged.is_visible);
    let rule = judged.decision.rule.map(convert::row_id);
    transaction!(app.db, |tx| {
        members::lock(tx, scope, ask.member.id).await?;
        if let Some(key) = &unlock_request.idempotency_key {
            let requested = (
                unlock_request.member_id,
                unlock_request.lock_id,
                key.as_str(),
            );
            let before = at.minus(IDEMPOTENCY_WINDOW).micros();
            if let Some(earlier) = unlock_requests::with_key(tx, scope, requested, before).await? {
                return Ok(Claimed::Earlier(earlier));
            }
        }
        let since = at.minus(RATE_WINDOW).micros();
        let recent = unlock_requests::recent(tx, scope, ask.member.id, since, MAX_REQUESTS).await?;
        if recent.len() as u64 >= MAX_REQUESTS
            && let Some(first) = recent.last()
        {
            let again_at = Instant::from_micros(*first).plus(RATE_WINDOW);
            return Ok(Claimed::TooMany(again_at));
        }
        let over = if !allowed {
            Some((UnlockState::Denied, words.member, words.desk))
        } else if !is_visible {
            let text = NOT_VISIBLE.to_owned();
            Some((UnlockState::NotVisible, text.clone(), text))
        } else {
            None
        };
        let Some((state, message, desk)) = over else {
            unlock_requests::create(tx, unlock_request.clone()).await?;
            return Ok(Claimed::New(unlock_request));
        };
        let ending = UnlockResult {
            state,
            kisi_code: None,
            message: Some(message),
        };
        record::write(&mut unlock_request, &ending);
        unlock_requests::create(tx, unlock_request.clone()).await?;
        let names = (ask.lock.name.as_str(), ask.member.name.as_str());
        let mut entry = record::entry(&unlock_request, &ending, names, &desk);
        entry.rule = rule;
        history::write(tx, scope, at.micros(), vec![entry]).await?;
        Ok(Claimed::Ended(unlock_request))
    })
    .await
}
