//! `/metrics`: what an operator can see, what a request costs, and that the dashboard, the alerts and the guide name only metrics
//! that exist.

use std::{collections::BTreeSet, fs};

use serde_json::json;

use crate::support::{event::membership, world::World};

on_both!(an_event_moves_the_metrics, a_scrape_runs_few_statements);

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
        ("latchkey_queued_deliveries", 0.0),
        ("latchkey_open_members", 0.0),
        ("latchkey_oldest_open_seconds", 0.0),
        ("latchkey_held_revocations", 0.0),
    ] {
        assert_eq!(value(&after, series), Some(expected), "{series}: {after}");
    }
    assert_eq!(value(&after, "latchkey_kisi_backlog{"), None, "{after}");
    // Kisi does not answer any more, so that a member waits.
    world.sandbox.set_key_good(false);
    world
        .send(&source, "membership.updated", membership("m2", "bob"))
        .await;
    let open = scrape(world).await;
    assert_eq!(value(&open, "latchkey_open_members"), Some(1.0), "{open}");
    assert_eq!(value(&open, "latchkey_kisi_backlog{"), Some(1.0), "{open}");
    world.sandbox.set_key_good(true);
    world.turn_to(world.now() + std::time::Duration::from_secs(120));
    world.settled().await;
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
    assert_eq!(of_metrics() - before, 2);
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
