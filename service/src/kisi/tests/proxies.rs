//! Proxies from the environment: not used for this machine, used for every other host.

use std::time::Duration;

use super::server::{Reply, Server};
use crate::{
    kisi::{Client, Error, Pacer, client::http_client_through},
    proxy::Proxies,
};

/// Nothing listens there.
const DEAD: &str = "http://127.0.0.1:1";

fn dead() -> Proxies {
    Proxies {
        http: Some(DEAD.to_owned()),
        https: Some(DEAD.to_owned()),
        none: Some("example.org".to_owned()),
    }
}

#[tokio::test]
async fn kisi_on_this_machine_is_reached_without_a_proxy() {
    let server = Server::start(|_| Reply::Close);
    let http = http_client_through(&dead(), Duration::from_secs(20), None).unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let mut url = server.url.clone();
        url.set_host(Some(host)).unwrap();
        let client = Client::new(url, "key".to_owned().into(), Pacer::new(5), http.clone());
        let _ = client.locks().await;
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn kisi_elsewhere_is_reached_through_the_proxy() {
    let http = http_client_through(&dead(), Duration::from_secs(20), None).unwrap();
    let url = "http://kisi.invalid/".parse().unwrap();
    let client = Client::new(url, "key".to_owned().into(), Pacer::new(5), http);
    // The client does not resolve the name: it connects to the proxy, which refuses.
    let problem = client.locks().await.unwrap_err();
    let Error::NotSent(source) = &problem else {
        panic!("{problem:?}");
    };
    let chain = std::iter::successors(std::error::Error::source(source), |error| error.source());
    let causes: Vec<String> = chain.map(ToString::to_string).collect();
    assert!(causes.join(": ").contains("refused"), "{causes:?}");
}
