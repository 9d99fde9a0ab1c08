//! Parses the text of a setting into its value. The table in `config.rs` names these functions.
//!
//! A returned value is within the setting's range. `None` means that the text is invalid; the table says what is allowed.

use std::time::Duration;

use base64::Engine;
use secrecy::SecretString;
use url::{Host, Url};

use crate::{claim_roles::RoleMap, duration::parse_duration};

/// The format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    /// One JSON object per line.
    Json,
}

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

pub(super) fn database(text: &str) -> Option<SecretString> {
    let rest = ["sqlite:", "postgres://", "postgresql://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))?;
    // Checked here because a driver's error would show the whole URL with its password.
    let sound = text.starts_with("sqlite:") || Url::parse(text).is_ok_and(|url| url.has_host());
    (!rest.is_empty() && sound).then(|| text.to_owned().into())
}

pub(super) fn listen(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    let plain = match host.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')?
            .parse::<std::net::Ipv6Addr>()
            .is_ok(),
        None => !host.is_empty() && !host.contains([':', '/', ' ', '@']),
    };
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    (plain && digits && port.parse::<u16>().is_ok()).then(|| text.to_owned())
}

pub(super) fn key(text: &str) -> Option<Option<SecretString>> {
    // Empty means not set: `Layers::read` refuses an explicitly empty value.
    if text.is_empty() {
        return Some(None);
    }
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .ok()?;
    (bytes.len() == 32).then(|| Some(text.to_owned().into()))
}

pub(super) fn url(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    let this_machine = match url.host()? {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && this_machine);
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !scheme || !bare {
        return None;
    }
    // `Url::join` replaces the part after the last slash.
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Some(url)
}

/// A whole number from `least` to `most`, written in digits only.
fn number(text: &str, least: u64, most: u64) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits)?;
    (least..=most).contains(&number).then_some(number)
}

pub(super) fn rate(text: &str) -> Option<u32> {
    number(text, 1, 1_000)?.try_into().ok()
}

pub(super) fn optional_url(text: &str) -> Option<Option<Url>> {
    if text.is_empty() {
        return Some(None);
    }
    url(text).map(Some)
}

/// The address of a collector, which may be another machine of a private network: traces hold no personal data.
pub(super) fn collector(text: &str) -> Option<Option<Url>> {
    if text.is_empty() {
        return Some(None);
    }
    let url = Url::parse(text).ok()?;
    let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    (is_http && is_bare).then_some(Some(url))
}

/// Headers of HTTP as `NAME=VALUE`, separated by commas.
pub(super) fn headers(text: &str) -> Option<Option<SecretString>> {
    if text.is_empty() {
        return Some(None);
    }
    let is_header = |pair: &str| {
        pair.split_once('=').is_some_and(|(name, value)| {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            let is_value = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
            let (name, value) = (name.trim(), value.trim());
            !name.is_empty() && name.bytes().all(is_name) && value.bytes().all(is_value)
        })
    };
    text.split(',')
        .all(is_header)
        .then(|| Some(text.to_owned().into()))
}

pub(super) fn percent(text: &str) -> Option<u32> {
    number(text, 0, 100)?.try_into().ok()
}

/// An e-mail address, restricted to characters that an HTTP header allows.
pub(super) fn contact(text: &str) -> Option<Option<String>> {
    if text.is_empty() {
        return Some(None);
    }
    let (name, host) = text.split_once('@')?;
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b',' | b';' | b':'));
    let is_sound = !name.is_empty() && host.contains('.') && !host.contains('@');
    (is_plain && is_sound && text.len() <= 320).then(|| Some(text.to_owned()))
}

/// An issuer as the provider names itself: the text is compared as a whole, so nothing is added to it.
pub(super) fn issuer(text: &str) -> Option<Option<String>> {
    if text.is_empty() {
        return Some(None);
    }
    url(text).map(|_| Some(text.to_owned()))
}

pub(super) fn text(text: &str) -> Option<String> {
    let is_plain = !text.trim().is_empty() && !text.chars().any(char::is_control);
    (is_plain && text.len() <= 1_000).then(|| text.trim().to_owned())
}

pub(super) fn optional_text(given: &str) -> Option<Option<String>> {
    if given.is_empty() {
        return Some(None);
    }
    text(given).map(Some)
}

pub(super) fn optional_secret(given: &str) -> Option<Option<SecretString>> {
    if given.is_empty() {
        return Some(None);
    }
    text(given).map(|text| Some(text.into()))
}

pub(super) fn role_map(text: &str) -> Option<RoleMap> {
    RoleMap::parse(text)
}

pub(super) fn staff_session(text: &str) -> Option<Duration> {
    length(text, 15 * 60, 7 * DAY)
}

pub(super) fn max_bytes(text: &str) -> Option<usize> {
    number(text, 1 << 10, 64 << 20)?.try_into().ok()
}

fn length(text: &str, least: u64, most: u64) -> Option<Duration> {
    let length = parse_duration(text).ok()?;
    (least..=most).contains(&length.as_secs()).then_some(length)
}

pub(super) fn horizon(text: &str) -> Option<Duration> {
    length(text, HOUR, 366 * DAY)
}

pub(super) fn sweep_interval(text: &str) -> Option<Duration> {
    length(text, 60, 7 * DAY)
}

/// The longest time for which anything is kept.
const KEPT_AT_MOST: u64 = 36_500 * DAY;

/// At least for as long as senders repeat a delivery and a webhook is looked into.
pub(super) fn kept_a_week(text: &str) -> Option<Duration> {
    length(text, 7 * DAY, KEPT_AT_MOST)
}

pub(super) fn kept_a_month(text: &str) -> Option<Duration> {
    length(text, 31 * DAY, KEPT_AT_MOST)
}

/// At least for as long as an idempotency key is valid.
pub(super) fn kept_a_day(text: &str) -> Option<Duration> {
    length(text, DAY, KEPT_AT_MOST)
}

pub(super) fn deadline(text: &str) -> Option<Duration> {
    length(text, 1, 300)
}

pub(super) fn tolerance(text: &str) -> Option<Duration> {
    length(text, 0, DAY)
}

pub(super) fn flag(text: &str) -> Option<bool> {
    text.parse().ok()
}

pub(super) fn origins(text: &str) -> Option<Vec<String>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    text.split(',')
        .map(|origin| origin_of(origin.trim()))
        .collect()
}

/// An origin in the notation of browsers, so that origins can be compared as text.
fn origin_of(text: &str) -> Option<String> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let origin = url.origin().ascii_serialization();
    let same = text.trim_end_matches('/').eq_ignore_ascii_case(&origin);
    // Browsers omit the default port of the scheme.
    let default_port = url.port().is_none() && url.as_str() == format!("{origin}/");
    (same || default_port).then_some(origin)
}

pub(super) fn log(text: &str) -> Option<String> {
    let good = tracing_subscriber::EnvFilter::try_new(text).is_ok();
    (good && !text.trim().is_empty()).then(|| text.to_owned())
}

pub(super) fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

/// A default value in TOML notation.
pub(super) fn toml(default: &str) -> String {
    if default.is_empty() {
        return "[]".to_owned();
    }
    let bare = default.parse::<bool>().is_ok() || default.parse::<i64>().is_ok();
    if bare {
        default.to_owned()
    } else {
        format!("{default:?}")
    }
}
