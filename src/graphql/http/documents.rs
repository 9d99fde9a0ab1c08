//! Documents that were read before, and texts that are known by their hash: front-ends send the same few all day, and reading
//! one takes longer than to look it up.
//!
//! Promises what reading the text anew would give. Keeps the few hundred short ones that were asked for last, so that no
//! caller fills the memory; what cannot be read is not kept. A hash that is not known here is left to the guard, which knows
//! more of them, and says so where it does not. The guard asks.

use std::{
    num::NonZeroUsize,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use async_graphql::{Request, ServerResult, Value, parser::types::ExecutableDocument};
use lru::LruCache;
use sha2::{Digest, Sha256};

use super::limits::check_text;

/// How many are kept.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// The longest text that is kept, in bytes. What is made of it takes some ten times as much.
const LONGEST: usize = 4 * 1024;

/// What a text means hangs on nothing else, so all servers of a process share them.
static KEPT: LazyLock<Mutex<LruCache<String, Arc<ExecutableDocument>>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(MOST)));

/// Texts by the hash that stands for them in persisted queries.
static HASHED: LazyLock<Mutex<LruCache<String, String>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(MOST)));

/// What a request says of the hash of its text.
const PERSISTED: &str = "persistedQuery";

/// Gives a request that bears a hash alone the text that the hash stands for, where it is known; it is then a request like any
/// other. Remembers the text of one that bears both.
pub(super) fn unhash(request: &mut Request) {
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
        if request.query.len() <= LONGEST && *hash == hex::encode(Sha256::digest(&request.query)) {
            hashed.put(hash.clone(), request.query.clone());
        }
    } else if let Some(text) = hashed.get(hash) {
        request.query.clone_from(text);
        request.extensions.remove(PERSISTED);
    }
}

/// The document of a request. Its text is checked first: parsing one that is nested too deeply would end the process.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that parses documents, behind the check"
)]
pub(super) fn parsed(request: &mut Request) -> ServerResult<&ExecutableDocument> {
    check_text(&request.query)?;
    request.parsed_query()
}

/// Gives the request its document, where that can be read.
pub(super) fn read(request: &mut Request) {
    if request.query.len() > LONGEST {
        return;
    }
    if let Some(known) = known(&request.query) {
        request.set_parsed_query(ExecutableDocument::clone(&known));
        return;
    }
    if let Ok(document) = parsed(request).cloned() {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(request.query.clone(), Arc::new(document));
    }
}

fn known(text: &str) -> Option<Arc<ExecutableDocument>> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.get(text).cloned()
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    fn read_of(text: &str) -> Option<String> {
        let mut request = Request::new(text);
        read(&mut request);
        let document = parsed(&mut request).ok()?;
        Some(format!("{document:?}"))
    }

    #[test]
    fn what_was_read_before_is_the_same_document() {
        let text = "query Page($first: Int) { members(first: $first) { nodes { id ...more } } } fragment more on Member { name }";
        let anew = async_graphql::parser::parse_query(text).unwrap();
        assert!(known(text).is_none());
        for _ in 0..2 {
            assert_eq!(read_of(text).unwrap(), format!("{anew:?}"));
            assert!(known(text).is_some());
        }
    }

    #[test]
    fn a_hash_stands_for_the_text_that_it_came_with() {
        let text = "{ viewer { tokenName persisted: role } }";
        let with = |text: &str, hash: &str| {
            let mut request = Request::new(text);
            let persisted = value!({ "version": 1, "sha256Hash": hash });
            request.extensions.insert(PERSISTED.to_owned(), persisted);
            unhash(&mut request);
            (
                request.query.clone(),
                request.extensions.contains_key(PERSISTED),
            )
        };
        let hash = hex::encode(Sha256::digest(text));
        let unknown = (String::new(), true);
        assert_eq!(with("", &hash), unknown, "it was never sent");
        let wrong = hex::encode(Sha256::digest("another"));
        assert_eq!(with(text, &wrong), (text.to_owned(), true));
        assert_eq!(with("", &wrong), unknown, "it is not the text's");
        assert_eq!(with(text, &hash), (text.to_owned(), true));
        assert_eq!(with("", &hash), (text.to_owned(), false));
    }

    #[test]
    fn what_is_wrong_or_long_is_not_kept() {
        let long = format!("{{ viewer {{ role }} }} #{}", " ".repeat(LONGEST));
        assert!(read_of(&long).is_some());
        assert!(known(&long).is_none());
        assert!(read_of("{ viewer {").is_none());
        assert!(known("{ viewer {").is_none());
    }
}
