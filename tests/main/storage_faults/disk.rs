//! A full disk, and a database that another process has locked: webhooks get a 503, no acknowledged webhook is lost, and
//! `/readyz` reports the fault until it is over.

use std::fs;

use latchkey::store::Db;
use serde_json::json;

use super::{Club, OpenTransaction, as_text};
use crate::support::{api::eventually, child};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_around_a_full_disk_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    let mut club = Club::start(format!("sqlite://{}?mode=rwc", file.display())).await;
    assert_eq!(club.send().await.status, 202);
    club.kill_and_count().await;
    club.serving.take().unwrap().kill();
    let largest = ["", "-wal"].map(|suffix| {
        let name = format!("{}{suffix}", file.display());
        fs::metadata(name).map_or(0, |metadata| metadata.len())
    });
    let room = largest.into_iter().max().unwrap().div_ceil(1024) + 200;
    club.serve_by(child::serve_with_file_limit(&as_text(&club.settings), room));
    assert_eq!(club.ready().await.0, 200);
    while club.send().await.status == 202 {
        assert!(club.sent < 2000, "the limit is never reached");
    }
    for _ in 0..20 {
        let (status, text) = club.ready().await;
        assert_eq!(status, 503);
        assert!(text.contains("nothing can be stored"), "{text}");
        assert_eq!(club.send().await.status, 503);
    }
    // The edit needs less space than an event, so it may still succeed.
    let edit = r#"mutation { updateClub(input: {name: "Other"}) { club { name } } }"#;
    let edited = club.api.query_raw(edit, json!({})).await;
    let name = match edited["errors"][0]["extensions"]["code"].as_str() {
        None => "Other",
        Some(code) => {
            assert_eq!(code, "INTERNAL");
            "Club"
        }
    };
    club.serving.as_ref().unwrap().lift_file_limit();
    let ready = async || (club.ready().await.0 == 200).then_some(());
    eventually(ready, async || "it does not recover".to_owned()).await;
    for _ in 0..20 {
        assert_eq!(club.send().await.status, 202);
    }
    let url = club.settings[0].1.clone();
    let aside = Db::connect(&url).await.unwrap();
    let written = aside.write(|tx| Box::pin(latchkey::store::probe::write(tx)));
    written
        .await
        .expect("another process finds the write lock free");
    aside.close().await;
    club.kill_and_count().await;
    let kept = club.api.query("{ club { name } }", json!({})).await;
    assert_eq!(kept["club"]["name"], name);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_are_told_while_somebody_else_has_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let mut club = Club::start(url.clone()).await;
    assert_eq!(club.send().await.status, 202);
    let held = OpenTransaction::begin(&url, "SELECT 1").await;
    for _ in 0..3 {
        let refused = club.send().await;
        assert_eq!(
            (refused.status, refused.retry_after.as_deref()),
            (503, Some("5"))
        );
    }
    assert_eq!(club.ready().await.0, 503);
    held.end().await;
    assert_eq!(club.ready().await.0, 200);
    assert_eq!(club.send().await.status, 202);
    club.kill_and_count().await;
}
