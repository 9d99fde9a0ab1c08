//! The proxy that requests to other systems go through, as the environment names it.
//!
//! A request to this machine never goes through one: Kisi's sandbox and platforms beside the service are reached at loopback
//! addresses, and a proxy would be sent their keys. Called by the clients of Kisi and of the platforms when they are built.

use reqwest::{ClientBuilder, NoProxy, Proxy};

/// Hosts that are never reached through a proxy.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// Where requests go by their scheme, and the hosts that are reached without a proxy.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// The proxy for http.
    pub http: Option<String>,
    /// The proxy for https.
    pub https: Option<String>,
    /// Hosts, domains, addresses and networks, separated by commas; `*` for all.
    pub none: Option<String>,
}

impl Proxies {
    /// From the variables that name proxies by custom: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in either case.
    pub fn from_environment() -> Self {
        Self::from(|name| std::env::var(name).ok())
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            let value = variable(&name.to_lowercase()).or_else(|| variable(name));
            value.filter(|value| !value.trim().is_empty())
        };
        // A web server that runs this program for a request hands it that request's header "Proxy" by this name.
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let all = either("ALL_PROXY");
        Self {
            http: either("HTTP_PROXY").filter(|_| !is_cgi).or(all.clone()),
            https: either("HTTPS_PROXY").or(all),
            none: either("NO_PROXY"),
        }
    }

    /// Has a client go through these proxies, and through no others.
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
                // The value may bear a password.
                Err(_) => {
                    tracing::warn!("a proxy that the environment names is no URL: it is not used")
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
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
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
