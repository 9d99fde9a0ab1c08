//! The cache of prepared documents: front ends send the same few documents all day, and parsing one takes longer than looking it
//! up. It also keeps the texts of persisted queries by their hash (Apollo's protocol).
//!
//! Holds the 256 most recently used short texts, so that no caller fills the memory. Documents that are invalid or beyond the
//! limits are not cached. One per service; used by the preparation of requests.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_graphql::{
    Request, ServerError, ServerResult, from_value,
    parser::{parse_query, types::ExecutableDocument},
};
use lru::LruCache;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::limits::{Limits, check_text};
use crate::store::row::Role;

/// The capacity for documents, and for hashes.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// The maximum size of a cached text, in bytes. Its parsed document takes about ten times as much.
const MAX_TEXT_BYTES: usize = 8 * 1024;

/// The extension of a request that carries the hash of its text.
const PERSISTED: &str = "persistedQuery";

/// Whether a role may execute the operation with a name.
type Verdict = (Role, Option<String>, ServerResult<()>);

/// A parsed document within the limits.
pub(super) struct PreparedDocument {
    pub(super) parsed: ExecutableDocument,
    /// Bounded by the roles and the operations of the document.
    verdicts: Mutex<Vec<Verdict>>,
}

impl PreparedDocument {
    /// Whether the role may execute the operation; decided by `authorize` once.
    ///
    /// # Errors
    ///
    /// The refusal of the operation.
    pub(super) fn verdict(
        &self,
        role: Role,
        name: Option<&str>,
        authorize: impl FnOnce() -> ServerResult<()>,
    ) -> ServerResult<()> {
        let mut verdicts = lock(&self.verdicts);
        let mut all = verdicts.iter();
        let known = all.find(|(of, operation, _)| *of == role && operation.as_deref() == name);
        if let Some((_, _, verdict)) = known {
            return verdict.clone();
        }
        let verdict = authorize();
        verdicts.push((role, name.map(str::to_owned), verdict.clone()));
        verdict
    }
}

/// The prepared documents of a service.
pub(super) struct DocumentCache {
    documents: Mutex<LruCache<String, Arc<PreparedDocument>>>,
    texts_by_hash: Mutex<LruCache<String, String>>,
}

impl Default for DocumentCache {
    fn default() -> Self {
        Self {
            documents: Mutex::new(LruCache::new(CAPACITY)),
            texts_by_hash: Mutex::new(LruCache::new(CAPACITY)),
        }
    }
}

#[derive(Deserialize)]
struct PersistedQuery {
    version: i32,
    #[serde(rename = "sha256Hash")]
    hash: String,
}

impl DocumentCache {
    /// Sets the text of a request that has only a hash. Caches the text of a request that has both.
    ///
    /// # Errors
    ///
    /// If the hash is unknown or not that of the text.
    pub(super) fn resolve_hash(&self, request: &mut Request) -> ServerResult<()> {
        let Some(extension) = request.extensions.remove(PERSISTED) else {
            return Ok(());
        };
        // A longer text is executed all the same, but not stored under its hash.
        if request.query.len() > MAX_TEXT_BYTES {
            return Ok(());
        }
        let refuse = |message: &str| Err(ServerError::new(message, None));
        let Ok(PersistedQuery { version, hash }) = from_value(extension) else {
            return refuse("Invalid \"PersistedQuery\" extension configuration.");
        };
        if version != 1 {
            return refuse("Only version 1 of the extension \"persistedQuery\" is supported");
        }
        if !request.query.is_empty() {
            if hash != hex::encode(Sha256::digest(&request.query)) {
                return refuse("provided sha does not match query");
            }
            lock(&self.texts_by_hash).put(hash, request.query.clone());
            return Ok(());
        }
        match lock(&self.texts_by_hash).get(&hash) {
            Some(text) => request.query.clone_from(text),
            // Clients send the text after this message.
            None => return refuse("PersistedQueryNotFound"),
        }
        Ok(())
    }

