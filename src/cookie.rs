//! The cookies of a person who signed in to the console, and the protection of requests with such a cookie.
//!
//! A browser sends the cookie with every request to this service, also with one that a page of a stranger causes. So a request
//! with the cookie counts only with a second value, which pages of this service read from `/console/session`: it follows from the
//! session by a hash, and no other origin can read it or set the header.

use actix_web::{
    cookie::{Cookie, SameSite, time::Duration},
    http::header::{COOKIE, HeaderMap},
};
use sha2::{Digest, Sha256};

/// The header with the value of [`csrf`].
pub const CSRF_HEADER: &str = "x-latchkey-csrf";

/// The session of a person; over https with a prefix, so that no other host of the domain can set it.
const SESSION: [&str; 2] = ["latchkey", "__Host-latchkey"];
/// What a sign-in remembers until its callback.
const SIGN_IN: [&str; 2] = ["latchkey-sign-in", "__Host-latchkey-sign-in"];

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    Session,
    SignIn,
}

impl Purpose {
    fn name(self, is_https: bool) -> &'static str {
        let [http, https] = match self {
            Self::Session => SESSION,
            Self::SignIn => SIGN_IN,
        };
        if is_https { https } else { http }
    }
}

/// A cookie that scripts cannot read. It is not sent with requests from other sites, but for links to this service, such as the
/// provider's redirect.
pub fn set(purpose: Purpose, value: String, is_https: bool, lifetime_s: i64) -> Cookie<'static> {
    Cookie::build(purpose.name(is_https), value)
        .path("/")
        .http_only(true)
        .secure(is_https)
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(lifetime_s))
        .finish()
}

/// A cookie that removes another one.
pub fn remove(purpose: Purpose, is_https: bool) -> Cookie<'static> {
    set(purpose, String::new(), is_https, 0)
}

/// The value of a cookie. Over https only the name with the prefix counts: another host of the domain can set the other one.
pub fn get(headers: &HeaderMap, purpose: Purpose, is_https: bool) -> Option<String> {
    let name = purpose.name(is_https);
    let lines = headers.get_all(COOKIE);
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.find(|(key, value)| *key == name && !value.is_empty());
    value.map(|(_, value)| value.to_owned())
}

/// A copy of the headers with cookies, for a socket.
pub fn only_cookies(headers: &HeaderMap) -> HeaderMap {
    let cookies = headers.get_all(COOKIE);
    cookies.map(|value| (COOKIE, value.clone())).collect()
}

/// The value that a request with the cookie of this session must bring.
pub fn csrf(session: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"latchkey csrf\0");
    hash.update(session.as_bytes());
    hex::encode(hash.finalize())
}

/// The session of a request's cookie, if the request brings its value of [`csrf`].
pub fn session(headers: &HeaderMap, given: Option<&str>, is_https: bool) -> Option<String> {
    let session = get(headers, Purpose::Session, is_https)?;
    // Hashes are compared, so that the duration says nothing about the expected value.
    let hash = |text: &str| Sha256::digest(text.as_bytes());
    (hash(&csrf(&session)) == hash(given?)).then_some(session)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    #[test]
    fn a_session_counts_only_with_its_second_value() {
        let headers = headers(&["theme=dark; latchkey=secret"]);
        assert_eq!(
            session(&headers, Some(&csrf("secret")), false).as_deref(),
            Some("secret")
        );
        assert_eq!(session(&headers, Some(&csrf("other")), false), None);
        assert_eq!(session(&headers, Some(""), false), None);
        assert_eq!(session(&headers, None, false), None);
        assert_eq!(session(&headers, Some(&csrf("secret")), true), None);
        assert_ne!(csrf("secret"), csrf("other"));
    }

    #[test]
    fn over_https_only_the_cookie_with_the_prefix_counts() {
        let get = |cookies: &[&str], is_https| get(&headers(cookies), Purpose::Session, is_https);
        let both = ["latchkey=planted", "__Host-latchkey=own"];
        assert_eq!(get(&both, true).as_deref(), Some("own"));
        assert_eq!(get(&["latchkey=planted"], true), None);
        assert_eq!(get(&["latchkey=own"], false).as_deref(), Some("own"));
        assert_eq!(get(&["latchkey="], false), None);
        assert_eq!(get(&["latchkey-sign-in=other"], false), None);
        assert_eq!(get(&[], false), None);
    }

    #[test]
    fn cookies_are_hidden_from_scripts_and_bound_to_this_host() {
        let cookie = set(Purpose::Session, "secret".to_owned(), true, 60).to_string();
        assert_eq!(
            cookie,
            "__Host-latchkey=secret; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
        );
        let cookie = remove(Purpose::SignIn, false).to_string();
        assert_eq!(
            cookie,
            "latchkey-sign-in=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"
        );
    }
}
