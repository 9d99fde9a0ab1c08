//! Tests of the pacer in real time, with small rates.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::server::{Reply, Server};
use crate::kisi::{Lane, Pacer};

const MS: Duration = Duration::from_millis(1);

/// Asserts that there are never more than `limit` arrivals within `period`.
fn assert_never_above(arrivals: &[Instant], limit: usize, period: Duration) {
    for (first, last) in arrivals.iter().zip(arrivals.iter().skip(limit)) {
        assert!(
            *last - *first >= period,
            "{limit} and one more within {:?}",
            *last - *first
        );
    }
}

#[tokio::test]
async fn the_limit_is_never_exceeded_and_is_used() {
    let (limit, period, answer) = (10, 100 * MS, 3 * MS);
    let pacer = Pacer::with_period(10, period);
    let arrivals = Mutex::new(Vec::new());
    let begun = Instant::now();
    join_all((0..100).map(|number| {
        let (pacer, arrivals) = (&pacer, &arrivals);
        async move {
            let turn = pacer.turn(Lane::Rest).await;
            // A request arrives at any time before its response: here at once for odd numbers, late
            // for even ones.
            if number % 2 == 0 {
                sleep(answer).await;
            }
            arrivals.lock().unwrap().push(Instant::now());
            if number % 2 == 1 {
                sleep(answer).await;
            }
            drop(turn);
        }
    }))
    .await;
    let mut arrivals = arrivals.into_inner().unwrap();
    arrivals.sort();
    assert_never_above(&arrivals, limit, period);
    // Ten bursts make nine waits of a period and a response; the rest is tolerance for a busy machine.
    let spent = begun.elapsed();
    assert!(spent >= 9 * period && spent < 15 * period, "{spent:?}");
}

