//! Caches of parsed documents, and of texts by their hash: front ends send the same few documents all day, and parsing one takes
//! longer than looking it up.
//!
//! A cached document equals the freshly parsed one. The caches hold the 256 most recently used short texts, so that no caller
//! fills the memory; invalid documents are not cached. A hash that is unknown here is left to the guard, whose cache takes longer
//! texts and which reports an unknown hash. Called by the guard.

use std::{
    num::NonZeroUsize,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use async_graphql::{Request, ServerResult, Value, parser::types::ExecutableDocument};
use lru::LruCache;
use sha2::{Digest, Sha256};

use super::limits::check_text;

/// The capacity of each cache.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// The maximum size of a cached text, in bytes. Its parsed document takes about ten times as much.
const MAX_TEXT_BYTES: usize = 4 * 1024;

/// Parsed documents by text. Parsing depends on the text alone, so all servers of a process share the cache.
static PARSED: LazyLock<Mutex<LruCache<String, Arc<ExecutableDocument>>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(CAPACITY)));

/// Texts by their hash in persisted queries.
static HASHED: LazyLock<Mutex<LruCache<String, String>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(CAPACITY)));

/// The extension of a request that carries the hash of its text.
const PERSISTED: &str = "persistedQuery";

/// Replaces a hash without a text by its text, if the hash is known; the request is then like any other. Caches the text of a
/// request that carries both.
pub(super) fn resolve_hash(request: &mut Request) {
    let Some(Value::Object(persisted)) = request.extensions.get(PERSISTED) else {
        return;
    };
    let (Some(Value::String(hash)), Some(Value::Number(version))) =
        (persisted.get("sha256Hash"), persisted.get("version"))
    else {
        return;
    };
    if version.as_u64() != Some(1) {
        return;
    }
    let mut hashed = HASHED.lock().unwrap_or_else(PoisonError::into_inner);
    if !request.query.is_empty() {
        if request.query.len() <= MAX_TEXT_BYTES
            && *hash == hex::encode(Sha256::digest(&request.query))
        {
            hashed.put(hash.clone(), request.query.clone());
        }
    } else if let Some(text) = hashed.get(hash) {
        request.query.clone_from(text);
        request.extensions.remove(PERSISTED);
    }
}

/// The parsed document of a request. Checks the text first, because parsing one that is nested too deeply would end the process.
#[expect(
    clippy::disallowed_methods,
    reason = "the only place that parses documents, after the check"
)]
pub(super) fn parsed(request: &mut Request) -> ServerResult<&ExecutableDocument> {
    check_text(&request.query)?;
    request.parsed_query()
}

/// Sets the parsed document of the request from the cache, or parses and caches it. An invalid document is ignored here.
pub(super) fn parse_cached(request: &mut Request) {
    if request.query.len() > MAX_TEXT_BYTES {
        return;
    }
    if let Some(known) = cached(&request.query) {
        request.set_parsed_query(ExecutableDocument::clone(&known));
        return;
    }
    if let Ok(document) = parsed(request).cloned() {
        let mut kept = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(request.query.clone(), Arc::new(document));
    }
}

fn cached(text: &str) -> Option<Arc<ExecutableDocument>> {
    let mut kept = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    kept.get(text).cloned()
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    fn read_of(text: &str) -> Option<String> {
        let mut request = Request::new(text);
        parse_cached(&mut request);
        let document = parsed(&mut request).ok()?;
        Some(format!("{document:?}"))
    }

    #[test]
    fn a_cached_document_equals_the_parsed_one() {
        let text = "query Page($first: Int) { members(first: $first) { nodes { id ...more } } } fragment more on Member { name }";
        let anew = async_graphql::parser::parse_query(text).unwrap();
        assert!(cached(text).is_none());
        for _ in 0..2 {
            assert_eq!(read_of(text).unwrap(), format!("{anew:?}"));
            assert!(cached(text).is_some());
        }
    }

    #[test]
    fn a_hash_is_resolved_to_the_text_it_was_sent_with() {
        let text = "{ viewer { tokenName persisted: role } }";
        let with = |text: &str, hash: &str| {
            let mut request = Request::new(text);
            let persisted = value!({ "version": 1, "sha256Hash": hash });
            request.extensions.insert(PERSISTED.to_owned(), persisted);
            resolve_hash(&mut request);
            (
                request.query.clone(),
                request.extensions.contains_key(PERSISTED),
            )
        };
        let hash = hex::encode(Sha256::digest(text));
        let unknown = (String::new(), true);
        assert_eq!(with("", &hash), unknown, "this hash was never sent");
        let wrong = hex::encode(Sha256::digest("another"));
        assert_eq!(with(text, &wrong), (text.to_owned(), true));
        assert_eq!(
            with("", &wrong),
            unknown,
            "this is not the hash of the text"
        );
        assert_eq!(with(text, &hash), (text.to_owned(), true));
        assert_eq!(with("", &hash), (text.to_owned(), false));
    }

    #[test]
    fn invalid_or_long_documents_are_not_cached() {
        let long = format!("{{ viewer {{ role }} }} #{}", " ".repeat(MAX_TEXT_BYTES));
        assert!(read_of(&long).is_some());
        assert!(cached(&long).is_none());
        assert!(read_of("{ viewer {").is_none());
        assert!(cached("{ viewer {").is_none());
    }
}
