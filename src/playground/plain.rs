//! The plain playground for a binary that was built without npm: a page with its script and style, and the ready-made
//! operations as JSON. It shares the operation and token files with the bundled page and needs no build step. The playground's
//! handlers call it.

use std::borrow::Cow;

use rust_embed::Embed;

use crate::asset::{Asset, CachePolicy};

#[derive(Embed)]
#[folder = "web/operations/"]
struct Operations;

pub fn page() -> Asset {
    asset("text/html", include_str!("plain.html"))
}

/// A file of the page by its name below `/playground/`.
pub fn part(name: &str) -> Option<Asset> {
    let (kind, text) = match name {
        "plain.css" => ("text/css", include_str!("plain.css")),
        "listen.js" => ("text/javascript", include_str!("listen.js")),
        "plain.js" => ("text/javascript", include_str!("plain.js")),
        "operation.js" => (
            "text/javascript",
            include_str!("../../web/src/operation.js"),
        ),
        "session.js" => ("text/javascript", include_str!("../../web/src/session.js")),
        "icon.svg" => ("image/svg+xml", include_str!("../../web/src/icon.svg")),
        "operations.json" => return Some(operations()),
        _ => return None,
    };
    Some(asset(kind, text))
}

/// A JSON array with the text of each ready-made operation, ordered by file name.
fn operations() -> Asset {
    let mut names: Vec<_> = Operations::iter()
        .filter(|name| name.ends_with(".graphql"))
        .collect();
    names.sort();
    let texts = names.iter().filter_map(|name| Operations::get(name));
    let list = texts
        .map(|file| String::from_utf8_lossy(&file.data).into_owned().into())
        .collect();
    let json = serde_json::Value::Array(list).to_string();
    Asset::new(
        "application/json".to_owned(),
        Cow::Owned(json.into_bytes()),
        CachePolicy::UntilChanged,
    )
}

fn asset(kind: &str, text: &'static str) -> Asset {
    Asset::new(
        kind.to_owned(),
        Cow::Borrowed(text.as_bytes()),
        CachePolicy::UntilChanged,
    )
}
