//! `/metrics`: what an operator can see, what a request costs, and that the dashboard, the alerts and the guide name only metrics
//! that exist.

use std::{collections::BTreeSet, fs};

use latchkey::store::StoreError;
use serde_json::json;

use crate::support::{api::eventually, event::membership, world::World};

on_both!(
    an_event_moves_the_metrics,
    a_scrape_runs_few_statements,
    a_delivery_is_measured_where_it_is_settled,
    waits_for_connections_are_measured
);

async fn scrape(world: &World) -> String {
    let answer = reqwest::get(format!("{}/metrics", world.api.base)).await;
    answer.unwrap().text().await.unwrap()
}

/// The value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(series))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// A club whose members with a membership are let in.
async fn club(world: &mut World) -> crate::support::api::Source {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    source
}

async fn an_event_moves_the_metrics(world: &mut World) {
    let source = club(world).await;
    world.settled().await;
    let calls = "latchkey_kisi_calls_total{outcome=\"ok\"}";
    let before = value(&scrape(world).await, calls).unwrap();
    world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    world.settled().await;
    let after = scrape(world).await;
    let accepted = "latchkey_deliveries_total{outcome=\"accepted\",platform=\"canonical\"}";
    assert_eq!(value(&after, accepted), Some(1.0), "{after}");
    assert!(value(&after, calls).unwrap() > before, "{after}");
    let waited = value(&after, "latchkey_kisi_wait_seconds_count").unwrap();
    assert!(waited > before, "{after}");
    for (series, expected) in [
        ("latchkey_owned_accounts", 1.0),
        ("latchkey_process_alive", 1.0),
        ("latchkey_queued_deliveries", 0.0),
        ("latchkey_open_members", 0.0),
        ("latchkey_oldest_open_seconds", 0.0),
        ("latchkey_held_revocations", 0.0),
    ] {
        assert_eq!(value(&after, series), Some(expected), "{series}: {after}");
    }
    assert_eq!(value(&after, "latchkey_kisi_backlog{"), None, "{after}");
    let confirmed = "latchkey_delivery_confirmation_seconds_count{platform=\"canonical\"}";
    assert_eq!(value(&after, confirmed), Some(1.0), "{after}");
    // Kisi does not answer any more, so that a member waits.
    world.sandbox.set_key_good(false);
    world
        .send(&source, "membership.updated", membership("m2", "bob"))
        .await;
    // Otherwise the refusal could come after the clock was turned, and nothing would end the pause.
    let is_refused = async || {
        let work = world.api.open_work().await?;
        work.contains("UNAUTHORIZED").then_some(())
    };
    eventually(is_refused, async || "Kisi accepts the key".to_owned()).await;
    let open = scrape(world).await;
    assert_eq!(value(&open, "latchkey_open_members"), Some(1.0), "{open}");
    assert_eq!(value(&open, "latchkey_kisi_backlog{"), Some(1.0), "{open}");
    assert_eq!(value(&open, confirmed), Some(1.0), "{open}");
    world.sandbox.set_key_good(true);
    world.turn_to(world.now() + std::time::Duration::from_secs(120));
    world.settled().await;
    let after = scrape(world).await;
    assert_eq!(value(&after, confirmed), Some(2.0), "{after}");
    let within = |seconds: &str| {
        let bucket = "latchkey_delivery_confirmation_seconds_bucket{platform=\"canonical\"";
        value(&after, &format!("{bucket},le=\"{seconds}\"}}"))
    };
    // The second one waited for two minutes.
    assert_eq!(
        (within("60"), within("300")),
        (Some(1.0), Some(2.0)),
        "{after}"
    );
}

/// One process receives the delivery, and the one with the loop settles and measures it.
async fn a_delivery_is_measured_where_it_is_settled(world: &mut World) {
    let source = club(world).await;
    world.settled().await;
    let second = world.beside().await;
    let first = std::mem::replace(&mut world.api.base, second.base.clone());
    world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    world.settled().await;
    let count = "latchkey_delivery_confirmation_seconds_count";
    let text = scrape(world).await;
    assert_eq!(value(&text, count), None, "{text}");
    world.api.base = first;
    let text = scrape(world).await;
    assert_eq!(value(&text, count), Some(1.0), "{text}");
    second.stop().await;
}

/// All connections are in use by transactions, so that the next one waits.
async fn waits_for_connections_are_measured(world: &mut World) {
    let db = world.app().db.clone();
    let (release, released) = tokio::sync::watch::channel(false);
    let most = db.write_pool().max;
    let hold = |_| {
        let (db, mut released) = (db.clone(), released.clone());
        tokio::spawn(async move {
            db.write::<(), StoreError, _>(move |_| {
                Box::pin(async move {
                    let _ = released.wait_for(|is_released| *is_released).await;
                    Ok(())
                })
            })
            .await
        })
    };
    let before = db.write_pool().waits;
    let holding: Vec<_> = (0..=most).map(hold).collect();
    while db.write_pool().in_use < most || db.write_pool().waits == before {
        tokio::task::yield_now().await;
    }
    let during = scrape(world).await;
    let series =
        |name: &str, labels: &str| value(&during, &format!("latchkey_db_{name}{{{labels}}}"));
    let most = Some(f64::from(u32::try_from(most).unwrap()));
    assert_eq!(
        series("connections_max", "pool=\"write\""),
        most,
        "{during}"
    );
    let in_use = "pool=\"write\",state=\"in_use\"";
    assert_eq!(series("connections", in_use), most, "{during}");
    assert!(
        series("waits_total", "pool=\"write\"").unwrap() >= 1.0,
        "{during}"
    );
    release.send_replace(true);
    for held in holding {
        held.await.unwrap().unwrap();
    }
    let after = scrape(world).await;
    let waited = value(&after, "latchkey_db_wait_seconds_total{pool=\"write\"}");
    assert!(waited.unwrap() > 0.0, "{after}");
    assert_eq!(
        value(&after, "latchkey_db_wait_timeouts_total{pool=\"write\"}"),
        Some(0.0)
    );
}

/// However many accounts there are.
async fn a_scrape_runs_few_statements(world: &mut World) {
    club(world).await;
    world.settled().await;
    let statements = world.app().db.record();
    let of_metrics = || {
        let all = statements.lock().unwrap();
        let counts = all
            .iter()
            .filter(|statement| statement.sql.contains("COUNT("));
        counts.count()
    };
    let before = of_metrics();
    scrape(world).await;
    assert_eq!(of_metrics() - before, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dashboard_alerts_and_guide_name_the_metrics_that_exist() {
    let metrics = latchkey::metrics::Metrics::new().unwrap();
    let known: BTreeSet<String> = metrics.names().iter().cloned().collect();
    for file in [
        "deploy/grafana/latchkey.json",
        "deploy/prometheus/alerts.yaml",
        "docs/operating.md",
    ] {
        let text = fs::read_to_string(file).unwrap();
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let named: BTreeSet<&str> = words.filter(|word| word.starts_with("latchkey_")).collect();
        for name in named {
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .unwrap_or(name);
            assert!(known.contains(base), "{file} names {name}");
        }
    }
    let guide = fs::read_to_string("docs/operating.md").unwrap();
    for name in known {
        assert!(
            guide.contains(&format!("`{name}`")),
            "docs/operating.md lacks {name}"
        );
    }
}
