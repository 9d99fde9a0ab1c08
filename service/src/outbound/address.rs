//! Which addresses messages may be sent to: an admin of a club must not reach the network of the operator through this service.
//! The URL is checked when it is stored, and the addresses of its host at each connection, because a name can resolve to another
//! address at any time. Redirects are never followed.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, LazyLock},
};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The longest URL that is accepted, in bytes.
const MAX_URL: usize = 2_048;

/// The networks that are not globally reachable, from IANA's registries of special-purpose addresses; multicast; and the former
/// site-local addresses.
const NOT_PUBLIC: [&str; 26] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/9",
    "ff00::/8",
];

#[expect(
    clippy::expect_used,
    reason = "the texts are constants, and a test parses them"
)]
static NETWORKS: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    let parsed = NOT_PUBLIC.iter().map(|text| text.parse());
    parsed.collect::<Result<_, _>>().expect("networks")
});

/// Why a URL is refused; the texts are for the field of the input.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error(
        "must be an https URL of at most 2048 characters, without credentials or fragment, such as https://example.com/latchkey"
    )]
    Invalid,
    #[error(
        "must not be an address of a private network or of this machine; the operator can allow that with webhook_private_addresses"
    )]
    Private,
}

/// Parses the URL of an endpoint. With `allow_private`, http and private addresses are accepted too.
///
/// # Errors
/// Why the URL is refused.
pub fn parse(text: &str, allow_private: bool) -> Result<Url, UrlError> {
    let text = text.trim();
    let url = Url::parse(text).map_err(|_| UrlError::Invalid)?;
    let is_http = url.scheme() == "https" || (allow_private && url.scheme() == "http");
    let has_more =
        !url.username().is_empty() || url.password().is_some() || url.fragment().is_some();
    if !is_http || has_more || text.len() > MAX_URL {
        return Err(UrlError::Invalid);
    }
    let is_public = match url.host().ok_or(UrlError::Invalid)? {
        Host::Ipv4(address) => is_public(address.into()),
        Host::Ipv6(address) => is_public(address.into()),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name != "localhost" && !name.ends_with(".localhost")
        }
    };
    if is_public || allow_private {
        Ok(url)
    } else {
        Err(UrlError::Private)
    }
}

/// Whether an address is reachable from anywhere. An IPv6 address that stands for an IPv4 address counts as that one.
pub fn is_public(address: IpAddr) -> bool {
    let address = match address {
        IpAddr::V6(v6) => embedded(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    !NETWORKS.iter().any(|network| network.contains(&address))
}

/// The IPv4 address in a mapped or compatible one, of NAT64 (RFC 6052), or of 6to4 (RFC 3056).
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let last = || {
        let [.., a, b, c, d] = v6.octets();
        Ipv4Addr::new(a, b, c, d)
    };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(last()),
        [0, 0, 0, 0, 0, 0xffff, ..] => Some(last()),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => Some(last()),
        [0x2002, ..] => {
            let [_, _, a, b, c, d, ..] = v6.octets();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

/// All addresses of a host are private.
#[derive(Debug)]
pub struct PrivateHost;

impl fmt::Display for PrivateHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host has no public address")
    }
}

impl std::error::Error for PrivateHost {}

/// Resolves names to their public addresses only, but for the proxies of this service.
pub struct PublicResolver {
    pub proxies: Arc<[String]>,
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let is_proxy = self.proxies.iter().any(|host| host == name.as_str());
        Box::pin(async move {
            let all = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may = |address: &SocketAddr| is_proxy || is_public(address.ip());
            let public: Vec<SocketAddr> = all.filter(may).collect();
            if public.is_empty() {
                return Err(PrivateHost.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_private_networks_are_not_public() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "100.64.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.1.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:db8::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            let address: IpAddr = text.parse().expect(text);
            assert!(!is_public(address), "{text}");
        }
        for text in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            let address: IpAddr = text.parse().expect(text);
            assert!(is_public(address), "{text}");
        }
    }

    #[test]
    fn urls_are_https_to_a_public_host() {
        let refused = |text: &str| parse(text, false).err();
        assert_eq!(refused("https://hooks.example.com/a?b=c"), None);
        assert_eq!(refused("https://example.com:8443"), None);
        for text in [
            "http://example.com",
            "ftp://example.com",
            "https://user@example.com",
            "https://user:secret@example.com",
            "https://example.com/#part",
            "example.com",
            "https://",
            "",
        ] {
            assert_eq!(refused(text), Some(UrlError::Invalid), "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL));
        assert_eq!(refused(&long), Some(UrlError::Invalid));
        // Other spellings of the same addresses are parsed as addresses.
        for text in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
        ] {
            assert_eq!(refused(text), Some(UrlError::Private), "{text}");
            assert!(parse(text, true).is_ok(), "{text}");
        }
        assert!(parse("http://127.0.0.1:9000/hook", true).is_ok());
    }

    #[tokio::test]
    async fn a_name_of_this_machine_does_not_resolve() {
        let name = || "localhost".parse::<Name>().expect("a name");
        let resolver = |proxies: &[&str]| PublicResolver {
            proxies: proxies.iter().map(|host| (*host).to_owned()).collect(),
        };
        let error = resolver(&[]).resolve(name()).await.err();
        assert!(
            error
                .expect("refused")
                .downcast_ref::<PrivateHost>()
                .is_some()
        );
        assert!(resolver(&["localhost"]).resolve(name()).await.is_ok());
    }
}