    /// The document of a text, from the cache if possible.
    ///
    /// # Errors
    ///
    /// If the text is no document, or one beyond the limits.
    pub(super) fn document(
        &self,
        text: &str,
        limits: &Limits,
    ) -> ServerResult<Arc<PreparedDocument>> {
        if let Some(document) = lock(&self.documents).get(text) {
            return Ok(document.clone());
        }
        let parsed = parse(text)?;
        limits.check(&parsed)?;
        let document = Arc::new(PreparedDocument {
            parsed,
            verdicts: Mutex::default(),
        });
        if text.len() <= MAX_TEXT_BYTES {
            lock(&self.documents).put(text.to_owned(), document.clone());
        }
        Ok(document)
    }
}

/// Parses a document. Checks the text first, because parsing one that is nested too deeply would end the process.
pub(in crate::graphql) fn parse(text: &str) -> ServerResult<ExecutableDocument> {
    check_text(text)?;
    Ok(parse_query(text)?)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code that holds a lock of this module can panic halfway through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    fn is_cached(cache: &DocumentCache, text: &str) -> bool {
        lock(&cache.documents).contains(text)
    }

    #[test]
    fn a_cached_document_equals_the_parsed_one() {
        let text = "query Page($first: Int) { members(first: $first) { nodes { id ...more } } } fragment more on Member { name }";
        let anew = parse_query(text).unwrap();
        let cache = DocumentCache::default();
        assert!(!is_cached(&cache, text));
        for _ in 0..2 {
            let document = cache.document(text, &Limits::default()).unwrap();
            assert_eq!(format!("{:?}", document.parsed), format!("{anew:?}"));
            assert!(is_cached(&cache, text));
        }
    }

    #[test]
    fn a_verdict_is_cached_by_role_and_operation() {
        let cache = DocumentCache::default();
        let document = cache.document("{ a }", &Limits::default()).unwrap();
        let refuse = || Err(ServerError::new("refused", None));
        assert!(document.verdict(Role::Reader, None, refuse).is_err());
        assert!(document.verdict(Role::Reader, None, || Ok(())).is_err());
        assert!(document.verdict(Role::Admin, None, || Ok(())).is_ok());
        assert!(document.verdict(Role::Admin, None, refuse).is_ok());
        assert!(document.verdict(Role::Reader, Some("A"), || Ok(())).is_ok());
    }

    #[test]
    fn a_hash_is_resolved_to_the_text_it_was_sent_with() {
        let text = "{ viewer { tokenName role } }";
        let cache = DocumentCache::default();
        let with = |text: &str, hash: &str| {
            let mut request = Request::new(text);
            let persisted = value!({ "version": 1, "sha256Hash": hash });
            request.extensions.insert(PERSISTED.to_owned(), persisted);
            let resolved = cache.resolve_hash(&mut request);
            resolved.map(|()| request.query).map_err(|it| it.message)
        };
        let hash = hex::encode(Sha256::digest(text));
        let unknown = Err("PersistedQueryNotFound".to_owned());
        assert_eq!(with("", &hash), unknown, "this hash was never sent");
        let wrong = hex::encode(Sha256::digest("another"));
        assert!(with(text, &wrong).is_err());
        let known = Ok(text.to_owned());
        assert_eq!(
            with("", &wrong),
            unknown,
            "this is not the hash of the text"
        );
        assert_eq!(with(text, &hash), known);
        assert_eq!(with("", &hash), known);
        let mut request = Request::new(text);
        let persisted = value!({ "version": 2, "sha256Hash": hash });
        request.extensions.insert(PERSISTED.to_owned(), persisted);
        assert!(cache.resolve_hash(&mut request).is_err());
    }

    #[test]
    fn invalid_or_long_documents_are_not_cached() {
        let cache = DocumentCache::default();
        let long = format!("{{ viewer {{ role }} }} #{}", " ".repeat(MAX_TEXT_BYTES));
        assert!(cache.document(&long, &Limits::default()).is_ok());
        assert!(!is_cached(&cache, &long));
        for text in ["{ viewer {", "{ ...F } fragment F on Query { ...F }"] {
            assert!(cache.document(text, &Limits::default()).is_err());
            assert!(!is_cached(&cache, text));
        }
    }
}
