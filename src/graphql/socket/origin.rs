//! Checks which web pages may call this service from a browser.
//!
//! A page that this service serves itself is always allowed, whatever the settings. Pure. Called by the handshake of a socket and
//! by the CORS rules.

use actix_web::{
    dev::RequestHead,
    http::{Uri, header},
};

/// Whether a caller may open a socket: not a browser, or a page of this service or of an allowed origin.
pub(super) fn may_open(head: &RequestHead, allowed: &[String]) -> bool {
    let mut origins = head.headers().get_all(header::ORIGIN);
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => {
            let is_origin = |allowed: &String| origin.as_bytes() == allowed.as_bytes();
            allowed.iter().any(is_origin) || is_own(origin, head)
        }
        (Some(_), Some(_)) => false,
    }
}

/// Whether an origin is the host that the request was sent to. The scheme is not compared, because a proxy may terminate TLS.
pub fn is_own(origin: &header::HeaderValue, head: &RequestHead) -> bool {
    let host = head.headers().get(header::HOST);
    let (Some(origin), Some(host)) = (
        origin.to_str().ok().and_then(|it| it.parse::<Uri>().ok()),
        host.and_then(|it| it.to_str().ok()),
    ) else {
        return false;
    };
    let preset = match origin.scheme_str() {
        Some("https") => 443,
        Some("http") => 80,
        _ => return false,
    };
    let Ok(sent_to) = host.parse::<actix_web::http::uri::Authority>() else {
        return false;
    };
    origin
        .host()
        .is_some_and(|own| own.eq_ignore_ascii_case(sent_to.host()))
        && origin.port_u16().unwrap_or(preset) == sent_to.port_u16().unwrap_or(preset)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn foreign_pages_are_refused() {
        let allowed = ["https://desk.example.com".to_owned()];
        for (origin, host, may) in [
            (None, "club.example.com", true),
            (Some("https://desk.example.com"), "club.example.com", true),
            (
                Some("https://desk.example.com:8443"),
                "club.example.com",
                false,
            ),
            (Some("http://desk.example.com"), "club.example.com", false),
            (Some("https://club.example.com"), "club.example.com", true),
            (
                Some("https://CLUB.example.com"),
                "club.example.com:443",
                true,
            ),
            (Some("http://127.0.0.1:8080"), "127.0.0.1:8080", true),
            (Some("http://127.0.0.1:8081"), "127.0.0.1:8080", false),
            (Some("http://[::1]:8080"), "[::1]:8080", true),
            (
                Some("https://club.example.com.evil.org"),
                "club.example.com",
                false,
            ),
            (Some("https://evil.org"), "club.example.com", false),
            (Some("null"), "club.example.com", false),
            (Some("file://"), "club.example.com", false),
            (Some(""), "club.example.com", false),
        ] {
            let mut request = TestRequest::get().insert_header((header::HOST, host));
            if let Some(origin) = origin {
                request = request.insert_header((header::ORIGIN, origin));
            }
            let request = request.to_http_request();
            assert_eq!(may_open(request.head(), &allowed), may, "{origin:?} {host}");
        }
    }
}
