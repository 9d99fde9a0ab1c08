//! Documents that were read before: front-ends send the same few all day, and reading one takes longer than to look it up.
//!
//! Promises what reading the text anew would give. Keeps the few hundred short ones that were asked for last, so that no
//! caller fills the memory; what cannot be read is not kept. The guard asks.

use std::{
    num::NonZeroUsize,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use async_graphql::{Request, parser::types::ExecutableDocument};
use lru::LruCache;

/// How many are kept.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// The longest text that is kept, in bytes. What is made of it takes some ten times as much.
const LONGEST: usize = 4 * 1024;

/// What a text means hangs on nothing else, so all servers of a process share them.
static KEPT: LazyLock<Mutex<LruCache<String, Arc<ExecutableDocument>>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(MOST)));

/// Gives the request its document, where that can be read.
pub(super) fn read(request: &mut Request) {
    if request.query.len() > LONGEST {
        return;
    }
    if let Some(known) = known(&request.query) {
        request.set_parsed_query(ExecutableDocument::clone(&known));
        return;
    }
    if let Ok(document) = request.parsed_query().cloned() {
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
    use super::*;

    fn read_of(text: &str) -> Option<String> {
        let mut request = Request::new(text);
        read(&mut request);
        let document = request.parsed_query().ok()?;
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
    fn what_is_wrong_or_long_is_not_kept() {
        let long = format!("{{ viewer {{ role }} }} #{}", " ".repeat(LONGEST));
        assert!(read_of(&long).is_some());
        assert!(known(&long).is_none());
        assert!(read_of("{ viewer {").is_none());
        assert!(known("{ viewer {").is_none());
    }
}
