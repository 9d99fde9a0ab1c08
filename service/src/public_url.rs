//! URLs below the address at which others reach this service. That address may have a path of its own, behind a proxy.

use url::Url;

/// The URL of a path below a base address.
pub fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let prefix = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{prefix}/{}", path.trim_start_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_below_the_path_of_the_base() {
        for (base, expected) in [
            ("https://a.example/", "https://a.example/webhooks/k"),
            (
                "https://a.example/door/",
                "https://a.example/door/webhooks/k",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/webhooks/k"),
        ] {
            let base: Url = base.parse().unwrap();
            assert_eq!(below(&base, "/webhooks/k").as_str(), expected);
        }
    }
}
