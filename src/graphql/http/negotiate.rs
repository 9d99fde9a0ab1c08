//! Negotiates one of the two media types by the `Accept` header.
//!
//! Follows HTTP: the most specific range that matches a type gives its quality, and quality 0 forbids the type. Without the
//! header the type is `application/json`, which old clients need. A malformed range is ignored. Called by `serve`.

use actix_web::http::header::{self, HeaderMap};

/// A media type of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`: the status is 200 for every GraphQL request, even a refused one.
    Json,
    /// `application/graphql-response+json`: the status tells whether the request was valid.
    GraphqlResponse,
}

impl Media {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    fn essence(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GraphqlResponse => "application/graphql-response+json",
        }
    }
}

/// The preference for a type: first the quality in thousandths, then the specificity of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    quality: u16,
    specificity: u8,
}

/// The media type of the response; `None` if the caller accepts neither.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<Media> {
    let lines: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .filter_map(|line| line.to_str().ok())
        .collect();
    let ranges: Vec<(String, u16)> = lines
        .iter()
        .flat_map(|line| line.split(','))
        .filter_map(range)
        .collect();
    if ranges.is_empty() {
        return Some(Media::Json);
    }
    let json = rank(&ranges, Media::Json);
    let own = rank(&ranges, Media::GraphqlResponse);
    match (json, own) {
        (None, None) => None,
        (Some(_), None) => Some(Media::Json),
        (None, Some(_)) => Some(Media::GraphqlResponse),
        (Some(json), Some(own)) if own > json => Some(Media::GraphqlResponse),
        // At equal quality, prefer the more informative type if both are named; for a wildcard, the one that all clients
        // understand.
        (Some(json), Some(own)) if own == json && own.specificity == EXACT => {
            Some(Media::GraphqlResponse)
        }
        _ => Some(Media::Json),
    }
}

const EXACT: u8 = 2;

fn rank(ranges: &[(String, u16)], media: Media) -> Option<Rank> {
    let specificity = |range: &str| match range {
        "*/*" => Some(0),
        "application/*" => Some(1),
        _ if range == media.essence() => Some(EXACT),
        _ => None,
    };
    ranges
        .iter()
        .filter_map(|(range, quality)| {
            Some(Rank {
                specificity: specificity(range)?,
                quality: *quality,
            })
        })
        .max_by_key(|rank| (rank.specificity, rank.quality))
        .filter(|rank| rank.quality > 0)
}

/// A media range in lower case and its quality in thousandths.
fn range(text: &str) -> Option<(String, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().filter(|essence| essence.contains('/'))?;
    let quality = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("q")
            .then(|| thousandths(value.trim()))
    });
    Some((essence.to_ascii_lowercase(), quality.unwrap_or(Some(1000))?))
}

/// Parses a quality such as `1`, `0.5` or `0.333`: at most three decimals, at most 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || rest.len() > 3 || !rest.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{whole}{rest:0<3}").parse().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(lines: &[&'static str]) -> Option<Media> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT, header::HeaderValue::from_static(line));
        }
        negotiate(&headers)
    }

    #[test]
    fn the_preferred_type_is_chosen() {
        const JSON: Option<Media> = Some(Media::Json);
        const OWN: Option<Media> = Some(Media::GraphqlResponse);
        for (line, media) in [
            ("", JSON),
            ("*/*", JSON),
            ("application/*", JSON),
            ("application/json", JSON),
            ("application/json; charset=utf-8", JSON),
            ("APPLICATION/GraphQL-Response+JSON", OWN),
            (
                "application/graphql-response+json, application/json;q=0.9",
                OWN,
            ),
            ("application/json, application/graphql-response+json", OWN),
            (
                "application/json, application/graphql-response+json;q=0.9",
                JSON,
            ),
            (
                "application/graphql-response+json;q=0.2, application/json;q=0.3",
                JSON,
            ),
            ("application/graphql-response+json, */*", OWN),
            ("application/graphql-response+json;q=0.5, */*", JSON),
            ("application/json;q=0, */*", OWN),
            ("application/graphql-response+json;q=0, application/*", JSON),
            ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
            ("application/json, multipart/mixed", JSON),
            ("text/html", None),
            ("application/json;q=0", None),
            (
                "application/json;q=2, application/graphql-response+json;q=0.1",
                OWN,
            ),
            ("application/json;q=0.0000, text/html", None),
        ] {
            assert_eq!(chosen(&[line]), media, "{line}");
        }
        assert_eq!(chosen(&[]), JSON);
        assert_eq!(
            chosen(&["text/html", "application/graphql-response+json"]),
            OWN
        );
    }
}
