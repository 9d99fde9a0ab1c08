//! Endpoints that do not answer, or want nothing any more.

use super::*;

#[tokio::test]
async fn messages_behind_many_others_are_given_up_in_time() {
    let outbound = Outbound::allowed().await;
    let slow = outbound.url.replace("/hook", "/slow");
    outbound.endpoint(&slow, &ALL).await;
    outbound.happen(&[HistoryKind::Granted; 20]).await;
    outbound
        .until("claimed", |all| {
            all.iter().any(|message| message.claim.is_some())
        })
        .await;
    outbound.advance(Duration::from_hours(85));
    outbound
        .until("given up but for those in flight", |all| {
            let waiting = all.iter().filter(|it| it.status == MessageStatus::Waiting);
            waiting.count() <= 4
        })
        .await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_gets_no_more_messages() {
    let outbound = Outbound::allowed().await;
    let (id, _) = outbound.endpoint(&outbound.url, &ALL).await;
    outbound.receiver.answer([500, 410]);
    outbound.happen(&[HistoryKind::Granted]).await;
    outbound.until("tried", |all| all[0].attempts == 1).await;
    outbound.happen(&[HistoryKind::Revoked]).await;
    outbound
        .until("cancelled", are_all(MessageStatus::Cancelled))
        .await;
    assert_eq!(outbound.endpoint_row(id).await.status, EndpointStatus::Gone);
    outbound.happen(&[HistoryKind::Granted]).await;
    assert_eq!(outbound.messages().await.len(), 2);
    outbound.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_delays_no_other() {
    let outbound = Outbound::allowed().await;
    let slow = outbound.url.replace("/hook", "/slow");
    let (slow, _) = outbound
        .endpoint(&slow, &[OutboundEvent::AccessChanged])
        .await;
    outbound.happen(&[HistoryKind::Granted; 100]).await;
    outbound
        .until("claimed", |all| {
            all.iter().filter(|message| message.claim.is_some()).count() == 4
        })
        .await;
    let quick = [OutboundEvent::DoorUnlocked];
    let (quick, _) = outbound.endpoint(&outbound.url, &quick).await;
    outbound.happen(&[HistoryKind::Unlocked]).await;
    outbound
        .until("delivered to the other", |all| {
            let of_quick = all.iter().find(|message| message.endpoint_id == quick);
            of_quick.is_some_and(|message| message.status == MessageStatus::Delivered)
        })
        .await;
    let all = outbound.messages().await;
    let of_slow = all.iter().filter(|message| message.endpoint_id == slow);
    assert_eq!(
        of_slow.filter(|message| message.claim.is_some()).count(),
        4,
        "still in flight"
    );
}

#[tokio::test]
async fn an_attempt_whose_outcome_was_lost_is_repeated() {
    let outbound = Outbound::allowed().await;
    let slow = outbound.url.replace("/hook", "/slow");
    let (id, _) = outbound.endpoint(&slow, &ALL).await;
    outbound.happen(&[HistoryKind::Granted]).await;
    outbound
        .until("claimed", |all| all[0].claim.is_some())
        .await;
    // The process dies here, and another one has the database.
    let mut outbound = outbound;
    drop(outbound.running.take());
    let mut row = outbound.endpoint_row(id).await;
    row.url = outbound.url.clone();
    outbound
        .write(async move |db| transaction!(db, |tx| webhook_endpoints::set(tx, row).await).await)
        .await;
    outbound.running = Some(crate::outbound::start(outbound.club.app.clone()).unwrap());
    outbound.advance(Duration::from_secs(59));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(outbound.receiver.received().len(), 0);
    outbound.advance(Duration::from_secs(2));
    outbound
        .until("delivered", are_all(MessageStatus::Delivered))
        .await;
    outbound.stop().await;
}
