//! The proxies for requests to other systems, read from the environment.
//!
//! Requests to loopback addresses bypass the proxies: the Kisi sandbox and platforms on the same machine are reached there, and
//! a proxy would receive their keys. Called by `http_client`.

use reqwest::{ClientBuilder, NoProxy, Proxy};
use url::Url;

/// Hosts that always bypass the proxies.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// The proxy URL per scheme, and the hosts that bypass the proxies.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    pub http: Option<String>,
    pub https: Option<String>,
    /// Hosts, domains, addresses and networks, separated by commas; `*` for all.
    pub none: Option<String>,
}

impl Proxies {
    /// Reads HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY; the lower-case name takes precedence.
    pub fn from_environment() -> Self {
        Self::from(|name| std::env::var(name).ok())
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            let value = variable(&name.to_lowercase()).or_else(|| variable(name));
            value.filter(|value| !value.trim().is_empty())
        };
        // Under CGI, HTTP_PROXY holds the request header `Proxy`, which the client controls.
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let all = either("ALL_PROXY");
        Self {
            http: either("HTTP_PROXY").filter(|_| !is_cgi).or(all.clone()),
            https: either("HTTPS_PROXY").or(all),
            none: either("NO_PROXY"),
        }
    }

    /// The hosts of the proxies.
    pub fn hosts(&self) -> Vec<String> {
        let all = [&self.http, &self.https].into_iter().flatten();
        let hosts = all.filter_map(|proxy| {
            let url = Url::parse(proxy).or_else(|_| Url::parse(&format!("http://{proxy}")));
            url.ok()?.host_str().map(str::to_owned)
        });
        hosts.collect()
    }

    /// Makes a client use these proxies and no others. An invalid proxy URL is logged and ignored.
    pub fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        let hosts = match &self.none {
            Some(none) => format!("{none},{LOOPBACK}"),
            None => LOOPBACK.to_owned(),
        };
        let mut builder = builder.no_proxy();
        let all = [
            self.http.as_deref().map(Proxy::http),
            self.https.as_deref().map(Proxy::https),
        ];
        for proxy in all.into_iter().flatten() {
            match proxy {
                Ok(proxy) => builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&hosts))),
                // The value may contain a password, so it is not logged.
                Err(_) => {
                    tracing::warn!(
                        "a proxy in the environment is not a valid URL and is ignored: check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"
                    )
                }
            }
        }
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_in_either_case() {
        let read = |set: &'static [(&str, &str)]| {
            let proxies = Proxies::from(|name| {
                let variable = set.iter().find(|(key, _)| *key == name);
                variable.map(|(_, value)| (*value).to_owned())
            });
            (proxies.http, proxies.https, proxies.none)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read(&[]), (None, None, None));
        assert_eq!(
            read(&[
                ("HTTP_PROXY", "http://a"),
                ("https_proxy", "http://b"),
                ("NO_PROXY", "c")
            ]),
            (text("http://a"), text("http://b"), text("c"))
        );
        assert_eq!(
            read(&[("ALL_PROXY", "http://a"), ("HTTPS_PROXY", " ")]),
            (text("http://a"), text("http://a"), None)
        );
        assert_eq!(
            read(&[("HTTP_PROXY", "http://a"), ("REQUEST_METHOD", "GET")]),
            (None, None, None)
        );
    }
}