#[tokio::test]
async fn the_real_rate_is_met_to_95_percent() {
    let pacer = Pacer::new(5);
    let begun = Instant::now();
    let mut arrivals = Vec::new();
    for _ in 0..16 {
        let turn = pacer.turn(Lane::Rest).await;
        arrivals.push(Instant::now());
        drop(turn);
    }
    assert_never_above(&arrivals, 5, Duration::from_secs(1));
    // Fifteen slots take three periods.
    assert!(
        begun.elapsed() < Duration::from_secs(3).mul_f64(1.0 / 0.95),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn the_limit_is_reached_however_long_kisi_takes() {
    let pacer = Pacer::new(5);
    let arrivals = Mutex::new(Vec::new());
    let begun = Instant::now();
    join_all((0..21).map(|_| async {
        let turn = pacer.turn(Lane::Rest).await;
        arrivals.lock().unwrap().push(Instant::now());
        sleep(250 * MS).await;
        drop(turn);
    }))
    .await;
    let mut arrivals = arrivals.into_inner().unwrap();
    arrivals.sort();
    assert_never_above(&arrivals, 5, Duration::from_secs(1));
    // Twenty slots take four periods; one request at a time would take more than five seconds.
    let spent = begun.elapsed();
    assert!(spent < Duration::from_millis(4_700), "{spent:?}");
}

#[tokio::test]
async fn a_burst_up_to_the_limit_is_allowed_when_idle() {
    let pacer = Pacer::new(5);
    let turns: Vec<_> = (0..5)
        .map(|_| pacer.turn(Lane::Rest).now_or_never().unwrap())
        .collect();
    assert!(pacer.turn(Lane::Urgent).now_or_never().is_none());
    drop(turns);
    assert!(
        pacer.turn(Lane::Urgent).now_or_never().is_none(),
        "answered, but within the second"
    );
}

#[tokio::test]
async fn an_unanswered_request_keeps_its_slot() {
    let pacer = Pacer::with_period(1, 10 * MS);
    let turn = pacer.turn(Lane::Rest).await;
    assert!(timeout(60 * MS, pacer.turn(Lane::Urgent)).await.is_err());
    drop(turn);
    assert!(timeout(500 * MS, pacer.turn(Lane::Urgent)).await.is_ok());
}

/// Queues these lanes in this order while no turn is free; returns the order in which they get turns.
async fn order(lanes: &[Lane]) -> Vec<(Lane, usize)> {
    let pacer = Pacer::with_period(1, MS);
    let first = pacer.turn(Lane::Sweep).await;
    let went = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for (number, lane) in lanes.iter().copied().enumerate() {
        let mut wait = Box::pin({
            let (pacer, went) = (pacer.clone(), went.clone());
            async move {
                let turn = pacer.turn(lane).await;
                went.lock().unwrap().push((lane, number));
                drop(turn);
            }
        });
        assert!(wait.as_mut().now_or_never().is_none());
        tasks.push(wait);
    }
    drop(first);
    timeout(Duration::from_secs(10), join_all(tasks))
        .await
        .unwrap();
    let went = went.lock().unwrap();
    went.clone()
}

#[tokio::test]
async fn lanes_go_in_order_and_first_come_first_served_within_one() {
    use Lane::{Rest, Soon, Sweep, Urgent};
    let went = order(&[Sweep, Rest, Soon, Urgent, Rest, Urgent, Soon]).await;
    let expected = [
        (Urgent, 3),
        (Urgent, 5),
        (Soon, 2),
        (Soon, 6),
        (Rest, 1),
        (Rest, 4),
        (Sweep, 0),
    ];
    assert_eq!(went, expected);
}

#[tokio::test]
async fn the_sweep_gets_every_tenth_turn() {
    let lanes: Vec<Lane> = [
        vec![Lane::Sweep; 5],
        vec![Lane::Rest; 30],
        vec![Lane::Urgent; 20],
    ]
    .concat();
    let went = order(&lanes).await;
    let sweeps: Vec<usize> = (went.iter().enumerate())
        .filter(|(_, (lane, _))| *lane == Lane::Sweep)
        .map(|(position, _)| position)
        .collect();
    assert_eq!(sweeps, [9, 19, 29, 39, 49]);
}

#[tokio::test]
async fn a_sweep_leaves_slots_free_for_other_lanes() {
    let pacer = Pacer::with_period(5, Duration::from_mins(1));
    for _ in 0..3 {
        drop(pacer.turn(Lane::Sweep).await);
    }
    let mut fourth = Box::pin(pacer.turn(Lane::Sweep));
    assert!(fourth.as_mut().now_or_never().is_none());
    for _ in 0..2 {
        assert!(pacer.turn(Lane::Urgent).now_or_never().is_some());
    }
    assert!(fourth.as_mut().now_or_never().is_none());
}

#[tokio::test]
async fn a_cancelled_waiter_costs_nobody_a_turn() {
    let pacer = Pacer::with_period(2, 300 * MS);
    let turns = (pacer.turn(Lane::Rest).await, pacer.turn(Lane::Rest).await);
    let mut gone: Vec<_> = (0..50)
        .map(|_| Box::pin(pacer.turn(Lane::Urgent)))
        .collect();
    for wait in &mut gone {
        assert!(wait.as_mut().now_or_never().is_none());
    }
    let mut stays = Box::pin(pacer.turn(Lane::Rest));
    assert!(stays.as_mut().now_or_never().is_none());
    drop(turns);
    // Some waiters are woken for their turn and are never polled.
    sleep(340 * MS).await;
    let begun = Instant::now();
    drop(gone);
    let first = stays.await;
    let second = pacer.turn(Lane::Rest).await;
    assert!(
        begun.elapsed() < 200 * MS,
        "both places were free: {:?}",
        begun.elapsed()
    );
    drop((first, second));
}

#[tokio::test]
async fn the_next_waiter_is_woken_when_the_first_is_cancelled() {
    let pacer = Pacer::with_period(1, 30 * MS);
    drop(pacer.turn(Lane::Rest).await);
    let quitter = pacer.clone();
    let quits = tokio::spawn(async move {
        let _ = timeout(10 * MS, quitter.turn(Lane::Urgent)).await;
    });
    let waits = tokio::spawn(async move {
        sleep(2 * MS).await;
        drop(pacer.turn(Lane::Rest).await);
    });
    timeout(Duration::from_secs(2), waits)
        .await
        .unwrap()
        .unwrap();
    quits.await.unwrap();
}

#[tokio::test]
async fn a_pause_holds_all_lanes_and_is_never_shortened() {
    let pacer = Pacer::new(50);
    assert_eq!(pacer.paused_until(), None);
    pacer.pause_for(80 * MS);
    pacer.pause_for(10 * MS);
    let begun = Instant::now();
    let lanes = [Lane::Sweep, Lane::Urgent];
    drop(join_all(lanes.map(|lane| pacer.turn(lane))).await);
    assert!(begun.elapsed() >= 75 * MS, "{:?}", begun.elapsed());
    assert_eq!((pacer.paused_until(), pacer.paused_for()), (None, None));
    pacer.pause_for(Duration::MAX);
    assert!(pacer.paused_for().unwrap() <= Duration::from_secs(3600));
}

#[tokio::test]
async fn a_pause_also_holds_a_call_that_is_already_waiting() {
    let pacer = Pacer::with_period(1, 20 * MS);
    drop(pacer.turn(Lane::Rest).await);
    let mut waits = Box::pin(pacer.turn(Lane::Rest));
    assert!(waits.as_mut().now_or_never().is_none());
    pacer.pause_for(100 * MS);
    assert!(timeout(70 * MS, waits).await.is_err());
}

#[tokio::test]
async fn the_clients_of_one_user_share_its_limit() {
    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let seen = arrivals.clone();
    let server = Server::start(move |_| {
        seen.lock().unwrap().push(Instant::now());
        Reply::json(200, json!({ "id": 1 }))
    });
    let client = server.client_with(Pacer::with_period(5, 100 * MS), Duration::from_secs(10));
    let lanes = [Lane::Urgent, Lane::Sweep, Lane::Rest];
    let clients: Vec<_> = lanes.iter().map(|lane| client.in_lane(*lane)).collect();
    join_all((0..24).map(|number| clients[number % 3].me())).await;
    let mut arrivals = arrivals.lock().unwrap().clone();
    arrivals.sort();
    assert_eq!(arrivals.len(), 24);
    assert_never_above(&arrivals, 5, 100 * MS);
}
