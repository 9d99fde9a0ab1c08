//! PostgreSQL behind a proxy that goes silent: open connections are dead without an error.

use std::time::Duration;

use latchkey::store::{Connection, Db, Failure, StoreError};
use sea_orm::Statement;
use url::Url;

use super::{Club, OpenTransaction};
use crate::support::{
    api::eventually,
    postgres::{self, FreshDatabase},
    proxy::Proxy,
};

/// A database, a proxy in front of it, and the database's URL through the proxy.
async fn behind_a_proxy() -> Option<(FreshDatabase, Proxy, String)> {
    let database = postgres::fresh().await?;
    let mut url = Url::parse(database.url()).unwrap();
    let server = (url.host_str().unwrap(), url.port().unwrap_or(5432));
    let proxy = Proxy::start(format!("{}:{}", server.0, server.1)).await;
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(proxy.port)).unwrap();
    Some((database, proxy, url.to_string()))
}

async fn write(db: &Db) -> Result<(), StoreError> {
    db.write(|tx| {
        Box::pin(async move {
            tx.execute_unprepared("INSERT INTO written VALUES (1)")
                .await?;
            Ok(())
        })
    })
    .await
}

async fn written(db: &Db) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) AS n FROM written";
    let statement = Statement::from_string(db.read().get_database_backend(), sql);
    let row = db.read().query_one_raw(statement).await?;
    Ok(row.unwrap().try_get("", "n")?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_are_replaced() {
    let Some((database, proxy, url)) = behind_a_proxy().await else {
        return;
    };
    let db = Db::connect_within(&url, Duration::from_secs(1))
        .await
        .unwrap();
    let create = db.write(|tx| {
        Box::pin(async move {
            tx.execute_unprepared("CREATE TABLE written (n BIGINT)")
                .await?;
            Ok::<_, StoreError>(())
        })
    });
    create.await.unwrap();
    for round in 1..4 {
        write(&db).await.unwrap();
        written(&db).await.unwrap();
        proxy.silence_open();
        if round % 2 == 0 {
            let overdue = written(&db).await.unwrap_err();
            assert_eq!(overdue.failure(), Failure::Connection);
        }
        // The dead connection is noticed at the BEGIN, so the transaction begins on another connection without an error.
        write(&db).await.unwrap();
        assert_eq!(written(&db).await.unwrap(), round * 2);
    }
    proxy.silence_all();
    assert_eq!(write(&db).await.unwrap_err().failure(), Failure::Connection);
    db.close().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_outlives_silent_connections_and_ends_when_it_is_told() {
    let Some((database, proxy, url)) = behind_a_proxy().await else {
        return;
    };
    let mut club = Club::start(url).await;
    for _ in 0..3 {
        assert_eq!(club.send().await.status, 202);
    }
    proxy.silence_open();
    // Every webhook gets a response, and after some 503s they are stored again.
    while club.send().await.status == 503 {
        assert!(club.sent < 20);
    }
    let ready = async || (club.ready().await.0 == 200).then_some(());
    eventually(ready, async || "it does not recover".to_owned()).await;
    assert_eq!(club.send().await.status, 202);
    proxy.silence_all();
    let not_ready = async || (club.ready().await.0 == 503).then_some(());
    eventually(not_ready, async || {
        "it is ready without a database".to_owned()
    })
    .await;
    assert_eq!(club.send().await.status, 503);
    let ended = club.serving.take().unwrap().terminate().await;
    assert!(ended.success(), "{ended:?}");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_that_wait_too_long_are_reported() {
    let Some(database) = postgres::fresh().await else {
        return;
    };
    let mut club = Club::with_deadline(database.url().to_owned(), "PT30S").await;
    assert_eq!(club.send().await.status, 202);
    let held =
        OpenTransaction::begin(database.url(), "LOCK TABLE delivery IN EXCLUSIVE MODE").await;
    let readyz = format!("{}/readyz", club.api.base);
    let reported = async {
        let is_reported = async || {
            let text = reqwest::get(&readyz).await.unwrap().text().await.unwrap();
            text.starts_with("deliveries wait too long").then_some(())
        };
        eventually(is_reported, async || {
            "/readyz does not report it".to_owned()
        })
        .await;
    };
    let (refused, ()) = futures_util::join!(club.send(), reported);
    assert_eq!(refused.status, 503);
    held.end().await;
    let ready = async || (club.ready().await.0 == 200).then_some(());
    eventually(ready, async || "it does not recover".to_owned()).await;
    assert_eq!(club.send().await.status, 202);
    club.serving.take().unwrap().kill();
    database.remove().await;
}
